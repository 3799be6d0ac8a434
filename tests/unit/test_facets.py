"""Facets: which fields may be asked for, and how the products found are counted."""

from collections import Counter
from decimal import Decimal
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.arrays import BoolArray
from app.core.errors import InvalidParameter
from app.core.products import ProductRecord, to_line
from app.search import facets
from app.search.facets import MAX_FACET_VALUES, FacetValue, facet_counts, parse_facets
from app.search.product_table import MAX_TEXT_CHARS, ProductTable, Value, rank
from tests.support.catalogue import make_product
from tests.support.plain_filters import random_products, values_of

FIELDS = ("category", "price", "attributes.a", "attributes.a.b", "attributes.nobody")


def _expected(records: list[ProductRecord], field: str, limit: int) -> list[FacetValue]:
    """Count one product after the other."""
    counts: Counter[tuple[int, Value]] = Counter()
    for record in records:
        values = (Decimal(str(value)) if isinstance(value, float) else value for value in values_of(record, field))
        counts.update({rank(value) for value in values if not isinstance(value, str) or len(value) <= MAX_TEXT_CHARS})
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [FacetValue(ranked[1], count) for ranked, count in ordered[:limit]]


@settings(max_examples=100, deadline=None)
@given(
    catalogues=st.lists(random_products(), max_size=3), seed=st.integers(0, 1000), limit=st.sampled_from([1, 2, 3, 50])
)
def test_counts_are_those_of_all_tables_together(catalogues: list[list[ProductRecord]], seed: int, limit: int) -> None:
    """The products of each mask, wherever they are, and no others; most frequent first, then in the order of values."""
    drawn = np.random.default_rng(seed)
    masks = [drawn.random(len(records)) < 0.7 for records in catalogues]
    tables = [(ProductTable(map(to_line, records)), mask) for records, mask in zip(catalogues, masks, strict=True)]
    shown = [
        record for records, mask in zip(catalogues, masks, strict=True) for record in np.array(records, object)[mask]
    ]
    with patch.object(facets, "MAX_FACET_VALUES", limit):
        counted = facet_counts(tables, FIELDS)
    assert counted == {field: _expected(shown, field, limit) for field in FIELDS}
    assert all(type(each.count) is int for values in counted.values() for each in values)


def test_a_product_counts_once_for_each_of_its_values() -> None:
    """However often a value is in its list."""
    attributes = [{"colour": ["red", "red", "blue"]}, {"colour": "red"}, {"colour": None}, {}]
    table = ProductTable(to_line(make_product(f"p{number}", attributes=each)) for number, each in enumerate(attributes))
    counted = facet_counts([(table, np.ones(4, np.bool_))], ["attributes.colour"])
    assert counted == {"attributes.colour": [FacetValue("red", 2), FacetValue("blue", 1)]}


def test_only_the_most_frequent_values_are_listed() -> None:
    """Of equally frequent ones, the first; also when some are only in the smaller table."""
    large = _numbered([*range(100), *range(60, 90)])
    small = _numbered([3, 3, 500])
    counted = facet_counts([small, large], ["attributes.x"])["attributes.x"]
    assert counted[0] == FacetValue(3, 3)
    assert [each.value for each in counted] == [3, *range(60, 90), *(x for x in range(21) if x != 3)][:MAX_FACET_VALUES]
    assert len(counted) == MAX_FACET_VALUES


def _numbered(numbers: list[int]) -> tuple[ProductTable, BoolArray]:
    lines = (to_line(make_product(f"p{place:04}", attributes={"x": x})) for place, x in enumerate(numbers))
    return ProductTable(lines), np.ones(len(numbers), np.bool_)


def test_values_of_different_types_are_counted_apart() -> None:
    """In the order of truths, numbers, texts."""
    table = ProductTable(
        to_line(make_product(f"p{place}", attributes={"x": x})) for place, x in enumerate(["1", 1, True])
    )
    counted = facet_counts([(table, np.ones(3, np.bool_))], ["attributes.x"])["attributes.x"]
    assert [(type(each.value), each.value, each.count) for each in counted] == [
        (bool, True, 1),
        (int, 1, 1),
        (str, "1", 1),
    ]


def test_nothing_is_counted_without_tables() -> None:
    """Each field that was asked for is there, and empty."""
    assert facet_counts([], ["category", "attributes.x"]) == {"category": [], "attributes.x": []}


def test_facets_are_a_list_of_fields() -> None:
    """In the order in which they are named."""
    assert parse_facets("category,attributes.colour,price") == ("category", "attributes.colour", "price")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            "",
            "facets: (a name) is no field; there are category, brand, availability, currency, price, attributes.NAME.",
        ),
        ("category,", "facets: (a name) is no field"),
        ("category, brand", "facets: (a name) is no field"),
        ("category,colour", "facets: colour is no field"),
        ("category,<script>", "facets: (a name) is no field"),
        ("attributes.\0", "facets: (a name) is no field"),
        ("attributes.\ud800", "facets: (a name) is no field"),
        ("brand,category,brand", "facets: it names the same field twice."),
        (",".join(f"attributes.{number}" for number in range(11)), "facets: it names 11 fields; the limit is 10."),
        ("," * 5000, "facets: it names 5001 fields; the limit is 10."),
    ],
)
def test_facets_that_are_none_are_refused_by_name(names: str, message: str) -> None:
    """What is wrong, without text that could do harm."""
    with pytest.raises(InvalidParameter) as refused:
        parse_facets(names)
    assert refused.value.message.startswith(message)
