"""
Every query about the shop's rules. A rule is created and removed, and never changed.

So the ids of all rules, of which there are few, tell a server whether it knows them.
"""

import re
import secrets
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, delete, func, insert, select

from app.core.errors import InvalidParameter, NotFound, WrongState
from app.core.rules import MAX_RULES, Rule, RuleWanted
from app.db.checks import is_storable
from app.db.tables import rules

MAX_NOTE_CHARS: Final = 200
MAX_CATEGORY_CHARS: Final = 200

_ID: Final = re.compile(r"[0-9a-f]{16}")
_IN_ORDER: Final = (rules.c.created_at, rules.c.id)


class Rules:
    """The rules as one transaction sees them; given by `Database.reading_rules` and `Database.changing_rules`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ids(self) -> tuple[str, ...]:
        """Return the ids of all rules, oldest first; cheap enough to ask all the time."""
        return tuple(self._connection.execute(select(rules.c.id).order_by(*_IN_ORDER)).scalars())

    def list(self) -> list[Rule]:
        """Return all rules, oldest first."""
        return [_rule(row) for row in self._connection.execute(select(rules).order_by(*_IN_ORDER)).mappings()]

    def create(self, wanted: RuleWanted) -> Rule:
        """
        Store a new rule.

        Raises:
            InvalidParameter: It contradicts itself, or holds what cannot be stored.
            WrongState: There are as many rules as there may be.
        """
        check_rule(wanted)
        if self._connection.execute(select(func.count()).select_from(rules)).scalar_one() >= MAX_RULES:
            raise WrongState(f"There are {MAX_RULES} rules already, the limit; remove one that is not needed.")
        rule = Rule(**asdict(wanted), id=secrets.token_hex(8), created_at=datetime.now(UTC))
        self._connection.execute(insert(rules).values(asdict(rule)))
        return rule

    def remove(self, rule_id: str) -> Rule:
        """
        Remove a rule, and return what it was.

        Raises:
            NotFound: There is no such rule.
        """
        removed = delete(rules).where(rules.c.id == rule_id).returning(rules)
        row = self._connection.execute(removed).mappings().first() if _ID.fullmatch(rule_id) else None
        if row is None:
            raise NotFound("There is no rule of this id.")
        return _rule(row)


def check_rule(wanted: RuleWanted) -> None:
    """
    Refuse what is no rule; its products are looked at by those who know filters.

    Raises:
        InvalidParameter: The message names the field.
    """
    for name, value, most in (
        ("when.category", wanted.category, MAX_CATEGORY_CHARS),
        ("note", wanted.note, MAX_NOTE_CHARS),
    ):
        if value is not None and not (0 < len(value) <= most and is_storable(value)):
            raise InvalidParameter(f"{name}: it must be text of 1 to {most} characters.")
    if (wanted.position is not None) != (wanted.action == "pin"):
        raise InvalidParameter("position: it goes with the action pin, and with no other.")
    if wanted.starts_at is not None and wanted.ends_at is not None and wanted.starts_at >= wanted.ends_at:
        raise InvalidParameter("until: it must be later than from.")


def _rule(row: RowMapping) -> Rule:
    return Rule(**{column.name: row[column] for column in rules.columns})
