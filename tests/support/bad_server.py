"""A web server on this machine that answers each path as well or as badly as a test wants."""

import contextlib
import gzip
import itertools
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class BadServer:
    """
    What the server does, and what it was asked.

    Attributes:
        answers: What each path (with its query) is answered with; any other one is a 404.
        origin: As in `http://127.0.0.1:40123`.
        requests: How often each path was asked for.
        headers: Those of the last request for each path.
        sent_bytes: How much of all bodies was taken by the clients, or by the kernels between.
        most_at_once: The most requests that were under way together.
        test_ended: Set when the test is over, so that what waits goes home.
    """

    answers: dict[str, "Answer"] = field(default_factory=dict)
    origin: str = ""
    requests: Counter[str] = field(default_factory=Counter)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    sent_bytes: int = 0
    most_at_once: int = 0
    test_ended: threading.Event = field(default_factory=threading.Event)
    _under_way: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def at(self, path: str, answer: "Answer") -> str:
        """Answer the path like this from now on, and return its whole address."""
        self.answers[path] = answer
        return self.origin + path

    @contextmanager
    def counting(self, path: str, headers: dict[str, str]) -> Iterator[None]:
        """Count a request that lasts as long as the block."""
        with self._lock:
            self.requests[path] += 1
            self.headers[path] = headers
            self._under_way.add(threading.get_ident())
            self.most_at_once = max(self.most_at_once, len(self._under_way))
        try:
            yield
        finally:
            self.end()

    def end(self) -> None:
        """Count this thread's request as over: for before the last byte of an answer, whose reader may ask again."""
        with self._lock:
            self._under_way.discard(threading.get_ident())


@dataclass(frozen=True)
class Exchange:
    """One request, which an answer answers."""

    server: BadServer
    handler: BaseHTTPRequestHandler

    def start(self, status: int = 200, **headers: str | int) -> None:
        """Send the status line and the headers; underscores in their names stand for dashes."""
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), str(value))
        self.handler.end_headers()

    def write(self, data: bytes) -> None:
        """Send bytes of the body, or of anything else."""
        self.handler.wfile.write(data)
        self.handler.wfile.flush()
        self.server.sent_bytes += len(data)

    def hang_up(self) -> None:
        """Close the connection once the answer is over."""
        self.handler.close_connection = True

    def wait(self, seconds: float | None = None) -> bool:
        """Do nothing for so long (None: until the test ends), and return whether the test has ended."""
        return self.server.test_ended.wait(seconds)


Answer = Callable[[Exchange], None]


def file(data: bytes, **headers: str) -> Answer:
    """Send the file; its ETag and Last-Modified, where they are given, are honoured."""

    def answer(exchange: Exchange) -> None:
        asked = exchange.handler.headers
        validators = {
            headers.get("ETag"): asked["If-None-Match"],
            headers.get("Last_Modified"): asked["If-Modified-Since"],
        }
        if any(given is not None and given == known for given, known in validators.items()):
            exchange.start(304, **headers)
            return
        exchange.start(200, **headers, Content_Length=len(data))
        exchange.write(data)

    return answer


def status(code: int, **headers: str) -> Answer:
    """Send nothing but a status."""
    return lambda exchange: exchange.start(code, **headers, Content_Length=0)


def redirect(location: str, code: int = 302) -> Answer:
    """Send the client elsewhere."""
    return status(code, Location=location)


def in_turn(*answers: Answer) -> Answer:
    """Give each answer once, in this order, and then the last one for ever."""
    turns = itertools.chain(answers, itertools.repeat(answers[-1]))

    def answer(exchange: Exchange) -> None:
        next(turns)(exchange)

    return answer


def after(seconds: float, answer: Answer) -> Answer:
    """Let the client wait before it gets the answer."""

    def wait(exchange: Exchange) -> None:
        if not exchange.wait(seconds):
            answer(exchange)

    return wait


def silence(exchange: Exchange) -> None:
    """Accept the request and say nothing until the test ends."""
    exchange.wait()
    exchange.hang_up()


def silence_after(data: bytes) -> Answer:
    """Announce more than this and stop in the middle."""

    def answer(exchange: Exchange) -> None:
        exchange.start(Content_Length=len(data) + 1000)
        exchange.write(data)
        silence(exchange)

    return answer


def trickle(pause_s: float) -> Answer:
    """Send one byte at a time, without an end."""

    def answer(exchange: Exchange) -> None:
        exchange.start()
        exchange.hang_up()
        while not exchange.wait(pause_s):
            exchange.write(b"x")

    return answer


def endless(exchange: Exchange) -> None:
    """Send zeros as fast as they are taken, without a length and without an end."""
    exchange.start()
    exchange.hang_up()
    while not exchange.wait(0):
        exchange.write(bytes(64 * 1024))


def gzip_bomb(size_bytes: int) -> Answer:
    """Send few bytes that would become many."""
    packed = gzip.compress(bytes(size_bytes))
    return file(packed, Content_Encoding="gzip")


def cut_off(data: bytes, announced_bytes: int) -> Answer:
    """Announce more than there is, send what there is, and hang up."""

    def answer(exchange: Exchange) -> None:
        exchange.start(Content_Length=announced_bytes)
        exchange.write(data)
        exchange.hang_up()

    return answer


def raw(data: bytes) -> Answer:
    """Send these bytes as the whole response, status line and all, and hang up; none: just hang up."""

    def answer(exchange: Exchange) -> None:
        exchange.write(data)
        exchange.hang_up()

    return answer


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # more than any test has connections at once

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients of this server hang up in the middle; that is no news."""


@contextmanager
def bad_server(certificate: Path | None = None) -> Iterator[BadServer]:
    """Run a server until the block ends: over TLS where there is a file with a certificate and its key."""
    state = BadServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            with state.counting(self.path, dict(self.headers)), contextlib.suppress(ConnectionError):
                state.answers.get(self.path, status(404))(Exchange(state, self))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the parent's name for it
            pass

    with _Server(("127.0.0.1", 0), Handler) as server:
        state.origin = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield state
        finally:
            state.test_ended.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def web() -> Iterator[BadServer]:
    """A server on this machine."""
    with bad_server() as server:
        yield server
