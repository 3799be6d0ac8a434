"""
The products that a search can find, in memory: each as the line it was published as, and what filters compare.

A line is parsed again for the few products that an answer shows; a million parsed records would take many times the
memory. What filters and facets ask of all products at once is in columns: for each value, the products that have it.

Measured on one core of a busy machine: a million lines of 400 bytes with one attribute load in 8 s, of 560 bytes with
five attributes in 12 s; beside the lines these take 400 bytes a product.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
from pydantic import JsonValue
from pydantic_core import from_json

from app.core.arrays import BoolArray, Int32Array, Int64Array
from app.core.products import ProductRecord, from_line

Number: TypeAlias = int | Decimal
Value: TypeAlias = bool | Number | str
"""What a product has in a field. A number is the decimal that was written: 19.99, not the nearest binary number."""

TEXT_FIELDS: Final = ("category", "brand", "availability", "currency")
NUMBER_FIELD: Final = "price"
_FIELDS: Final = (*TEXT_FIELDS, NUMBER_FIELD)
ATTRIBUTE_PREFIX: Final = "attributes."
FIELDS: Final = ", ".join((*_FIELDS, f"{ATTRIBUTE_PREFIX}NAME"))
"""All of them, for messages."""
# A description is long and different for each product: nobody filters by it, and it would be in memory twice.
MAX_TEXT_CHARS: Final = 200
_CHUNK_BYTES: Final = 64 * 1024  # parsed records that fit in the processor's cache: half the time of 1 MiB

Rank: TypeAlias = tuple[int, Value]
_LEAST: Final = Decimal("-Infinity")
_MOST: Final = Decimal("Infinity")
_Key: TypeAlias = str | float | Decimal | tuple[bool]
"""A value in a dictionary: a truth in a tuple, because True equals 1 there."""
_Groups: TypeAlias = "defaultdict[_Key | None, array[int]]"
"""The products with each value, while they are read; None for texts that are too long to be compared."""


def is_field(name: str) -> bool:
    """Whether products could have a field of this name; of attributes, every name is one."""
    return name in _FIELDS or (name.startswith(ATTRIBUTE_PREFIX) and name != ATTRIBUTE_PREFIX)


def rank(value: Value) -> Rank:
    """Return what values of all types are sorted by: truths, then numbers, then texts; never equal across types."""
    if isinstance(value, bool):
        return 0, value
    if isinstance(value, str):
        return 2, value
    return 1, value


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Column:
    """
    Who has which value of a field; a product may have several.

    Attributes:
        values: Each once, in the order of their ranks.
        products: Those with the first value, then those with the second, and so on; at the end those with a text that
            is too long to be compared.
        starts: Where the products of each value begin, and where those of the last one end, shape (values + 1,).
    """

    values: tuple[Value, ...]
    products: Int32Array
    starts: Int64Array

    def place(self, value: Value) -> int | None:
        """Return where a value is among the values; 1 is neither true nor "1"."""
        place = bisect_left(self.values, rank(value), key=rank)
        return place if place < len(self.values) and rank(self.values[place]) == rank(value) else None

    def having(self, value: Value) -> Int32Array:
        """Return the products with this value."""
        place = self.place(value)
        return self.products[:0] if place is None else self.products[self.starts[place] : self.starts[place + 1]]

    def between(self, gte: Number | None, gt: Number | None, lte: Number | None, lt: Number | None) -> Int32Array:
        """Return the products with a number within all of these bounds."""
        first = max(
            bisect_left(self.values, rank(_LEAST if gte is None else gte), key=rank),
            bisect_right(self.values, rank(_LEAST if gt is None else gt), key=rank),
        )
        last = min(
            bisect_right(self.values, rank(_MOST if lte is None else lte), key=rank),
            bisect_left(self.values, rank(_MOST if lt is None else lt), key=rank),
        )
        return self.products[self.starts[first] : self.starts[max(first, last)]]

    def counts(self, mask: BoolArray) -> Int64Array:
        """Return how many of the products in the mask, shape (products of the table,), have each value."""
        if not self.values:
            return np.zeros(0, np.int64)
        found = mask[self.products[: self.starts[-1]]]
        return np.add.reduceat(found, self.starts[:-1], dtype=np.int64)


class ProductTable:
    """
    Products by number, in the order of their ids; immutable.

    Attributes:
        ids: Of each product, ascending.
        columns: By field: category, brand, availability, currency, price, and attributes.NAME for each attribute. What
            is in an object within an attribute is under a dotted name, each item of a list is a value. A field that no
            product has is absent.
    """

    def __init__(self, lines: bytes | Iterable[bytes]) -> None:
        """
        Take the products of lines that `to_line` wrote, given one by one, or as a file of them, which is not copied.

        Raises:
            ValueError: The ids do not ascend.
        """
        self._lines = lines if isinstance(lines, bytes) else b"\n".join(lines)
        self._ends = _line_ends(self._lines)
        ids: list[str] = []
        fields: defaultdict[str, _Groups] = defaultdict(_groups)
        attributes: defaultdict[str, _Groups] = defaultdict(_groups)
        for number, product in enumerate(_parsed(self._lines)):
            ids.append(product["id"])
            for field in _FIELDS:
                if (text := product.get(field)) is not None:
                    fields[field][text].append(number)
            for name, value in product["attributes"].items():
                _collect(name, value, number, attributes)
        if any(a >= b for a, b in pairwise(ids)):
            raise ValueError("the ids of the products do not ascend")
        self.ids = tuple(ids)
        if NUMBER_FIELD in fields:
            fields[NUMBER_FIELD] = _as_numbers(fields[NUMBER_FIELD])
        fields |= {ATTRIBUTE_PREFIX + name: groups for name, groups in attributes.items()}
        self.columns: Mapping[str, Column] = {name: _column(groups) for name, groups in fields.items()}

    def __len__(self) -> int:
        return len(self.ids)

    def record(self, number: int) -> ProductRecord:
        """Return a product."""
        if not 0 <= number < len(self):
            raise IndexError(f"product {number} is outside a table of {len(self)}")
        first = 0 if number == 0 else int(self._ends[number - 1]) + 1
        return from_line(self._lines[first : self._ends[number]])

    def index_of(self, product_id: str) -> int | None:
        """Return the number of a product; None when it is not there."""
        number = bisect_left(self.ids, product_id)
        return number if number < len(self) and self.ids[number] == product_id else None


def _parsed(lines: bytes) -> Iterator[dict[str, Any]]:
    """Yield the products, as `to_object` made them."""
    first, end = 0, len(lines) - lines.endswith(b"\n")
    while first < end:
        last = lines.find(b"\n", first + _CHUNK_BYTES, end)
        last = end if last < 0 else last
        yield from from_json(b"[" + lines[first:last].replace(b"\n", b",") + b"]")
        first = last + 1


def _line_ends(lines: bytes) -> Int64Array:
    """Return where each line ends, shape (lines,)."""
    data = np.frombuffer(lines, np.uint8)
    blocks = range(0, len(data), _CHUNK_BYTES)
    ends = [first + np.flatnonzero(data[first : first + _CHUNK_BYTES] == ord("\n")) for first in blocks]
    last = [] if not lines or lines.endswith(b"\n") else [len(lines)]
    return np.concatenate([*ends, np.array(last, np.int64)])


def _groups() -> _Groups:
    return defaultdict(lambda: array("i"))


def _collect(name: str, value: JsonValue, number: int, attributes: defaultdict[str, _Groups]) -> None:
    """Enter a product wherever its attribute has a value."""
    if isinstance(value, str):
        attributes[name][value if len(value) <= MAX_TEXT_CHARS else None].append(number)
    elif isinstance(value, list):
        for item in value:
            _collect(name, item, number, attributes)
    elif isinstance(value, dict):
        for key, item in value.items():
            _collect(f"{name}.{key}", item, number, attributes)
    elif value is not None:
        attributes[name][(value,) if isinstance(value, bool) else value].append(number)


def _as_numbers(prices: _Groups) -> _Groups:
    """Return the groups of prices that were written as text: 19.9 and 19.90 are one."""
    numbers = _groups()
    for text, products in prices.items():
        numbers[Decimal(str(text))].extend(products)
    return numbers


def _column(groups: _Groups) -> Column:
    keys: list[_Key] = [
        *sorted(key for key in groups if isinstance(key, tuple)),
        *sorted((key for key in groups if isinstance(key, int | float | Decimal)), key=_value),
        *sorted(key for key in groups if isinstance(key, str)),
    ]
    in_order = [*map(groups.__getitem__, keys), groups[None]]
    products = np.frombuffer(b"".join(in_order), np.int32)
    starts = np.cumsum([0, *map(len, in_order)])
    again = np.zeros(len(products) + 1, np.bool_)  # the same product with the same value, as in a list ["red", "red"]
    again[1:-1] = products[1:] == products[:-1]
    again[starts] = False
    starts -= np.cumsum(again)[starts]
    return Column(tuple(map(_value, keys)), products[~again[:-1]], starts[:-1])


def _value(key: _Key) -> Value:
    """Return the value of a key; a binary number becomes the decimal that it is written as."""
    if isinstance(key, tuple):
        return key[0]
    return Decimal(repr(key)) if isinstance(key, float) else key
