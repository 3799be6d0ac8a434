"""The tables of events, on both databases: what is kept, how often, and for how long."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.core.errors import InternalError
from app.db.database import Database
from app.db.events import Event, EventQuery, EventType
from app.db.tables import event_queries, events

DAY = date(2026, 11, 20)
FINGERPRINT = "f" * 64


def photo_query(query_id: str, day: date = DAY) -> EventQuery:
    """Return a search with a photo."""
    return EventQuery(id=query_id, day=day, fingerprint=FINGERPRINT, embedding=bytes(range(8)))


def event(query: EventQuery, product_id: str, place: int = 1, kind: EventType = "select") -> Event:
    """Return the choice of a product."""
    return Event(query=query, type=kind, product_id=product_id, place=place)


def add(database: Database, *added: Event) -> None:
    """Keep events."""
    with database.changing_events() as table:
        table.add(added)


def read(database: Database) -> list[Event]:
    """Return what is kept."""
    with database.reading_events() as table:
        return table.read()


def test_events_are_read_as_they_were_added(database: Database) -> None:
    """By day, those of one search together and in the order of the answer."""
    later = EventQuery(id="a", day=date(2026, 11, 21), product_id="mug-1", is_steered=True)
    photo = photo_query("b")
    chosen = [event(photo, "mug-3", 2), event(photo, "mug-9", 7), event(photo, "mug-9", 7, "add_to_cart")]
    add(database, event(later, "mug-2"), *chosen)

    assert read(database) == [chosen[0], chosen[2], chosen[1], event(later, "mug-2")]
    with database.reading_events() as table:
        assert table.count() == 4


def test_an_event_that_is_kept_already_changes_nothing(database: Database) -> None:
    """As when what was written is written again, because the answer of the database was lost."""
    first = event(photo_query("a"), "mug-1", 3)
    add(database, first)
    add(database, first, event(photo_query("a"), "mug-2", 4))
    assert read(database) == [first, event(photo_query("a"), "mug-2", 4)]


def test_no_events_are_nothing_to_do(database: Database) -> None:
    """Neither to keep nor to forget."""
    add(database)
    with database.changing_events() as table:
        table.forget(DAY)
    assert read(database) == []


def test_old_events_are_forgotten_with_their_searches(database: Database) -> None:
    """No embedding stays of what has gone."""
    add(database, *(event(photo_query(str(day), date(2026, 11, day)), "mug-1") for day in (10, 11, 12)))
    with database.changing_events() as table:
        table.forget(date(2026, 11, 12))
        assert table._connection.execute(select(event_queries.c.id)).scalars().all() == ["12"]
    assert [each.query.id for each in read(database)] == ["12"]


def test_the_oldest_searches_make_room(database: Database) -> None:
    """However many a day brings, so many are kept; which of one day go is left to chance."""
    add(
        database,
        *(event(photo_query(f"{day}-{n}", date(2026, 11, day)), "mug-1") for day in (10, 11) for n in range(3)),
    )
    for most, kept in ((6, 6), (4, 4), (3, 3), (2, 2)):
        with database.changing_events() as table:
            table.forget(date(2026, 11, 1), most)
        days = [each.query.day.day for each in read(database)]
        assert days == [10] * (kept - 3) + [11] * min(kept, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"product_id": "mug-1", "embedding": b"12", "fingerprint": FINGERPRINT},
        {"embedding": b"12"},
        {"fingerprint": FINGERPRINT},
        {},
    ],
)
def test_a_search_is_with_a_photo_or_with_a_product(database: Database, wrong: dict[str, Any]) -> None:
    """The database itself sees to it."""
    with pytest.raises(InternalError), database.changing_events() as table:
        table._connection.execute(insert(event_queries).values(id="a", day=DAY, is_steered=False, **wrong))


def test_an_event_is_of_a_known_type_and_of_a_search(database: Database) -> None:
    """The same."""
    add(database, event(photo_query("a"), "mug-1"))
    for wrong in ({"query_id": "a", "type": "look"}, {"query_id": "b", "type": "select"}):
        with pytest.raises(InternalError), database.changing_events() as table:
            table._connection.execute(insert(events).values(product_id="mug-2", place=1, **wrong))
