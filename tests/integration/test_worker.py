"""Workers as processes: killed, stopped, two at once, without their database; and how the work on one job ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue
from sqlalchemy import update

from app.core.errors import AlreadyRunning, DatabaseUnavailable, DiskFull, LookalikeError
from app.db.database import Database
from app.db.jobs import MAX_ATTEMPTS, REINDEX, Job, JobProgress, Jobs
from app.db.tables import jobs as jobs_table
from indexer.job_runner import JobRunner, Work
from indexer.progress import Progress
from indexer.schedule import Schedule, Scheduler
from tests.support.postgres import PostgresTestServer
from tests.support.sources import REPOSITORY

WAIT_S = 120  # a worker gives way to everything else, a busy test machine included
LEASE_S = 2.0
STEPS = 12
STEP_S = 0.15

# Processes take seconds to start; what has nothing to do with the kind of database is tried with one of them.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def create(database: Database) -> Job:
    """Queue a reindex."""
    with database.changing_jobs() as jobs:
        return jobs.create(REINDEX, {"full": False})


def claim(database: Database) -> Job:
    """Take the job that is queued."""
    with database.changing_jobs() as jobs:
        job = jobs.claim("test")
    assert job is not None
    return job


def read(database: Database, job: Job) -> Job:
    """Return the job as it is now."""
    with database.reading_jobs() as jobs:
        found = jobs.get(job.id)
    assert found is not None
    return found


def wait_until(database: Database, job: Job, holds: Callable[[Job], bool]) -> Job:
    """Wait until something is true of a job."""
    deadline_s = time.monotonic() + WAIT_S
    while not holds(found := read(database, job)):
        assert time.monotonic() < deadline_s, found
        time.sleep(0.05)
    return found


class Workers:
    """Worker processes that write lines into one file; all of them end with the test."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.file = folder / "lines"
        self._folder = folder
        self._url = database_url
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *, steps: int = STEPS, step_s: float = STEP_S) -> "subprocess.Popen[bytes]":
        """Start one; its log goes to a file of its own."""
        module = ["-W", "error", "-m", "tests.support.worker_child"]
        arguments = [str(self.file), str(steps), str(step_s), str(LEASE_S)]
        with (self._folder / f"worker-{len(self._started)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *module, *arguments],
                cwd=REPOSITORY,
                env={**os.environ, "LOOKALIKE_DATABASE_URL": self._url},
                stdout=log,
                stderr=log,
            )
        self._started.append(process)
        return process

    def lines(self) -> list[str]:
        """Return what they have written together."""
        return self.file.read_text().splitlines() if self.file.exists() else []

    def logs(self) -> str:
        """Return what they have logged together."""
        return "".join(path.read_text() for path in sorted(self._folder.glob("worker-*.log")))

    def end(self) -> None:
        """Kill those that still run."""
        for process in self._started:
            process.kill()
            process.wait()


@pytest.fixture
def workers(database_url: str, tmp_path: Path) -> Iterator[Workers]:
    """Worker processes over the test's database."""
    started = Workers(database_url, tmp_path)
    yield started
    started.end()


def has_begun(job: Job) -> bool:
    """Whether a worker is some steps into the job and has said so."""
    return job.state == "running" and job.done >= 2


def test_a_worker_does_a_job_from_beginning_to_end(database: Database, workers: Workers) -> None:
    """Its row tells how far it is, and in the end what came of it; the worker gives way to everything else."""
    job = create(database)
    worker = workers.start()
    running = wait_until(database, job, has_begun)
    assert (running.phase, running.total, running.attempt) == ("Writing lines", STEPS, 1)
    assert running.rate is not None
    assert os.getpriority(os.PRIO_PROCESS, worker.pid) == 19
    ended = wait_until(database, job, lambda job: job.is_over)
    assert (ended.state, ended.done, ended.result) == ("succeeded", STEPS, {"lines": STEPS, "warnings": []})
    assert ended.started_at is not None
    assert ended.finished_at is not None
    assert ended.created_at <= ended.started_at < ended.finished_at


