"""Which format a feed has: what it begins with decides; its name helps to say what is wrong."""

import re
from typing import Final, Literal

from app.core.errors import SourceEmpty
from indexer.sources.delimited import TAB, best_delimiter, header_cells
from indexer.sources.feed_file import FeedFile, encoding_of
from indexer.sources.shopify import is_shopify

Kind = Literal["folder", "csv", "tsv", "jsonl", "parquet", "xml", "shopify"]

_HEAD_BYTES: Final = 64 * 1024
_OTHER_FORMATS: Final = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook; unpack it, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook; save it as CSV"),
    (b"\x28\xb5\x2f\xfd", "packed with Zstandard; unpack it, or pack it with gzip"),
    (b"BZh", "packed with bzip2; unpack it, or pack it with gzip"),
    (b"\xfd7zXZ", "packed with xz; unpack it, or pack it with gzip"),
    (b"\x1f\x8b", "packed with gzip twice; unpack it"),
    (b"\xff\xd8\xff", "a picture; name the folder that it is in"),
    (b"\x89PNG", "a picture; name the folder that it is in"),
    (b"%PDF", "a PDF document; name a feed"),
)
_KIND_OF_ENDING: Final = {
    "parquet": "parquet",
    "xml": "xml",
    "rss": "xml",
    "atom": "xml",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
}
_OTHER_TEXTS: Final = (
    (re.compile(r"\A[^\r\n]*\0"), "no text: it begins with NUL bytes. Save a feed as UTF-8"),
    (re.compile(r"\A<(!doctype html|html)\b", re.IGNORECASE), "a web page, not a feed"),
    (re.compile(r"\A\["), "one JSON list; write one object a line (JSONL)"),
)
_KIND_OF_BEGINNING: Final[dict[str, Kind]] = {"<": "xml", "{": "jsonl"}
_SEPARATOR_LINE: Final = re.compile(r"\Asep=.\s*\n", re.IGNORECASE)


def recognise(feed: FeedFile) -> Kind:
    """
    Return the format of a feed.

    Raises:
        SourceEmpty: It holds nothing.
        SourceInvalid: It is in no format that is read; the message says in which one, where that is known.
    """
    with feed.open() as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(b"PAR1"):
        return "parquet"
    for magic, what in _OTHER_FORMATS:
        if head.startswith(magic):
            raise feed.invalid(f"is {what}.")
    text = head.decode(encoding_of(head), errors="replace").lstrip("\ufeff \t\r\n")
    if not text:
        raise SourceEmpty(f"{feed.name} is empty.")
    for pattern, what in _OTHER_TEXTS:
        if pattern.search(text):
            raise feed.invalid(f"is {what}.")
    kind: Kind | None = _KIND_OF_BEGINNING.get(text[0])
    expected = _KIND_OF_ENDING.get(feed.name.lower().removesuffix(".gz").rpartition(".")[2])
    if kind is None and expected is not None:
        raise feed.invalid(f"is named like {expected}, but does not begin like it.")
    return kind or _delimited_kind(text)


def _delimited_kind(text: str) -> Kind:
    header = re.split(r"[\r\n]", _SEPARATOR_LINE.sub("", text, count=1), maxsplit=1)[0]
    delimiter = best_delimiter(header)
    if is_shopify(header_cells(header, delimiter)):
        return "shopify"
    return "tsv" if delimiter == TAB else "csv"
