"""How good the snapshots were, over time: those on the disk tell it themselves, of others the jobs that made them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.core.snapshot_reader import SnapshotInfo, counter_of
from app.db.jobs import Job


@dataclass(frozen=True, slots=True)
class SnapshotFigures:
    """What was measured when a snapshot was made; `live` and `on_disk` are as of now."""

    snapshot: str
    network: str
    measured_at: datetime
    live: bool
    on_disk: bool
    metrics: dict[str, float]


def figures_over_time(infos: Iterable[SnapshotInfo], jobs: Iterable[Job], newest: int) -> list[SnapshotFigures]:
    """
    Return the figures of the newest snapshots that have any, oldest first.

    Args:
        infos: The snapshots on the disk.
        jobs: Those that succeeded; what they made may have been pruned since.
        newest: How many to return at most.
    """
    found = {figures.snapshot: figures for job in jobs if (figures := _of_job(job)) is not None}
    found |= {info.id: figures for info in infos if (figures := _of_snapshot(info)) is not None}
    ordered = sorted(found.values(), key=lambda figures: (counter_of(figures.snapshot), figures.measured_at))
    return [figures for figures in ordered if figures.metrics][-newest:]


def _of_snapshot(info: SnapshotInfo) -> SnapshotFigures | None:
    manifest = info.manifest
    if manifest is None:
        return None
    return SnapshotFigures(
        snapshot=info.id,
        network=manifest.network,
        measured_at=manifest.created_at,
        live=info.is_live,
        on_disk=True,
        metrics=manifest.metrics,
    )


def _of_job(job: Job) -> SnapshotFigures | None:
    """Read the result of a job that made a snapshot, as `indexer.reindex` writes it."""
    result = job.result or {}
    snapshot, network, metrics = result.get("snapshot"), result.get("network"), result.get("metrics")
    if not (result.get("new") is True and isinstance(snapshot, str) and isinstance(metrics, dict) and job.finished_at):
        return None
    if not snapshot.partition("-")[0].isdecimal():
        return None
    return SnapshotFigures(
        snapshot=snapshot,
        network=network if isinstance(network, str) else "",
        measured_at=job.finished_at,
        live=False,
        on_disk=False,
        metrics={name: float(value) for name, value in metrics.items() if isinstance(value, int | float)},
    )
