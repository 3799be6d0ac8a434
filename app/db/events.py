"""
Every query about events: what shoppers chose from the answers to their searches.

Nothing here leads back to a shopper or to a request: a search has an id that was drawn for this table alone, the day
and not the moment, and what it was asked with. It is kept once, with all that was chosen from its answer.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, Literal

from sqlalchemy import Connection, Table, delete, func, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from app.db.tables import event_queries, events

EventType = Literal["select", "add_to_cart"]

MAX_QUERIES: Final = 10_000
"""Searches that are kept: 80 MB at 4096 values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """
    A search that something was chosen from: with a product of the catalogue, or with a photo's embedding.

    Attributes:
        id: Drawn at random for this search, and told nobody.
        day: On which it was, in UTC.
        is_steered: Whether something besides likeness decided what was shown, such as a filter.
        product_id: What was searched with; None: a photo.
        fingerprint: Of the network that embedded the photo.
        embedding: Of the photo, shape (d,), as the bytes of float16, the lower one first.
    """

    id: str
    day: date
    is_steered: bool = False
    product_id: str | None = None
    fingerprint: str | None = None
    embedding: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A shopper's choice: the product, and at which place, from 1, the answer had shown it."""

    query: EventQuery
    type: EventType
    product_id: str
    place: int


class Events:
    """Events as one transaction sees them; given by `Database.reading_events` and `Database.changing_events`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, added: Sequence[Event]) -> None:
        """Keep these events; those that are kept already stay as they are."""
        # In the order of their random ids: rows do not stand in the order in which the events came.
        queries = sorted({event.query.id: event.query for event in added}.values(), key=lambda query: query.id)
        self._insert(event_queries, [asdict(query) for query in queries])
        rows = [
            {"query_id": event.query.id, "type": event.type, "product_id": event.product_id, "place": event.place}
            for event in sorted(added, key=lambda event: (event.query.id, event.type, event.product_id))
        ]
        self._insert(events, rows)

    def forget(self, before: date, most: int = MAX_QUERIES) -> None:
        """Forget the searches of earlier days, and, of more than `most`, the oldest, with their events."""
        newest_first = select(event_queries.c.day, event_queries.c.id).order_by(
            event_queries.c.day.desc(), event_queries.c.id.desc()
        )
        is_over = event_queries.c.day < before
        last = self._connection.execute(newest_first.offset(most).limit(1)).first()
        if last is not None:
            is_over = or_(is_over, tuple_(event_queries.c.day, event_queries.c.id) <= tuple_(last.day, last.id))
        self._connection.execute(delete(event_queries).where(is_over))

    def read(self) -> list[Event]:
        """Return all events, oldest day first; those of one search stand together."""
        statement = select(event_queries, events.c.type, events.c.product_id.label("chosen"), events.c.place)
        statement = statement.join(events, events.c.query_id == event_queries.c.id)
        order = (event_queries.c.day, event_queries.c.id, events.c.place, events.c.type)
        found: list[Event] = []
        for row in self._connection.execute(statement.order_by(*order)).mappings():
            is_another = not found or found[-1].query.id != row["id"]
            query = (
                EventQuery(**{column.name: row[column] for column in event_queries.columns})
                if is_another
                else found[-1].query
            )
            found.append(Event(query=query, type=row["type"], product_id=row["chosen"], place=row["place"]))
        return found

    def count(self) -> int:
        """Return how many events are kept."""
        return self._connection.execute(select(func.count()).select_from(events)).scalar_one()

    def _insert(self, table: Table, rows: list[dict[str, Any]]) -> None:
        insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        if rows:
            self._connection.execute(insert(table).on_conflict_do_nothing(), rows)
