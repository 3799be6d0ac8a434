"""The same fetching for threads: one event loop in one thread serves all of them."""

from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp.abc import AbstractResolver
from anyio.from_thread import BlockingPortal, start_blocking_portal

from app.core.download import DownloadLimits, DownloadProgress
from app.core.fetching.fetcher import NotModified, PictureFetcher
from app.core.fetching.guard import Guard
from app.core.fetching.limits import FEED_LIMITS, FetchLimits
from app.core.fetching.receiving import Fetched, Validators

TICK_S: Final = 0.2


class BlockingFetcher:
    """A `PictureFetcher` that any thread may call; made by `fetching`."""

    def __init__(self, portal: BlockingPortal, fetcher: PictureFetcher) -> None:
        self._portal = portal
        self._fetcher = fetcher
        self._under_way: set[Future[Fetched | NotModified]] = set()

    def fetch(self, address: str, known: Validators | None = None) -> Fetched | NotModified:
        """Do what `PictureFetcher.fetch` does."""
        return self.submit(address, known).result()

    def submit(self, address: str, known: Validators | None = None) -> Future[Fetched | NotModified]:
        """Begin to fetch; cancelling the future ends it at once."""
        future = self._portal.start_task_soon(self._fetcher.fetch, address, known)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        return future

    def download_feed(
        self,
        address: str,
        target: Path,
        *,
        limits: DownloadLimits = FEED_LIMITS,
        progress: DownloadProgress | None = None,
    ) -> None:
        """
        Do what `PictureFetcher.download_feed` does.

        `progress` is called in this thread, a few times a second, whether anything arrives or not. What it raises ends
        the download at once, and comes out of here; raised in the event loop, it would end that.
        """
        arrived: tuple[int, int | None] = (0, None)

        def note(done_bytes: int, total_bytes: int | None) -> None:
            nonlocal arrived
            arrived = done_bytes, total_bytes

        def tell() -> None:
            if progress is not None:
                progress(*arrived)

        download = partial(self._fetcher.download_feed, address, target, limits=limits, progress=note)
        future = self._portal.start_task_soon(download)
        try:
            while not wait([future], TICK_S).done:
                tell()
            future.result()
            tell()
        finally:
            future.cancel()

    def cancel_all(self) -> None:
        """End every picture that is under way; whoever waits for one gets CancelledError."""
        for future in tuple(self._under_way):
            future.cancel()


@contextmanager
def fetching(
    guard: Guard, limits: FetchLimits | None = None, *, resolver: AbstractResolver | None = None
) -> Iterator[BlockingFetcher]:
    """Run the event loop until the block ends; what is under way then is cancelled."""
    with (
        start_blocking_portal(name="fetching") as portal,
        portal.wrap_async_context_manager(PictureFetcher(guard, limits, resolver=resolver)) as inner,
    ):
        fetcher = BlockingFetcher(portal, inner)
        try:
            yield fetcher
        finally:
            fetcher.cancel_all()
