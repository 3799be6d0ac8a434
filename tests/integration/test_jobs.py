"""The table of jobs, on both databases: who gets a job, who may change it, and how it ends."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from app.core.errors import AlreadyRunning, WrongState
from app.db.database import Database
from app.db.jobs import MAX_ATTEMPTS, MAX_LEASE_S, Job, JobProgress
from tests.support.jobs import claim, create, finish, read, set_row
from tests.support.sources import REPOSITORY

HALF_WAY = JobProgress(phase="Indexing pictures", total=10, done=5, refused={"not-an-image": 1}, rate=2.0)
NOTHING = JobProgress()

CLAIM = """
import sys
from app.db.database import Database
database = Database(sys.argv[1])
sys.stdin.readline()
with database.changing_jobs() as jobs:
    job = jobs.claim(sys.argv[2])
print(job.id if job else "none")
"""


def let_lease_run_out(database: Database, job: Job) -> None:
    """Put the end of the lease into the past."""
    set_row(database, job, lease_until=datetime.now(UTC) - timedelta(seconds=1))


def test_a_new_job_is_queued_with_its_params(database: Database) -> None:
    """Nothing is done yet, nobody has it, and reading it gives what creating it gave."""
    job = create(database, full=True)

    assert (job.state, job.params, job.attempt, job.done, job.refused) == ("queued", {"full": True}, 0, 0, {})
    assert (job.lease_owner, job.started_at, job.finished_at, job.error, job.result) == (None,) * 5
    assert abs(job.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert read(database, job.id) == job


def test_a_second_job_of_a_kind_is_refused_by_name(database: Database) -> None:
    """While the first is queued or running; the refusal says which one it is, and another kind is none of its."""
    first = create(database)
    for state in ("queued", "running"):
        with pytest.raises(AlreadyRunning, match=f"job {first.id}, {state}"):
            create(database)
        claim(database)
    finish(database, first)
    second = create(database)
    assert second.id > first.id
    with database.changing_jobs() as jobs:
        assert jobs.create("another kind", {}).state == "queued"


def test_many_at_once_create_one_job(database: Database) -> None:
    """Of sixteen threads that queue a job at the same moment, one succeeds and the others are refused by name."""

    def attempt(_number: int) -> str:
        try:
            return create(database).id
        except AlreadyRunning:
            return ""

    with ThreadPoolExecutor(16) as threads:
        created = [job_id for job_id in threads.map(attempt, range(16)) if job_id]
    assert len(created) == 1


def test_one_of_many_threads_gets_the_job(database: Database) -> None:
    """The others get nothing, and the row says who has it."""
    job = create(database)
    with ThreadPoolExecutor(8) as threads:
        taken = [each for each in threads.map(lambda n: claim(database, f"worker-{n}"), range(8)) if each is not None]
    assert len(taken) == 1
    assert read(database, job.id).lease_owner == taken[0].lease_owner
    assert taken[0].attempt == 1


def test_one_of_two_processes_gets_the_job(database: Database, database_url: str) -> None:
    """Whichever is first."""
    job = create(database)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM, database_url, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        for name in ("one", "two")
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    assert sorted(racer.communicate(timeout=60)[0].strip() for racer in racers) == sorted([job.id, "none"])


def test_a_heartbeat_writes_progress_and_renews_the_lease(database: Database) -> None:
    """And only its worker's does."""
    create(database)
    job = claim(database, lease_s=5)
    assert job is not None
    assert job.lease_until is not None
    with database.changing_jobs() as jobs:
        assert jobs.heartbeat(job.id, "worker-1", HALF_WAY) == "go on"
        assert jobs.heartbeat(job.id, "worker-2", NOTHING) == "lost"
    now = read(database, job.id)
    assert now.lease_until is not None
    assert now.lease_until > job.lease_until
    assert (now.phase, now.total, now.done, now.refused) == ("Indexing pictures", 10, 5, {"not-an-image": 1})
    assert now.seconds_left == 2.5


def test_a_job_whose_lease_ran_out_goes_to_another_worker(database: Database) -> None:
    """Not before; the one that lost it learns so and can change nothing any more."""
    create(database)
    job = claim(database, "worker-1")
    assert job is not None
    with database.reading_jobs() as jobs:
        assert not jobs.is_any_waiting()
    assert claim(database, "worker-2") is None

    let_lease_run_out(database, job)
    with database.reading_jobs() as jobs:
        assert jobs.is_any_waiting()
    taken = claim(database, "worker-2")

    assert taken is not None
    assert (taken.id, taken.attempt, taken.started_at) == (job.id, 2, job.started_at)
    with database.changing_jobs() as jobs:
        assert jobs.heartbeat(job.id, "worker-1", NOTHING) == "lost"
        assert not jobs.finish(job.id, "worker-1", "succeeded", NOTHING)
        assert not jobs.give_back(job.id, "worker-1", counts=False)
    assert read(database, job.id).lease_owner == "worker-2"


