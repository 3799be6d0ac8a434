"""The shop's rules as JSON: the body of POST /rules, and how rules are shown."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.api.parameters import MAX_K, Moment
from app.api.schemas import Out
from app.core.rules import Rule, RuleWanted
from app.db.rules import MAX_CATEGORY_CHARS, MAX_NOTE_CHARS
from app.search.filters import MAX_DEPTH

MAX_RULE_BYTES: Final = 32 * 1024
_MAX_DEPTH: Final = 2 * MAX_DEPTH  # a filter within a filter stands in a list, mostly
_EXAMPLE: Final = {"category": "shoes", "attributes.season": "winter"}


def _with_plain_numbers(value: object, depth_left: int = _MAX_DEPTH) -> object:
    """Return a JSON value without exact numbers: a filter reads 19.99 from the text that either is written as."""
    if depth_left < 0:
        raise PydanticCustomError("depth", "it is nested too deep")
    if isinstance(value, dict):
        return {name: _with_plain_numbers(item, depth_left - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_plain_numbers(item, depth_left - 1) for item in value]
    if isinstance(value, Decimal) and not math.isfinite(float(value)):
        raise PydanticCustomError("range", "a number in it is out of range")
    return float(value) if isinstance(value, Decimal) else value


class RuleCondition(Out):
    """When a rule acts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    category: str = Field(
        min_length=1,
        max_length=MAX_CATEGORY_CHARS,
        examples=["shoes"],
        description="Where this is the first of the answer's categories.",
    )


class RuleStated(BaseModel):
    """A rule to make: which products searches shall show at a place of their own, last, or not at all."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["pin", "bury", "hide"]
    products: Annotated[
        dict[str, JsonValue], BeforeValidator(_with_plain_numbers), WithJsonSchema({"type": "object"})
    ] = Field(examples=[_EXAMPLE], description='A filter, see docs/filters.md; or {"id": [...]}.')
    when: RuleCondition | None = Field(None, description="Null: for every search.")
    position: int | None = Field(
        None, ge=1, le=MAX_K, strict=True, examples=[1], description="Rank of the first pinned product; 1 if not given."
    )
    acts_from: Moment = Field(None, alias="from", examples=["2026-11-27T00:00:00Z"])
    until: Moment = Field(None, examples=["2026-11-30T00:00:00Z"])
    note: str | None = Field(None, min_length=1, max_length=MAX_NOTE_CHARS, examples=["Winter sale"])

    def wanted(self) -> RuleWanted:
        """Return the rule that it states."""
        return RuleWanted(
            action=self.action,
            products=self.products,
            category=None if self.when is None else self.when.category,
            position=1 if self.action == "pin" and self.position is None else self.position,
            starts_at=self.acts_from and self.acts_from.astimezone(UTC),
            ends_at=self.until and self.until.astimezone(UTC),
            note=self.note,
        )


class RuleShown(Out):
    """A rule."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    id: str = Field(examples=["6f1e09b2c4d7a853"])
    action: Literal["pin", "bury", "hide"]
    products: dict[str, JsonValue] = Field(examples=[_EXAMPLE])
    when: RuleCondition | None
    position: int | None = Field(examples=[None])
    acts_from: datetime | None = Field(alias="from")
    until: datetime | None
    note: str | None = Field(examples=["Winter sale"])
    created_at: datetime

    @classmethod
    def of(cls, rule: Rule) -> Self:
        """Return a rule as it is shown."""
        return cls(
            id=rule.id,
            action=rule.action,
            products=dict(rule.products),
            when=None if rule.category is None else RuleCondition(category=rule.category),
            position=rule.position,
            acts_from=rule.starts_at,
            until=rule.ends_at,
            note=rule.note,
            created_at=rule.created_at,
        )


class RuleList(Out):
    """All rules, oldest first."""

    rules: list[RuleShown]
