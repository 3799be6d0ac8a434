"""Fetches pictures and feeds over HTTP: guarded at every hop, polite to hosts, bounded in bytes and in time."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, ThreadedResolver
from aiohttp.abc import AbstractResolver
from yarl import URL

from app import __version__
from app.core.download import DownloadLimits, DownloadProgress
from app.core.errors import UpstreamBroken, UpstreamStatus, UpstreamTimedOut, UpstreamUnreachable
from app.core.fetching.failures import translated
from app.core.fetching.guard import Guard, PublicResolver, open_public_socket
from app.core.fetching.limits import FEED_LIMITS, FetchLimits
from app.core.fetching.politeness import Politeness
from app.core.fetching.receiving import Fetched, Validators, receive_picture, retry_after_s, save
from app.core.files import fsync_folder, make_folder, storage_errors

MAX_REDIRECTS: Final = 3

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ASKS_FOR_A_PAUSE: Final = frozenset({429, 503})
_MAY_PASS: Final = frozenset({*_ASKS_FOR_A_PAUSE, 500, 502, 504})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server says that the version which the validators name is still the one."""


@dataclass(frozen=True, slots=True)
class _Redirect:
    location: str


@dataclass(slots=True)
class _Errand(Generic[T]):
    """One address under way: what to ask for, what to do with the answer, and the seconds that are left for it."""

    headers: dict[str, str]
    receive: Callable[[ClientResponse], Awaitable[T]]
    left_s: float
    timeout: ClientTimeout

    @property
    def is_conditional(self) -> bool:
        return not self.headers.keys().isdisjoint({"If-None-Match", "If-Modified-Since"})

    @asynccontextmanager
    async def on_the_clock(self) -> AsyncIterator[None]:
        started_s = time.monotonic()
        try:
            async with asyncio.timeout(self.left_s):
                yield
        finally:
            self.left_s -= time.monotonic() - started_s


