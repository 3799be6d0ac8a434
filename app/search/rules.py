"""The shop's rules as searches apply them: which products each is about, found once and kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from pydantic import JsonValue

from app.core.arrays import BoolArray, Int64Array
from app.core.errors import InvalidParameter
from app.core.rules import Rule, RuleAction
from app.db.checks import is_product_id
from app.search.filters import MAX_VALUES, Filter, matching, parse_filter
from app.search.product_table import ProductTable
from app.search.segment import Segment

MAX_PINNED: Final = 10
"""Products that one rule pins: the first of its ids, or the nearest of those that its filter matches."""

Products = tuple[str, ...] | Filter
"""What a rule is about: ids, or all products that a filter matches."""


def parse_products(products: Mapping[str, JsonValue]) -> Products:
    """
    Return what the products of a rule are: {"id": […]}, or a filter.

    Raises:
        InvalidParameter: They are neither.
    """
    if products.keys() == {"id"}:
        return _parse_ids(products["id"])
    if not products:
        raise InvalidParameter("products: it is empty, and so about every product.")
    return parse_filter(json.dumps(products, allow_nan=False), "products")


def _parse_ids(value: JsonValue) -> tuple[str, ...]:
    if not (isinstance(value, list) and 0 < len(value) <= MAX_VALUES):
        raise InvalidParameter(f"products.id: it must be a list of 1 to {MAX_VALUES} ids.")
    ids = tuple(each for each in value if isinstance(each, str) and is_product_id(each))
    if len(set(ids)) < len(value):
        raise InvalidParameter("products.id: it holds what no product can be called, or one id twice.")
    return ids


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """The rule that put a hit where it is."""

    id: str
    action: RuleAction


class RuleProducts:
    """A rule, and which products of a segment it is about; those are looked for once. For several threads."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.applied = AppliedRule(rule.id, rule.action)
        self._products = parse_products(rule.products)
        self._found: WeakKeyDictionary[Segment, Int64Array] = WeakKeyDictionary()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids that it names, in their order; empty for a filter."""
        return self._products if isinstance(self._products, tuple) else ()

    def numbers(self, segment: Segment) -> Int64Array:
        """Return the products of a segment that the rule is about, ascending."""
        found = self._found.get(segment)
        if found is None:
            found = self._found[segment] = _numbers(segment.products, self._products)
        return found

    def has(self, segment: Segment, number: int) -> bool:
        """Whether the rule is about a product."""
        numbers = self.numbers(segment)
        place = int(np.searchsorted(numbers, number))
        return place < len(numbers) and int(numbers[place]) == number

    def mask(self, segment: Segment) -> BoolArray:
        """Return the same as a mask, shape (products,)."""
        return _mask([self], segment)


def _numbers(table: ProductTable, products: Products) -> Int64Array:
    if isinstance(products, Filter):
        return np.flatnonzero(matching(table, products))
    numbers = [number for product_id in products if (number := table.index_of(product_id)) is not None]
    return np.array(sorted(numbers), np.int64)


def _mask(rules: Sequence[RuleProducts], segment: Segment) -> BoolArray:
    mask = np.zeros(len(segment.products), np.bool_)
    for rule in rules:
        mask[rule.numbers(segment)] = True
    return mask


@dataclass(frozen=True, slots=True)
class ActingRules:
    """
    The rules that act on one search, by what they do, oldest first.

    What is hidden is neither pinned nor buried; what is pinned is not buried.
    """

    pins: tuple[RuleProducts, ...]
    buries: tuple[RuleProducts, ...]
    hides: tuple[RuleProducts, ...]

    def hidden(self, segment: Segment) -> BoolArray:
        """Return which products of a segment are hidden, shape (products,)."""
        return _mask(self.hides, segment)

    def buried(self, segment: Segment) -> BoolArray:
        """Return which products of a segment some rule buries, shape (products,)."""
        return _mask(self.buries, segment)

    def moves(self, segment: Segment, number: int) -> bool:
        """Whether some rule hides or buries a product."""
        return any(rule.has(segment, number) for rule in (*self.hides, *self.buries))

    def burying(self, segment: Segment, number: int) -> AppliedRule | None:
        """Return the oldest rule that buries a product."""
        return next((rule.applied for rule in self.buries if rule.has(segment, number)), None)


class RuleSet:
    """The rules of one moment; immutable."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.rules = tuple(rules)
        self._read = tuple(RuleProducts(rule) for rule in rules)

    def acting(self, category: str | None, now: datetime) -> ActingRules | None:
        """Return the rules that act now on a search whose likeliest category is this; None: none of them."""
        acting = [each for each in self._read if each.rule.acts(category, now)]
        if not acting:
            return None
        by_action = {
            action: tuple(each for each in acting if each.rule.action == action) for action in ("pin", "bury", "hide")
        }
        pins = sorted(by_action["pin"], key=lambda each: each.rule.position or 1)
        return ActingRules(tuple(pins), by_action["bury"], by_action["hide"])
