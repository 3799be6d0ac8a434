"""`lookalike evaluate --search-networks`: which network or mixture finds most, and what it costs."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from app.core.settings import Settings
from lookalike.output import print_json, print_table
from lookalike.progress import shown_progress

if TYPE_CHECKING:
    from indexer.evaluation.measuring import Request


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
    typer.echo(summary.verdict(found))
    typer.echo(summary.advice(found))
    if found.choice is not None:
        columns = summary.columns(found)
        print_table("", columns, summary.rows(found, intervals=False), whole=columns[0])
    typer.echo(f"The report, with all intervals, is {path}.")
