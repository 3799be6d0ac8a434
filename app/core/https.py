"""
Opening a URL with the standard library: https only, connected within seconds, redirects held to the same.

Proxies come from the environment (HTTPS_PROXY, NO_PROXY), as everywhere in Python.
"""

import http.client
import queue
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from typing import IO, Any, Final
from urllib.parse import urlsplit

from app.core.errors import DownloadRefused, DownloadTimedOut

CONNECT_TIMEOUT_S: Final = 5.0
"""For the name look-up and the connection together: a machine without internet must not wait for longer."""

_LEAST_SHARE_S: Final = 1.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def host_of(url: str) -> str:
    """Return the host of a URL, for messages."""
    return urlsplit(url).hostname or "the server"


def refuse_unsafe(url: str, *, came_from: str | None = None) -> None:
    """
    Allow https, and http on this machine unless a server elsewhere sent us there.

    Raises:
        DownloadRefused: The URL is another one.
    """
    parts = urlsplit(url)
    is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if came_from is not None and urlsplit(came_from).hostname not in _LOOPBACK:
        is_local = False
    if parts.scheme != "https" and not is_local:
        raise DownloadRefused(
            f"The download from {host_of(came_from or url)} leads to an address that is not https; it was not followed."
        )


def open_url(url: str, headers: Mapping[str, str], stall_timeout_s: float) -> http.client.HTTPResponse:
    """
    Send a GET and return the response, whose body is still to be read.

    Args:
        url: https, or http on this machine.
        headers: In addition to the usual ones.
        stall_timeout_s: After so long a silence, opening and reading raise TimeoutError.

    Raises:
        DownloadRefused: The URL or a redirect is not allowed, or the server cannot be reached.
        DownloadTimedOut: No connection came about within 5 s.
        urllib.error.HTTPError: The status is 400 or above.
        TimeoutError, ConnectionError, http.client.HTTPException: The server stalls, breaks off, or talks nonsense.
    """
    refuse_unsafe(url)
    request = urllib.request.Request(  # noqa: S310  # the scheme was checked above
        url, headers={"User-Agent": "lookalike", "Accept-Encoding": "identity", **headers}
    )
    opener = urllib.request.build_opener(_Http(stall_timeout_s), _Https(stall_timeout_s), _CheckedRedirects())
    try:
        response: http.client.HTTPResponse = opener.open(request, timeout=CONNECT_TIMEOUT_S)
    except urllib.error.HTTPError:
        raise
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise DownloadTimedOut(f"{host_of(url)} could not be reached within {CONNECT_TIMEOUT_S:g} s.") from error
        raise DownloadRefused(f"{host_of(url)} could not be reached ({error.reason}).") from error
    return response


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to addresses that would have been allowed in the first place."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        refuse_unsafe(newurl, came_from=req.full_url)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Http(urllib.request.HTTPHandler):
    def __init__(self, stall_timeout_s: float) -> None:
        super().__init__()
        self._stall_timeout_s = stall_timeout_s

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connections(http.client.HTTPConnection, self._stall_timeout_s), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, stall_timeout_s: float) -> None:
        super().__init__()
        self._stall_timeout_s = stall_timeout_s

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connections(http.client.HTTPSConnection, self._stall_timeout_s), req)


def _connections(
    kind: type[http.client.HTTPConnection], stall_timeout_s: float
) -> Callable[..., http.client.HTTPConnection]:
    """Return what `do_open` calls to make a connection, with our way to connect in place of the usual one."""

    def make(host: str, *, timeout: float) -> http.client.HTTPConnection:
        connection = kind(host, timeout=timeout)
        connection._create_connection = partial(_connect, stall_timeout_s=stall_timeout_s)  # type: ignore[attr-defined]  # noqa: SLF001  # http.client's own seam, for tunnels
        return connection

    return make


def _connect(
    address: tuple[str, int], timeout: float, source_address: tuple[str, int] | None, *, stall_timeout_s: float
) -> socket.socket:
    """
    Connect like `socket.create_connection`, but within the timeout in all.

    There, looking up the name has no time limit, and each of a host's addresses gets the whole timeout.
    """
    deadline_s = time.monotonic() + timeout
    infos = _look_up(address, timeout)
    failure: OSError = TimeoutError(f"none of {len(infos)} addresses answered")
    for tried, (family, kind, protocol, _, socket_address) in enumerate(infos):
        remaining_s = deadline_s - time.monotonic()
        if remaining_s <= 0:
            break
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(min(remaining_s, max(_LEAST_SHARE_S, remaining_s / (len(infos) - tried))))
            if source_address is not None:
                connection.bind(source_address)
            connection.connect(socket_address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            connection.settimeout(stall_timeout_s)
            return connection
    raise failure


def _look_up(address: tuple[str, int], timeout_s: float) -> list[Any]:
    """Return what `getaddrinfo` says, which by itself may wait for half a minute for a name server."""
    answers: queue.Queue[list[Any] | OSError] = queue.Queue()

    def ask() -> None:
        try:
            answers.put(list(socket.getaddrinfo(*address, type=socket.SOCK_STREAM)))
        except OSError as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=timeout_s)
    except queue.Empty:
        raise TimeoutError("the name was not looked up in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer
