"""The same fetching for threads: one event loop in one thread serves all of them."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from aiohttp.abc import AbstractResolver
from anyio.from_thread import BlockingPortal, start_blocking_portal

from app.core.download import DownloadLimits, DownloadProgress
from app.core.fetching.fetcher import NotModified, PictureFetcher
from app.core.fetching.guard import Guard
from app.core.fetching.limits import FEED_LIMITS, FetchLimits
from app.core.fetching.receiving import Fetched, Validators


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
        """Do what `PictureFetcher.download_feed` does; `progress` is called in another thread."""

        async def download() -> None:
            await self._fetcher.download_feed(address, target, limits=limits, progress=progress)

        self._portal.call(download)

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
