"""
What shoppers chose: taken for searches that this process answered a short while ago, and written down beside them.

    log.remember(request_id, wanted, answer)                 # after each search: memory only
    log.take("select", request_id, product_id)               # an event: into a queue, and no further
                                                             # a thread of its own: the queue into the database

No search waits for any of it, and none is written down that nothing was chosen from. What is written has no request's
id, no moment and no address: see docs/events.md.
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

import structlog

from app.core.errors import InvalidParameter, LookalikeError, NotFound, Overloaded
from app.core.files import MIB
from app.db.database import Database
from app.db.events import Event, EventQuery, EventType
from app.search.finding import Wanted
from app.search.recent import Recent
from app.search.service import Answer

MAX_BYTES: Final = 32 * MIB  # 3,500 answers at 4096 values
LIFETIME_S: Final = 3600.0
"""Events come for an hour after an answer: who puts something into the cart has read its page first."""
MAX_WAITING: Final = 1_000  # 8 MB at 4096 values
WRITE_EVERY_S: Final = 2.0
FORGET_EVERY_S: Final = 3600.0
_ID_BYTES: Final = 60  # of memory, for the id of a product that was shown

log: structlog.stdlib.BoundLogger = structlog.get_logger("lookalike.events")


@dataclass(frozen=True, slots=True)
class _Shown:
    """An answer: what it was asked with, the products it showed, best first, and which events of it were taken."""

    query: EventQuery
    product_ids: tuple[str, ...]
    taken: set[tuple[EventType, str]] = field(default_factory=set)

    @property
    def size_bytes(self) -> int:
        return len(self.query.embedding or b"") + _ID_BYTES * (2 * len(self.product_ids) + 8)


class EventLog:
    """
    Takes events and keeps them for `kept_days` days; with 0, it takes none, and forgets those that there are.

    `remember` and `take` are for the thread of the event loop, and never block.
    """

    def __init__(self, database: Database, kept_days: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._kept_days = kept_days
        self._recent: Recent[list[_Shown]] = Recent(MAX_BYTES, LIFETIME_S, clock)
        self._waiting: deque[Event] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="events", daemon=True)
        self._forget_at_s = 0.0
        self._problem: str | None = None

    def start(self) -> None:
        """Begin to write, and to forget."""
        self._thread.start()

    def close(self) -> None:
        """Write what waits, and end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def remember(self, request_id: str, wanted: Wanted, answer: Answer) -> None:
        """Remember for a while what a request was answered with, and what for each thing in its photo."""
        if not self._kept_days:
            return
        day = datetime.now(UTC).date()
        shown = [
            _Shown(
                _event_query(each, day, is_steered=_is_steered(each, wanted)),
                tuple(hit.product.id for hit in each.hits),
            )
            for each in (answer, *(region.answer for region in answer.regions or ()))
            if each.hits
        ]
        if shown:
            self._recent.add(request_id, shown, sum(each.size_bytes for each in shown))

    def take(self, kind: EventType, request_id: str, product_id: str) -> bool:
        """
        Take an event, to be written soon; return False for one that was taken before.

        Raises:
            NotFound: No answer to such a request is remembered, or no events are taken at all.
            InvalidParameter: The answer did not show this product.
            Overloaded: Too many wait, because the database takes none.
        """
        shown = self._showing(request_id, product_id)
        if (kind, product_id) in shown.taken:
            return False
        if len(self._waiting) >= MAX_WAITING:
            raise Overloaded(f"{MAX_WAITING} events already wait to be written, the limit.", retry_after_s=5)
        place = shown.product_ids.index(product_id) + 1
        self._waiting.append(Event(query=shown.query, type=kind, product_id=product_id, place=place))
        shown.taken.add((kind, product_id))
        return True

    def _showing(self, request_id: str, product_id: str) -> _Shown:
        """Return the first answer to a request that showed the product."""
        if not self._kept_days:
            raise NotFound("This service keeps no events (LOOKALIKE_EVENTS_KEPT_DAYS is 0).")
        answers = self._recent.get(request_id)
        if answers is None:
            raise NotFound(
                "No search with this request_id is remembered: events are taken for an hour after the answer, by the "
                "server process that gave it, and sooner forgotten when it answers very many."
            )
        for shown in answers:
            if product_id in shown.product_ids:
                return shown
        raise InvalidParameter("product_id: the answer to that request did not show this product.")

    # -- in the thread -----------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        while not self._stopping.wait(WRITE_EVERY_S):
            if self._waiting or time.monotonic() >= self._forget_at_s:
                self._write()
        if self._waiting:
            self._write()

    def _write(self) -> None:
        """Write what waits, and forget what is old; what cannot be written waits on."""
        waiting = list(self._waiting)
        first_day = datetime.now(UTC).date() + timedelta(days=1 - self._kept_days)
        try:
            with self._database.changing_events() as events:
                events.add(waiting)
                events.forget(before=first_day)
        except LookalikeError as error:
            self._report(error.message)
            return
        except Exception:
            log.exception("events.dropped", count=len(waiting))  # whatever is wrong with them would be so the next time
        else:
            self._report(None)
        self._forget_at_s = time.monotonic() + FORGET_EVERY_S
        for _ in waiting:
            self._waiting.popleft()

    def _report(self, problem: str | None) -> None:
        if problem is not None and problem != self._problem:
            log.warning("events.not_written", reason=problem)
        self._problem = problem


def _is_steered(answer: Answer, wanted: Wanted) -> bool:
    """Whether something besides likeness to the query decided what was shown: a filter, a refinement, a rule."""
    return wanted.filter is not None or answer.refinement is not None or answer.hidden_by_rules is not None


def _event_query(answer: Answer, day: date, *, is_steered: bool) -> EventQuery:
    """Return what an answer was asked with: the product's id, or the photo's embedding."""
    query, query_id = answer.query, secrets.token_urlsafe(16)
    if query.leave_out_product_id is not None:
        return EventQuery(id=query_id, day=day, is_steered=is_steered, product_id=query.leave_out_product_id)
    return EventQuery(
        id=query_id,
        day=day,
        is_steered=is_steered,
        fingerprint=answer.live.snapshot.manifest.fingerprint_sha256,
        embedding=query.embeddings[0].astype("<f2").tobytes(),
    )
