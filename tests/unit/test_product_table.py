"""Products in memory: found by id and number, and what each field says of all of them."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.products import ProductRecord, to_line
from app.search import product_table
from app.search.product_table import MAX_TEXT_CHARS, Column, ProductTable, Value, is_field
from tests.support.catalogue import make_product


def _table(*records: ProductRecord) -> ProductTable:
    return ProductTable(map(to_line, records))


def _with_attributes(*attributes: dict[str, object]) -> ProductTable:
    return _table(*(make_product(f"p{number}", attributes=each) for number, each in enumerate(attributes)))


def _contents(column: Column) -> list[tuple[Value, list[int]]]:
    return [(value, column.having(value).tolist()) for value in column.values]


class TestProducts:
    """Products by id and by number."""

    @settings(max_examples=30, deadline=None)
    @given(count=st.integers(0, 40), ends_with_newline=st.booleans(), chunk_bytes=st.sampled_from([1, 700, 65_536]))
    def test_each_product_is_found_as_it_was_written(
        self, count: int, *, ends_with_newline: bool, chunk_bytes: int
    ) -> None:
        """By number and by id, wherever the reader divides the lines, also the one with a line break in its title."""
        records = [
            make_product(f"p-{number:03}", "front", title=f"Red\n“shoe” {number}", price=Decimal("19.90"))
            for number in range(count)
        ]
        lines = b"\n".join(map(to_line, records)) + b"\n" * (ends_with_newline and count > 0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(product_table, "_CHUNK_BYTES", chunk_bytes)
            table = ProductTable(lines)
        assert len(table) == count
        assert table.ids == tuple(record.id for record in records)
        assert [table.record(number) for number in range(count)] == records
        assert [table.index_of(record.id) for record in records] == list(range(count))

    @pytest.mark.parametrize("unknown", ["", "a", "p1a", "p3", "zzz"])
    def test_an_unknown_id_is_no_product(self, unknown: str) -> None:
        """Before, between and behind the others."""
        assert _table(make_product("p1"), make_product("p2")).index_of(unknown) is None

    @pytest.mark.parametrize("number", [-1, 2])
    def test_a_number_outside_is_an_error(self, number: int) -> None:
        """Negative numbers do not count from the end."""
        with pytest.raises(IndexError):
            _table(make_product("p1"), make_product("p2")).record(number)

    @pytest.mark.parametrize("ids", [("p2", "p1"), ("p1", "p1")])
    def test_products_that_are_not_in_order_are_refused(self, ids: tuple[str, ...]) -> None:
        """They would not be found."""
        with pytest.raises(ValueError, match="ascend"):
            _table(*map(make_product, ids))


class TestColumns:
    """What products have in each field."""

    def test_a_field_has_its_values_in_order(self) -> None:
        """Each once, with the products that have it; one that no product has is no column."""
        table = _table(
            make_product("p1", category="shoes", price=Decimal("19.90"), currency="EUR"),
            make_product("p2", category="bags", price=Decimal("19.9000")),
            make_product("p3", category="shoes", price=Decimal(5), availability="in_stock"),
        )
        assert _contents(table.columns["category"]) == [("bags", [1]), ("shoes", [0, 2])]
        assert _contents(table.columns["price"]) == [(Decimal(5), [2]), (Decimal("19.9"), [0, 1])]
        assert _contents(table.columns["currency"]) == [("EUR", [0])]
        assert set(table.columns) == {"category", "price", "currency", "availability"}

    def test_values_of_different_types_are_different(self) -> None:
        """True is not 1, and "1" is neither; 1 and 1.0 are the same number."""
        table = _with_attributes({"x": True}, {"x": 1}, {"x": "1"}, {"x": 1.0}, {"x": False}, {"x": 0}, {"x": "true"})
        column = table.columns["attributes.x"]
        assert column.values == (False, True, 0, 1, "1", "true")
        assert [type(value) for value in column.values] == [bool, bool, int, int, str, str]
        assert [column.having(value).tolist() for value in column.values] == [[4], [0], [5], [1, 3], [2], [6]]
        assert column.having("True").tolist() == column.having(2).tolist() == column.having("").tolist() == []

    def test_a_number_is_the_decimal_that_was_written(self) -> None:
        """A binary number is a little less or more than what a shop wrote."""
        column = _with_attributes({"x": 19.99}, {"x": 0.1}, {"x": 1e22}).columns["attributes.x"]
        assert column.values == (Decimal("0.1"), Decimal("19.99"), Decimal("1e22"))

    def test_a_list_is_several_values(self) -> None:
        """A value that is there twice counts once; null, and an empty list, are none."""
        table = _with_attributes(
            {"x": ["red", "blue", "red", ["red", None]]}, {"x": []}, {"x": None}, {"x": "red"}, {"x": {}}
        )
        column = table.columns["attributes.x"]
        assert _contents(column) == [("blue", [0]), ("red", [0, 3])]
        assert sorted(set(column.products.tolist())) == [0, 3]

    def test_what_is_in_an_object_has_a_dotted_name(self) -> None:
        """Also within lists; a name with a dot in it is the same field."""
        table = _with_attributes(
            {"size": {"eu": 42, "us": {"men": 9}}}, {"size": [{"eu": 42}, {"eu": 43}], "size.eu": 42}
        )
        assert _contents(table.columns["attributes.size.eu"]) == [(42, [0, 1]), (43, [1])]
        assert _contents(table.columns["attributes.size.us.men"]) == [(9, [0])]
        assert set(table.columns) == {"attributes.size.eu", "attributes.size.us.men"}

    def test_a_long_text_is_there_but_not_compared(self) -> None:
        """It is not kept a second time in memory, and is no value of a facet."""
        longest, too_long = "x" * MAX_TEXT_CHARS, "x" * (MAX_TEXT_CHARS + 1)
        column = _with_attributes({"x": too_long}, {"x": longest}, {"x": [too_long, too_long, 1]}).columns[
            "attributes.x"
        ]
        assert _contents(column) == [(1, [2]), (longest, [1])]
        assert sorted(column.products.tolist()) == [0, 1, 2, 2]
        assert column.counts(np.ones(3, np.bool_)).tolist() == [1, 1]
        assert column.counts(np.array([True, False, False])).tolist() == [0, 0]

    def test_only_long_texts_have_no_value(self) -> None:
        """Nothing can be asked of them except whether they are there."""
        column = _with_attributes({"x": "x" * 1000}).columns["attributes.x"]
        assert column.values == ()
        assert column.products.tolist() == [0]
        assert column.counts(np.ones(1, np.bool_)).tolist() == []

    def test_numbers_are_found_within_bounds(self) -> None:
        """With or without the bounds themselves; truths and texts are no numbers."""
        column = _with_attributes({"x": [True, "15"]}, {"x": 10}, {"x": 19.99}, {"x": 20}, {"x": -5}).columns[
            "attributes.x"
        ]
        number = Decimal("19.99")
        assert column.between(None, None, None, None).tolist() == [4, 1, 2, 3]
        assert column.between(number, None, None, None).tolist() == [2, 3]
        assert column.between(None, number, None, None).tolist() == [3]
        assert column.between(None, None, number, None).tolist() == [4, 1, 2]
        assert column.between(None, None, None, number).tolist() == [4, 1]
        assert column.between(Decimal(0), Decimal(10), Decimal(30), Decimal(20)).tolist() == [2]
        assert column.between(Decimal(50), None, Decimal(-50), None).tolist() == []

    def test_the_products_of_a_mask_are_counted(self) -> None:
        """For each value, in its order."""
        column = _with_attributes({"x": ["a", "b"]}, {"x": "b"}, {"y": 1}, {"x": "c"}).columns["attributes.x"]
        assert column.counts(np.array([True, True, True, False])).tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    "name", ["category", "brand", "availability", "currency", "price", "attributes.x", "attributes.."]
)
def test_a_name_that_products_could_have_is_a_field(name: str) -> None:
    """Every attribute, whether there is one of this name or not."""
    assert is_field(name)


@pytest.mark.parametrize("name", ["", "id", "title", "Category", "category ", "attributes", "attributes.", "images"])
def test_another_name_is_no_field(name: str) -> None:
    """What is not compared, and what is written otherwise."""
    assert not is_field(name)