class PictureFetcher:
    """
    Fetches pictures and feeds, many at a time; an async context manager, for one event loop.

    Args:
        guard: Who may be asked.
        limits: What pictures may cost.
        resolver: Looks names up in place of the system.
    """

    def __init__(
        self, guard: Guard, limits: FetchLimits | None = None, *, resolver: AbstractResolver | None = None
    ) -> None:
        self._guard = guard
        self._limits = limits or FetchLimits()
        self._resolver = resolver
        self._resources = AsyncExitStack()
        self._politeness: Politeness
        self._public: ClientSession
        self._trusted: ClientSession

    async def __aenter__(self) -> Self:
        resolver = self._resolver or ThreadedResolver()
        self._resources.push_async_callback(resolver.close)
        # No limits (0) in the connectors: waiting there would count as connecting. `Politeness` is what limits.
        public = TCPConnector(resolver=PublicResolver(resolver), socket_factory=open_public_socket, limit=0)
        trusted = TCPConnector(resolver=resolver, limit=0)
        self._politeness = Politeness(self._limits)
        self._public = await self._resources.enter_async_context(_session(public))
        self._trusted = await self._resources.enter_async_context(_session(trusted))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._resources.aclose()

    async def fetch(self, address: str, known: Validators | None = None) -> Fetched | NotModified:
        """
        Return the picture at the address, unless it is still the version that is known.

        Raises:
            FetchFailed: The leaf says why: UrlNotAllowed, UpstreamTimedOut, UpstreamTooLarge, UpstreamStatus,
                UpstreamUnreachable, UpstreamBroken or UpstreamGivenUp.
        """
        accepted = {"Accept": "image/jpeg, image/png, image/webp, */*;q=0.1"}
        errand = _Errand(
            headers=accepted | (known.conditions() if known else {}),
            receive=partial(receive_picture, max_bytes=self._limits.max_bytes),
            left_s=self._limits.timeout_s,
            timeout=ClientTimeout(connect=self._limits.connect_timeout_s),
        )
        return await self._follow(address, errand)

    async def download_feed(
        self,
        address: str,
        target: Path,
        *,
        limits: DownloadLimits = FEED_LIMITS,
        progress: DownloadProgress | None = None,
    ) -> None:
        """
        Save the feed at the address, byte for byte as it is sent: a compressed one stays compressed.

        Args:
            address: Where it is.
            target: Replaced once the whole feed is on the disk. Its folder is created.
            limits: Seconds and bytes.
            progress: Called after each piece, on the event loop.

        Raises:
            FetchFailed: As for a picture.
            DiskFull: There is no space for it.
            DataDirNotWritable: The folder cannot be written.
        """
        temporary = target.with_name(f".{target.name}.tmp")
        errand = _Errand(
            headers={"Accept": "*/*"},
            receive=partial(save, path=temporary, max_bytes=limits.max_bytes, progress=progress),
            left_s=limits.timeout_s,
            timeout=ClientTimeout(connect=self._limits.connect_timeout_s, sock_read=limits.stall_timeout_s),
        )
        with storage_errors(target.parent):
            make_folder(target.parent)
        try:
            await self._follow(address, errand)
            with storage_errors(target.parent):
                temporary.replace(target)
                fsync_folder(target.parent)
        finally:
            temporary.unlink(missing_ok=True)

    async def _follow(self, address: str, errand: _Errand[T]) -> T | NotModified:
        """Ask the address, and those that it redirects to."""
        url = self._guard.check(address)
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._ask_until_answered(url, errand)
            if not isinstance(answer, _Redirect):
                return answer
            came_from, url = url, self._guard.check_redirect(url, answer.location)
        raise UpstreamBroken(f"{came_from.raw_host} redirects more than {MAX_REDIRECTS} times in a row.")

    async def _ask_until_answered(self, url: URL, errand: _Errand[T]) -> T | NotModified | _Redirect:
        """Ask one server, again and ever later while the failure is one that may pass."""
        host = str(url.raw_host)
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self._politeness.visit(host):
                    answer = await self._ask(url, errand)
            except (UpstreamStatus, UpstreamTimedOut, UpstreamUnreachable, UpstreamBroken) as error:
                if isinstance(error, UpstreamStatus) and error.status not in _MAY_PASS:
                    self._politeness.answered(host)
                    raise
                if attempt == self._limits.attempts or errand.left_s <= 0:
                    self._politeness.failed(host)
                    raise
            else:
                self._politeness.answered(host)
                return answer
            await asyncio.sleep(self._backoff_s(attempt))

    async def _ask(self, url: URL, errand: _Errand[T]) -> T | NotModified | _Redirect:
        """Send one request and take its answer."""
        host = str(url.raw_host)
        session = self._trusted if self._guard.is_trusted(url) else self._public
        with translated(host):
            async with (
                errand.on_the_clock(),
                session.get(url, headers=errand.headers, allow_redirects=False, timeout=errand.timeout) as response,
            ):
                if response.status == 200:
                    return await errand.receive(response)
                if response.status in _REDIRECTS and "Location" in response.headers:
                    return _Redirect(response.headers["Location"])
                if response.status == 304 and errand.is_conditional:
                    return NotModified()
                if response.status in _ASKS_FOR_A_PAUSE:
                    asked_s = retry_after_s(response.headers.get("Retry-After", ""), datetime.now(UTC))
                    self._politeness.pause(host, self._backoff_s(1) if asked_s is None else asked_s)
                raise UpstreamStatus(f"{host} answered {response.status} instead of the file.", response.status)

    def _backoff_s(self, attempt: int) -> float:
        return self._limits.backoff_s * 2.0 ** (attempt - 1) * random.uniform(0.5, 1)  # noqa: S311  # no secret


def _session(connector: TCPConnector) -> ClientSession:
    """Return a session that keeps no cookies and knows no proxy, which would connect past the guard."""
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        headers={"User-Agent": f"Lookalike/{__version__}", "Accept-Encoding": "identity"},
    )
