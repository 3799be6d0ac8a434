"""`lookalike db`: the catalogue database."""

from contextlib import closing

import typer

from app.core.settings import Settings
from lookalike.options import DataDir

app = typer.Typer(help="Look after the catalogue database.", no_args_is_help=True)


@app.callback()
def database() -> None:
    """Look after the catalogue database."""


@app.command()
def upgrade(*, data_dir: DataDir = None) -> None:
    """Bring the database to the form that this version needs; harmless when it already is."""
    from app.db.database import Database  # noqa: PLC0415  # keeps `lookalike --help` quick

    settings = Settings.load(data_dir=data_dir)
    with closing(Database(settings.resolved_database_url)) as catalogue_database:
        catalogue_database.upgrade()
    typer.echo("The database is up to date.")
