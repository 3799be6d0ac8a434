"""
Which products may be found, as the shop asks for it: a small JSON grammar, read by a schema, and what it matches.

    {"category": "shoes", "price": {"gte": 10, "lt": 50}}
    {"or": [{"brand": {"in": ["A", "B"]}}, {"not": {"attributes.colour": "red"}}]}

Numbers are compared as the decimals that were written, texts character by character, and a number never equals a text.
docs/filters.md describes the grammar to those who use it.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, TypeAlias

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.core.arrays import BoolArray
from app.core.errors import InvalidParameter
from app.core.products import AVAILABILITIES
from app.db.checks import is_storable
from app.search.product_table import (
    FIELDS,
    MAX_TEXT_CHARS,
    NUMBER_FIELD,
    TEXT_FIELDS,
    Column,
    ProductTable,
    is_field,
)

MAX_FILTER_BYTES: Final = 4096
MAX_DEPTH: Final = 8
MAX_CONDITIONS: Final = 100
MAX_VALUES: Final = 100

_TAME: Final = re.compile(r"[\w.-]{1,60}", re.ASCII)
_TAG: Final = "?"  # begins what pydantic adds to the place of an error for a union, and nobody has written
_NOT_TEXT: Final = "it holds a character that is not text (NUL or broken Unicode)"
_MESSAGES: Final = {
    "extra_forbidden": "it cannot stand here; there are in, or not, or any of gte, gt, lte, lt",
    "list_type": "it must be a list",
    "model_type": 'it must be an object, such as {"category": "shoes"}',
    "string_unicode": _NOT_TEXT,
    "too_long": f"the list has more than {MAX_VALUES} entries, the limit",
    "too_short": "the list is empty",
    "union_tag_invalid": "a not cannot hold another one",
}

_NOT_GIVEN: Final[Any] = None  # a default that nobody can write: null is a value of its own, or refused

Scalar: TypeAlias = bool | Decimal | str | None


class _Repeated:
    """Stands for an object with the same name twice, which readers of JSON understand in different ways."""


def _refusal(message: str) -> PydanticCustomError:
    return PydanticCustomError("filter", "{message}", {"message": message})


def _scalar(value: object) -> Scalar:
    if value is not None and not isinstance(value, bool | Decimal | str):
        raise _refusal('a value is text, a number, true, false or null; several are written {"in": [...]}')
    if isinstance(value, Decimal) and not value.is_finite():
        raise _refusal("the number is out of range")
    if isinstance(value, str) and not is_storable(value):
        raise _refusal(_NOT_TEXT)
    if isinstance(value, str) and len(value) > MAX_TEXT_CHARS:
        raise _refusal(f"a text has at most {MAX_TEXT_CHARS} characters to be compared")
    return value


def _bound(value: object) -> Decimal:
    if not isinstance(bound := _scalar(value), Decimal):
        raise _refusal("it must be a number")
    return bound


class _Object(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OneOf(_Object):
    """The field has one of these values; None stands for having none at all."""

    values: list[Annotated[Scalar, PlainValidator(_scalar)]] = Field(alias="in", min_length=1, max_length=MAX_VALUES)


class Bounds(_Object):
    """The field has a number within all of these bounds."""

    gte: Annotated[Decimal | None, PlainValidator(_bound)] = None
    gt: Annotated[Decimal | None, PlainValidator(_bound)] = None
    lte: Annotated[Decimal | None, PlainValidator(_bound)] = None
    lt: Annotated[Decimal | None, PlainValidator(_bound)] = None

    @model_validator(mode="after")
    def _not_empty(self) -> "Bounds":
        if not self.model_fields_set:
            raise _refusal("the comparison is missing: in, not, or any of gte, gt, lte, lt")
        return self


def _single(value: object) -> OneOf:
    return OneOf.model_construct(values=[_scalar(value)])


def _kind(value: object) -> str:
    if not isinstance(value, dict):
        return f"{_TAG}value"
    return next((f"{_TAG}{name}" for name in ("in", "not") if name in value), f"{_TAG}bounds")


_Positive: TypeAlias = (
    Annotated[OneOf, PlainValidator(_single), Tag(f"{_TAG}value")]
    | Annotated[OneOf, Tag(f"{_TAG}in")]
    | Annotated[Bounds, Tag(f"{_TAG}bounds")]
)


class Except(_Object):
    """The other condition does not hold."""

    condition: Annotated[_Positive, Discriminator(_kind)] = Field(alias="not")


Condition = Annotated[_Positive | Annotated[Except, Tag(f"{_TAG}not")], Discriminator(_kind)]


def _all_values(condition: OneOf | Bounds | Except) -> list[Scalar]:
    if isinstance(condition, Except):
        return _all_values(condition.condition)
    if isinstance(condition, OneOf):
        return condition.values
    return [bound for bound in (condition.gte, condition.gt, condition.lte, condition.lt) if bound is not None]


def _holding(allowed: Callable[[Scalar], bool], message: str) -> AfterValidator:
    """Return a validator that lets a condition through whose values are all allowed, or null."""

    def check(condition: OneOf | Bounds | Except) -> OneOf | Bounds | Except:
        if not all(value is None or allowed(value) for value in _all_values(condition)):
            raise _refusal(message)
        return condition

    return AfterValidator(check)


_Text = Annotated[Condition, _holding(lambda value: isinstance(value, str), "it is compared with text or null")]
_Number = Annotated[
    Condition, _holding(lambda value: isinstance(value, Decimal), "it is compared with numbers or null")
]
_Availability = Annotated[Condition, _holding(AVAILABILITIES.__contains__, f"it is one of {', '.join(AVAILABILITIES)}")]


def _attribute(name: str) -> str:
    if not is_storable(name):
        raise _refusal(_NOT_TEXT)
    if not is_field(name):
        raise _refusal(f"there is no such field; there are {FIELDS}, and beside them and, or, not")
    return name


class Filter(_Object):
    """What must hold for a product, all of it."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Annotated[str, AfterValidator(_attribute)], Condition]

    category: _Text = _NOT_GIVEN
    brand: _Text = _NOT_GIVEN
    availability: _Availability = _NOT_GIVEN
    currency: _Text = _NOT_GIVEN
    price: _Number = _NOT_GIVEN
    all_of: list["Filter"] = Field(default=[], alias="and", min_length=1, max_length=MAX_CONDITIONS)
    any_of: list["Filter"] = Field(default=[], alias="or", min_length=1, max_length=MAX_CONDITIONS)
    none_of: "Filter" = Field(default=_NOT_GIVEN, alias="not")

    def conditions(self) -> dict[str, OneOf | Bounds | Except]:
        """Return what must hold for each field, without what is in and, or, not."""
        fields = {name: getattr(self, name) for name in (*TEXT_FIELDS, NUMBER_FIELD) if name in self.model_fields_set}
        return fields | self.__pydantic_extra__

    def parts(self) -> list["Filter"]:
        """Return the filters in and, or, not."""
        parts = [*self.all_of, *self.any_of]
        if self.none_of is not None:
            parts.append(self.none_of)
        return parts


