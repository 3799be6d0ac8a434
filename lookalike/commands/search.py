"""`lookalike search` and `lookalike classify`: what the service answers, from a terminal."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.core.errors import SourceMissing
from app.core.settings import Settings
from lookalike.options import DataDir, Json
from lookalike.output import print_json, print_table
from lookalike.progress import shown_wait

if TYPE_CHECKING:
    from app.search.opening import OpenService
    from app.search.service import Answer

Photo = Annotated[Path, typer.Argument(metavar="IMAGE", help="A photo: JPEG, PNG or WebP.")]

COLUMNS = ("Rank ", "Score ", "Title", "Price ", "Category", "Product")
OF_THE_PHOTO = ("degraded_reason", "low_confidence", "classes", "categories", "timings_ms")
NOT_EXPLAINED = "The index keeps nothing that tells why these are hits; `lookalike reindex --full` makes it."
ONLY_OVER_HTTP = {"request_id", "query_id"}  # they name things that end with this process


def search(
    image: Photo,
    *,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many products to show.")] = 10,
    filter_text: Annotated[
        str | None,
        typer.Option("--filter", help='Which products, as JSON: {"category": "shoes", "price": {"lt": 50}}.'),
    ] = None,
    explain: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also draw, as a PNG, which parts of the photo and of each product made them similar."
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show the products that look most like a photo."""
    asked = Asked(k, filter_text, explain)
    document = _ask(image, Settings.load(data_dir=data_dir, decode_workers=1), asked)
    if as_json:
        print_json(document)
    else:
        print_search(document, is_filtered=filter_text is not None)
        if document.get("explanation_file"):
            typer.echo(f"What made them similar is drawn in {document['explanation_file']}.")


def classify(image: Photo, *, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show what is in a photo: ImageNet's classes and the shop's categories."""
    document = _ask(image, Settings.load(data_dir=data_dir, decode_workers=1), Asked(k=1))
    if as_json:
        print_json(
            {
                name: document[name]
                for name in ("low_confidence", "classes", "categories", "degraded_reason", "timings_ms")
            }
        )
    else:
        print_labels(document)


@dataclass(frozen=True, slots=True)
class Asked:
    """How many products, which, and where to draw why."""

    k: int
    filter_text: str | None = None
    explain: Path | None = None


def _ask(image: Path, settings: Settings, asked: Asked) -> dict[str, Any]:
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
        document = asyncio.run(_search_once(settings, photo, asked))
    if document["degraded_reason"]:
        answering = f"Snapshot {document['snapshot']['id']} answers instead of the published one."
        typer.echo(f"Warning: {answering} {document['degraded_reason']}", err=True)
    return document


async def _search_once(settings: Settings, photo: bytes, asked: Asked) -> dict[str, Any]:
    import structlog  # noqa: PLC0415  # keeps `lookalike --help` quick

    from app.search.filters import parse_filter  # noqa: PLC0415

    # Refused before seconds of loading.
    wanted_filter = None if asked.filter_text is None else parse_filter(asked.filter_text)

    from app.api.rendering import search_response  # noqa: PLC0415
    from app.search.finding import Wanted  # noqa: PLC0415
    from app.search.looking import Trace  # noqa: PLC0415
    from app.search.opening import open_service  # noqa: PLC0415

    # The service's log lines would mix with the answer on standard output; what matters here is warned of.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    wanted = Wanted(asked.k, filter=wanted_filter, explain=asked.explain is not None)
    async with open_service(settings) as service:
        started_s = time.perf_counter()
        answer = await service.search.search_photo(photo, None, wanted, Trace())
        response = search_response(str(uuid.uuid4()), answer, started_s)
        document = response.model_dump(mode="json", exclude=ONLY_OVER_HTTP, exclude_unset=True)
        document["degraded_reason"] = service.live_index.degraded_reason
        if asked.explain is not None:
            is_drawn = await _draw(service, photo, answer, asked.explain)
            document["explanation_file"] = str(asked.explain) if is_drawn else None
        return document


async def _draw(service: "OpenService", photo: bytes, answer: "Answer", path: Path) -> bool:
    """Draw the query beside each hit that is explained; False where none is."""
    from app.core.errors import NotFound  # noqa: PLC0415  # keeps `lookalike --help` quick
    from app.core.explain_drawing import ExplainedPicture, draw_explanation  # noqa: PLC0415
    from app.core.files import storage_errors, write_atomically  # noqa: PLC0415

    query = await service.pictures.thumbnail_of(photo)
    pairs = []
    for rank, (hit, found) in enumerate(zip(answer.hits, answer.explanations or (), strict=True), start=1):
        if found is None:
            continue
        try:
            picture = await service.pictures.thumbnail(hit.image_id)
        except NotFound:  # its file went since; the others can still be drawn
            continue
        caption = f"{rank}. {hit.score:.3f}  {hit.product.title}"
        pairs.append(
            (
                ExplainedPicture(query, found.maps.query, found.query_seen, "Your photo"),
                ExplainedPicture(picture.data, found.maps.hit, found.hit_seen, caption),
            )
        )
    if not pairs:
        typer.echo(f"Warning: nothing is drawn in {path}. {NOT_EXPLAINED}", err=True)
        return False
    with storage_errors(path.parent):
        write_atomically(path, draw_explanation(pairs))
    return True


def print_search(document: Mapping[str, Any], *, is_filtered: bool = False) -> None:
    """Print the results of a search as a table, with the verdict and what is in the photo above it."""
    verdict = in_words(document, is_filtered=is_filtered)
    if verdict:
        typer.echo(verdict)
    print_labels(document)
    rows = [
        {
            "Rank ": result["rank"],
            "Score ": f"{result['score']:.3f}",
            "Title": product["title"],
            "Price ": price_of(product),
            "Category": product["category"],
            "Product": product["id"],
        }
        for result in document["results"]
        for product in [result["product"]]
    ]
    has_prices = any(row["Price "] for row in rows)
    columns = [name for name in COLUMNS if name != "Price " or has_prices]
    cells = [[row[name] for name in columns] for row in rows]
    print_table("Most similar products", columns, cells, whole="Product", spare="Category")


def price_of(product: Mapping[str, Any]) -> str:
    """Return a product's price with its currency; nothing where it has none."""
    if product["price"] is None:
        return ""
    price = Decimal(str(product["price"]))
    cents = price.quantize(Decimal("0.01"))
    return f"{cents if cents == price else price:,f} {product['currency'] or ''}".rstrip()


def in_words(document: Mapping[str, Any], *, is_filtered: bool = False) -> str:
    """Return the verdict on a photo as a sentence; nothing where there is none."""
    match, results = document["match"], document["results"]
    if match is None:
        return ""
    sure = f"({match['confidence']:.0%} sure)"
    if match["verdict"] == "exact":
        # It is the first hit, unless a filter leaves it out.
        title = f": {results[0]['product']['title']}" if results and not is_filtered else ""
        return f"This very picture is in the catalogue{title} {sure}."
    if match["verdict"] == "similar":
        return f"Something alike is in the catalogue {sure}."
    return f"Nothing quite like it is in this catalogue; these are the closest {sure}."


def print_labels(document: Mapping[str, Any]) -> None:
    """Print classes and categories with their probabilities, a line each."""
    for name in ("classes", "categories"):
        told = ", ".join(f"{label['label']} {label['probability']:.0%}" for label in document[name])
        typer.echo(f"{name.capitalize()}: {told or 'none'}")
    if document["low_confidence"]:
        typer.echo("The photo is nearly one colour; what looks like it means little.")
