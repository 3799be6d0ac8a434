"""HTTP written by hand, for requests that no well-behaved client would send."""

import contextlib
import json
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

from tests.support.server import Server

BOUNDARY = "lookalike-test-boundary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; `closed` without a status means that the connection was just closed."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document."""
        document: dict[str, Any] = json.loads(self.body)
        return document


CLOSED = Reply(0, {}, b"")


def part(name: str, content: bytes, *headers: str, filename: str | bytes | None = None) -> bytes:
    """Return one part of a form, without its boundary."""
    disposition = f'Content-Disposition: form-data; name="{name}"'.encode()
    if filename is not None:
        raw = filename if isinstance(filename, bytes) else filename.encode()
        disposition += b'; filename="' + raw + b'"'
    lines = [disposition, *(header.encode() for header in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + content


def form(*parts: bytes, boundary: str = BOUNDARY) -> bytes:
    """Return a form of these parts."""
    delimiter = b"--" + boundary.encode()
    return b"".join(delimiter + b"\r\n" + each + b"\r\n" for each in parts) + delimiter + b"--\r\n"


def request(
    body: bytes = b"",
    *headers: str,
    target: str = "/search",
    method: str = "POST",
    content_type: str | None = MULTIPART,
    content_length: int | None = -1,
) -> bytes:
    """Return a request; `content_length` -1 means the true one, None means none."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *headers]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    if content_length is not None:
        lines.append(f"Content-Length: {len(body) if content_length == -1 else content_length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def exchange(server: Server, *pieces: bytes) -> Reply:
    """Send pieces of a request, as far as the server takes them, and return the first reply."""
    with server.connect() as connection:
        send(connection, pieces)
        return receive(connection)


def send(connection: socket.socket, pieces: Iterable[bytes]) -> int:
    """Send until the other side closes; return how many bytes went."""
    sent = 0
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            connection.sendall(piece)
            sent += len(piece)
    return sent


def receive(connection: socket.socket) -> Reply:
    """Return the next reply, or `CLOSED`."""
    response = HTTPResponse(connection)
    try:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, response.read())
    except (ConnectionError, ValueError):  # http.client.BadStatusLine and RemoteDisconnected are these
        return CLOSED
    finally:
        response.close()


def chunked(pieces: Sequence[bytes] | Iterable[bytes]) -> Iterable[bytes]:
    """Yield pieces in the chunked transfer coding, without the last chunk."""
    for piece in pieces:
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
