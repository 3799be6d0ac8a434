"""`lookalike index`: from a folder of photos to a published index."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.core.settings import Settings
from lookalike.options import DataDir, Json
from lookalike.output import path_text, print_json, print_table
from lookalike.progress import shown_progress

if TYPE_CHECKING:
    from indexer.pipeline import IndexResult

SHOWN_SKIPPED = 20


def index(
    source: Annotated[Path, typer.Argument(help="Folder with one sub-folder of pictures for each category.")],
    *,
    network: Annotated[
        str | None, typer.Option("--network", help="Network to embed with, such as vgg16. [default: that of the index]")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Import a folder of photos, build the index and publish it."""
    settings = Settings.load(data_dir=data_dir, network=network)
    result = run_index(settings, source)
    if as_json:
        print_json(index_document(result))
    else:
        print_index(result)


def run_index(settings: Settings, source: Path) -> "IndexResult":
    """Index with the progress shown."""
    from indexer.pipeline import index_folder  # noqa: PLC0415  # keeps `lookalike --help` quick

    try:
        with shown_progress() as progress:
            return index_folder(settings, source, progress)
    except KeyboardInterrupt:
        typer.echo("Stopped. The pictures embedded so far are kept; the same command continues from there.", err=True)
        raise


def index_document(result: "IndexResult") -> dict[str, object]:
    """Return the result as the JSON document of `lookalike index --json`."""
    report, published = result.ingest, result.published
    return {
        "snapshot": {"id": published.snapshot_id, "new": published.is_new, "metrics": published.metrics},
        "network": result.network,
        "runtime": result.runtime,
        "products": report.products,
        "images": report.images,
        "embedded": report.embedded,
        "reused": report.reused,
        "removed_products": report.removed_products,
        "skipped": {
            "count": len(report.skipped),
            "by_reason": report.skipped_by_reason,
            "files": [
                {"path": path_text(skipped.path), "reason": skipped.reason, "message": skipped.message}
                for skipped in report.skipped
            ],
        },
        "seconds": result.seconds,
    }


def print_index(result: "IndexResult") -> None:
    """Print what was indexed, and the skipped files with their reasons."""
    report, published = result.ingest, result.published
    if report.skipped:
        print_table(
            f"Skipped files: {len(report.skipped):,}",
            ("Reason", "File", "Why"),
            [(skipped.reason, path_text(skipped.path), skipped.message) for skipped in report.skipped[:SHOWN_SKIPPED]],
        )
        if len(report.skipped) > SHOWN_SKIPPED:
            typer.echo(f"… and {len(report.skipped) - SHOWN_SKIPPED:,} more; --json lists all of them.")
    typer.echo(
        f"{report.products:,} products with {report.images:,} pictures "
        f"({report.embedded:,} embedded now, {report.reused:,} known), {result.network} on {result.runtime}."
    )
    if report.removed_products:
        typer.echo(f"{report.removed_products:,} products that are no longer in the folder were removed.")
    if published.is_new:
        typer.echo(f"Snapshot {published.snapshot_id} is live, recall@10 {published.metrics['recall_at_10']:.3f}.")
    else:
        typer.echo(f"Nothing changed; snapshot {published.snapshot_id} stays live.")
