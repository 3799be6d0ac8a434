"""`lookalike search` and `lookalike classify`: what the service answers, from a terminal."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from app.core.errors import SourceMissing
from app.core.settings import Settings
from lookalike.options import DataDir, Json
from lookalike.output import print_json, print_table
from lookalike.progress import shown_wait

Photo = Annotated[Path, typer.Argument(metavar="IMAGE", help="A photo: JPEG, PNG or WebP.")]

OF_THE_PHOTO = ("degraded_reason", "low_confidence", "classes", "categories", "timings_ms")
ONLY_OVER_HTTP = {"request_id", "query_id"}  # they name things that end with this process


def search(
    image: Photo,
    *,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many products to show.")] = 10,
    filter_text: Annotated[
        str | None,
        typer.Option("--filter", help='Which products, as JSON: {"category": "shoes", "price": {"lt": 50}}.'),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show the products that look most like a photo."""
    document = _ask(image, Settings.load(data_dir=data_dir, decode_workers=1), k, filter_text)
    if as_json:
        print_json(document)
    else:
        print_search(document)


def classify(image: Photo, *, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show what is in a photo: ImageNet's classes and the shop's categories."""
    document = _ask(image, Settings.load(data_dir=data_dir, decode_workers=1), k=1)
    if as_json:
        print_json(
            {
                name: document[name]
                for name in ("low_confidence", "classes", "categories", "degraded_reason", "timings_ms")
            }
        )
    else:
        print_labels(document)


def _ask(image: Path, settings: Settings, k: int, filter_text: str | None = None) -> dict[str, Any]:
    """Return the answer of `POST /search` for a photo file, from the same service without HTTP."""
    from app.core.image_headers import read_header  # noqa: PLC0415  # keeps `lookalike --help` quick
    from app.core.images import ImageLimits  # noqa: PLC0415

    try:
        photo = image.read_bytes()
    except OSError as error:
        raise SourceMissing(f"{image} cannot be read: {error.strerror}.") from error
    # The decoding child does this too, but only after seconds of loading.
    ImageLimits.from_settings(settings).check(read_header(photo))
    with shown_wait("Loading the index…"):
        document = asyncio.run(_search_once(settings, photo, k, filter_text))
    if document["degraded_reason"]:
        answering = f"Snapshot {document['snapshot']['id']} answers instead of the published one."
        typer.echo(f"Warning: {answering} {document['degraded_reason']}", err=True)
    return document


async def _search_once(settings: Settings, photo: bytes, k: int, filter_text: str | None) -> dict[str, Any]:
    import structlog  # noqa: PLC0415  # keeps `lookalike --help` quick

    from app.search.filters import parse_filter  # noqa: PLC0415

    wanted_filter = None if filter_text is None else parse_filter(filter_text)  # refused before seconds of loading

    from app.api.rendering import search_response  # noqa: PLC0415
    from app.search.opening import open_service  # noqa: PLC0415
    from app.search.service import Trace, Wanted  # noqa: PLC0415

    # The service's log lines would mix with the answer on standard output; what matters here is warned of.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    wanted = Wanted(k, filter=wanted_filter)
    async with open_service(settings) as service:
        started_s = time.perf_counter()
        answer = await service.search.search_photo(photo, None, wanted, Trace())
        response = search_response(str(uuid.uuid4()), answer, started_s)
        document = response.model_dump(mode="json", exclude=ONLY_OVER_HTTP)
        return {**document, "degraded_reason": service.live_index.degraded_reason}


def print_search(document: Mapping[str, Any]) -> None:
    """Print the results of a search as a table, with what is in the photo above it."""
    print_labels(document)
    rows = [
        (result["rank"], f"{result['score']:.3f}", product["title"], product["category"], product["id"])
        for result in document["results"]
        for product in [result["product"]]
    ]
    columns = ("Rank ", "Score ", "Title", "Category", "Product")
    print_table("Most similar products", columns, rows, whole="Product", spare="Category")


def print_labels(document: Mapping[str, Any]) -> None:
    """Print classes and categories with their probabilities, a line each."""
    for name in ("classes", "categories"):
        told = ", ".join(f"{label['label']} {label['probability']:.0%}" for label in document[name])
        typer.echo(f"{name.capitalize()}: {told or 'none'}")
    if document["low_confidence"]:
        typer.echo("The photo is nearly one colour; what looks like it means little.")
