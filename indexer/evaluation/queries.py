"""
What is asked: pictures of a labelled folder, pictures with the products that they should find, or the catalogue's own.

A file of queries is JSONL or CSV with a line for each picture: `image`, its path (relative to the file), and
`products`, the ids of the products that should be found, as a list in JSONL, and in CSV parted by `|`. Rows with one
picture are one query:

    {"image": "photos/1.jpg", "products": ["mug-1", "mug-7"]}
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, TypeVar

from app.core.errors import SourceEmpty, SourceMissing
from app.db.refusals import Refused
from indexer.evaluation.catalogues import EmbeddedCatalogue
from indexer.sources import read_folder
from indexer.sources.delimited import read_delimited
from indexer.sources.feed_file import FeedFile
from indexer.sources.json_lines import read_json_lines
from indexer.sources.records import Row

Kind = Literal["held-out", "folder", "file"]
T = TypeVar("T")

_IMAGE: Final = "image"
_PRODUCTS: Final = "products"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """
    One picture to ask with.

    Attributes:
        name: What reports call it: the id of its product, or its path.
        picture: Its file.
        category: What it shows, where that is known.
        image_id: Of the catalogue's picture that it is, where it is held out.
        product_ids: The products that should be found, where somebody said so.
    """

    name: str
    picture: Path
    category: str | None = None
    image_id: str | None = None
    product_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuerySet:
    """
    Queries of one kind.

    Attributes:
        kind: Where they are from.
        source: The folder or file; empty for the catalogue itself.
        queries: Those that are asked.
        total: How many there are; more than are asked where they were sampled.
        skipped: Rows of the file that cannot be used.
        unreadable: Pictures that could not be used, and are not among the queries any more.
    """

    kind: Kind
    source: str
    queries: tuple[Query, ...]
    total: int
    skipped: tuple[Refused, ...] = field(default=())
    unreadable: int = 0


def sampled(items: Sequence[T], name_of: Callable[[T], str], count: int, seed: int) -> list[T]:
    """
    Return `count` of the items, in their order, or all of them.

    Each item's place in the lottery depends on its name and the seed alone: when a few items come or go, the sample
    stays nearly the same, so that its figures can be compared with those from before.
    """
    if len(items) <= count:
        return list(items)

    def ticket(position: int) -> bytes:
        return hashlib.blake2b(name_of(items[position]).encode(), key=str(seed).encode(), digest_size=16).digest()

    return [items[position] for position in sorted(sorted(range(len(items)), key=ticket)[:count])]


def read_queries(source: Path, *, count: int, seed: int) -> QuerySet:
    """
    Read a labelled folder, one sub-folder a category, or a file of queries; at most `count` of them, by lot.

    Raises:
        SourceMissing, SourceEmpty, SourceInvalid: It cannot be used.
    """
    if source.is_dir():
        queries = _folder_queries(source)
        return _sampled("folder", str(source), queries, (), count, seed)
    if not source.exists():
        raise SourceMissing(f"{source} does not exist; name a folder of pictures, or a file of queries.")
    skipped: list[Refused] = []
    queries = _joined(_file_queries(source, skipped))
    if not queries:
        why = f" {skipped[0].message}" if skipped else ""
        raise SourceEmpty(f"{source} holds no usable query.{why}")
    return _sampled("file", str(source), queries, tuple(skipped), count, seed)


def held_out_queries(catalogues: Sequence[EmbeddedCatalogue], *, count: int, seed: int) -> QuerySet:
    """Return the pictures that all of the catalogues have, at most `count` of them, by lot."""
    first, *others = catalogues
    shared = {image.id for image in first.images}
    for other in others:
        shared &= {image.id for image in other.images}
    queries = [
        Query(
            name=product.id,
            picture=Path(image.location),
            category=product.category,
            image_id=image.id,
            product_ids=(product.id,),
        )
        for product in first.products
        for image in product.images
        if image.id in shared
    ]
    if not queries:
        raise SourceEmpty("The two have no picture in common, so that there is nothing to ask both with.")
    chosen = sampled(queries, lambda query: query.image_id or "", count, seed)
    return QuerySet("held-out", "", tuple(chosen), len(queries))


def _sampled(
    kind: Kind, source: str, queries: Sequence[Query], skipped: tuple[Refused, ...], count: int, seed: int
) -> QuerySet:
    chosen = sampled(queries, lambda query: query.name, count, seed)
    return QuerySet(kind, source, tuple(chosen), len(queries), skipped)


def _folder_queries(folder: Path) -> list[Query]:
    return [
        Query(name=str(image.path.relative_to(folder)), picture=image.path, category=product.category)
        for product in read_folder(folder)
        for image in product.images
        if image.path is not None
    ]


def _file_queries(path: Path, skipped: list[Refused]) -> Iterator[Query]:
    """Yield the queries of a file; what is wrong with other rows goes to `skipped`."""
    for row in _rows(path):
        message = row.refused.message if row.refused else None
        image, product_ids = row.values.get(_IMAGE), _product_ids(row.values.get(_PRODUCTS))
        if message is None and not (isinstance(image, str) and image.strip()):
            message = f"The row has no `{_IMAGE}`, the path of a picture."
        elif message is None and not product_ids:
            message = f"The row has no `{_PRODUCTS}`, the ids of the products that should be found."
        if message is not None:
            skipped.append(Refused(f"{path.name}, row {row.number}", "malformed-query", message))
        else:
            name = str(image).strip()
            yield Query(name=name, picture=path.parent / name, product_ids=product_ids)


def _joined(queries: Iterable[Query]) -> list[Query]:
    """Return each picture once, with the products of all its rows."""
    by_name: dict[str, Query] = {}
    for query in queries:
        known = by_name.get(query.name, query)
        product_ids = tuple(dict.fromkeys((*known.product_ids, *query.product_ids)))
        by_name[query.name] = replace(query, product_ids=product_ids)
    return list(by_name.values())


def _rows(path: Path) -> Iterable[Row]:
    feed = FeedFile(path, str(path))
    return read_json_lines(feed) if path.suffix.lower() in {".jsonl", ".ndjson"} else read_delimited(feed)


def _product_ids(value: object) -> tuple[str, ...]:
    """Return the ids that a row states, each once."""
    if isinstance(value, str):
        return tuple(dict.fromkeys(part.strip() for part in value.split("|") if part.strip()))
    if isinstance(value, list):
        return tuple(dict.fromkeys(str(part) for part in value if isinstance(part, str | int)))
    return ()
