"""CSV and TSV: rows of cells under a header, with the separator that the header has."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, count
from typing import Final

from indexer.sources.columns import image_rank
from indexer.sources.feed_file import MAX_ROW_CHARS, FeedFile, Lines, Unpacked, damage_in
from indexer.sources.records import Refusal, Refused, Row, shown

TAB: Final = "\t"

_DELIMITERS: Final = (",", ";", TAB, "|")
_EXCEL_SEPARATOR: Final = re.compile(r"sep=(.)\s*", re.IGNORECASE)


def best_delimiter(line: str) -> str:
    """Return the separator that divides a header into the most cells."""
    return max(_DELIMITERS, key=lambda delimiter: len(header_cells(line, delimiter)))


def header_cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a header, as far as they can be read."""
    with suppress(csv.Error, StopIteration):
        return next(csv.reader([line], delimiter=delimiter))
    return []


def read_delimited(feed: FeedFile, delimiter: str | None = None) -> Iterator[Row]:
    """
    Yield the rows below the header; the header is row 1. Rows without any text are passed over.

    A row whose quotes do not fit is refused; where they reach over several lines, nobody knows how many rows that
    were, and the whole feed is.

    Args:
        feed: The file.
        delimiter: What separates the cells; None: what the header shows.

    Raises:
        SourceInvalid: The feed breaks off, or its rows cannot be told apart.
    """
    csv.field_size_limit(MAX_ROW_CHARS)  # a setting of the whole process; `_Rows` is what keeps the limit
    with feed.open() as file:
        lines = _Rows(feed, file)
        line = next((line for line in lines if not line.isspace()), "")
        if separator := _EXCEL_SEPARATOR.fullmatch(line):
            delimiter, line = separator[1], next(lines, "")
        reader = csv.reader(chain([line], lines), delimiter=delimiter or best_delimiter(line), strict=True)
        header = _header(feed, lines, reader)
        for number in count(2):
            row = _next_row(feed, lines, reader, header, number)
            if row is None:
                return
            if any(row.values.values()) or row.refused:
                yield row


class _Rows:
    """Hands lines to the csv module, and remembers what is wrong with those of the present row."""

    def __init__(self, feed: FeedFile, file: Unpacked) -> None:
        self._feed = feed
        self._lines = Lines(feed, file)
        self.is_at_end = False
        self.begin_row()

    def begin_row(self) -> None:
        self.first_line = self._lines.number + 1
        self.damage: Refused | None = None
        self._chars = 0

    @property
    def has_several_lines(self) -> bool:
        return self._lines.number > self.first_line

    @property
    def is_cut(self) -> bool:
        """Whether the line read last has no line break, as the last one of a feed that breaks off."""
        return self._lines.is_cut

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._lines.read(MAX_ROW_CHARS + 1 - self._chars)
        if not line:
            self.is_at_end = True
            raise StopIteration
        self._chars += len(line)
        if self._chars > MAX_ROW_CHARS:
            raise self._feed.invalid(
                f"has a row of more than {MAX_ROW_CHARS:,} characters, the limit, from line {self.first_line} on; "
                "perhaps a quotation mark is never closed."
            )
        self.damage = self.damage or damage_in(line)
        return line


_Reader = Iterator[list[str]]


def _header(feed: FeedFile, lines: _Rows, reader: _Reader) -> list[str]:
    """Return the names of the columns, each one once; columns of pictures that share a name are numbered."""
    try:
        cells = next(reader, [])
    except csv.Error as error:
        raise feed.invalid(f"has a header that cannot be read ({error}).") from error
    if lines.damage is not None:
        raise feed.invalid(f"has a header that is no text. {lines.damage.message}")
    names = [cell.strip("\ufeff \t") for cell in cells]
    times = Counter(filter(None, names))
    for name in times:
        if times[name] > 1 and image_rank(name) is None:
            raise feed.invalid(f"has {times[name]} columns named {shown(name)}.")
    numbers = Counter[str]()
    for index, name in enumerate(names):
        if times[name] > 1:
            numbers[name] += 1
            names[index] = f"{name}_{numbers[name]}"
    return names


def _next_row(feed: FeedFile, lines: _Rows, reader: _Reader, header: list[str], number: int) -> Row | None:
    lines.begin_row()
    try:
        cells = next(reader, None)
    except csv.Error as error:
        if lines.is_at_end:
            raise feed.invalid(f"breaks off inside a quoted cell that begins in row {number}.") from error
        if lines.has_several_lines:
            raise feed.invalid(
                f"cannot be divided into rows from line {lines.first_line} on: a quotation mark that opens there "
                f"closes in the middle of another line ({error})."
            ) from error
        return Row(number, {}, Refused(Refusal.MALFORMED_ROW, f"The quotation marks of the row do not fit ({error})."))
    if cells is None:
        return None
    values = {name: cell for name, cell in zip(header, cells, strict=False) if name}
    missing = len(header) - len(cells)
    if cells and missing > 0 and lines.is_cut:
        raise feed.invalid(f"breaks off inside row {number}.")
    if cells and (missing > 0 or any(cells[len(header) :])):
        message = f"The row has {len(cells)} cells and the header has {len(header)}."
        return Row(number, values, Refused(Refusal.WRONG_COLUMNS, message))
    return Row(number, values, lines.damage)