def shown(name: str) -> str:
    """Return a name that somebody sent as a message may repeat it: only a short and plain one."""
    return name if _TAME.fullmatch(name) else "(a name)"


def parse_filter(json_text: str, name: str = "filter") -> Filter:
    """
    Return the filter that a text of JSON describes.

    Args:
        json_text: The text.
        name: What messages call it.

    Raises:
        InvalidParameter: It describes none, or is beyond the limits of this module. The message names the place.
    """
    size_bytes = len(json_text.encode(errors="surrogatepass"))
    if size_bytes > MAX_FILTER_BYTES:
        raise InvalidParameter(f"{name}: it has {size_bytes} bytes; the limit is {MAX_FILTER_BYTES}.")
    too_deep = InvalidParameter(f"{name}: it is nested more than {MAX_DEPTH} deep, the limit.")
    try:
        tree = json.loads(
            json_text, parse_int=_number, parse_float=_number, parse_constant=_number, object_pairs_hook=_object
        )
    except RecursionError as error:
        raise too_deep from error
    except json.JSONDecodeError as error:
        raise InvalidParameter(f"{name}: from character {error.pos + 1} on it is not JSON.") from error
    if _depth(tree) > MAX_DEPTH:
        raise too_deep
    try:
        parsed = Filter.model_validate(tree)
    except ValidationError as error:
        raise _invalid(error, name) from error
    if _size(parsed) > MAX_CONDITIONS:
        raise InvalidParameter(f"{name}: it has {_size(parsed)} conditions; the limit is {MAX_CONDITIONS}.")
    return parsed


def matching(table: ProductTable, wanted: Filter) -> BoolArray:
    """Return which products the filter matches, shape (products,)."""
    mask = np.ones(len(table), np.bool_)
    for field, condition in wanted.conditions().items():
        mask &= _fulfilling(table.columns.get(field), condition, len(table))
    for part in wanted.all_of:
        mask &= matching(table, part)
    if wanted.any_of:
        mask &= np.logical_or.reduce([matching(table, part) for part in wanted.any_of])
    if wanted.none_of is not None:
        mask &= ~matching(table, wanted.none_of)
    return mask


def _fulfilling(column: Column | None, condition: OneOf | Bounds | Except, products: int) -> BoolArray:
    if isinstance(condition, Except):
        return ~_fulfilling(column, condition.condition, products)
    mask = np.zeros(products, np.bool_)
    if isinstance(condition, OneOf) and None in condition.values:
        mask[:] = True
        if column is not None:
            mask[column.products] = False
    if column is None:
        return mask
    if isinstance(condition, Bounds):
        mask[column.between(condition.gte, condition.gt, condition.lte, condition.lt)] = True
        return mask
    for value in condition.values:
        if value is not None:
            mask[column.having(value)] = True
    return mask


def _number(digits: str) -> Decimal:
    """Return the number exactly; NaN, which is refused at its place, for one that has no finite value."""
    try:
        return Decimal(digits)
    except InvalidOperation:
        return Decimal("NaN")


def _object(members: list[tuple[str, object]]) -> dict[str, object] | _Repeated:
    names = dict(members)
    return names if len(names) == len(members) else _Repeated()


def _depth(tree: object) -> int:
    """Return how deep objects are nested, without recursion."""
    deepest, waiting = 0, [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, dict):
            deepest = max(deepest, depth + 1)
            waiting += [(child, depth + 1) for child in node.values()]
        elif isinstance(node, list):
            waiting += [(child, depth) for child in node]
    return deepest


def _size(wanted: Filter) -> int:
    return len(wanted.conditions()) + sum(map(_size, wanted.parts()))


def _invalid(error: ValidationError, place: str) -> InvalidParameter:
    """Say the first thing that is wrong, with its place; of what somebody wrote, only names that can do no harm."""
    first = error.errors()[0]
    for part in first["loc"]:
        if isinstance(part, int):
            place += f"[{part}]"
        elif not part.startswith(_TAG):
            place += f".{shown(part)}"
    if isinstance(first["input"], _Repeated):
        return InvalidParameter(f"{place}: the object has the same name twice.")
    return InvalidParameter(f"{place}: {_MESSAGES.get(first['type'], first['msg'])}.")
