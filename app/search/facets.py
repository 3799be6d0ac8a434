"""Facets: how many of the products found have each value of a field, for a page to offer as filters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.arrays import BoolArray, Int64Array
from app.core.errors import InvalidParameter
from app.db.checks import is_storable
from app.search.filters import shown
from app.search.product_table import FIELDS, ProductTable, Rank, Value, is_field, rank

MAX_FACETS: Final = 10
MAX_FACET_VALUES: Final = 50


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value as a filter names it, and how many products have it."""

    value: Value
    count: int


def parse_facets(names: str) -> tuple[str, ...]:
    """
    Return the fields that a list such as "category,brand,attributes.colour" names.

    Raises:
        InvalidParameter: One is no field or is there twice, or there are too many.
    """
    fields = tuple(names.split(","))
    if len(fields) > MAX_FACETS:
        raise InvalidParameter(f"facets: it names {len(fields)} fields; the limit is {MAX_FACETS}.")
    for field in fields:
        if not is_field(field) or not is_storable(field):
            raise InvalidParameter(f"facets: {shown(field)} is no field; there are {FIELDS}.")
    if len(set(fields)) < len(fields):
        raise InvalidParameter("facets: it names the same field twice.")
    return fields


def facet_counts(
    tables: Sequence[tuple[ProductTable, BoolArray]], fields: Sequence[str]
) -> dict[str, list[FacetValue]]:
    """
    Return the values of each field that most of the products have, at most MAX_FACET_VALUES of them.

    Most frequent first, equally frequent ones in the order of the values. A product counts once for each of its values.

    Args:
        tables: Each with the products of it that are counted, shape (products,).
        fields: As `parse_facets` returns them.
    """
    return {field: _most_frequent(tables, field) for field in fields}


def _most_frequent(tables: Sequence[tuple[ProductTable, BoolArray]], field: str) -> list[FacetValue]:
    columns = [(column, mask) for table, mask in tables if (column := table.columns.get(field)) is not None]
    if not columns:
        return []
    # One column may have a million values. What the others add to it is little, such as the changes since a snapshot.
    (largest, mask), *others = sorted(columns, key=lambda column_and_mask: -len(column_and_mask[0].values))
    counts = largest.counts(mask)
    missing: dict[Rank, int] = {}
    for column, mask in others:
        added = column.counts(mask)
        for place in np.flatnonzero(added):
            value = column.values[place]
            if (there := largest.place(value)) is not None:
                counts[there] += added[place]
            else:
                missing[rank(value)] = missing.get(rank(value), 0) + int(added[place])
    found = [(rank(largest.values[place]), int(counts[place])) for place in _largest(counts)] + list(missing.items())
    found.sort(key=lambda item: (-item[1], item[0]))
    return [FacetValue(ranked[1], count) for ranked, count in found[:MAX_FACET_VALUES]]


def _largest(counts: Int64Array) -> Int64Array:
    """Return the places of the MAX_FACET_VALUES largest counts that are not zero; of equal ones, the first."""
    least = 1
    if len(counts) > MAX_FACET_VALUES:
        least = max(1, int(np.partition(counts, -MAX_FACET_VALUES)[-MAX_FACET_VALUES]))
    more, as_many = np.flatnonzero(counts > least), np.flatnonzero(counts == least)
    return np.concatenate([more, as_many[:MAX_FACET_VALUES]])
