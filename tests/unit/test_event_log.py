"""What the log of events remembers, takes and writes, without a service around it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from app.core.errors import DatabaseUnavailable, InvalidParameter, NotFound
from app.core.preprocessing import Region
from app.db.database import Database
from app.db.events import Event
from app.search.events import EventLog
from app.search.filters import parse_filter
from app.search.finding import Wanted
from app.search.queries import Query
from app.search.refinement import Refinement
from app.search.service import Answer, RegionAnswer

WANTED = Wanted(k=3)


class Table:
    """What a database would keep; `fails` with is raised by it."""

    def __init__(self) -> None:
        self.kept: list[Event] = []
        self.forgotten_before: list[date] = []
        self.fails: Exception | None = None

    @contextmanager
    def changing_events(self) -> Iterator["Table"]:
        """Give itself."""
        yield self

    def add(self, added: Sequence[Event]) -> None:
        """Keep them."""
        if self.fails is not None:
            raise self.fails
        self.kept += added

    def forget(self, before: date) -> None:
        """Note from when on they are kept."""
        self.forgotten_before.append(before)


@pytest.fixture
def table() -> Table:
    """A database's table of events."""
    return Table()


@pytest.fixture
def log(table: Table) -> EventLog:
    """A log that writes when the test says so."""
    return EventLog(cast("Database", table), kept_days=90)


def answer(*product_ids: str, asked_with: str | None = None, value: float = 1.0) -> Answer:
    """Return an answer that shows these products."""
    manifest = SimpleNamespace(fingerprint_sha256="f" * 64)
    parts: dict[str, Any] = {
        "live": SimpleNamespace(snapshot=SimpleNamespace(manifest=manifest)),
        "hits": [SimpleNamespace(product=SimpleNamespace(id=product_id)) for product_id in product_ids],
        "query": Query(np.array([[value, 0.0]], np.float32), leave_out_product_id=asked_with),
    }
    names = ("query_id", "match", "categories", "explanations", "facets", "timings")
    return Answer(**parts, **cast("Any", dict.fromkeys(names)))


def test_a_product_counts_for_the_first_answer_that_shows_it(log: EventLog, table: Table) -> None:
    """As where a photo is answered as a whole and once more for each thing in it."""
    of_a_thing = RegionAnswer(Region(0, 0, 0.5, 1), 1.0, answer("b", "c", value=0.5))
    log.remember("request", WANTED, replace(answer("a", "b"), regions=[of_a_thing]))
    assert [log.take("select", "request", product_id) for product_id in ("b", "c", "b")] == [True, True, False]
    with pytest.raises(InvalidParameter):
        log.take("select", "request", "d")
    log._write()
    assert [(event.product_id, event.place) for event in table.kept] == [("b", 2), ("c", 2)]
    embeddings = [np.frombuffer(event.query.embedding or b"", "<f2").tolist() for event in table.kept]
    assert embeddings == [[1.0, 0.0], [0.5, 0.0]]
    assert table.kept[0].query.id != table.kept[1].query.id


@pytest.mark.parametrize(
    ("wanted", "steered", "is_steered"),
    [
        (WANTED, {}, False),
        (replace(WANTED, filter=parse_filter('{"category": "mugs"}')), {}, True),
        (WANTED, {"refinement": Refinement(more_like=("c",))}, True),
        (WANTED, {"hidden_by_rules": 0}, True),
    ],
)
def test_what_was_shown_for_more_than_its_likeness_is_kept_as_steered(
    log: EventLog, table: Table, wanted: Wanted, steered: dict[str, Any], *, is_steered: bool
) -> None:
    """By a filter, a refinement or a rule: figures of likeness are not made of it."""
    log.remember("request", wanted, replace(answer("a"), **steered))
    log.take("select", "request", "a")
    log._write()
    assert [event.query.is_steered for event in table.kept] == [is_steered]


def test_an_answer_that_shows_nothing_is_not_remembered(log: EventLog) -> None:
    """There is nothing in it to choose."""
    log.remember("request", WANTED, answer())
    with pytest.raises(NotFound):
        log.take("select", "request", "a")


def test_what_a_busy_database_does_not_take_is_written_later(log: EventLog, table: Table) -> None:
    """Once, and nothing of it is lost or asked for again."""
    log.remember("request", WANTED, answer("a", "b"))
    log.take("select", "request", "a")
    table.fails = DatabaseUnavailable("It is locked.")
    log._write()
    log.take("select", "request", "b")
    table.fails = None
    log._write()
    log._write()
    assert [event.product_id for event in table.kept] == ["a", "b"]


def test_what_can_never_be_written_does_not_stand_in_the_way(log: EventLog, table: Table) -> None:
    """It is dropped, and what comes after it is written."""
    log.remember("request", WANTED, answer("a", "b"))
    log.take("select", "request", "a")
    table.fails = ValueError("unforeseen")
    log._write()
    table.fails = None
    log.take("select", "request", "b")
    log._write()
    assert [event.product_id for event in table.kept] == ["b"]


def test_so_many_days_are_kept_as_were_asked_for(table: Table) -> None:
    """Today is one of them; with none, today's go as well."""
    today = datetime.now(UTC).date()
    for days in (90, 1, 0):
        EventLog(cast("Database", table), kept_days=days)._write()
    assert [(today - first).days for first in table.forgotten_before] == [89, 0, -1]
