"""`lookalike serve`: the service over HTTP."""

from typing import Annotated

import typer

from app.core.settings import Settings
from lookalike.options import DataDir, Host, Port


def serve(
    *,
    host: Host = None,
    port: Port = None,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", help="Port for Prometheus metrics. [default: none]")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Serve the search page and the HTTP API."""
    settings = Settings.load(host=host, port=port, metrics_port=metrics_port, data_dir=data_dir)
    run_service(settings)


def run_service(settings: Settings) -> None:
    """Serve until stopped; what is needed only for serving is loaded here."""
    from app.api.server import run  # noqa: PLC0415  # keeps `lookalike --help` quick
    from app.main import create_app  # noqa: PLC0415

    run(settings, create_app(settings), _say_where)


def _say_where(url: str) -> None:
    typer.echo(f"The search page is at {url} and the API's description at {url}/docs. Ctrl-C stops the service.")
