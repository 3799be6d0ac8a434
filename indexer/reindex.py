"""What a reindex job does: builds the index anew from the catalogue in the database, and publishes it."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from pydantic import JsonValue

from app.core.decode_pool import DecodePool
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.core.vector_store import VectorStore
from app.db.database import Database
from app.db.jobs import Job
from indexer.pipeline import open_index_embedder
from indexer.progress import Progress
from indexer.publish import publish_snapshot


@dataclass(frozen=True, slots=True)
class ReindexParams:
    """What was asked for: `full` builds although nothing seems to have changed."""

    full: bool = False

    @classmethod
    def from_json(cls, params: Mapping[str, JsonValue]) -> "ReindexParams":
        """Read the params of a job."""
        return cls(full=params.get("full") is True)


def run_reindex_job(settings: Settings, job: Job, progress: Progress) -> dict[str, JsonValue]:
    """Do what a job of the kind `reindex` asks for."""
    return run_reindex(settings, ReindexParams.from_json(job.params), progress)


def run_reindex(settings: Settings, params: ReindexParams, progress: Progress) -> dict[str, JsonValue]:
    """
    Publish a snapshot of the catalogue as it is now, and return what the job's row shall say of it.

    Raises:
        AlreadyRunning: Another run has the data folder.
        LookalikeError: Nothing was published; the message says why.
    """
    snapshots = SnapshotFolder(settings.snapshots_dir)
    with snapshots.lock(), closing(Database(settings.resolved_database_url)) as database:
        database.check()
        progress.phase("Loading the network")
        embedder = open_index_embedder(settings, snapshots, progress)
        with (
            VectorStore.open(settings.vectors_dir, embedder.fingerprint.sha256, embedder.dimension) as store,
            DecodePool.from_settings(settings) as pool,
        ):
            published = publish_snapshot(
                database,
                store,
                embedder,
                pool,
                snapshots,
                progress,
                keep=settings.snapshots_kept,
                may_keep_live=not params.full,
            )
    return {
        "snapshot": published.snapshot_id,
        "new": published.is_new,
        "network": embedder.network,
        "metrics": dict(published.metrics),
    }
