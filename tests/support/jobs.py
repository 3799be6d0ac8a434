"""Jobs as whoever queues them and whoever works on them see their table."""

import time
from collections.abc import Callable

from pydantic import JsonValue
from sqlalchemy import update

from app.db.database import Database
from app.db.jobs import LEASE_S, REINDEX, Job, JobProgress
from app.db.tables import jobs as jobs_table

WAIT_S = 120  # a worker gives way to everything else, a busy test machine included


def create(database: Database, *, full: bool = False) -> Job:
    """Queue a reindex."""
    with database.changing_jobs() as jobs:
        return jobs.create(REINDEX, {"full": full})


def claim(database: Database, owner: str = "worker-1", *, lease_s: float = LEASE_S) -> Job | None:
    """Take whatever there is to take."""
    with database.changing_jobs() as jobs:
        return jobs.claim(owner, lease_s=lease_s)


def claimed(database: Database, owner: str = "worker-1") -> Job:
    """Take the job that is queued."""
    job = claim(database, owner)
    assert job is not None
    return job


def finish(
    database: Database,
    job: Job,
    *,
    progress: JobProgress | None = None,
    result: dict[str, JsonValue] | None = None,
) -> bool:
    """End a job successfully, as the worker that `claim` names unless told otherwise; whether it still had the job."""
    with database.changing_jobs() as jobs:
        return jobs.finish(job.id, "worker-1", "succeeded", progress or JobProgress(), result=result)


def set_row(database: Database, job: Job, **values: object) -> None:
    """Change a row behind everybody's back, as a clock or a kill would."""
    with database.changing_jobs() as jobs:
        jobs._connection.execute(update(jobs_table).where(jobs_table.c.id == job.id).values(**values))


def read(database: Database, job_id: str) -> Job:
    """Return the job as it is now."""
    with database.reading_jobs() as jobs:
        job = jobs.get(job_id)
    assert job is not None
    return job


def newest(database: Database) -> Job | None:
    """Return the job that was queued last, if there was one."""
    with database.reading_jobs() as jobs:
        return next(iter(jobs.list(limit=1).jobs), None)


def wait_until(look: Callable[[], Job | None], holds: Callable[[Job], bool]) -> Job:
    """Return the job that `look` gives once something is true of it."""
    deadline_s = time.monotonic() + WAIT_S
    while (found := look()) is None or not holds(found):
        assert time.monotonic() < deadline_s, found
        time.sleep(0.05)
    return found
