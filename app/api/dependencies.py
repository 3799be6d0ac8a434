"""
What routes are given: the open service, and the reader of bodies. Their guards are in `app.api.authorisation`.

All of them are coroutines, because FastAPI runs plain functions in a thread each: five switches for a request, and a
rate limiter that counts in several threads at once.
"""

from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import anyio
from fastapi import Depends
from starlette.requests import ClientDisconnect, Request

from app.api.bodies import BodyReader
from app.search.opening import OpenService

Result = TypeVar("Result")


async def _service(request: Request) -> OpenService:
    service: OpenService = request.app.state.service
    return service


async def _bodies(request: Request) -> BodyReader:
    bodies: BodyReader = request.app.state.bodies
    return bodies


Service = Annotated[OpenService, Depends(_service)]
Bodies = Annotated[BodyReader, Depends(_bodies)]


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
