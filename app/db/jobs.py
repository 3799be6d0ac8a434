"""
Every query about jobs. Their table is the truth about them: whoever wants work done writes a row, a worker takes it.

A worker holds a job by a lease that it renews with each heartbeat. When the lease runs out, any worker may go on with
the job, and the one before it learns at its next heartbeat that the job is lost to it.

Leases are told by the database's clock (of SQLite, which has none, by the machine's). A clock that jumps forward may
hand a job over that is still being worked on, if another worker looks before the next heartbeat; the data folder's
lock keeps the two apart until the first has stopped. After a jump back, a lease that seems to last longer than any
lease does counts as over.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from pydantic import JsonValue
from sqlalchemy import ColumnElement, Connection, Executable, RowMapping, and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.core.errors import AlreadyRunning, InvalidParameter, JobLost, NotFound, WrongState
from app.db.tables import jobs

REINDEX: Final = "reindex"

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Beat = Literal["go on", "cancel", "lost"]

LEASE_S: Final = 30.0
MAX_LEASE_S: Final = 120.0
MAX_ATTEMPTS: Final = 3
MAX_PAGE: Final = 100
KEPT_JOBS: Final = 1_000
"""Older jobs are forgotten."""

_ACTIVE: Final = ("queued", "running")
_ID: Final = re.compile(r"[0-9a-f]{26}")
_TIME_DIGITS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """How far a job is in its current phase, and what it refused so far."""

    phase: str | None = None
    total: int | None = None
    done: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    """How many by the slug of the reason, over all phases."""
    rate: float | None = None
    """Done a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(JobProgress):
    """A job as its row was when it was read."""

    id: str
    """26 hex digits, in the order of creation."""
    kind: str
    params: dict[str, JsonValue]
    state: State
    attempt: int
    max_attempts: int
    cancel_requested: bool
    lease_owner: str | None
    lease_until: datetime | None
    heartbeat_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: dict[str, str] | None
    """Slug and message of what it failed of."""
    result: dict[str, JsonValue] | None

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.state not in _ACTIVE

    @property
    def seconds_left(self) -> float | None:
        """How long the current phase will take at this rate, where that is known."""
        if self.state != "running" or self.total is None or not self.rate:
            return None
        return max(0, self.total - self.done) / self.rate


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs, newest first, and where the next ones begin."""

    jobs: tuple[Job, ...]
    next_cursor: str | None
    """None on the last page."""


class Jobs:
    """
    The jobs as one transaction sees them; given by `Database.reading_jobs` and `Database.changing_jobs`.

    A job is changed only by a statement that says in which state it must be for that; so of several processes that
    want the same, one gets it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- for everybody -------------------------------------------------------------------------------------------

    def get(self, job_id: str) -> Job | None:
        """Return the job, or None."""
        return self._first(select(jobs).where(jobs.c.id == job_id)) if _is_id(job_id) else None

    def active(self, kind: str) -> Job | None:
        """Return the one job of this kind that is queued or running, or None."""
        return self._first(select(jobs).where(jobs.c.kind == kind, jobs.c.state.in_(_ACTIVE)))

    def list(self, *, after: str | None = None, limit: int = 50) -> JobPage:
        """
        Return the next `limit` jobs, newest first.

        Args:
            after: `next_cursor` of the page before; None for the first page.
            limit: At least 1 and at most 100.

        Raises:
            InvalidParameter: The cursor is not one that a page gave, or the limit is out of range.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidParameter(f"limit is {limit}; it is at least 1 and at most {MAX_PAGE}.")
        statement = select(jobs).order_by(jobs.c.id.desc()).limit(limit + 1)
        if after is not None:
            if not _is_id(after):
                raise InvalidParameter("The cursor is not one that a page of jobs gave.")
            statement = statement.where(jobs.c.id < after)
        found = [_job(row) for row in self._connection.execute(statement).mappings()]
        return JobPage(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    def succeeded(self, kind: str) -> tuple[Job, ...]:
        """Return the jobs of this kind that succeeded, newest first, as far back as any are kept."""
        statement = select(jobs).where(jobs.c.kind == kind, jobs.c.state == "succeeded").order_by(jobs.c.id.desc())
        return tuple(_job(row) for row in self._connection.execute(statement).mappings())

    def create(self, kind: str, params: Mapping[str, JsonValue]) -> Job:
        """
        Queue a job.

        Raises:
            AlreadyRunning: One of this kind is queued or running.
        """
        created = self._insert(kind, params)
        if created is None:
            active = self.active(kind)
            which = f" (job {active.id}, {active.state})" if active is not None else ""
            raise AlreadyRunning(f"A {kind} is under way already{which}. Wait for its end, or cancel it.")
        return created

    def create_due(self, kind: str, params: Mapping[str, JsonValue], due: datetime) -> Job | None:
        """Queue the job that was due at `due`, unless one of this kind was queued since, or is still under way."""
        since = select(jobs.c.id).where(jobs.c.kind == kind, jobs.c.created_at.between(due, self.now()))
        return self._insert(kind, params) if self._connection.execute(since).first() is None else None

    def newest_created_at(self, kind: str) -> datetime | None:
        """Return when the newest job of this kind was queued, leaving out what a wrong clock put into the future."""
        newest = select(func.max(jobs.c.created_at)).where(jobs.c.kind == kind, jobs.c.created_at <= self.now())
        created_at: datetime | None = self._connection.execute(newest).scalar_one()
        return created_at

    def request_cancel(self, job_id: str) -> Job:
        """
        Have a job stop: at once where nobody works on it, otherwise after what its worker is at.

        Raises:
            NotFound: There is no such job.
            WrongState: It is over.
        """
        self._existing(job_id)
        self._cancel(jobs.c.id == job_id, or_(jobs.c.state == "queued", self._is_abandoned()))
        running = update(jobs).where(jobs.c.id == job_id, jobs.c.state == "running")
        asked = self._connection.execute(running.values(cancel_requested=True)).rowcount
        job = self._existing(job_id)
        if not asked and job.state != "cancelled":
            raise WrongState(f"The job is over already: it {_ENDED[job.state]}.")
        return job

    def retry(self, job_id: str) -> Job:
        """
        Queue a job like one that failed or was cancelled, and return the new one.

        Raises:
            NotFound: There is no such job.
            WrongState: It did not fail and was not cancelled.
            AlreadyRunning: One of its kind is queued or running.
        """
        job = self._existing(job_id)
        if job.state not in {"failed", "cancelled"}:
            raise WrongState(f"Only a job that failed or was cancelled is tried again; this one {_ENDED[job.state]}.")
        return self.create(job.kind, job.params)

    def now(self) -> datetime:
        """Return the time by the clock that leases and schedules are told by."""
        if self._connection.dialect.name == "postgresql":
            now: datetime = self._connection.execute(select(func.clock_timestamp())).scalar_one()
            return now
        return datetime.now(UTC)

    # -- for workers ---------------------------------------------------------------------------------------------

    def is_any_waiting(self) -> bool:
        """Whether a worker should call `claim`."""
        waiting = select(jobs.c.id).where(or_(jobs.c.state == "queued", self._is_abandoned()))
        return self._connection.execute(waiting.limit(1)).first() is not None

    def claim(self, owner: str, *, lease_s: float = LEASE_S, job_id: str | None = None) -> Job | None:
        """
        Take the oldest job that is queued or that its worker abandoned, or the one of this id; None if there is none.

        Abandoned jobs that shall not go on, because that was asked for or was tried often enough, end here.
        """
        self._cancel(jobs.c.cancel_requested, self._is_abandoned())
        self._fail_exhausted()
        takeable = or_(jobs.c.state == "queued", self._is_abandoned())
        oldest = select(func.min(jobs.c.id)).where(takeable).scalar_subquery()
        now = self.now()
        statement = update(jobs).where(jobs.c.id == (oldest if job_id is None else job_id), takeable)
        values = {
            "state": "running",
            "attempt": jobs.c.attempt + 1,
            "lease_owner": owner,
            "lease_until": now + timedelta(seconds=lease_s),
            "heartbeat_at": now,
            "started_at": func.coalesce(jobs.c.started_at, now),
        }
        return self._first(statement.values(values).returning(jobs))

    def heartbeat(self, job_id: str, owner: str, progress: JobProgress, *, lease_s: float = LEASE_S) -> Beat:
        """Write down how far the job is, and renew the lease; tell whether to go on."""
        now = self.now()
        lease = {"heartbeat_at": now, "lease_until": now + timedelta(seconds=lease_s)}
        values = {**asdict(progress), **lease}
        statement = update(jobs).where(*_held(job_id, owner)).values(values).returning(jobs.c.cancel_requested)
        row = self._connection.execute(statement).first()
        if row is None:
            return "lost"
        return "cancel" if row.cancel_requested else "go on"

    def finish(
        self,
        job_id: str,
        owner: str,
        state: Literal["succeeded", "failed", "cancelled"],
        progress: JobProgress,
        *,
        error: dict[str, str] | None = None,
        result: dict[str, JsonValue] | None = None,
    ) -> bool:
        """End the job; False if it is lost to another worker."""
        values = {**asdict(progress), "rate": None, **self._end(state), "error": error, "result": result}
        return self._connection.execute(update(jobs).where(*_held(job_id, owner)).values(values)).rowcount == 1

    def give_back(self, job_id: str, owner: str, *, counts: bool) -> bool:
        """
        Queue the job again, as an attempt that `counts` or as if it had not begun; False if it is lost to another.

        One that shall be cancelled is cancelled.
        """
        values = {
            "state": "queued",
            "attempt": jobs.c.attempt - (0 if counts else 1),
            "lease_owner": None,
            "lease_until": None,
            "rate": None,
        }
        given = self._connection.execute(update(jobs).where(*_held(job_id, owner)).values(values)).rowcount == 1
        self._cancel(jobs.c.id == job_id, jobs.c.state == "queued", jobs.c.cancel_requested)
        return given

    # ------------------------------------------------------------------------------------------------------------

    def _insert(self, kind: str, params: Mapping[str, JsonValue]) -> Job | None:
        """Insert a queued job; None, from the unique index, when one of this kind is active."""
        insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        values = {
            "id": self._next_id(),
            "kind": kind,
            "params": dict(params),
            "state": "queued",
            "attempt": 0,
            "max_attempts": MAX_ATTEMPTS,
            "cancel_requested": False,
            "created_at": self.now(),
            **asdict(JobProgress()),
        }
        created = self._first(insert(jobs).values(values).on_conflict_do_nothing().returning(jobs))
        newest = select(jobs.c.id).order_by(jobs.c.id.desc()).offset(KEPT_JOBS).limit(1).scalar_subquery()
        self._connection.execute(delete(jobs).where(jobs.c.id <= newest, jobs.c.state.not_in(_ACTIVE)))
        return created

    def _first(self, statement: Executable) -> Job | None:
        row = self._connection.execute(statement).mappings().first()
        return None if row is None else _job(row)

    def _next_id(self) -> str:
        """Return an id that is later than all others, whatever became of the clock; otherwise like a version 7 UUID."""
        newest = self._connection.execute(select(func.max(jobs.c.id))).scalar_one()
        time_ms = int(self.now().timestamp() * 1000)
        if newest is not None:
            time_ms = max(time_ms, int(newest[:_TIME_DIGITS], 16) + 1)
        return f"{time_ms:0{_TIME_DIGITS}x}{secrets.token_hex(7)}"

    def _existing(self, job_id: str) -> Job:
        job = self.get(job_id)
        if job is None:
            raise NotFound("There is no job of this id.")
        return job

    def _is_abandoned(self) -> ColumnElement[bool]:
        now = self.now()
        over = or_(jobs.c.lease_until <= now, jobs.c.lease_until > now + timedelta(seconds=MAX_LEASE_S))
        return and_(jobs.c.state == "running", over)

    def _cancel(self, *where: ColumnElement[bool]) -> None:
        values = {**self._end("cancelled"), "cancel_requested": True, "rate": None}
        self._connection.execute(update(jobs).where(*where).values(values))

    def _fail_exhausted(self) -> None:
        lost = JobLost(f"Its worker ended {MAX_ATTEMPTS} times without finishing it, or without saying so.")
        values = {**self._end("failed"), "error": {"slug": lost.slug, "message": lost.message}, "rate": None}
        statement = update(jobs).where(self._is_abandoned(), jobs.c.attempt >= jobs.c.max_attempts)
        self._connection.execute(statement.values(values))

    def _end(self, state: State) -> dict[str, Any]:
        return {"state": state, "finished_at": self.now(), "lease_owner": None, "lease_until": None}


_ENDED: Final[dict[State, str]] = {
    "queued": "has not begun",
    "running": "is running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "was cancelled",
}


def _held(job_id: str, owner: str) -> tuple[ColumnElement[bool], ...]:
    """What is true of a job for as long as its worker has it."""
    return (jobs.c.id == job_id, jobs.c.state == "running", jobs.c.lease_owner == owner)


def _job(row: RowMapping) -> Job:
    return Job(**{column.name: row[column] for column in jobs.columns})


def _is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None
