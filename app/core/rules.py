"""What a rule of the shop is: products that searches shall show at a place of their own, last, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from pydantic import JsonValue

RuleAction = Literal["pin", "bury", "hide"]

MAX_RULES: Final = 200
"""Every server holds all of them in memory, and which products each is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleWanted:
    """
    A rule as the shop states it.

    Attributes:
        action: What becomes of the products.
        products: A filter as JSON, or {"id": […]}.
        category: The rule acts where this is the likeliest category of what is searched with; None: everywhere.
        position: Rank of the first pinned product; None for other actions.
        starts_at: It acts from then on; None: from when it was made.
        ends_at: It acts until then; None: for ever.
        note: What the shop wants to remember of it.
    """

    action: RuleAction
    products: Mapping[str, JsonValue]
    category: str | None = None
    position: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(RuleWanted):
    """A rule as it is stored; it is never changed, only removed."""

    id: str
    created_at: datetime

    def acts(self, category: str | None, now: datetime) -> bool:
        """Whether it acts now on a search whose likeliest category is this."""
        return (
            (self.category is None or self.category == category)
            and (self.starts_at is None or self.starts_at <= now)
            and (self.ends_at is None or now < self.ends_at)
        )
