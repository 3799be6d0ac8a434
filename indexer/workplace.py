"""The data folder while one run works in it, and the tools of that run: network, embeddings, decoders, fetcher."""

import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder, choose_network, open_embedder
from app.core.errors import SnapshotError
from app.core.fetching.blocking import BlockingFetcher, fetching
from app.core.fetching.guard import Guard
from app.core.memory import give_back_memory
from app.core.networks.fingerprint import Fingerprint
from app.core.picture_store import PictureStore
from app.core.probes import check_probes
from app.core.regions import RegionCodes
from app.core.settings import Settings
from app.core.signature_store import SignatureStore
from app.core.snapshot_folder import SnapshotFolder
from app.core.vector_store import VectorStore
from app.db.database import Database
from indexer.pictures import PictureReader
from indexer.progress import Progress


@dataclass(frozen=True, slots=True)
class Tools:
    """What pictures become embeddings with, and where both are kept."""

    database: Database
    store: VectorStore
    codes: RegionCodes
    signatures: SignatureStore
    embedder: Embedder
    pool: DecodePool
    reader: PictureReader


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


@dataclass(frozen=True, slots=True)
class Workplace:
    """
    The data folder while this run, and no other, works in it.

    `scratch` is a folder for what only this run needs; it is there once somebody makes it, and goes with the run, or
    with the next one after a crash.
    """

    settings: Settings
    snapshots: SnapshotFolder
    database: Database
    fetcher: BlockingFetcher
    progress: Progress
    scratch: Path
    watch: Stopwatch = field(default_factory=Stopwatch)

    @classmethod
    @contextmanager
    def open(cls, settings: Settings, progress: Progress) -> Iterator[Self]:
        """
        Take the data folder, and upgrade its database.

        Raises:
            AlreadyRunning: Another run has it.
            LookalikeError: The data folder or the database cannot be used.
        """
        snapshots = SnapshotFolder(settings.snapshots_dir)
        scratch = settings.data_dir / "import.tmp"
        with (
            snapshots.lock(),
            _removed(scratch),
            closing(Database(settings.resolved_database_url)) as database,
            fetching(Guard.from_settings(settings)) as fetcher,
        ):
            database.upgrade()
            with database.writing() as catalogue:
                catalogue.raise_revision(snapshots.newest_watermark())
            yield cls(settings, snapshots, database, fetcher, progress, scratch)

    @contextmanager
    def tools(self) -> Iterator[Tools]:
        """Open the network, the stored embeddings and the decoders."""
        self.progress.phase("Loading the network")
        embedder = _open_index_embedder(self.settings, self.snapshots, self.progress)
        with (
            VectorStore.open(self.settings.vectors_dir, embedder.fingerprint.sha256, embedder.dimension) as store,
            RegionCodes(self.settings.regions_dir, embedder.fingerprint.sha256) as codes,
            SignatureStore(self.settings.signatures_dir) as signatures,
            DecodePool.from_settings(self.settings) as pool,
        ):
            if len(store):
                _check_drift(self.snapshots, embedder, pool)
            give_back_memory()
            self.watch.lap("load")
            reader = PictureReader(self.fetcher, PictureStore(self.settings.pictures_dir))
            yield Tools(self.database, store, codes, signatures, embedder, pool, reader)


@contextmanager
def _removed(folder: Path) -> Iterator[None]:
    """Remove a folder with all that is in it, now and when the block ends."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _open_index_embedder(settings: Settings, snapshots: SnapshotFolder, progress: Progress) -> Embedder:
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
