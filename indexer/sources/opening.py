"""Opens a source, and refuses one that cannot be used before anything is done with it."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, get_args
from urllib.parse import urlsplit

from app.core.errors import InvalidParameter, SourceEmpty, SourceMissing
from indexer.sources.assembling import assemble
from indexer.sources.columns import Columns, named
from indexer.sources.delimited import TAB, read_delimited
from indexer.sources.feed_file import FeedFile
from indexer.sources.folder import read_folder
from indexer.sources.json_lines import read_json_lines
from indexer.sources.merchant_xml import read_merchant_xml
from indexer.sources.parquet import count_rows, read_parquet
from indexer.sources.pictures import PicturePlaces
from indexer.sources.recognising import Kind, recognise
from indexer.sources.records import Refused, RefusedRow, Row, SourceProduct, shown
from indexer.sources.shopify import join_variants

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

Download = Callable[[str], Path]
"""Brings the feed at an address into a file of the caller's, and returns its path."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_ROWS_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Source:
    """
    A source that can be read, as often as one likes.

    `total` is the number of its products, as far as that is known beforehand: a feed says it at most of its rows.
    """

    name: str
    kind: Kind
    total: int | None
    _stream: Callable[[], Iterator[SourceProduct | RefusedRow]]
    _limit: int | None = None

    def products(self) -> Iterator[SourceProduct | RefusedRow]:
        """
        Yield the products in the order of the source, and what is refused between them.

        Only a stream that ends without an error was a full statement; with a limit, none is. An id that comes again
        later, not in the next row, is yielded again.

        Raises:
            SourceInvalid: The feed is damaged or breaks off; what was yielded before may be all that is wrong with it.
            SourceMissing: It cannot be read any more.
        """
        left = self._limit
        for outcome in self._stream():
            yield outcome
            if left is not None and isinstance(outcome, SourceProduct):
                left -= 1
                if left == 0:
                    return


def open_source(
    source: str,
    *,
    mapping: Mapping[str, str] | None = None,
    limit: int | None = None,
    kind: str | None = None,
    pictures: Path | None = None,
    download: Download | None = None,
) -> Source:
    """
    Open a folder or a feed, far enough to know that it can be used; `Source.products` reads it.

    Args:
        source: Path of a folder or a feed, or the address of a feed.
        mapping: Fields by column, instead of what the columns' names say; see `Columns`.
        limit: Yield so many products only.
        kind: One of `KINDS`, instead of what the source looks like.
        pictures: Folder that paths of pictures are relative to and may not leave; None: the feed's own.
        download: What brings a feed here. A feed from an address names no files: its pictures have addresses.

    Raises:
        InvalidParameter: The mapping names a column or a field that is not there, or another argument is wrong.
        SourceMissing: It does not exist or cannot be read.
        SourceEmpty: It holds no products.
        SourceInvalid: It is in no known format or damaged, or has no column for ids or pictures.
    """
    if kind is not None and kind not in KINDS:
        raise InvalidParameter(f"There is no format {shown(kind)}; there are {', '.join(KINDS)}.")
    if limit is not None and limit < 1:
        raise InvalidParameter(f"The limit is at least 1 product; {limit} was asked for.")
    columns = Columns(mapping or {})
    path = Path(source)
    if kind == "folder" or (kind is None and os.path.isdir(path)):  # noqa: PTH112  # it answers whatever the path is like
        if mapping:
            raise InvalidParameter("A folder has no columns to map.")
        products = read_folder(path)
        return Source(source, "folder", len(products), lambda: iter(products), limit)
    feed, places = _feed(source, pictures, download)
    known_kind = next((known for known in KINDS if known == kind), None) or recognise(feed)
    _check(feed, columns, known_kind)

    def stream() -> Iterator[SourceProduct | RefusedRow]:
        rows: Iterator[Row] = _rows(feed, known_kind)
        if known_kind == "shopify":
            rows = join_variants(rows, keep=columns.mapped)
        return assemble(rows, columns, places)

    return Source(feed.name, known_kind, count_rows(feed) if known_kind == "parquet" else None, stream, limit)


def _feed(source: str, pictures: Path | None, download: Download | None) -> tuple[FeedFile, PicturePlaces]:
    """Return the file of a feed, and where its pictures may be."""
    if not _ADDRESS.match(source):
        path = Path(source)
        return FeedFile(path, source), PicturePlaces(pictures or path.parent)
    name = _without_secrets(source)
    if download is None:
        raise SourceMissing(f"{name} is an address, and feeds are only read from files here.")
    return FeedFile(download(source), name), PicturePlaces(None)


def _without_secrets(address: str) -> str:
    """Return an address as it may be shown: without user, password and query, which may be keys."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise SourceMissing("The address of the source cannot be read.") from error
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _rows(feed: FeedFile, kind: Kind) -> Iterator[Row]:
    row = None
    for row in _READERS[kind](feed):
        yield row
    if row is None:
        raise SourceEmpty(f"{feed.name} holds no products.")


_READERS: Final[Mapping[Kind, Callable[[FeedFile], Iterator[Row]]]] = {
    "csv": read_delimited,
    "tsv": partial(read_delimited, delimiter=TAB),
    "shopify": read_delimited,
    "jsonl": read_json_lines,
    "xml": read_merchant_xml,
    "parquet": read_parquet,
}


def _check(feed: FeedFile, columns: Columns, kind: Kind) -> None:
    """Refuse a feed whose first rows show that none of it could be used, or that the mapping does not fit."""
    seen = list(islice(_rows(feed, kind), _ROWS_LOOKED_AT))
    refused = next((row.refused for row in seen if row.refused is not None), None)
    readable = [row for row in seen if row.refused is None]
    known = list(dict.fromkeys(name for row in readable for name in row.values))
    if readable:
        columns.check(known, len(seen) if kind in {"jsonl", "xml"} else None)
    plans = []
    for row in readable:
        try:
            plans.append(columns.plan(tuple(row.values)))
        except Refused as error:
            refused = refused or error
    if not plans:
        raise feed.invalid(f"has no usable row among its first {len(seen)}. {refused.message if refused else ''}")
    for field, is_there in (
        ("id", any("id" in plan.fields for plan in plans)),
        ("image", any(plan.images for plan in plans)),
    ):
        if not is_there:
            raise feed.invalid(
                f"has no column that is known to be the {field}; there are {named(known)}. "
                f"Name it with --map COLUMN={field}."
            )
