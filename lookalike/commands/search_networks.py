"""`lookalike evaluate --search-networks`: which network or mixture finds most, and what it costs."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from app.core.settings import Settings
from lookalike.output import print_json, print_table
from lookalike.progress import shown_progress

if TYPE_CHECKING:
    from indexer.evaluation.measuring import Request
    from indexer.evaluation.networks.searching import Found

FIGURES = ("Network", "Precision ", "mAP ", "Gain ", "Category ")
COSTS = ("Network", "ms a picture ", "Network MiB ", "Index MiB ")
NAME_CHARS = 35  # what these leave of 80 columns


def search(settings: Settings, request: "Request", names: str, output: Path | None, *, as_json: bool) -> None:
    """Try the networks of a list, or all at hand where it is empty; write the report, print."""
    from indexer.evaluation.networks import summary  # noqa: PLC0415  # keeps `lookalike --help` quick
    from indexer.evaluation.networks.searching import search_networks  # noqa: PLC0415
    from indexer.reports import write_report  # noqa: PLC0415

    path = output or settings.data_dir / "reports" / "networks.html"
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    with shown_progress() as progress:
        found = search_networks(settings, request, wanted, progress)
        write_report(path, summary.networks_report(found))
    if as_json:
        print_json(summary.networks_document(found) | {"report": str(path)})
        return
    print_found(found)
    typer.echo(f"The report, with all figures and intervals, is {path}.")


def print_found(found: "Found") -> None:
    """Print what came out, and in two tables what each network finds and costs; the report has more of it."""
    from indexer.evaluation.networks import summary  # noqa: PLC0415  # keeps `lookalike --help` quick

    typer.echo("\n".join(filter(None, [summary.verdict(found), summary.advice(found), summary.note(found)])))
    if found.choice is None:
        return
    title = f"What each finds: precision of {found.k} hits, categories told"
    for told, columns, rows in (
        (title, FIGURES, summary.short_rows(found)),
        ("What each costs", COSTS, summary.cost_rows(found)),
    ):
        print_table(told, columns, [(_in_lines(name), *cells) for name, *cells in rows], whole=columns[0])


def _in_lines(name: str) -> str:
    """Return the name of a network, in a line for each part where it would leave no room beside it."""
    return name if len(name) <= NAME_CHARS else name.replace("+", "+\n")
