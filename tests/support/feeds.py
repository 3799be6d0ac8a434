"""Writes the same products as feeds of every format, and reads them back."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq

from indexer.sources import RefusedRow, Source, SourceProduct, open_source

Record = Mapping[str, object]
"""A product: text by column; `images` is a list of texts."""


def _columns(records: Iterable[Record]) -> list[str]:
    return list(dict.fromkeys(name for record in records for name in record))


def delimited(records: Sequence[Record], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """Return the records as CSV; pictures are joined with a bar."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _columns(records), delimiter=delimiter)
    writer.writeheader()
    for record in records:
        writer.writerow({name: _cell(value) for name, value in record.items()})
    return text.getvalue().encode(encoding)


def _cell(value: object) -> object:
    return " | ".join(map(str, value)) if isinstance(value, list) else value


def json_lines(records: Sequence[Record]) -> bytes:
    """Return the records as JSONL."""
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


def parquet(records: Sequence[Record], **options: object) -> bytes:
    """Return the records as Parquet; every column is there for every record."""
    buffer = io.BytesIO()
    columns = {name: [record.get(name) for record in records] for name in _columns(records)}
    pq.write_table(pa.table(columns), buffer, **options)
    return buffer.getvalue()


def rss(records: Sequence[Record]) -> bytes:
    """Return the records as a Merchant Center feed: RSS 2.0, everything in Google's namespace but the title."""
    items = "".join(f"<item>{_elements(record, plain=('title',))}</item>\n" for record in records)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0">'
        f"<channel><title>A shop</title><link>https://shop.example</link>\n{items}</channel></rss>"
    ).encode()


def atom(records: Sequence[Record]) -> bytes:
    """Return the records as a Merchant Center feed in Atom, with the id that Atom itself demands beside Google's."""
    entries = "".join(
        f"<entry><id>urn:{number}</id>{_elements(record)}</entry>" for number, record in enumerate(records)
    )
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">'
        f"<title>A shop</title>{entries}</feed>"
    ).encode("utf-16")


def _elements(record: Record, plain: Sequence[str] = ()) -> str:
    parts = []
    for name, value in record.items():
        tag = name if name in plain else f"g:{name}"
        values = value if isinstance(value, list) else [value]
        if name == "images":
            tags = ["g:image_link", *["g:additional_image_link"] * (len(values) - 1)]
        else:
            tags = [tag] * len(values)
        parts += [f"<{tag}>{escape(str(text))}</{tag}>" for tag, text in zip(tags, values, strict=True)]
    return "".join(parts)


WRITERS: dict[str, Callable[[Sequence[Record]], bytes]] = {
    "feed.csv": delimited,
    "feed.semicolons.csv": lambda records: b"sep=;\r\n" + delimited(records, ";"),
    "feed.utf-8-with-mark.csv": lambda records: delimited(records, encoding="utf-8-sig"),
    "feed.tsv": lambda records: delimited(records, "\t"),
    "feed.utf-16.txt": lambda records: delimited(records, "\t", encoding="utf-16"),
    "feed.jsonl": json_lines,
    "feed.parquet": parquet,
    "feed.rss.xml": rss,
    "feed.atom.xml": atom,
}
"""One way to write records a format, by the name of a file."""


def outcomes(source: Source) -> tuple[list[SourceProduct], list[RefusedRow]]:
    """Return all products of a source, and all that is refused."""
    found = list(source.products())
    return (
        [outcome for outcome in found if isinstance(outcome, SourceProduct)],
        [outcome for outcome in found if isinstance(outcome, RefusedRow)],
    )


def read_feed(
    folder: Path, data: bytes | str, name: str = "feed.csv", **options: object
) -> tuple[list[SourceProduct], list[RefusedRow]]:
    """Write a feed into a folder and return what it states and what of it is refused."""
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return outcomes(open_source(str(path), **options))  # type: ignore[arg-type]
