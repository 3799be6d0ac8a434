"""
The process that listens: uvicorn with deadlines for headers, problem documents for bad HTTP, and a shutdown that ends.

uvicorn by itself waits for ever for a request's headers, answers malformed requests in plain text, and after SIGTERM
waits for a stalled upload for as long as it stalls.
"""

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
import uuid
from collections.abc import Callable
from types import FrameType
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from app.api.errors import PROBLEM_MEDIA_TYPE, problem_json, status_of
from app.api.logs import configure_logging
from app.api.middleware import MAX_HEADER_BYTES
from app.core.errors import HeaderTooLarge, InvalidSetting, MalformedRequest, PortInUse
from app.core.settings import Settings

HEADER_TIMEOUT_S = 5.0
KEEP_ALIVE_S = 15


class GuardedConfig(uvicorn.Config):
    """uvicorn's configuration, with the one number that it lacks."""

    header_timeout_s: float = HEADER_TIMEOUT_S


class GuardedProtocol(H11Protocol):
    """HTTP/1.1 whose headers must be complete in time, and that answers what is not HTTP with a problem document."""

    config: GuardedConfig

    def __init__(
        self,
        config: GuardedConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        state = {**app_state, "bytes_after_the_body": lambda: len(self.conn.trailing_data[0])}
        super().__init__(config, server_state, state, _loop)
        self._header_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Start the clock for the first request's headers."""
        super().connection_made(transport)
        self._watch_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_header_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in bytes; while they are not yet a whole request head, its clock runs."""
        super().data_received(data)
        self._watch_headers()

    def _watch_headers(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_header_deadline()
        elif self._header_deadline is None:
            self._header_deadline = self.loop.call_later(self.config.header_timeout_s, self.transport.close)

    def _stop_header_deadline(self) -> None:
        if self._header_deadline is not None:
            self._header_deadline.cancel()
            self._header_deadline = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's signature
        """Answer bytes that are not HTTP; called by uvicorn while it handles h11's exception."""
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.close()
            return
        if self.conn.our_state is h11.SEND_RESPONSE:
            # The application is reading a body that turned out malformed: for it, the client is gone.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        problem: HeaderTooLarge | MalformedRequest
        if getattr(sys.exception(), "error_status_hint", 400) == 431:
            problem = HeaderTooLarge(f"The request line and headers are longer than {MAX_HEADER_BYTES} bytes.")
        else:
            problem = MalformedRequest("The bytes that arrived are not an HTTP/1.1 request.")
        body = problem_json(problem, str(uuid.uuid4()))
        headers = [
            ("content-type", PROBLEM_MEDIA_TYPE),
            ("content-length", str(len(body))),
            ("x-content-type-options", "nosniff"),
            ("connection", "close"),
        ]
        for event in (
            h11.Response(status_code=status_of(problem), headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class GuardedServer(uvicorn.Server):
    """uvicorn's server; `on_started` is called once it listens, and a second signal of any kind ends it at once."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self._on_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # uvicorn's signature
        """Stop gracefully on the first signal; the process then ends with 0, as one that did what it was told."""
        self.force_exit = self.should_exit
        self.should_exit = True


def make_server(app: FastAPI, settings: Settings, on_started: Callable[[], None] = lambda: None) -> GuardedServer:
    """Return a server for the app; whoever runs it also enters the app's lifespan."""
    config = GuardedConfig(
        app,
        http=GuardedProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips="127.0.0.1",
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_timeout_s)),
    )
    config.header_timeout_s = min(HEADER_TIMEOUT_S, settings.receive_timeout_s)
    return GuardedServer(config, on_started)


def reserve_port(settings: Settings) -> socket.socket:
    """
    Return a socket that is bound but does not listen yet: clients are refused until the service is ready.

    Raises:
        PortInUse: Another program has the port.
        InvalidSetting: The address is not one of this machine, or the port is not for this user.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InvalidSetting(f"LOOKALIKE_HOST: {settings.host} is not an address of this machine.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _port_error(settings, error) from error
    return listener


def run(
    settings: Settings,
    app: FastAPI,
    on_ready: Callable[[str], None] = lambda _url: None,
    *,
    log_level: int = logging.INFO,
) -> None:
    """
    Serve until SIGINT or SIGTERM; `on_ready` gets the service's address once it answers. Requests are logged as INFO.

    The first signal finishes accepted requests within `settings.shutdown_timeout_s`, a second one ends the process.

    Raises:
        LookalikeError: The service cannot start; nothing listened.
    """
    listener = reserve_port(settings)
    configure_logging(log_level)
    try:
        asyncio.run(_serve(settings, app, listener, on_ready))
    finally:
        listener.close()


async def _serve(settings: Settings, app: FastAPI, listener: socket.socket, on_ready: Callable[[str], None]) -> None:
    # The lifespan is entered here rather than by uvicorn, which would only log what made it fail.
    async with app.router.lifespan_context(app):
        server = make_server(app, settings, on_started=lambda: on_ready(url_of(listener)))
        try:
            await server.serve([listener])
        except OSError as error:  # two services can reserve one port; only one can listen
            raise _port_error(settings, error) from error
        if server.force_exit:
            os._exit(128 + signal.SIGTERM)  # threads may be deep in a decode or a batch; they are not waited for


def url_of(listener: socket.socket) -> str:
    """Return the address to open in a browser on this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared with, not bound to
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _port_error(settings: Settings, error: OSError) -> PortInUse | InvalidSetting:
    if error.errno == errno.EADDRINUSE:
        return PortInUse(
            f"Port {settings.port} on {settings.host} is in use by another program; "
            "choose another with --port or LOOKALIKE_PORT."
        )
    if error.errno == errno.EACCES:
        return InvalidSetting(f"LOOKALIKE_PORT: this user may not listen on port {settings.port}.")
    return InvalidSetting(f"LOOKALIKE_HOST: {settings.host} is not an address of this machine.")
