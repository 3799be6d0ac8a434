"""How the work on one job ends: as it should, in an error, by order, or with the job lost."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import JsonValue
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from app.core.errors import (
    AlreadyRunning,
    DatabaseTooOld,
    DatabaseUnavailable,
    DataDirBusy,
    DiskFull,
    LookalikeError,
    StorageError,
)
from app.db.database import Database
from app.db.jobs import MAX_ATTEMPTS, Beat, Job, JobProgress
from indexer import job_runner
from indexer.job_runner import JobRunner, Work
from indexer.progress import Progress
from tests.support.jobs import claimed, create, read, set_row

LEASE_S = 2.0

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def run(database: Database, work: Work, **options: Any) -> tuple[str, Job]:  # noqa: ANN401  # the runner's own
    """Queue, claim and run a job; return how the runner says it ended, and its row."""
    job = create(database)
    stop = options.pop("stop", threading.Event())
    ending = JobRunner(database, "test", work, stop, **options).run(claimed(database, "test"))
    return ending, read(database, job.id)


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
    [
        (AlreadyRunning("Another run has the folder."), 0),
        (DatabaseUnavailable("It does not answer."), 1),
        (DataDirBusy("It is locked."), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_passes_by_itself_gives_the_job_back(
    database: Database, error: LookalikeError, attempt_after: int
) -> None:
    """Another run in the data folder ends, a database comes back; that counts as an attempt, waiting for a run not."""
    ending, job = run(database, raising(error))
    assert (ending, job.state, job.attempt, job.error) == ("given back", "queued", attempt_after, None)


def test_a_database_that_goes_away_each_time_fails_the_job(database: Database) -> None:
    """After as many attempts as it has."""
    job = create(database)
    runner = JobRunner(database, "test", raising(DatabaseUnavailable("It does not answer.")), threading.Event())
    endings = [runner.run(claimed(database, "test")) for _ in range(MAX_ATTEMPTS)]
    assert endings == ["given back"] * (MAX_ATTEMPTS - 1) + ["failed"]
    assert read(database, job.id).state == "failed"


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


@pytest.fixture
def refusing(database: Database) -> Iterator[Callable[[int], None]]:
    """Return how to have the database take nothing for so many transactions: as on a disk that is full for a while."""
    left = 0

    def hand_out(connection: DBAPIConnection, _entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        nonlocal left
        connection.cursor().execute(f"PRAGMA query_only = {'ON' if left else 'OFF'}")
        left = max(0, left - 1)

    def refuse(transactions: int) -> None:
        nonlocal left
        left = transactions

    event.listen(database._engine, "checkout", hand_out)
    yield refuse
    event.remove(database._engine, "checkout", hand_out)


@on_sqlite
def test_a_full_disk_loses_neither_a_job_nor_how_it_ended(
    database: Database, refusing: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heartbeats go on, and the end is written down once there is space again."""
    monkeypatch.setattr(job_runner, "AWAY_S", 0.01)
    beats: list[str] = []

    def work(_job: Job, progress: Progress) -> dict[str, JsonValue]:
        progress.phase("Indexing pictures", 2)
        refusing(2)
        while "2 refused, then taken" not in beats:
            time.sleep(0.02)
            progress.advance(0)
        refusing(3)
        raise DiskFull("The disk is full.")

    class Noting(JobRunner):
        def _beat(self, job: Job, progress: JobProgress) -> Beat | None:
            beat = super()._beat(job, progress)
            beats.append("refused" if beat is None else beat)
            if beats[-3:] == ["refused", "refused", "go on"]:
                beats.append("2 refused, then taken")
            return beat

    job = create(database)
    runner = Noting(database, "test", work, threading.Event(), lease_s=LEASE_S)
    assert runner.run(claimed(database, "test")) == "failed"
    ended = read(database, job.id)
    assert (ended.state, ended.error) == ("failed", {"slug": "disk-full", "message": "The disk is full."})


@on_sqlite
def test_in_the_foreground_a_disk_that_stays_full_is_an_error(
    database: Database, refusing: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever typed the command does not wait for ever; the job is left to its lease."""
    monkeypatch.setattr(job_runner, "AWAY_S", 0.01)

    def work(_job: Job, _progress: Progress) -> dict[str, JsonValue]:
        refusing(10_000)
        return {}

    job = create(database)
    runner = JobRunner(database, "test", work, threading.Event(), may_give_back=False, lease_s=0.3)
    with pytest.raises(StorageError, match="cannot be written"):
        runner.run(claimed(database, "test"))
    refusing(0)
    assert read(database, job.id).state == "running"


@on_sqlite
def test_work_that_nobody_minds_any_more_is_stopped(database: Database) -> None:
    """A database that another version took over, or that is damaged, ends the runner, and the work with it."""
    steps: list[int] = []

    def work(_job: Job, progress: Progress) -> dict[str, JsonValue]:
        progress.phase("Indexing pictures")
        with database.migrating() as connection:
            connection.exec_driver_sql("DROP TABLE jobs")
        for step in range(1_000):
            steps.append(step)
            time.sleep(0.02)
            progress.advance()
        return {}

    create(database)
    with pytest.raises(DatabaseTooOld):
        JobRunner(database, "test", work, threading.Event(), lease_s=LEASE_S).run(claimed(database, "test"))
    assert len(steps) < 1_000


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
        set_row(database, job, lease_owner="another")
        for _ in range(1_000):
            time.sleep(0.02)
            progress.advance()
        return {}

    ending, job = run(database, work)
    assert ending == "lost"
    assert (job.state, job.lease_owner, job.done) == ("running", "another", 0)
