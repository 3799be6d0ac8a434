"""
`lookalike worker`: takes one job after the other, and queues the ones that the schedule says are due.

Any number of workers may run. SIGTERM and SIGINT end one after the step that it is at, and its job goes back to the
queue; a second signal ends it at once, and its job waits for its lease to run out.
"""

import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import FrameType

from app.core.errors import DatabaseUnavailable, StorageError
from app.core.settings import Settings
from app.db.database import Database
from app.db.jobs import LEASE_S
from indexer.job_runner import JobRunner, Work
from indexer.schedule import Schedule, Scheduler

POLL_S = 1.0
BUSY_S = 5.0  # before a job is tried again that found the data folder taken
LONGEST_PAUSE_S = 8.0  # between two attempts to reach the database

log = logging.getLogger("lookalike.worker")


def run_worker(settings: Settings, work: Work, *, lease_s: float = LEASE_S) -> None:
    """
    Do the work of one job after the other until told to stop. A database that is away, or full, is waited for.

    Raises:
        InvalidSetting: The schedule is none.
        DatabaseError: The database is of another version, or damaged.
    """
    schedule = Schedule(settings.reindex_schedule) if settings.reindex_schedule else None
    step_back()
    stop = threading.Event()
    with stopping_on_signals(stop), closing(Database(settings.resolved_database_url)) as database:
        runner = JobRunner(database, owner_name(), work, stop, lease_s=lease_s)
        _Worker(database, runner, Scheduler(schedule, database) if schedule else None).run(stop)


class _Worker:
    def __init__(self, database: Database, runner: JobRunner, scheduler: Scheduler | None) -> None:
        self._database = database
        self._runner = runner
        self._scheduler = scheduler
        self._is_checked = False

    def run(self, stop: threading.Event) -> None:
        log.info("Worker %s began.", self._runner.owner)
        away_s = 0.0
        pause_s = 0.0
        while not stop.wait(pause_s):
            try:
                pause_s = self._step()
            except (DatabaseUnavailable, StorageError) as error:
                if not away_s:
                    log.warning("Waiting for the database: %s", error.message)
                pause_s = away_s = min(max(POLL_S, 2 * away_s), LONGEST_PAUSE_S)
            else:
                if away_s:
                    log.info("The database is back.")
                away_s = 0.0
        log.info("Worker %s ended.", self._runner.owner)

    def _step(self) -> float:
        """Do what there is to do; return the seconds to wait before the next time."""
        if not self._is_checked:
            self._database.check()
            self._is_checked = True
        if self._scheduler is not None and (queued := self._scheduler.queue_due()):
            log.info("Job %s was due.", queued.id)
        with self._database.reading_jobs() as jobs:
            if not jobs.is_any_waiting():
                return POLL_S
        with self._database.changing_jobs() as jobs:
            job = jobs.claim(self._runner.owner, lease_s=self._runner.lease_s)
        if job is None:
            return POLL_S
        log.info("Job %s (%s) began, attempt %d.", job.id, job.kind, job.attempt)
        ending = self._runner.run(job)
        log.info("Job %s: %s.", job.id, ending)
        return BUSY_S if ending == "given back" else 0.0


def owner_name() -> str:
    """Return a name for this process that no other has: what a lease is held under."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def step_back() -> None:
    """
    Let this process and its children run only where nothing else wants the processor or, on Linux, the disk.

    Call it before threads are started: only those that come later inherit it. A disk that is shared follows from the
    same number (ioprio_set(2): without a class of its own, a process with a niceness of 19 is served last).
    """
    os.nice(19)


@contextmanager
def stopping_on_signals(stop: threading.Event) -> Iterator[None]:
    """Have the first SIGTERM or SIGINT set `stop`, and the second one end the process; main thread only."""

    def order(_signal: int, _frame: FrameType | None) -> None:
        stop.set()
        for number in kept:
            signal.signal(number, signal.SIG_DFL)

    kept = {number: signal.signal(number, order) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
