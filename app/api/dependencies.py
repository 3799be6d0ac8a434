"""
What routes are given: the open service, the reader of bodies, and the two guards.

All of them are coroutines, because FastAPI runs plain functions in a thread each: five switches for a request, and a
rate limiter that counts in several threads at once.
"""

import hmac
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import anyio
from fastapi import Depends
from starlette.requests import ClientDisconnect, Request

from app.api.bodies import BodyReader
from app.api.limits import RateLimiter
from app.core.errors import InvalidKey
from app.core.settings import Settings
from app.search.opening import OpenService

Result = TypeVar("Result")


async def _service(request: Request) -> OpenService:
    service: OpenService = request.app.state.service
    return service


async def _bodies(request: Request) -> BodyReader:
    bodies: BodyReader = request.app.state.bodies
    return bodies


async def _limit_rate(request: Request) -> None:
    limiter: RateLimiter = request.app.state.rate_limiter
    limiter.check(request.client.host if request.client else None)


async def _require_admin_key(request: Request) -> None:
    settings: Settings = request.app.state.settings
    if settings.admin_key is None:
        raise InvalidKey(
            "This service takes no changes over HTTP, because it has no key for them (LOOKALIKE_ADMIN_KEY)."
        )
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    expected = settings.admin_key.get_secret_value()
    if scheme.lower() != "bearer" or not hmac.compare_digest(key.strip().encode(), expected.encode()):
        raise InvalidKey("Send the service's key as “Authorization: Bearer …”.")


Service = Annotated[OpenService, Depends(_service)]
Bodies = Annotated[BodyReader, Depends(_bodies)]
limit_rate: Any = Depends(_limit_rate)
require_admin_key: Any = Depends(_require_admin_key)


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """
    Return what `work` returns, and drop it when the client leaves before; the body must have been read.

    Raises:
        ClientDisconnect: The client left.
    """
    outcome: list[Result] = []
    failure: list[Exception] = []
    async with anyio.create_task_group() as tasks:

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()

        async def answer() -> None:
            try:
                outcome.append(await work)
            except Exception as error:  # noqa: BLE001  # raised below, outside of the group that would wrap it
                failure.append(error)
            tasks.cancel_scope.cancel()

        tasks.start_soon(watch)
        tasks.start_soon(answer)
    if failure:
        raise failure[0]
    if not outcome:
        raise ClientDisconnect
    return outcome[0]
