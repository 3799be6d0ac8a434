"""Google Merchant Center feeds in XML: RSS 2.0 (`item`) or Atom (`entry`), read one item at a time."""

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from indexer.sources.feed_file import MAX_ROW_CHARS, FeedFile, Unpacked
from indexer.sources.records import Refusal, Refused, Row, shown

GOOGLE_NAMESPACE: Final = "http://base.google.com/ns/1.0"

_GOOGLE_NAMESPACES: Final = frozenset({GOOGLE_NAMESPACE, "http://base.google.com/cns/1.0"})  # cns: a shop's own fields
_PLAIN_NAMESPACES: Final = frozenset({"", "http://www.w3.org/2005/Atom"})
_NAMESPACES: Final = _GOOGLE_NAMESPACES | _PLAIN_NAMESPACES
_ROOTS: Final = ("rss", "feed", "RDF")
_ITEMS: Final = ("item", "entry")
_MAX_DEPTH: Final = 8


def read_merchant_xml(feed: FeedFile) -> Iterator[Row]:
    """
    Yield the items, from 1, by the local names of their elements; what is nested or repeated is an object or a list.

    An element of Google's namespace goes before one of RSS or Atom of the same name. Others are passed over.

    Raises:
        SourceInvalid: It is no such feed, is not well-formed, breaks off, or declares a document type or entities.
    """
    with feed.open() as file:
        pieces = _Pieces(feed, file)
        try:
            yield from _items(feed, pieces)
        except DefusedXmlException as error:
            raise feed.invalid("declares a document type or entities, which no feed needs and none may.") from error
        except (ParseError, LookupError, ValueError) as error:  # an encoding that nobody knows is one of the latter
            hint = f' (declare xmlns:g="{GOOGLE_NAMESPACE}")' if "unbound prefix" in str(error) else ""
            raise feed.invalid(f"is not well-formed XML or breaks off: {error}{hint}.") from error


class _Pieces:
    """Hands bytes to the parser, and ends the reading when they go on for too long without an item's end."""

    def __init__(self, feed: FeedFile, file: Unpacked) -> None:
        self._feed = feed
        self._file = file
        self._bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        piece = self._file.read(size)
        self._bytes += len(piece)
        if self._bytes > MAX_ROW_CHARS:
            raise self._feed.invalid(f"has an item of more than {MAX_ROW_CHARS:,} bytes, the limit, or no items.")
        return piece

    def begin_item(self) -> None:
        self._bytes = 0


def _items(feed: FeedFile, pieces: _Pieces) -> Iterator[Row]:
    number = 0
    parents: list[Element] = []
    item: Element | None = None
    for event, element in iterparse(pieces, ("start", "end"), forbid_dtd=True):
        local = _local_name(element)
        if event == "start":
            if not parents and local not in _ROOTS:
                raise feed.invalid(f"is XML, but neither RSS nor Atom: its first element is {shown(local)}.")
            if item is None and local in _ITEMS:
                item = element
            parents.append(element)
            continue
        parents.pop()
        if item is not None and element is item:
            number += 1
            pieces.begin_item()
            yield _row(number, element)
            item = None
        if item is None:  # nothing of what was read is needed any more
            element.clear()
            if parents:
                del parents[-1][:]


def _row(number: int, item: Element) -> Row:
    google: dict[str, list[object]] = {}
    plain: dict[str, list[object]] = {}
    refused: Refused | None = None
    for child in item:
        namespace = child.tag[1:].partition("}")[0] if child.tag.startswith("{") else ""
        try:
            value = _value(child, _MAX_DEPTH) if namespace in _NAMESPACES else None
        except Refused as error:
            refused = error
        else:
            if value is not None:
                found = google if namespace in _GOOGLE_NAMESPACES else plain
                found.setdefault(_local_name(child), []).append(value)
    return Row(number, _single({**plain, **google}), refused)


def _value(element: Element, depth_left: int) -> object:
    """Return what an element holds: its text, an object of its elements, or the address that an Atom link leads to."""
    if depth_left == 0:
        raise Refused(Refusal.MALFORMED_ROW, f"The item is nested more than {_MAX_DEPTH} levels deep.")
    if len(element) == 0:
        text = (element.text or "").strip()
        return text or element.get("href")
    found: dict[str, list[object]] = {}
    for child in element:
        found.setdefault(_local_name(child), []).append(_value(child, depth_left - 1))
    return _single(found)


def _single(found: dict[str, list[object]]) -> dict[str, object]:
    """Return what was found once as it is, and what was found several times as a list."""
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _local_name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
