"""`lookalike search` and `lookalike classify`: what the service answers, from a terminal."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.core.errors import SourceMissing
from app.core.settings import Settings
from lookalike.options import DataDir, Json
from lookalike.output import print_json, print_table

if TYPE_CHECKING:
    from lookalike.shop import Found

Photo = Annotated[Path, typer.Argument(metavar="IMAGE", help="A photo: JPEG, PNG or WebP.")]


def search(
    image: Photo,
    *,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many products to show.")] = 10,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show the products that look most like a photo."""
    found = _ask(image, Settings.load(data_dir=data_dir), k)
    if as_json:
        print_json(search_document(found))
    else:
        print_search(search_document(found))


def classify(image: Photo, *, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show what is in a photo: ImageNet's classes and the shop's categories."""
    found = _ask(image, Settings.load(data_dir=data_dir), k=1)
    document = search_document(found)
    if as_json:
        print_json({name: document[name] for name in ("low_confidence", "classes", "categories")})
    else:
        print_labels(document)


def _ask(image: Path, settings: Settings, k: int) -> "Found":
    from lookalike.shop import Shop  # noqa: PLC0415  # keeps `lookalike --help` quick

    try:
        data = image.read_bytes()
    except OSError as error:
        raise SourceMissing(f"{image} cannot be read: {error.strerror}.") from error
    with closing(Shop.open(settings)) as shop:
        return shop.search(data, k)


def search_document(found: "Found") -> dict[str, Any]:
    """Return what was found as JSON, with the names of `POST /search`."""
    return {
        "snapshot": {"id": found.snapshot_id, "network": found.network},
        "low_confidence": found.low_confidence,
        "classes": [asdict(label) for label in found.classes],
        "categories": [asdict(label) for label in found.categories],
        "results": [
            {"rank": rank, "score": hit.score, "image": {"id": hit.image_id}, "product": asdict(hit.product)}
            for rank, hit in enumerate(found.hits, start=1)
        ],
    }


def print_search(document: Mapping[str, Any]) -> None:
    """Print the results of a search as a table, with what is in the photo above it."""
    print_labels(document)
    rows = [
        (result["rank"], f"{result['score']:.3f}", product["title"], product["category"], product["id"])
        for result in document["results"]
        for product in [result["product"]]
    ]
    print_table("Most similar products", ("Rank ", "Score ", "Title", "Category", "Product"), rows)


def print_labels(document: Mapping[str, Any]) -> None:
    """Print classes and categories with their probabilities, a line each."""
    for name in ("classes", "categories"):
        told = ", ".join(f"{label['label']} {label['probability']:.0%}" for label in document[name])
        typer.echo(f"{name.capitalize()}: {told or 'none'}")
    if document["low_confidence"]:
        typer.echo("The photo is nearly one colour; what looks like it means little.")
