"""`lookalike openapi`: the description of the HTTP API, for generators of clients."""

from app.core.settings import Settings
from lookalike.output import print_json


def openapi() -> None:
    """Print the OpenAPI document of the service; it need not run, and there need be no index."""
    from app.main import create_app  # noqa: PLC0415  # keeps `lookalike --help` quick

    print_json(create_app(Settings.load()).openapi())
