"""Rules in either database, and what a running service makes of them when the database goes away."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import DatabaseUnavailable, InvalidParameter, NotFound
from app.core.rules import RuleWanted
from app.db.database import Database
from app.search.live_rules import LiveRules
from tests.support.live import open_database
from tests.support.waiting import wait_until

RED: dict[str, Any] = {"attributes.colour": {"in": ["red", 19.99, None, True]}}
MOMENT = datetime(2026, 11, 1, 8, 30, 0, 250_000, tzinfo=UTC)


def _create(database: Database, **fields: Any) -> str:  # noqa: ANN401  # fields of RuleWanted
    with database.changing_rules() as rules:
        return rules.create(RuleWanted(**{"action": "hide", "products": RED, **fields})).id


def test_a_rule_comes_back_as_it_was_made(database: Database) -> None:
    """Every field, and in the order in which rules were made."""
    wanted = [
        RuleWanted(action="pin", products={"id": ["b", "a"]}, category="shoes", position=3, note="“ü”"),
        RuleWanted(action="bury", products=RED, starts_at=MOMENT, ends_at=MOMENT.replace(year=2027)),
    ]
    with database.changing_rules() as rules:
        made = [rules.create(each) for each in wanted]
    with database.reading_rules() as rules:
        assert rules.list() == made
        assert rules.ids() == tuple(rule.id for rule in made)
    for rule, each in zip(made, wanted, strict=True):
        assert all(getattr(rule, name) == getattr(each, name) for name in RuleWanted.__dataclass_fields__)


def test_a_removed_rule_is_gone(database: Database) -> None:
    """And cannot be removed again."""
    kept, gone = _create(database), _create(database)
    with database.changing_rules() as rules:
        assert rules.remove(gone).id == gone
    with database.changing_rules() as rules, pytest.raises(NotFound):
        rules.remove(gone)
    with database.reading_rules() as rules:
        assert rules.ids() == (kept,)


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "pin"},
        {"position": 1},
        {"category": ""},
        {"category": "\0"},
        {"note": "x" * 201},
        {"starts_at": MOMENT, "ends_at": MOMENT},
    ],
)
def test_what_contradicts_itself_is_not_stored(database: Database, fields: dict[str, Any]) -> None:
    """Nor what a database could not hold."""
    with pytest.raises(InvalidParameter):
        _create(database, **fields)
    with database.reading_rules() as rules:
        assert rules.list() == []


def test_rules_are_followed_and_outlive_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is away, those that were seen last act; what changed meanwhile acts when it is back."""
    with open_database(tmp_path) as database:
        first = _create(database)
        live = LiveRules(database, poll_s=0.01)
        live.start()
        try:
            assert [rule.id for rule in live.rules.rules] == [first]
            second = _create(database)
            wait_until(lambda: [rule.id for rule in live.rules.rules] == [first, second])

            def away() -> Any:  # noqa: ANN401  # never returns
                raise DatabaseUnavailable("It is away.")

            reading = database.reading_rules
            monkeypatch.setattr(database, "reading_rules", away)
            with database.changing_rules() as rules:
                rules.remove(first)
            assert [rule.id for rule in live.rules.rules] == [first, second]
            monkeypatch.setattr(database, "reading_rules", reading)
            wait_until(lambda: [rule.id for rule in live.rules.rules] == [second])
        finally:
            live.close()
    broken = Database("sqlite:////nowhere/at/all.db")
    with pytest.raises(DatabaseUnavailable):
        LiveRules(broken)
