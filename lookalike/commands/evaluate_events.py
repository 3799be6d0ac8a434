"""`lookalike evaluate --from-events`: how high what shoppers chose stands now."""

from pathlib import Path

import typer

from app.core.settings import Settings
from lookalike.output import print_json, print_table
from lookalike.progress import shown_progress


def evaluate_events(
    settings: Settings, *, snapshot_id: str | None, k: int, seed: int, output: Path | None, as_json: bool
) -> None:
    """Ask again what shoppers chose something from; write the report, print."""
    from app.core.decode_pool import DecodePool  # noqa: PLC0415  # keeps `lookalike --help` quick
    from indexer.evaluation import choices_report as told  # noqa: PLC0415
    from indexer.evaluation.choices import evaluate_choices  # noqa: PLC0415
    from indexer.evaluation.report import THUMBNAIL_PX  # noqa: PLC0415
    from indexer.reports import thumbnail_uris, write_report  # noqa: PLC0415

    path = output or settings.data_dir / "reports" / "events.html"
    with shown_progress() as progress:
        choices = evaluate_choices(settings, progress, snapshot_id=snapshot_id, k=k, seed=seed)
        pictures = told.pictures_of(choices)
        progress.phase("Drawing what fell", len(pictures))
        with DecodePool.from_settings(settings) as pool:
            thumbnails = thumbnail_uris(pictures, THUMBNAIL_PX, pool, progress.advance)
        write_report(path, told.choices_report(choices, thumbnails))
    if as_json:
        print_json(told.choices_document(choices) | {"report": str(path)})
        return
    typer.echo("\n".join([told.verdict(choices), *told.remarks(choices)]))
    if rows := told.figure_rows(choices):
        print_table("", told.COLUMNS, rows)
    typer.echo(f"The report, with what fell furthest, is {path}.")
