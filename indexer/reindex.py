"""What a reindex job does: brings the index up to date with the shop's source, or with the catalogue's own pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from app.core.settings import Settings
from app.db.jobs import Job
from indexer.pipeline import IndexResult, SourceOptions, index_source, reindex_catalogue
from indexer.progress import Progress


@dataclass(frozen=True, slots=True)
class ReindexParams:
    """What was asked for: `full` looks at every picture anew, and publishes although nothing seems to have changed."""

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

    Where a source is set (LOOKALIKE_SOURCE, LOOKALIKE_SOURCE_MAP), the catalogue is made what it states first.

    Raises:
        AlreadyRunning: Another run has the data folder.
        LookalikeError: Nothing was published; the message says why.
    """
    if settings.source:
        imported = index_source(settings, settings.source, SourceOptions(mapping=settings.source_map), progress)
        if not params.full:
            return _document(imported)
    return _document(reindex_catalogue(settings, progress, full=params.full))


def _document(result: IndexResult) -> dict[str, JsonValue]:
    report, published = result.ingest, result.published
    return {
        "snapshot": published.snapshot_id,
        "new": published.is_new,
        "network": result.network,
        "metrics": dict(published.metrics),
        "products": report.products,
        "images": report.images,
        "embedded": report.embedded,
        "removed_products": report.removed,
        "kept_pictures": report.kept,
    }
