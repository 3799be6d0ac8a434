"""
The `lookalike` command: what commands there are, and how failures end.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped with Ctrl-C. What a command prints for scripts goes to
standard output; progress, warnings and errors go to standard error.
"""

import sys
from typing import Annotated

import typer

from app import __version__
from app.core.errors import LookalikeError
from lookalike.commands import (
    database,
    demo,
    doctor,
    evaluate,
    index,
    jobs,
    keys,
    networks,
    openapi,
    reindex,
    search,
    serve,
    snapshots,
    train,
    worker,
)

app = typer.Typer(
    name="lookalike",
    help="Visual-similarity search that a shop runs itself: a photo in, the most similar products out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
app.command(name="demo")(demo.demo)
app.command(name="index")(index.index)
app.command(name="reindex")(reindex.reindex)
app.command(name="worker")(worker.worker)
app.command(name="serve")(serve.serve)
app.command(name="openapi")(openapi.openapi)
app.command(name="search")(search.search)
app.command(name="classify")(search.classify)
app.command(name="train")(train.train)
app.command(name="doctor")(doctor.doctor)
app.command(name="evaluate")(evaluate.evaluate)
app.add_typer(jobs.app, name="jobs")
app.add_typer(snapshots.app, name="snapshots")
app.add_typer(networks.app, name="networks")
app.add_typer(keys.app, name="keys")
app.add_typer(database.app, name="db")


def _show_version(*, value: bool) -> None:
    if value:
        typer.echo(f"lookalike {__version__}")
        raise typer.Exit


@app.callback()
def lookalike(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Visual-similarity search that a shop runs itself: a photo in, the most similar products out."""


def main() -> None:
    """Run the `lookalike` command; a foreseen failure ends in one sentence on standard error and exit code 1."""
    try:
        app()
    except LookalikeError as error:
        sys.stderr.write(f"Error: {error.message}\n")
        sys.exit(1)
