"""
Around every request: its id, its one log line, its metrics, its headers, and an answer whatever happens.

Plain ASGI, so that nothing is buffered and a failure of any layer below is still answered as a problem document.
"""

import asyncio
import time
import uuid
from http import HTTPStatus
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.cross_origin import CrossOrigin
from app.api.early_answers import EarlyAnswers
from app.api.errors import problem_response, status_of
from app.api.metrics import Metrics
from app.core.errors import HeaderTooLarge, InternalError, InvalidImage, LookalikeError, Overloaded, Unavailable

MAX_HEADER_BYTES = 64 * 1024
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})  # labels; HTTP allows any word
CLIENT_CLOSED_REQUEST = 499  # nginx's number for a client that left; only ever logged

NOT_KEPT = (b"cache-control", b"no-store")  # unless a route says otherwise: answers are of a key, and of this moment
ALWAYS_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin"))

log: structlog.stdlib.BoundLogger = structlog.get_logger("lookalike.requests")


class RequestMiddleware:
    """
    Gives each request `request.state.request_id` and `request.state.log`, a dict for fields of its log line.

    `max_body_bytes` bounds what is read of a body that nobody wanted (see `EarlyAnswers`).
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, cross_origin: CrossOrigin, max_body_bytes: int) -> None:
        self._app = app
        self._metrics = metrics
        self._cross_origin = cross_origin
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(scope, self._cross_origin)
        early = EarlyAnswers(scope, receive, request.watch(send), self._max_body_bytes)
        self._metrics.in_flight.inc()
        with structlog.contextvars.bound_contextvars(request_id=request.id):
            try:
                await self._answer(request, early)
            finally:
                self._metrics.in_flight.dec()
                self._report(request)

    async def _answer(self, request: "_Request", early: EarlyAnswers) -> None:
        try:
            _check_header_size(request.scope)
            answer = self._cross_origin.preflight(request.scope) or self._app
            await answer(request.scope, early.receive, early.send)
        except ClientDisconnect:
            request.status = CLIENT_CLOSED_REQUEST
        except asyncio.CancelledError:
            # Only the server cancels a request, when the time for a graceful stop is over.
            await _answer_error(request, early, Overloaded("The service is stopping."))
        except LookalikeError as error:
            await _answer_error(request, early, error)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is logged, and answered as an internal error
            internal = InternalError(type(error).__name__)
            internal.__cause__ = error
            await _answer_error(request, early, internal)

    def _report(self, request: "_Request") -> None:
        route = getattr(request.scope.get("route"), "path", "other")
        method = request.method if route != "other" and request.method in METHODS else "any"
        elapsed_s = time.perf_counter() - request.started_s
        error: LookalikeError | None = request.state["error"]
        self._metrics.requests.labels(method, route, request.status).inc()
        self._metrics.latency_s.labels(method, route).observe(elapsed_s)
        if request.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, Unavailable):
            log.error("request.failed", exc_info=error)
        if isinstance(error, InvalidImage):
            self._metrics.refused_images.labels(error.slug).inc()
        fields: dict[str, Any] = {**request.state["log"], **({"reason": error.slug} if error is not None else {})}
        log.info(
            "request",
            method=method,
            route=route,
            status=request.status,
            elapsed_ms=round(elapsed_s * 1000, 1),
            **fields,
        )


class _Request:
    """What the middleware knows of one request."""

    def __init__(self, scope: Scope, cross_origin: CrossOrigin) -> None:
        self._cross_origin = cross_origin
        self.id = str(uuid.uuid4())
        self.started_s = time.perf_counter()
        self.status = 0
        self.answered = False
        self.method: str = scope["method"]
        self.state: dict[str, Any] = {**scope.get("state", {}), "request_id": self.id, "log": {}, "error": None}
        # HEAD is GET without the body, which the server leaves out by itself.
        self.scope: Scope = {**scope, "state": self.state, "method": "GET" if self.method == "HEAD" else self.method}

    def watch(self, send: Send) -> Send:
        """Return `send` with our headers added, remembering the status."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.answered = True
                self.status = message["status"]
                others = self._cross_origin.headers(self.scope, self.status)
                ours = [*ALWAYS_HEADERS, (b"x-request-id", self.id.encode()), *others]
                given = message.get("headers", [])
                if all(name.lower() != b"cache-control" for name, _ in given):
                    ours.append(NOT_KEPT)
                message = {**message, "headers": [*given, *ours]}
            await send(message)

        return watched


def _check_header_size(scope: Scope) -> None:
    size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    size += sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    if size > MAX_HEADER_BYTES:
        raise HeaderTooLarge(f"The request line and headers have {size} bytes; the limit is {MAX_HEADER_BYTES}.")


async def _answer_error(request: _Request, early: EarlyAnswers, error: LookalikeError) -> None:
    request.state["error"] = error
    if request.answered:
        # Half an answer is on its way; the only honest end is a broken connection, which the server makes of this.
        request.status = HTTPStatus.INTERNAL_SERVER_ERROR
        raise error
    request.status = status_of(error)
    await problem_response(error, request.id)(request.scope, early.receive, early.send)
