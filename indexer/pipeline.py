"""
The whole run from a folder of photos to a published snapshot.

    source → catalogue and embeddings (`ingest`) → build → verify → publish (`publish`)

One run at a time for a data folder. Whatever happens on the way, the snapshot that was live stays live.
"""

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder, choose_network, open_embedder
from app.core.errors import NoReadableImage, SnapshotError
from app.core.networks.fingerprint import Fingerprint
from app.core.probes import check_probes
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.core.vector_store import VectorStore
from app.db.database import Database
from indexer.ingest import Ingest, IngestReport
from indexer.progress import Progress
from indexer.publish import Published, publish_snapshot
from indexer.sources import SourceProduct, read_folder


@dataclass(frozen=True, slots=True)
class IndexResult:
    """What one run did: the files, the snapshot that is live now, and where the time went."""

    ingest: IngestReport
    published: Published
    network: str
    runtime: str
    seconds: dict[str, float]


class Stopwatch:
    """Seconds by phase, in the order in which the phases ended."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last_s = time.perf_counter()

    def lap(self, phase: str) -> None:
        """Give the time since the last lap to `phase`."""
        now_s = time.perf_counter()
        self.seconds[phase] = round(now_s - self._last_s, 3)
        self._last_s = now_s


def index_folder(settings: Settings, folder: Path, progress: Progress) -> IndexResult:
    """
    Make the catalogue what `folder` holds and publish a snapshot of it.

    Raises:
        IndexingFailed: Nothing was published; the message says why.
        LookalikeError: The data folder, the database or the network cannot be used.
    """
    products = read_folder(folder)
    snapshots = SnapshotFolder(settings.snapshots_dir)
    with snapshots.lock(), closing(Database(settings.resolved_database_url)) as database:
        database.upgrade()
        return _run(settings, products, snapshots, database, progress)


def _run(
    settings: Settings,
    products: list[SourceProduct],
    snapshots: SnapshotFolder,
    database: Database,
    progress: Progress,
) -> IndexResult:
    watch = Stopwatch()
    progress.phase("Loading the network")
    embedder = open_index_embedder(settings, snapshots, progress)
    watch.lap("load")
    with (
        VectorStore.open(settings.vectors_dir, embedder.fingerprint.sha256, embedder.dimension) as store,
        DecodePool.from_settings(settings) as pool,
    ):
        if len(store):
            _check_drift(snapshots, embedder, pool)
        report = Ingest(database, store, embedder, pool, progress).run(products, workers=pool.size)
        watch.lap("ingest")
        if report.images == 0:
            raise NoReadableImage(_nothing_readable(report))
        published = publish_snapshot(
            database,
            store,
            embedder,
            pool,
            snapshots,
            progress,
            keep=settings.snapshots_kept,
            may_keep_live=report.embedded == 0,
        )
        watch.lap("publish")
    return IndexResult(report, published, embedder.network, embedder.runtime, watch.seconds)


def open_index_embedder(settings: Settings, snapshots: SnapshotFolder, progress: Progress) -> Embedder:
    """Open the network that the index was built with, unless another one is asked for by name."""
    if settings.network == "auto":
        infos = sorted(snapshots.list(), key=lambda info: info.is_live, reverse=True)  # else newest first
        known = next((info.manifest for info in infos if info.manifest is not None), None)
        if known is not None:
            return open_embedder(settings, known.network, recorded=Fingerprint.from_json(known.fingerprint))
    progress.phase("Looking for the network's weights (MiB)")
    network = choose_network(settings, warn=progress.warn, progress=progress.download)
    progress.phase("Loading the network")
    return open_embedder(settings, network)


def _check_drift(snapshots: SnapshotFolder, embedder: Embedder, pool: DecodePool) -> None:
    """
    Refuse to add embeddings to stored ones that this machine would not make any more.

    The fingerprint is the same, yet a new version of a library may compute otherwise; mixed, they compare badly.
    """
    try:
        live = snapshots.open_live_or_previous().snapshot
    except SnapshotError:
        return
    if live.manifest.fingerprint_sha256 == embedder.fingerprint.sha256:
        check_probes(embedder, lambda data: pool.prepare(data, embedder.preprocessings), live.probes)


def _nothing_readable(report: IngestReport) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in report.skipped_by_reason.items())
    return f"None of the {len(report.skipped)} files could be used as a picture ({reasons}); the index is as it was."
