"""`lookalike snapshots`: the indexes on disk, and which of them is live."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.core.errors import SnapshotCorrupt, SnapshotMissing
from app.core.settings import Settings
from lookalike.options import DataDir, Json
from lookalike.output import print_json, print_table

if TYPE_CHECKING:
    from app.core.snapshot_folder import SnapshotFolder
    from app.core.snapshot_reader import SnapshotInfo

app = typer.Typer(help="List, publish, roll back and prune the indexes on disk.", no_args_is_help=True)

_RIGHT = "Right "
FIGURE = "category_precision_at_10"  # as indexer.evaluation.gate calls it, which loads the network's libraries
_NONE_YET = "There is no snapshot in {} yet; `lookalike index FOLDER` makes one."

SnapshotId = Annotated[str, typer.Argument(metavar="ID", help="Id of a snapshot, as `lookalike snapshots list` shows.")]


def _folder(settings: Settings) -> "SnapshotFolder":
    from app.core.snapshot_folder import SnapshotFolder  # noqa: PLC0415  # keeps `lookalike --help` quick

    return SnapshotFolder(settings.snapshots_dir)


def _existing_folder(settings: Settings) -> "SnapshotFolder":
    """Refuse a data folder without snapshots now: the locks of what changes them would leave a mistyped one behind."""
    if not settings.snapshots_dir.is_dir():
        raise SnapshotMissing(_NONE_YET.format(settings.data_dir))
    return _folder(settings)


@app.command(name="list")
def list_snapshots(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show the snapshots on disk, newest first."""
    settings = Settings.load(data_dir=data_dir)
    snapshots = _folder(settings)
    infos = snapshots.list()
    if as_json:
        print_json([_document(info) for info in infos])
    elif infos:
        columns = ("State", "Snapshot", "Network", "Products ", "Pictures ", _RIGHT, "Published")
        print_table("", columns, [_row(info) for info in infos], whole="Snapshot", spare="Pictures ")
        if any(info.manifest and FIGURE in info.manifest.metrics for info in infos):
            typer.echo(f"{_RIGHT.strip()}: share of ten hits in the picture's category; --json has all figures.")
        for info in infos:
            if info.problem:
                typer.echo(info.problem)
    else:
        typer.echo(_NONE_YET.format(settings.data_dir))
    if problem := _live_problem(snapshots, infos):
        typer.echo(problem, err=True)


@app.command()
def publish(snapshot_id: SnapshotId, *, data_dir: DataDir = None) -> None:
    """Make a snapshot the live one, after checking its files."""
    _existing_folder(Settings.load(data_dir=data_dir)).publish(snapshot_id)
    typer.echo(f"Snapshot {snapshot_id} is live.")


@app.command()
def rollback(*, data_dir: DataDir = None) -> None:
    """Make the snapshot live that was live before."""
    snapshot_id = _existing_folder(Settings.load(data_dir=data_dir)).rollback()
    typer.echo(f"Snapshot {snapshot_id} is live again.")


@app.command()
def prune(
    *,
    keep: Annotated[int | None, typer.Option("--keep", min=2, help="Snapshots to keep, the live one included.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Remove old snapshots; the live one and the one before it always stay."""
    settings = Settings.load(data_dir=data_dir, snapshots_kept=keep)
    snapshots = _existing_folder(settings)
    with snapshots.lock():
        removed = snapshots.prune(settings.snapshots_kept)
    typer.echo(f"Removed {', '.join(removed)}." if removed else "There was nothing to remove.")


def _live_problem(snapshots: "SnapshotFolder", infos: "list[SnapshotInfo]") -> str | None:
    """Return why none of the snapshots is shown as the live one, if one should be."""
    try:
        current = snapshots.current()
    except SnapshotCorrupt as error:
        return error.message
    if current is None or any(info.is_live for info in infos):
        return None
    return f"Snapshot {current.id} is live but not on the disk; choose another with `lookalike snapshots publish`."


def _document(info: "SnapshotInfo") -> dict[str, object]:
    manifest = info.manifest.model_dump(mode="json") if info.manifest else None
    return {
        "id": info.id,
        "live": info.is_live,
        "published_at": info.published_at.isoformat() if info.published_at else None,
        "size_bytes": info.size_bytes,
        "problem": info.problem,
        "manifest": manifest,
    }


def _row(info: "SnapshotInfo") -> tuple[object, ...]:
    manifest = info.manifest
    facts: tuple[str, ...] = ("", "", "", "")
    if manifest:
        right = manifest.metrics.get(FIGURE)
        facts = (
            manifest.network,
            f"{manifest.products:,}",
            f"{manifest.images:,}",
            "" if right is None else f"{right:.3f}",
        )
    states = [word for word, holds in (("live", info.is_live), ("damaged", info.problem)) if holds]
    return (", ".join(states), info.id, *facts, _local(info.published_at))


def _local(moment: datetime | None) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else ""