def test_a_killed_workers_job_is_finished_by_another(database: Database, workers: Workers) -> None:
    """Not before its lease has run out, and from where it was: no step is done again."""
    job = create(database)
    first = workers.start()
    wait_until(database, job, has_begun)
    first.kill()
    first.wait()
    killed = read(database, job)
    assert killed.state == "running"
    workers.start()
    ended = wait_until(database, job, lambda job: job.is_over)
    assert (ended.state, ended.attempt) == ("succeeded", 2)
    assert [line.split()[0] for line in workers.lines()] == [str(step) for step in range(STEPS)]


@on_sqlite
@pytest.mark.parametrize("order", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_stop_finishes_its_step(
    database: Database, workers: Workers, order: signal.Signals
) -> None:
    """It ends with 0; its job is queued as if it had not begun, and another worker does the rest."""
    job = create(database)
    first = workers.start()
    wait_until(database, job, has_begun)
    first.send_signal(order)
    assert first.wait(WAIT_S) == 0
    given = read(database, job)
    assert (given.state, given.attempt, given.lease_owner) == ("queued", 0, None)
    assert 0 < len(workers.lines()) < STEPS
    workers.start()
    ended = wait_until(database, job, lambda job: job.is_over)
    assert (ended.state, ended.attempt) == ("succeeded", 1)
    assert [line.split()[0] for line in workers.lines()] == [str(step) for step in range(STEPS)]


@on_sqlite
def test_a_second_signal_ends_a_worker_at_once(database: Database, workers: Workers) -> None:
    """However long its step still takes; the job waits for its lease."""
    job = create(database)
    worker = workers.start(steps=1, step_s=10 * WAIT_S)
    wait_until(database, job, lambda job: job.state == "running" and job.phase is not None)
    worker.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(WAIT_S) == -signal.SIGTERM
    assert read(database, job).state == "running"


@on_sqlite
def test_an_idle_worker_stops_when_told(database: Database, workers: Workers) -> None:
    """Its job was done, and it waits for the next."""
    job = create(database)
    worker = workers.start(steps=1)
    wait_until(database, job, lambda job: job.is_over)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(WAIT_S) == 0


@on_postgresql
def test_a_cancelled_job_ends_between_two_steps(database: Database, workers: Workers) -> None:
    """And the worker takes the next one."""
    job = create(database)
    workers.start()
    wait_until(database, job, has_begun)
    with database.changing_jobs() as jobs:
        jobs.request_cancel(job.id)
    ended = wait_until(database, job, lambda job: job.is_over)
    assert (ended.state, ended.error) == ("cancelled", None)
    assert len(workers.lines()) < STEPS
    again = create(database)
    assert wait_until(database, again, lambda job: job.is_over).state == "succeeded"


@on_postgresql
def test_two_workers_share_the_jobs(database: Database, workers: Workers) -> None:
    """Each job is done once, by one of them."""
    for _ in range(2):
        workers.start(steps=1)
    for number in range(1, 4):
        job = create(database)
        assert wait_until(database, job, lambda job: job.is_over).attempt == 1
        assert len(workers.lines()) == 1, number
        workers.file.unlink()


@pytest.fixture
def own_server() -> Iterator[PostgresTestServer]:
    """A PostgreSQL server that the test may stop."""
    server = PostgresTestServer()
    server.start()
    yield server
    server.remove()


def test_a_database_that_goes_away_is_waited_for(own_server: PostgresTestServer, tmp_path: Path) -> None:
    """While the worker is idle and in the middle of a job; neither the worker nor the job fails of it."""
    url = own_server.url(own_server.create_database())
    database = Database(url)
    database.upgrade()
    workers = Workers(url, tmp_path)
    try:
        workers.start()
        job = create(database)
        wait_until(database, job, has_begun)
        own_server.stop()
        time.sleep(0.5)
        own_server.start()
        assert wait_until(database, job, lambda job: job.is_over).state == "succeeded"

        workers.file.unlink()
        own_server.stop()
        time.sleep(3)
        own_server.start()
        job = create(database)
        assert wait_until(database, job, lambda job: job.is_over).state == "succeeded"
        assert "The database is back." in workers.logs()
    finally:
        workers.end()
        database.close()


# -- how the work on one job ends --------------------------------------------------------------------------------


def run(database: Database, work: Work, **options: Any) -> tuple[str, Job]:  # noqa: ANN401  # the runner's own
    """Queue, claim and run a job; return how the runner says it ended, and its row."""
    job = create(database)
    stop = options.pop("stop", threading.Event())
    ending = JobRunner(database, "test", work, stop, **options).run(claim(database))
    return ending, read(database, job)


def raising(error: Exception) -> Work:
    """Return work that gets one picture done and then fails."""

    def work(_job: Job, progress: Progress) -> dict[str, JsonValue]:
        progress.phase("Indexing pictures", 2)
        progress.skip("not-an-image")
        raise error

    return work


def test_a_job_that_fails_says_why(database: Database) -> None:
    """By slug and message, with what it had done and refused."""
    ending, job = run(database, raising(DiskFull("The disk is full.")))
    assert (ending, job.state, job.error) == ("failed", "failed", {"slug": "disk-full", "message": "The disk is full."})
    assert (job.phase, job.done, job.refused) == ("Indexing pictures", 1, {"not-an-image": 1})


def test_an_unforeseen_failure_ends_the_job_and_not_the_worker(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Its row tells nothing of the inside; the log does."""
    ending, job = run(database, raising(KeyError("/srv/secret")))
    assert ending == "failed"
    assert job.error is not None
    assert job.error["slug"] == "internal-error"
    assert "secret" not in job.error["message"]
    assert "/srv/secret" in caplog.text


@pytest.mark.parametrize(
    ("error", "attempt_after"),
    [(AlreadyRunning("Another run has the folder."), 0), (DatabaseUnavailable("It does not answer."), 1)],
    ids=lambda value: type(value).__name__,
)
def test_what_passes_by_itself_gives_the_job_back(
    database: Database, error: LookalikeError, attempt_after: int
) -> None:
    """Another run in the data folder ends, a database comes back; that counts as an attempt, waiting does not."""
    ending, job = run(database, raising(error))
    assert (ending, job.state, job.attempt, job.error) == ("given back", "queued", attempt_after, None)


def test_a_database_that_goes_away_each_time_fails_the_job(database: Database) -> None:
    """After as many attempts as it has."""
    job = create(database)
    runner = JobRunner(database, "test", raising(DatabaseUnavailable("It does not answer.")), threading.Event())
    endings = [runner.run(claim(database)) for _ in range(MAX_ATTEMPTS)]
    assert endings == ["given back"] * (MAX_ATTEMPTS - 1) + ["failed"]
    assert read(database, job).state == "failed"


@pytest.mark.parametrize(
    "error", [AlreadyRunning("Another run has the folder."), DatabaseUnavailable("It does not answer.")], ids=type
)
def test_in_the_foreground_everything_that_stands_in_the_way_is_a_failure(
    database: Database, error: LookalikeError
) -> None:
    """There nobody comes back to the job."""
    ending, job = run(database, raising(error), may_give_back=False)
    assert (ending, job.state) == ("failed", "failed")
    assert job.error is not None
    assert job.error["slug"] == error.slug


@pytest.mark.parametrize(("may_give_back", "state"), [(True, "queued"), (False, "cancelled")])
def test_an_order_to_stop_gives_the_job_back_or_cancels_it(
    database: Database, state: str, *, may_give_back: bool
) -> None:
    """The next sign of progress after the order ends the work."""
    stop = threading.Event()
    steps: list[int] = []

    def work(_job: Job, progress: Progress) -> dict[str, JsonValue]:
        progress.phase("Indexing pictures")
        stop.set()
        for step in range(1_000):
            steps.append(step)
            time.sleep(0.02)
            progress.advance()
        return {}

    ending, job = run(database, work, stop=stop, may_give_back=may_give_back)
    assert ending == ("given back" if may_give_back else "cancelled")
    assert job.state == state
    assert len(steps) < 1_000


def test_a_runner_whose_lease_went_to_another_leaves_the_row_alone(database: Database) -> None:
    """Its next heartbeat tells it so; it stops and writes nothing."""

    def work(job: Job, progress: Progress) -> dict[str, JsonValue]:
        progress.phase("Indexing pictures")
        with database.changing_jobs() as jobs:
            jobs._connection.execute(update(jobs_table).where(jobs_table.c.id == job.id).values(lease_owner="another"))
        for _ in range(1_000):
            time.sleep(0.02)
            progress.advance()
        return {}

    ending, job = run(database, work)
    assert ending == "lost"
    assert (job.state, job.lease_owner, job.done) == ("running", "another", 0)


# -- what is due ---------------------------------------------------------------------------------------------------


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
    claim(database)
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
