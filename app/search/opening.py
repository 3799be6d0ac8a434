"""Everything that searching needs, opened in order, checked, and closed again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder, open_embedder
from app.core.errors import SnapshotIncompatible
from app.core.images import PreparedImage
from app.core.networks.fingerprint import Fingerprint
from app.core.probes import check_probes
from app.core.settings import Settings
from app.core.snapshot import Snapshot
from app.core.snapshot_folder import SnapshotFolder
from app.core.vector_store import VectorStore
from app.db.database import Database
from app.search.batcher import Batcher
from app.search.bounded_executor import BoundedExecutor
from app.search.live_index import LiveIndex
from app.search.pictures import Pictures
from app.search.readiness import ReadinessCheck
from app.search.service import Look, SearchService, embed_batch

MAX_WAIT_S = 1.0
LOOKUP_THREADS = 2  # fewer than the database's pool has connections
MAX_WAITING_PICTURES = 256  # a few pages of thumbnails
PICTURE_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class OpenService:
    """The parts that answer requests."""

    search: SearchService
    pictures: Pictures
    readiness: ReadinessCheck
    live_index: LiveIndex
    database: Database
    lookups: BoundedExecutor
    administration: BoundedExecutor
    snapshots: SnapshotFolder
    runtime: str
    queue_depth: Callable[[], int]


@dataclass(frozen=True, slots=True)
class _Executors:
    """The threads that block, so that the event loop does not."""

    decoding: BoundedExecutor
    lookups: BoundedExecutor
    pictures: BoundedExecutor
    administration: BoundedExecutor


@asynccontextmanager
async def open_service(
    settings: Settings, observe_batch: Callable[[int], None] = lambda _size: None
) -> AsyncIterator[OpenService]:
    """
    Open the service, check that it gives the embeddings its index was built with, and close it in the end.

    Raises:
        LookalikeError: Why it cannot be opened; nothing is left open.
    """
    async with AsyncExitStack() as cleanup:
        database = Database(settings.resolved_database_url)
        cleanup.callback(database.close)
        embedder, pool, live_index = await asyncio.to_thread(_open_and_check, settings, database, cleanup)
        executors = _open_executors(settings, pool.size, cleanup)
        batcher = await cleanup.enter_async_context(_batcher(settings, embedder, observe_batch))
        search = SearchService(
            live_index=live_index,
            embedder=embedder,
            pool=pool,
            decoding=executors.decoding,
            batcher=batcher,
            lookups=executors.lookups,
        )
        live_index.start()
        cleanup.callback(live_index.close)
        yield OpenService(
            search=search,
            pictures=Pictures(live_index, database, pool, executors.pictures),
            readiness=ReadinessCheck(live_index, search),
            live_index=live_index,
            database=database,
            lookups=executors.lookups,
            administration=executors.administration,
            snapshots=SnapshotFolder(settings.snapshots_dir),
            runtime=embedder.runtime,
            queue_depth=lambda: batcher.depth,
        )


def _open_executors(settings: Settings, workers: int, cleanup: AsyncExitStack) -> _Executors:
    executors = _Executors(
        decoding=BoundedExecutor("decoding", threads=workers, max_waiting=4 * workers, max_wait_s=MAX_WAIT_S),
        lookups=BoundedExecutor(
            "the index", threads=LOOKUP_THREADS, max_waiting=settings.queue_size, max_wait_s=MAX_WAIT_S
        ),
        # Pictures leave one decoding child to searches where there is more than one.
        pictures=BoundedExecutor(
            "pictures", threads=max(1, min(4, workers - 1)), max_waiting=MAX_WAITING_PICTURES, max_wait_s=PICTURE_WAIT_S
        ),
        administration=BoundedExecutor("administration", threads=1, max_waiting=4, max_wait_s=PICTURE_WAIT_S),
    )
    for executor in (executors.decoding, executors.lookups, executors.pictures, executors.administration):
        cleanup.callback(executor.close)
    return executors


def _batcher(
    settings: Settings, embedder: Embedder, observe_batch: Callable[[int], None]
) -> Batcher[PreparedImage, Look]:
    return Batcher(
        partial(embed_batch, embedder),
        max_batch=embedder.best_batch_size,
        queue_size=settings.queue_size,
        observe_batch=observe_batch,
    )


def _open_and_check(
    settings: Settings, database: Database, cleanup: AsyncExitStack
) -> tuple[Embedder, DecodePool, LiveIndex]:
    """Open what takes long, cheapest check first."""
    database.check()
    snapshots = SnapshotFolder(settings.snapshots_dir)
    live = snapshots.open_live_or_previous()
    manifest = live.snapshot.manifest
    embedder = open_embedder(settings, manifest.network, recorded=Fingerprint.from_json(manifest.fingerprint))
    pool = DecodePool.from_settings(settings)
    cleanup.callback(pool.close)
    _check(live.snapshot, embedder, pool)
    store = VectorStore.open(settings.vectors_dir, embedder.fingerprint.sha256, embedder.dimension)
    cleanup.callback(store.close)
    live_index = LiveIndex(snapshots, live, database, store, accept=lambda snapshot: _check(snapshot, embedder, pool))
    return embedder, pool, live_index


def _check(snapshot: Snapshot, embedder: Embedder, pool: DecodePool) -> None:
    """Refuse a snapshot whose embeddings are not those that this service makes."""
    if snapshot.manifest.fingerprint_sha256 != embedder.fingerprint.sha256:
        raise SnapshotIncompatible(
            f"Snapshot {snapshot.id} was made with the network {snapshot.manifest.network}; {embedder.network} with "
            "other weights or preprocessing runs here. Restart the service to use it."
        )
    check_probes(embedder, lambda data: pool.prepare(data, embedder.preprocessings), snapshot.probes)
