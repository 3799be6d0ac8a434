"""
Pictures that the shop has and the index has not: broken files, files of unknown kinds, pictures that were lost.

A file that cannot be decoded never gets into the catalogue, so it is looked for where the catalogue's pictures come
from: in the source, or else in the folders that they lie in.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.core.products import ProductRecord
from indexer.sources import RefusedRow, SourceProduct, open_source

_PICTURE_SUFFIXES: Final = frozenset(
    f".{ending}"
    for ending in ("jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "avif", "heic", "heif", "bmp", "tif", "tiff")
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that the index lacks; what is wrong with it shows when its file is opened."""

    place: str
    """Path of a file, or an address."""
    is_file: bool
    product_id: str | None = None
    title: str = ""
    category: str | None = None


def of_the_catalogue(
    products: Iterable[ProductRecord], indexed: frozenset[str], newer: frozenset[str]
) -> Iterator[Candidate]:
    """
    Yield the pictures of the catalogue without a place in the index.

    Args:
        products: Of the database.
        indexed: Ids of the images that the index has.
        newer: Products that were changed after the index was built; they are found by what was laid over it.
    """
    for product in products:
        if product.id in newer:
            continue
        for image in product.images:
            if image.id not in indexed:
                yield Candidate(
                    image.location, is_file=True, product_id=product.id, title=product.title, category=product.category
                )


def of_the_source(source: str, known: frozenset[str]) -> Iterator[Candidate]:
    """
    Yield the pictures that a folder or a feed on this machine states and the catalogue does not have from there.

    `known` are the places, paths and addresses, that the catalogue has its pictures from.

    Raises:
        LookalikeError: The source cannot be read.
    """
    opened = open_source(source)
    for outcome in opened.products():
        if isinstance(outcome, RefusedRow):
            continue
        for image in outcome.images:
            is_file = image.address is None
            if image.place in known or (is_file and opened.kind == "folder" and not _looks_like_a_picture(image.place)):
                continue
            yield _stated(outcome, image.place, is_file=is_file)


def beside(folders: Iterable[Path], known: frozenset[str]) -> Iterator[Candidate]:
    """Yield the files in these folders that are called like pictures and that the catalogue does not have."""
    for folder in sorted(set(folders)):
        try:
            paths = sorted(folder.iterdir())
        except OSError:
            continue  # its pictures are reported one by one, as files that cannot be read
        for path in paths:
            if not path.name.startswith(".") and _looks_like_a_picture(path.name) and str(path) not in known:
                yield Candidate(str(path), is_file=True)


def _stated(product: SourceProduct, place: str, *, is_file: bool) -> Candidate:
    return Candidate(place, is_file=is_file, product_id=product.id, title=product.title, category=product.category)


def _looks_like_a_picture(name: str) -> bool:
    return Path(name).suffix.lower() in _PICTURE_SUFFIXES
