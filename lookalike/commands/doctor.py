"""`lookalike doctor`: what is wrong with the catalogue's pictures."""

from pathlib import Path
from typing import Annotated

import typer

from app.core.settings import Settings
from lookalike.options import DataDir, Json
from lookalike.output import print_json, print_table
from lookalike.progress import shown_progress

Source = Annotated[
    str | None,
    typer.Option(
        "--source",
        help="Folder or feed file that the catalogue came from, to find its files that never got into the index. "
        "[default: the folders of the catalogue's pictures]",
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", help="File for the report. [default: reports/doctor.html in the data folder]")
]


def doctor(*, source: Source = None, output: Output = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Look for duplicates, wrong categories and bad pictures in the catalogue, and write a report of them."""
    from app.core.decode_pool import DecodePool  # noqa: PLC0415  # keeps `lookalike --help` quick
    from indexer.doctor.document import to_document  # noqa: PLC0415
    from indexer.doctor.examination import examine  # noqa: PLC0415
    from indexer.doctor.report import to_html  # noqa: PLC0415
    from indexer.reports import write_report  # noqa: PLC0415
    from indexer.worker import step_back  # noqa: PLC0415

    step_back()  # searches of a service on this machine go first
    settings = Settings.load(data_dir=data_dir)
    path = output or settings.data_dir / "reports" / "doctor.html"
    with DecodePool.from_settings(settings) as pool, shown_progress() as progress:
        examination = examine(settings, progress, pool, source)
        write_report(path, to_html(examination, pool, progress))
    if as_json:
        print_json(to_document(examination) | {"report": str(path)})
        return
    print_table(
        "", ("What", "Found "), [(section.title, f"{len(section.findings):,}") for section in examination.sections]
    )
    typer.echo(examination.verdict)
    typer.echo(f"Look at them in {path}.")
