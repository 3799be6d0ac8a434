"""Everything that searching needs, opened in order, checked, and closed again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from functools import partial

from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder, open_embedder
from app.core.errors import KeysMissing, SnapshotIncompatible
from app.core.fetching.fetcher import PictureFetcher
from app.core.fetching.guard import Guard
from app.core.manifest import Manifest
from app.core.memory import give_back_memory
from app.core.networks.fingerprint import Fingerprint
from app.core.picture_store import PictureStore
from app.core.preprocessing import PreparedImage
from app.core.probes import check_probes
from app.core.regions import RegionCodes
from app.core.runtimes.threads import matrices_on_one_thread
from app.core.settings import Settings
from app.core.signature_store import SignatureStore
from app.core.snapshot import Snapshot
from app.core.snapshot_folder import SnapshotFolder
from app.core.snapshot_reader import LiveSnapshot
from app.core.vector_store import VectorStore
from app.db.database import Database
from app.search.batcher import Batcher
from app.search.bounded_executor import BoundedExecutor
from app.search.changes import LiveChanges
from app.search.events import EventLog
from app.search.live_head import LiveHead
from app.search.live_index import LiveIndex
from app.search.live_keys import LiveKeys
from app.search.live_rules import LiveRules
from app.search.looking import Look, Looking, embed_batch
from app.search.pictures import Pictures
from app.search.product_pictures import LIVE_LIMITS, ProductPictures
from app.search.readiness import ReadinessCheck
from app.search.service import Aids, SearchService

LOOKUP_THREADS = 2  # fewer than the database's pool has connections
SEARCH_WAIT_S = 1.0
MAX_WAITING_PICTURES = 256  # a few pages of thumbnails
PICTURE_WAIT_S = 10.0
MAX_WAITING_CHANGES = 64  # more than a few requests have pictures and transactions at once
CHANGE_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class OpenService:
    """The parts that answer requests."""

    search: SearchService
    pictures: Pictures
    changes: LiveChanges
    readiness: ReadinessCheck
    events: EventLog
    live_index: LiveIndex
    keys: LiveKeys
    rules: LiveRules
    database: Database
    catalogue: BoundedExecutor
    administration: BoundedExecutor
    snapshots: SnapshotFolder
    runtime: str
    queue_depth: Callable[[], int]


@dataclass(frozen=True, slots=True)
class _Executors:
    """The threads that block, so that the event loop does not."""

    decoding: BoundedExecutor
    lookups: BoundedExecutor
    catalogue: BoundedExecutor
    pictures: BoundedExecutor
    changes: BoundedExecutor
    writing: BoundedExecutor
    administration: BoundedExecutor


@dataclass(frozen=True, slots=True)
class _Opened:
    """What takes long to open."""

    embedder: Embedder
    pool: DecodePool
    store: VectorStore
    codes: RegionCodes
    signatures: SignatureStore
    head: LiveHead
    live_index: LiveIndex
    keys: LiveKeys
    rules: LiveRules


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
        cleanup.enter_context(matrices_on_one_thread())
        database = Database(settings.resolved_database_url)
        cleanup.callback(database.close)
        opened = await asyncio.to_thread(_open_and_check, settings, database, cleanup)
        give_back_memory()
        executors = _open_executors(settings, opened.pool.size, cleanup)
        batcher = await cleanup.enter_async_context(_batcher(settings, opened, observe_batch))
        fetcher = await cleanup.enter_async_context(PictureFetcher(Guard.from_settings(settings), LIVE_LIMITS))
        search = SearchService(
            live_index=opened.live_index,
            embedder=opened.embedder,
            looking=Looking(embedder=opened.embedder, pool=opened.pool, decoding=executors.decoding, batcher=batcher),
            lookups=executors.lookups,
            aids=Aids(opened.head, opened.signatures, opened.codes, opened.rules),
        )
        for followed in (opened.head, opened.live_index, opened.keys, opened.rules):
            followed.start()
            cleanup.callback(followed.close)
        yield OpenService(
            search=search,
            pictures=Pictures(opened.live_index, database, opened.pool, executors.pictures),
            changes=_live_changes(settings, database, opened, executors, batcher, fetcher),
            readiness=ReadinessCheck(opened.live_index, search),
            events=_event_log(settings, database, cleanup),
            live_index=opened.live_index,
            keys=opened.keys,
            rules=opened.rules,
            database=database,
            catalogue=executors.catalogue,
            administration=executors.administration,
            snapshots=SnapshotFolder(settings.snapshots_dir),
            runtime=opened.embedder.runtime,
            queue_depth=lambda: batcher.depth,
        )


def _event_log(settings: Settings, database: Database, cleanup: AsyncExitStack) -> EventLog:
    events = EventLog(database, settings.events_kept_days)
    events.start()
    cleanup.callback(events.close)
    return events


def _live_changes(
    settings: Settings,
    database: Database,
    opened: _Opened,
    executors: _Executors,
    batcher: Batcher[PreparedImage, Look],
    fetcher: PictureFetcher,
) -> LiveChanges:
    pictures = ProductPictures(
        fetcher=fetcher,
        files=PictureStore(settings.pictures_dir),
        store=opened.store,
        database=database,
        embedder=opened.embedder,
        pool=opened.pool,
        threads=executors.changes,
        batcher=batcher,
    )
    return LiveChanges(
        pictures=pictures,
        store=opened.store,
        codes=opened.codes,
        signatures=opened.signatures,
        database=database,
        snapshots=SnapshotFolder(settings.snapshots_dir),
        live_index=opened.live_index,
        reading=executors.changes,
        writing=executors.writing,
    )


def _open_executors(settings: Settings, workers: int, cleanup: AsyncExitStack) -> _Executors:
    # Whoever decodes beside searches leaves one child to them where there is more than one.
    spare = max(1, min(4, workers - 1))
    executors = _Executors(
        decoding=BoundedExecutor("decoding", threads=workers, max_waiting=4 * workers, max_wait_s=SEARCH_WAIT_S),
        lookups=BoundedExecutor(
            "the index", threads=LOOKUP_THREADS, max_waiting=settings.queue_size, max_wait_s=SEARCH_WAIT_S
        ),
        # Not the threads of searches: those need no database, and do not wait for one that hangs.
        catalogue=BoundedExecutor(
            "the catalogue", threads=LOOKUP_THREADS, max_waiting=settings.queue_size, max_wait_s=SEARCH_WAIT_S
        ),
        pictures=BoundedExecutor(
            "pictures", threads=spare, max_waiting=MAX_WAITING_PICTURES, max_wait_s=PICTURE_WAIT_S
        ),
        changes=BoundedExecutor(
            "changes of products", threads=spare, max_waiting=MAX_WAITING_CHANGES, max_wait_s=CHANGE_WAIT_S
        ),
        # One transaction at a time: they would only wait for each other.
        writing=BoundedExecutor("the catalogue", threads=1, max_waiting=MAX_WAITING_CHANGES, max_wait_s=CHANGE_WAIT_S),
        administration=BoundedExecutor("administration", threads=1, max_waiting=4, max_wait_s=PICTURE_WAIT_S),
    )
    for field in fields(executors):
        cleanup.callback(getattr(executors, field.name).close)
    return executors


def _batcher(settings: Settings, opened: _Opened, observe_batch: Callable[[int], None]) -> Batcher[PreparedImage, Look]:
    return Batcher(
        partial(embed_batch, opened.embedder, opened.codes),
        max_batch=opened.embedder.best_batch_size,
        queue_size=settings.queue_size,
        max_wait_s=SEARCH_WAIT_S,
        observe_batch=observe_batch,
    )


def _open_and_check(settings: Settings, database: Database, cleanup: AsyncExitStack) -> _Opened:
    """Open what takes long, cheapest check first."""
    database.check()
    keys = _open_keys(settings, database)
    snapshots = SnapshotFolder(settings.snapshots_dir)
    pool = DecodePool.from_settings(settings)  # its children start meanwhile
    cleanup.callback(pool.close)
    live, embedder = _open_snapshot_and_network(settings, snapshots)
    _check(live.snapshot, embedder, pool)
    store = VectorStore.open(settings.vectors_dir, embedder.fingerprint.sha256, embedder.dimension)
    cleanup.callback(store.close)
    codes = RegionCodes(settings.regions_dir, embedder.fingerprint.sha256)
    cleanup.callback(codes.close)
    signatures = SignatureStore(settings.signatures_dir)
    cleanup.callback(signatures.close)
    head = LiveHead(settings.heads_dir, embedder.fingerprint.sha256)
    live_index = LiveIndex(snapshots, live, database, store, accept=lambda snapshot: _check(snapshot, embedder, pool))
    return _Opened(embedder, pool, store, codes, signatures, head, live_index, keys, LiveRules(database))


def _open_keys(settings: Settings, database: Database) -> LiveKeys:
    """Read the keys; refuse to be reached by others where nobody could use the service, or everybody by oversight."""
    keys = LiveKeys(database, settings.admin_key.get_secret_value() if settings.admin_key else None)
    if settings.keyless_search != "anyone" and not settings.listens_locally and not keys.any_for("search"):
        raise KeysMissing(
            f"Others can reach {settings.host} (LOOKALIKE_HOST, --host), and there is no key yet. Create one, such as "
            "`lookalike keys create --scope search --origin https://YOUR-SHOP`, or let everybody search without one: "
            "LOOKALIKE_KEYLESS_SEARCH=anyone."
        )
    return keys


def _open_snapshot_and_network(settings: Settings, snapshots: SnapshotFolder) -> tuple[LiveSnapshot, Embedder]:
    """Open the network while the files of the snapshot are hashed."""

    def network_of(manifest: Manifest) -> Embedder:
        return open_embedder(settings, manifest.network, recorded=Fingerprint.from_json(manifest.fingerprint))

    expected = snapshots.live_manifest()
    with ThreadPoolExecutor(1, thread_name_prefix="opening") as thread:
        opening = None if expected is None else thread.submit(network_of, expected)
        live = snapshots.open_live_or_previous()
    manifest = live.snapshot.manifest
    return live, opening.result() if opening is not None and manifest == expected else network_of(manifest)


def _check(snapshot: Snapshot, embedder: Embedder, pool: DecodePool) -> None:
    """Refuse a snapshot whose embeddings are not those that this service makes."""
    if snapshot.manifest.fingerprint_sha256 != embedder.fingerprint.sha256:
        raise SnapshotIncompatible(
            f"Snapshot {snapshot.id} was made with the network {snapshot.manifest.network}; {embedder.network} with "
            "other weights or preprocessing runs here. Restart the service to use it."
        )
    check_probes(embedder, lambda data: pool.prepare(data, embedder.preprocessings), snapshot.probes)
