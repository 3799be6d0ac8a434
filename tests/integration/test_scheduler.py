"""What falls due is queued once, whoever looks, however long nobody did, and whatever the clock did."""

from datetime import UTC, datetime, timedelta

import pytest

from app.db.database import Database
from app.db.jobs import Job, JobProgress, Jobs
from indexer.schedule import Schedule, Scheduler
from tests.support.jobs import claimed, create


class Calendar:
    """The time that jobs and schedulers are told; a test turns its pages."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, now: str) -> None:
        self.now = datetime.fromisoformat(now)
        monkeypatch.setattr(Jobs, "now", lambda _jobs: self.now)

    def turn_to(self, now: str) -> None:
        """Let it be another time."""
        self.now = datetime.fromisoformat(now)


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    """It is noon, UTC, of 1 June."""
    return Calendar(monkeypatch, "2026-06-01T12:00:00+00:00")


@pytest.fixture
def scheduler(database: Database, calendar: Calendar) -> Scheduler:  # noqa: ARG001  # the clock comes first
    """The scheduler of a worker that has just begun, for three o'clock every night."""
    scheduler = Scheduler(Schedule("0 3 * * *", UTC), database)
    assert scheduler.queue_due() is None
    return scheduler


def end(database: Database, job: Job | None) -> None:
    """Have a job done."""
    assert job is not None
    claimed(database, "test")
    with database.changing_jobs() as jobs:
        jobs.finish(job.id, "test", "succeeded", JobProgress())


def test_a_schedule_queues_one_job_a_night(database: Database, calendar: Calendar, scheduler: Scheduler) -> None:
    """When its time has come, and not when the first worker begins to know of it."""
    for day in (2, 3, 4):
        calendar.turn_to(f"2026-06-0{day}T02:59:59+00:00")
        assert scheduler.queue_due() is None
        calendar.turn_to(f"2026-06-0{day}T03:00:00+00:00")
        job = scheduler.queue_due()
        assert job is not None
        assert job.params == {"full": False}
        assert scheduler.queue_due() is None
        end(database, job)
        calendar.turn_to(f"2026-06-0{day}T03:10:00+00:00")
        assert scheduler.queue_due() is None


def test_nights_that_were_missed_are_made_up_for_once(
    database: Database, calendar: Calendar, scheduler: Scheduler
) -> None:
    """Ten days without a worker are one job, as soon as there is one."""
    calendar.turn_to("2026-06-02T03:00:00+00:00")
    end(database, scheduler.queue_due())
    calendar.turn_to("2026-06-12T09:00:00+00:00")
    later = Scheduler(Schedule("0 3 * * *", UTC), database)
    end(database, later.queue_due())
    assert later.queue_due() is None
    calendar.turn_to("2026-06-13T03:00:01+00:00")
    assert later.queue_due() is not None


def test_a_job_that_somebody_queued_since_makes_up_for_a_missed_one(
    database: Database, calendar: Calendar, scheduler: Scheduler
) -> None:
    """The index is newer than the night that was missed."""
    calendar.turn_to("2026-06-02T08:00:00+00:00")
    end(database, create(database))
    assert scheduler.queue_due() is None


def test_a_job_under_way_puts_the_due_one_off(database: Database, calendar: Calendar, scheduler: Scheduler) -> None:
    """It began before, and may not know what changed since."""
    calendar.turn_to("2026-06-02T02:50:00+00:00")
    running = create(database)
    calendar.turn_to("2026-06-02T03:00:00+00:00")
    assert scheduler.queue_due() is None
    end(database, running)
    assert scheduler.queue_due() is not None


def test_two_workers_queue_a_due_job_once(database: Database, calendar: Calendar, scheduler: Scheduler) -> None:
    """Even when the first has done it before the second looks."""
    other = Scheduler(Schedule("0 3 * * *", UTC), database)
    assert other.queue_due() is None
    calendar.turn_to("2026-06-02T03:00:00+00:00")
    end(database, scheduler.queue_due())
    calendar.now += timedelta(milliseconds=300)
    assert other.queue_due() is None


def test_a_clock_that_was_wrong_neither_stops_nor_doubles_the_schedule(
    database: Database, calendar: Calendar, scheduler: Scheduler
) -> None:
    """A year ahead for a while: what was queued then is of no account once the clock is right again."""
    calendar.turn_to("2027-06-01T12:00:00+00:00")
    end(database, create(database))
    calendar.turn_to("2026-06-01T12:30:00+00:00")
    assert scheduler.queue_due() is None
    calendar.turn_to("2026-06-02T03:00:00+00:00")
    end(database, scheduler.queue_due())
    assert scheduler.queue_due() is None
