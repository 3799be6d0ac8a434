"""Works on one job: in a thread of its own, while this one keeps the lease, writes down progress and minds orders."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from app.core.errors import (
    AlreadyRunning,
    DatabaseUnavailable,
    DataDirBusy,
    InternalError,
    LookalikeError,
    StorageError,
)
from app.db.database import Database
from app.db.jobs import LEASE_S, Beat, Job, JobProgress, Jobs
from indexer.job_progress import Halted, Tally
from indexer.progress import Progress

Work = Callable[[Job, Progress], dict[str, JsonValue]]
"""Does a job and returns its result; an order to stop reaches it as an exception out of its progress."""

Ending = Literal["succeeded", "failed", "cancelled", "given back", "lost"]
_Halt = Literal["cancel", "stop", "lost"]

TICK_S = 0.2
REPORT_S = 1.0  # between two reports of progress, at least
BEATS_A_LEASE = 6  # where nothing changes
AWAY_S = 1.0  # before the end of a job is told again to a database that did not take it

log = logging.getLogger("lookalike.worker")


@dataclass(frozen=True, slots=True)
class JobRunner:
    """
    Runs jobs that `owner` has claimed.

    When `stop` is set, a job is given back to the queue; likewise when another run has the data folder, the folder is
    locked or the database goes away. With `may_give_back` false there is nobody else to take it: then it is cancelled,
    or fails.
    """

    database: Database
    owner: str
    work: Work
    stop: threading.Event
    display: Progress | None = None
    may_give_back: bool = True
    lease_s: float = LEASE_S

    def run(self, job: Job) -> Ending:
        """Work on a job until it is over, or is not ours any more."""
        tally = Tally(self.display)
        with ThreadPoolExecutor(1, thread_name_prefix="job") as thread:
            running = thread.submit(self.work, job, tally)
            try:
                halt = self._attend(job, tally, running)
            except BaseException:
                tally.halt()  # nobody minds it any more
                raise
        return "lost" if halt == "lost" else self._end(job, tally, running, halt)

    # -- while it runs -------------------------------------------------------------------------------------------

    def _attend(self, job: Job, tally: Tally, running: "Future[dict[str, JsonValue]]") -> _Halt | None:
        """Report progress and keep the lease until the work has ended; return what it was halted for, if it was."""
        halt: _Halt | None = None
        told: JobProgress | None = None
        told_s = kept_s = time.monotonic()
        beat_s = self.lease_s / BEATS_A_LEASE
        while not wait([running], timeout=TICK_S).done:
            now_s = time.monotonic()
            if now_s - told_s >= min(REPORT_S, beat_s) and ((now := tally.read()) != told or now_s - told_s >= beat_s):
                beat = self._beat(job, now)
                told, told_s = now, now_s
                kept_s = kept_s if beat is None else now_s
                if beat == "lost" or now_s - kept_s > self.lease_s:
                    halt = "lost"
                elif beat == "cancel":
                    halt = halt or "cancel"
            if self.stop.is_set():
                halt = halt or "stop"
            if halt is not None:
                tally.halt()
        return halt

    def _beat(self, job: Job, progress: JobProgress) -> Beat | None:
        """Send a heartbeat; None when the database did not take it, because it is away, or its disk full."""
        try:
            with self.database.changing_jobs() as jobs:
                return jobs.heartbeat(job.id, self.owner, progress, lease_s=self.lease_s)
        except (DatabaseUnavailable, StorageError) as error:
            log.warning("No heartbeat of job %s: %s", job.id, error.message)
            return None

    # -- when it has ended ---------------------------------------------------------------------------------------

    def _end(self, job: Job, tally: Tally, running: "Future[dict[str, JsonValue]]", halt: _Halt | None) -> Ending:
        try:
            result = running.result()
        except Halted:
            if halt == "stop" and self.may_give_back:
                return self._give_back(job, counts=False)
            return self._finish(job, tally, "cancelled")
        except LookalikeError as error:
            # All pass by themselves. A database that goes away each time is told from one that is away once.
            counts = isinstance(error, DatabaseUnavailable | DataDirBusy)
            passes = isinstance(error, AlreadyRunning) or (counts and job.attempt < job.max_attempts)
            return (
                self._give_back(job, counts=counts) if passes and self.may_give_back else self._fail(job, tally, error)
            )
        except Exception:
            log.exception("Job %s failed.", job.id)
            return self._fail(job, tally, InternalError("It failed on our side; the worker's log has the cause."))
        return self._finish(job, tally, "succeeded", result={**result, "warnings": list(tally.warnings)})

    def _fail(self, job: Job, tally: Tally, error: LookalikeError) -> Ending:
        return self._finish(job, tally, "failed", error={"slug": error.slug, "message": error.message})

    def _finish(
        self,
        job: Job,
        tally: Tally,
        state: Literal["succeeded", "failed", "cancelled"],
        *,
        error: dict[str, str] | None = None,
        result: dict[str, JsonValue] | None = None,
    ) -> Ending:
        progress = tally.read()
        is_ours = self._tell(lambda jobs: jobs.finish(job.id, self.owner, state, progress, error=error, result=result))
        return state if is_ours else "lost"

    def _give_back(self, job: Job, *, counts: bool) -> Ending:
        is_ours = self._tell(lambda jobs: jobs.give_back(job.id, self.owner, counts=counts))
        return "given back" if is_ours else "lost"

    def _tell(self, change: Callable[[Jobs], bool]) -> bool:
        """
        Write down how the job ended, however long the database is away or full; false if it is not ours any more.

        When the process shall stop before that, the job is left to its lease. In the foreground, somebody waits for the
        answer: there the database has as long as the lease.

        Raises:
            DatabaseUnavailable, StorageError: In the foreground.
        """
        give_up_s = time.monotonic() + self.lease_s
        while True:
            try:
                with self.database.changing_jobs() as jobs:
                    return change(jobs)
            except (DatabaseUnavailable, StorageError) as error:
                log.warning("The end of a job could not be written down: %s", error.message)
                if not self.may_give_back and time.monotonic() > give_up_s:
                    raise
                if self.stop.wait(AWAY_S):
                    return False
