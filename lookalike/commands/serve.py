"""`lookalike serve`: the service over HTTP."""

import logging
from collections.abc import Callable
from functools import partial
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
    run_service(settings, partial(say_where, settings))


def run_service(settings: Settings, on_ready: Callable[[str], None], *, log_level: int = logging.INFO) -> None:
    """Serve until stopped; `on_ready` gets the service's address once it answers, and must not block."""
    from app.api.server import run  # noqa: PLC0415  # keeps `lookalike --help` quick
    from app.main import create_app  # noqa: PLC0415

    run(settings, create_app(settings), on_ready, log_level=log_level)


def say_where(settings: Settings, url: str) -> None:
    """Print where the service's pages are."""
    typer.echo(f"The search page is at {url} and the API's description at {url}/docs. Ctrl-C stops the service.")
    if settings.keyless_search == "anyone":
        return
    if settings.keyless_search == "nobody" or not settings.listens_locally:
        typer.echo("Searches need a key here: `lookalike keys create --scope search`; see LOOKALIKE_KEYLESS_SEARCH.")
