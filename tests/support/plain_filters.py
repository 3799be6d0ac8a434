"""Filters in plain Python, one product at a time, to compare the vectorised ones with; random products and filters."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from pydantic import JsonValue

from app.core.products import AVAILABILITIES, ProductRecord

Scalar = bool | int | float | Decimal | str

_TEXTS = st.sampled_from(["", "1", "true", "null", "red", "Red", "blue", "größe", "x" * 200])
_NUMBERS = st.sampled_from([0, 1, 2, 1.0, 0.1, 0.3, 19.99, -5, 1e22, 2**53 - 1]) | st.integers(-3, 3)
_SCALARS = st.booleans() | _NUMBERS | _TEXTS
_ATTRIBUTE_NAMES = st.sampled_from(["a", "b", "a.b", "größe"])
_PRICES = st.sampled_from(["0", "5", "19.9", "19.99", "20", "20.0001"])


def random_products() -> st.SearchStrategy[list[ProductRecord]]:
    """Return some products, in the order of their ids, among which equal and missing values are frequent."""
    attribute = st.recursive(
        st.none() | _SCALARS | st.just("x" * 201),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_ATTRIBUTE_NAMES, inner, max_size=2),
        max_leaves=4,
    )
    product = st.fixed_dictionaries(
        {
            "category": st.none() | st.sampled_from(["shoes", "bags", "Shoes"]),
            "brand": st.none() | st.sampled_from(["A", "B"]),
            "availability": st.none() | st.sampled_from(AVAILABILITIES),
            "currency": st.none() | st.just("EUR"),
            "price": st.none() | _PRICES.map(Decimal),
            "attributes": st.dictionaries(_ATTRIBUTE_NAMES, attribute, max_size=3),
        }
    )
    return st.lists(product, max_size=12).map(
        lambda drawn: [
            ProductRecord(id=f"p{number:02}", title="x", **fields)  # type: ignore[arg-type]
            for number, fields in enumerate(drawn)
        ]
    )


def random_filters() -> st.SearchStrategy[dict[str, JsonValue]]:
    """Return filters, as JSON, over the fields and values of `random_products`, and a few others."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "category": _conditions(st.sampled_from(["shoes", "bags", "Shoes", "other"])),
        "brand": _conditions(st.sampled_from(["A", "B", "a"])),
        "availability": _conditions(st.sampled_from(AVAILABILITIES)),
        "currency": _conditions(st.sampled_from(["EUR", "USD"])),
        "price": _conditions(_PRICES.map(float) | st.just(7), bounds=True),
        **{
            f"attributes.{name}": _conditions(_SCALARS, bounds=True)
            for name in ("a", "b", "a.b", "a.a.b", "größe", "z")
        },
    }
    condition = st.one_of([st.tuples(st.just(name), content) for name, content in fields.items()])

    def members(*more: st.SearchStrategy[tuple[str, Any]]) -> st.SearchStrategy[dict[str, JsonValue]]:
        return st.lists(st.one_of(condition, *more), min_size=1, max_size=3).map(dict)

    def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, JsonValue]]:
        some = st.lists(inner, min_size=1, max_size=3)
        return members(
            *(st.tuples(st.just(name), each) for name, each in (("and", some), ("or", some), ("not", inner)))
        )

    return st.recursive(members(), nested, max_leaves=4)


def _conditions(values: st.SearchStrategy[Any], *, bounds: bool = False) -> st.SearchStrategy[Any]:
    plain = values | st.none()
    positive = plain | st.lists(plain, min_size=1, max_size=3).map(lambda drawn: {"in": drawn})
    if bounds:
        sizes = _NUMBERS | st.sampled_from([19.9, 19.98, 20])
        bound = st.fixed_dictionaries({}, optional=dict.fromkeys(("gte", "gt", "lte", "lt"), sizes)).filter(bool)
        positive |= bound
    return positive | positive.map(lambda drawn: {"not": drawn})


def holds(record: ProductRecord, wanted: dict[str, Any]) -> bool:
    """Whether the filter, as JSON, matches the product."""
    return all(_member_holds(record, name, content) for name, content in wanted.items())


def _member_holds(record: ProductRecord, name: str, content: Any) -> bool:  # noqa: ANN401  # any JSON
    if name == "and":
        return all(holds(record, part) for part in content)
    if name == "or":
        return any(holds(record, part) for part in content)
    if name == "not":
        return not holds(record, content)
    values = list(values_of(record, name))
    return _condition_holds(values, content)


def _condition_holds(values: list[Scalar], condition: Any) -> bool:  # noqa: ANN401  # any JSON
    if not isinstance(condition, dict):
        return not values if condition is None else any(same(value, condition) for value in values)
    if "not" in condition:
        return not _condition_holds(values, condition["not"])
    if "in" in condition:
        return any(_condition_holds(values, each) for each in condition["in"])
    comparisons = {
        "gte": lambda number, bound: number >= bound,
        "gt": lambda number, bound: number > bound,
        "lte": lambda number, bound: number <= bound,
        "lt": lambda number, bound: number < bound,
    }
    return any(
        all(comparisons[name](_decimal(value), _decimal(bound)) for name, bound in condition.items())
        for value in values
        if _is_number(value)
    )


def values_of(record: ProductRecord, field: str) -> Iterator[Scalar]:
    """Yield what a product has in a field."""
    if field.startswith("attributes."):
        yield from (value for name, value in _flat("attributes", record.attributes) if name == field)
    elif (value := getattr(record, field)) is not None:
        yield value


def _flat(name: str, value: JsonValue) -> Iterator[tuple[str, Scalar]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _flat(name, inner)
    elif value is not None:
        yield name, value


def same(one: Scalar, other: Scalar) -> bool:
    """Whether two values are of one type, and equal."""
    if _is_number(one) and _is_number(other):
        return _decimal(one) == _decimal(other)
    return type(one) is type(other) and one == other


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _decimal(number: object) -> Decimal:
    """Return the number as it is written, which for a binary one is the shortest text that means it."""
    return Decimal(str(number))