def test_a_heartbeat_just_in_time_keeps_the_job(database: Database) -> None:
    """A worker that was suspended goes on if nobody took its job meanwhile."""
    create(database)
    job = claim(database)
    assert job is not None
    let_lease_run_out(database, job)
    with database.changing_jobs() as jobs:
        assert jobs.heartbeat(job.id, "worker-1", NOTHING) == "go on"
    assert claim(database, "worker-2") is None


def test_a_lease_from_before_the_clock_was_set_back_counts_as_over(database: Database) -> None:
    """Otherwise a dead worker's job would wait for as long as the clock was set back."""
    create(database)
    job = claim(database)
    assert job is not None
    set_row(database, job, lease_until=datetime.now(UTC) + timedelta(seconds=MAX_LEASE_S / 2))
    assert claim(database, "worker-2") is None
    set_row(database, job, lease_until=datetime.now(UTC) + timedelta(hours=1))
    assert claim(database, "worker-2") is not None


def test_a_job_that_keeps_losing_its_worker_fails_with_a_reason(database: Database) -> None:
    """After as many attempts as it has, it is not begun again."""
    job = create(database)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        taken = claim(database)
        assert taken is not None
        assert taken.attempt == attempt
        let_lease_run_out(database, job)
    assert claim(database) is None
    lost = read(database, job.id)
    assert lost.state == "failed"
    assert lost.error is not None
    assert lost.error["slug"] == "job-lost"
    assert "3 times" in lost.error["message"]
    assert lost.finished_at is not None


def test_a_job_given_back_is_there_for_the_next(database: Database) -> None:
    """As if it had not begun, or as an attempt that counts."""
    job = create(database)
    for counts, attempt_after in ((False, 0), (True, 1)):
        claim(database)
        with database.changing_jobs() as jobs:
            assert jobs.give_back(job.id, "worker-1", counts=counts)
        given = read(database, job.id)
        assert (given.state, given.attempt, given.lease_owner, given.lease_until) == (
            "queued",
            attempt_after,
            None,
            None,
        )


def test_a_job_ends_with_what_it_did(database: Database) -> None:
    """Result and error are kept, counts too, and nothing of a lease."""
    job = create(database)
    claim(database)
    assert finish(database, job, progress=HALF_WAY, result={"snapshot": "x"})
    ended = read(database, job.id)
    assert (ended.state, ended.result, ended.error) == ("succeeded", {"snapshot": "x"}, None)
    assert (ended.done, ended.refused, ended.lease_owner, ended.seconds_left) == (5, {"not-an-image": 1}, None, None)
    assert ended.is_over
    assert not finish(database, job)


def test_a_queued_job_is_cancelled_at_once(database: Database) -> None:
    """No worker takes it any more, and a new one may be queued."""
    job = create(database)
    with database.changing_jobs() as jobs:
        assert jobs.request_cancel(job.id).state == "cancelled"
    assert claim(database) is None
    assert create(database).state == "queued"


def test_a_running_job_is_asked_to_stop(database: Database) -> None:
    """Its worker learns so with the next heartbeat; given back instead, it is cancelled."""
    job = create(database)
    claim(database)
    with database.changing_jobs() as jobs:
        asked = jobs.request_cancel(job.id)
        assert (asked.state, asked.cancel_requested) == ("running", True)
        assert jobs.request_cancel(job.id).state == "running"
        assert jobs.heartbeat(job.id, "worker-1", NOTHING) == "cancel"
        assert jobs.give_back(job.id, "worker-1", counts=False)
    assert read(database, job.id).state == "cancelled"


def test_an_abandoned_job_is_cancelled_at_once(database: Database) -> None:
    """There is nobody to ask; one that was asked before its worker died is not begun again."""
    for asked_first in (False, True):
        job = create(database)
        claim(database)
        if asked_first:
            with database.changing_jobs() as jobs:
                jobs.request_cancel(job.id)
        let_lease_run_out(database, job)
        if asked_first:
            assert claim(database, "worker-2") is None
        else:
            with database.changing_jobs() as jobs:
                jobs.request_cancel(job.id)
        assert read(database, job.id).state == "cancelled"


def test_a_job_that_is_over_cannot_be_cancelled(database: Database) -> None:
    """The refusal says how it ended; for one that was cancelled, there is nothing to refuse."""
    job = create(database)
    claim(database)
    finish(database, job)
    with pytest.raises(WrongState, match="it succeeded"), database.changing_jobs() as jobs:
        jobs.request_cancel(job.id)
    other = create(database)
    for _ in range(2):
        with database.changing_jobs() as jobs:
            assert jobs.request_cancel(other.id).state == "cancelled"


def test_a_job_that_did_not_succeed_can_be_tried_again(database: Database) -> None:
    """As a new job with the same params, and the old one stays as it was."""
    job = create(database, full=True)
    with pytest.raises(WrongState, match="has not begun"), database.changing_jobs() as jobs:
        jobs.retry(job.id)
    with database.changing_jobs() as jobs:
        jobs.request_cancel(job.id)
        again = jobs.retry(job.id)
    assert again.id > job.id
    assert (again.state, again.params) == ("queued", {"full": True})
    assert read(database, job.id).state == "cancelled"
    with pytest.raises(AlreadyRunning, match=again.id), database.changing_jobs() as jobs:
        jobs.retry(job.id)
