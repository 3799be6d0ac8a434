"""Workers as processes: killed, stopped, two at once, and without their database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.db.database import Database
from app.db.jobs import Job
from tests.support.jobs import WAIT_S, create, read, wait_until
from tests.support.postgres import PostgresTestServer
from tests.support.sources import REPOSITORY

LEASE_S = 2.0
STEPS = 40
STEP_S = 0.15

# Processes take seconds to start; what has nothing to do with the kind of database is tried with one of them.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def until(database: Database, job: Job, holds: Callable[[Job], bool]) -> Job:
    """Wait until something is true of a job."""
    return wait_until(lambda: read(database, job.id), holds)


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
    running = until(database, job, has_begun)
    assert (running.phase, running.total, running.attempt) == ("Writing lines", STEPS, 1)
    assert running.rate is not None
    assert os.getpriority(os.PRIO_PROCESS, worker.pid) == 19
    ended = until(database, job, lambda job: job.is_over)
    assert (ended.state, ended.done, ended.result) == ("succeeded", STEPS, {"lines": STEPS, "warnings": []})
    assert ended.started_at is not None
    assert ended.finished_at is not None
    assert ended.created_at <= ended.started_at < ended.finished_at


def test_a_killed_workers_job_is_finished_by_another(database: Database, workers: Workers) -> None:
    """Not before its lease has run out, and from where it was: no step is done again."""
    job = create(database)
    first = workers.start()
    until(database, job, has_begun)
    first.kill()
    first.wait()
    killed = read(database, job.id)
    assert killed.state == "running"
    workers.start()
    ended = until(database, job, lambda job: job.is_over)
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
    until(database, job, has_begun)
    first.send_signal(order)
    assert first.wait(WAIT_S) == 0
    given = read(database, job.id)
    assert (given.state, given.attempt, given.lease_owner) == ("queued", 0, None)
    assert 0 < len(workers.lines()) < STEPS
    workers.start()
    ended = until(database, job, lambda job: job.is_over)
    assert (ended.state, ended.attempt) == ("succeeded", 1)
    assert [line.split()[0] for line in workers.lines()] == [str(step) for step in range(STEPS)]


@on_sqlite
def test_a_second_signal_ends_a_worker_at_once(database: Database, workers: Workers) -> None:
    """However long its step still takes; the job waits for its lease."""
    job = create(database)
    worker = workers.start(steps=1, step_s=10 * WAIT_S)
    until(database, job, lambda job: job.state == "running" and job.phase is not None)
    worker.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(WAIT_S) == -signal.SIGTERM
    assert read(database, job.id).state == "running"


@on_sqlite
def test_an_idle_worker_stops_when_told(database: Database, workers: Workers) -> None:
    """Its job was done, and it waits for the next."""
    job = create(database)
    worker = workers.start(steps=1)
    until(database, job, lambda job: job.is_over)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(WAIT_S) == 0


@on_postgresql
def test_a_cancelled_job_ends_between_two_steps(database: Database, workers: Workers) -> None:
    """And the worker takes the next one."""
    job = create(database)
    workers.start()
    until(database, job, has_begun)
    with database.changing_jobs() as jobs:
        jobs.request_cancel(job.id)
    ended = until(database, job, lambda job: job.is_over)
    assert (ended.state, ended.error) == ("cancelled", None)
    assert len(workers.lines()) < STEPS
    again = create(database)
    assert until(database, again, lambda job: job.is_over).state == "succeeded"


@on_postgresql
def test_two_workers_share_the_jobs(database: Database, workers: Workers) -> None:
    """Each job is done once, by one of them."""
    for _ in range(2):
        workers.start(steps=1)
    for number in range(1, 4):
        job = create(database)
        assert until(database, job, lambda job: job.is_over).attempt == 1
        assert len(workers.lines()) == 1, number
        workers.file.unlink()


def test_a_database_that_goes_away_is_waited_for(own_server: PostgresTestServer, tmp_path: Path) -> None:
    """While the worker is idle and in the middle of a job; neither the worker nor the job fails of it."""
    url = own_server.url(own_server.create_database())
    database = Database(url)
    database.upgrade()
    workers = Workers(url, tmp_path)
    try:
        workers.start()
        job = create(database)
        until(database, job, has_begun)
        own_server.stop()
        time.sleep(0.5)
        own_server.start()
        assert until(database, job, lambda job: job.is_over).state == "succeeded"

        workers.file.unlink()
        own_server.stop()
        time.sleep(3)
        own_server.start()
        job = create(database)
        assert until(database, job, lambda job: job.is_over).state == "succeeded"
        assert "The database is back." in workers.logs()
    finally:
        workers.end()
        database.close()
