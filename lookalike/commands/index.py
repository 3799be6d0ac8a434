"""`lookalike index`: from a folder of photos, or a feed, to a published index."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.core.settings import Settings
from indexer.report import LISTED
from lookalike.commands.snapshots import FIGURE
from lookalike.options import DataDir, Json
from lookalike.output import print_json, print_table, printable
from lookalike.progress import shown_progress

if TYPE_CHECKING:
    from indexer.pipeline import IndexResult, SourceOptions
    from indexer.report import IngestReport

SHOWN_SKIPPED = 20


SourceArgument = Annotated[
    str, typer.Argument(help="Folder with a sub-folder of pictures for each category, or a feed: a file or an address.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=FIELD",
        help="What a column of the feed is, such as sku=id; html= leaves one out. May be repeated.",
    ),
]
Format = Annotated[str | None, typer.Option("--format", help="Format of the feed. [default: what it looks like]")]
Pictures = Annotated[
    Path | None, typer.Option("--pictures", help="Folder that the feed's paths of pictures are in. [default: its own]")
]
Partial = Annotated[
    bool, typer.Option("--partial", help="The source has some products only; leave the others as they are.")
]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="Take so many products only, and leave the others as they are.")
]
AllowRemovals = Annotated[
    bool, typer.Option("--allow-removals", help="Remove more than 30 % of the catalogue if the source says so.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be added, changed, removed and refused.")]
Network = Annotated[
    str | None, typer.Option("--network", help="Network to embed with, such as vgg16. [default: that of the index]")
]


def index(  # noqa: PLR0913  # each is an option of the command
    source: SourceArgument,
    *,
    columns: Columns = None,
    kind: Format = None,
    pictures: Pictures = None,
    partial: Partial = False,
    limit: Limit = None,
    allow_removals: AllowRemovals = False,
    dry_run: DryRun = False,
    network: Network = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Import a folder of photos or a feed of products, build the index and publish it."""
    from indexer.worker import step_back  # noqa: PLC0415  # keeps `lookalike --help` quick

    step_back()  # searches of a service on this machine go first
    from indexer.pipeline import SourceOptions  # noqa: PLC0415

    settings = Settings.load(data_dir=data_dir, network=network)
    options = SourceOptions(
        mapping=_mapping(columns or []),
        kind=kind,
        pictures=pictures,
        limit=limit,
        is_partial=partial,
        allows_removals=allow_removals,
    )
    if dry_run:
        _show_plan(settings, source, options, as_json=as_json)
        return
    result = run_index(settings, source, options)
    if as_json:
        print_json(index_document(result))
    else:
        print_index(result)


def run_index(settings: Settings, source: str, options: "SourceOptions | None" = None) -> "IndexResult":
    """Index with the progress shown."""
    from indexer.pipeline import SourceOptions, index_source  # noqa: PLC0415  # keeps `lookalike --help` quick

    try:
        with shown_progress() as progress:
            return index_source(settings, source, options or SourceOptions(), progress)
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
        "kept_pictures": report.kept,
        "outdated_products": report.outdated,
        "removed_products": report.removed,
        "skipped": _skipped_document(report),
        "seconds": result.seconds,
    }


def live_in_words(snapshot_id: str, metrics: Mapping[str, float]) -> str:
    """Return in sentences that a snapshot is live, and what was measured before it was published."""
    said = f"Snapshot {snapshot_id} is live; its index finds {metrics['recall_at_10']:.1%} of what exact search finds."
    precision = metrics.get(FIGURE)
    if precision is None:
        return said
    return f"{said} Of the 10 products found for a picture, {10 * precision:.1f} are of its category."


def print_index(result: "IndexResult") -> None:
    """Print what was indexed, and what was skipped with the reasons."""
    report, published = result.ingest, result.published
    _print_skipped(report)
    typer.echo(
        f"{report.products:,} products with {report.images:,} pictures "
        f"({report.embedded:,} embedded now, {report.reused:,} known), {result.network} on {result.runtime}."
    )
    for count, sentence in (
        (report.removed, "products that are no longer in the source were removed."),
        (report.outdated, "products were changed later than the source states, and stay as they are."),
        (report.kept, "pictures could not be had or used now; those from before stay."),
    ):
        if count:
            typer.echo(f"{count:,} {sentence}")
    if published.is_new:
        typer.echo(live_in_words(published.snapshot_id, published.metrics))
    else:
        typer.echo(f"Nothing changed; snapshot {published.snapshot_id} stays live.")


def _mapping(columns: list[str]) -> dict[str, str]:
    """Return fields by column."""
    mapping = {}
    for text in columns:
        column, equals, field = text.rpartition("=")
        if not (column and equals):
            raise typer.BadParameter(f"{text} is not COLUMN=FIELD, such as sku=id.", param_hint="--map")
        if column in mapping:
            raise typer.BadParameter(f"{column} is mapped twice.", param_hint="--map")
        mapping[column] = field
    return mapping


def _show_plan(settings: Settings, source: str, options: "SourceOptions", *, as_json: bool) -> None:
    """Print what an import would do."""
    from indexer.pipeline import plan_source  # noqa: PLC0415  # keeps `lookalike --help` quick

    with shown_progress() as progress:
        plan = plan_source(settings, source, options, progress)
    if as_json:
        products = {str(comparison): count for comparison, count in plan.products.items()}
        print_json({"products": products | {"removed": plan.removed}, "refused": _skipped_document(plan.report)})
        return
    _print_skipped(plan.report)
    refused = plan.report.skipped_by_reason.total()
    counts = [*plan.products.items(), ("removed", plan.removed), ("rows or pictures refused", refused)]
    rows = [(what, f"{count:,}") for what, count in counts]
    print_table("", ("What", "Products "), rows)
    typer.echo("Nothing was changed.")


def _skipped_document(report: "IngestReport") -> dict[str, object]:
    return {
        "count": report.skipped_by_reason.total(),
        "by_reason": dict(report.skipped_by_reason.most_common()),
        "listed": [
            {"place": printable(skipped.place), "reason": skipped.reason, "message": skipped.message}
            for skipped in report.skipped
        ],
    }


def _print_skipped(report: "IngestReport") -> None:
    count = report.skipped_by_reason.total()
    if not count:
        return
    print_table(
        f"Skipped: {count:,}",
        ("Reason", "Where", "Why"),
        [(skipped.reason, printable(skipped.place), skipped.message) for skipped in report.skipped[:SHOWN_SKIPPED]],
    )
    if count > SHOWN_SKIPPED:
        typer.echo(f"… and {count - SHOWN_SKIPPED:,} more; --json lists up to {LISTED:,} of them.")
