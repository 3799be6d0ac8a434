"""A web server on this machine that serves one file, as badly as a test wants."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class WebFile:
    """
    What the server does; tests change it between requests.

    Attributes:
        content: The file.
        etag: Its validator; empty: none is sent.
        status: Answered instead of the file, unless 200.
        redirect_to: Where to send the client, if anywhere.
        ends_after: For each request in turn, the body bytes after which the connection is closed.
        stalls_after: Body bytes after which nothing more comes, until the test ends.
        knows_ranges: Whether Range is honoured.
        sends_length: Whether Content-Length is sent.
        requests: The headers of the requests so far.
    """

    content: bytes = b""
    etag: str = '"one"'
    status: int = 200
    redirect_to: str = ""
    ends_after: list[int] = field(default_factory=list)
    stalls_after: int | None = None
    knows_ranges: bool = True
    sends_length: bool = True
    requests: list[dict[str, str]] = field(default_factory=list)
    url: str = ""
    _test_ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(file: WebFile, name: str = "file.bin") -> Iterator[WebFile]:
    """Serve the file at `file.url` until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            file.requests.append(dict(self.headers))
            _answer(self, file)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the parent's name for it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        file.url = f"http://127.0.0.1:{server.server_port}/{name}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield file
        finally:
            file._test_ended.set()
            server.shutdown()
            thread.join()


def _answer(handler: BaseHTTPRequestHandler, file: WebFile) -> None:
    if file.redirect_to:
        handler.send_response(302)
        handler.send_header("Location", file.redirect_to)
        handler.end_headers()
        return
    if file.status != 200:
        handler.send_error(file.status)
        return
    start = _range_start(handler, file)
    if start is not None and start >= len(file.content):
        handler.send_response(416)
        handler.send_header("Content-Range", f"bytes */{len(file.content)}")
        handler.end_headers()
        return
    _send_body(handler, file, start)


def _range_start(handler: BaseHTTPRequestHandler, file: WebFile) -> int | None:
    """Return where the body is to begin; None: the whole file is to be sent."""
    asked = handler.headers["Range"]
    if not asked or not file.knows_ranges or handler.headers["If-Range"] != file.etag:
        return None
    return int(asked.removeprefix("bytes=").removesuffix("-"))


def _send_body(handler: BaseHTTPRequestHandler, file: WebFile, start: int | None) -> None:
    body = file.content[start or 0 :]
    handler.send_response(200 if start is None else 206)
    if start is not None:
        handler.send_header("Content-Range", f"bytes {start}-{len(file.content) - 1}/{len(file.content)}")
    if file.etag:
        handler.send_header("ETag", file.etag)
    if file.sends_length:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if file.stalls_after is not None:
        handler.wfile.write(body[: file.stalls_after])
        handler.wfile.flush()
        file._test_ended.wait()
        return
    handler.wfile.write(body[: file.ends_after.pop(0)] if file.ends_after else body)
