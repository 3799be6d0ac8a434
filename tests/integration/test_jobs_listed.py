"""The jobs that there were: found, listed page by page, forgotten when they are old, and counted for the schedule."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from app.core.errors import InvalidParameter, NotFound
from app.db import jobs as jobs_module
from app.db.database import Database
from app.db.jobs import REINDEX, Job, Jobs
from tests.support.jobs import claim, create, finish, set_row


@pytest.mark.parametrize("job_id", ["0" * 26, "no-id", "", "\x00", "a" * 10_000])
def test_an_id_that_no_job_has_is_not_found(database: Database, job_id: str) -> None:
    """Whatever it looks like."""
    with database.changing_jobs() as jobs:
        assert jobs.get(job_id) is None
        for ask in (jobs.request_cancel, jobs.retry):
            with pytest.raises(NotFound):
                ask(job_id)


@pytest.fixture
def history(database: Database) -> list[str]:
    """The ids of seven jobs that are over, oldest first."""
    ids = []
    for _ in range(7):
        job = create(database)
        with database.changing_jobs() as jobs:
            jobs.request_cancel(job.id)
        ids.append(job.id)
    return ids


def pages(jobs: Jobs, limit: int) -> Iterator[list[str]]:
    """Yield the ids of page after page."""
    cursor: str | None = None
    while True:
        page = jobs.list(after=cursor, limit=limit)
        yield [job.id for job in page.jobs]
        cursor = page.next_cursor
        if cursor is None:
            return


def test_jobs_are_listed_newest_first_page_by_page(database: Database, history: list[str]) -> None:
    """Each of them once; the last page says that it is the last."""
    newest_first = history[::-1]
    with database.reading_jobs() as jobs:
        assert list(pages(jobs, 3)) == [newest_first[:3], newest_first[3:6], newest_first[6:]]
        assert list(pages(jobs, 7)) == [newest_first]


@pytest.mark.parametrize(("after", "limit"), [("x", 5), ("A" * 26, 5), (None, 0), (None, 101)])
def test_a_page_that_cannot_be_is_refused(database: Database, after: str | None, limit: int) -> None:
    """By name."""
    with pytest.raises(InvalidParameter), database.reading_jobs() as jobs:
        jobs.list(after=after, limit=limit)


def test_ids_follow_one_another_when_the_clock_is_set_back(
    database: Database, history: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of the list is that of creation, not that of a clock."""
    monkeypatch.setattr(Jobs, "now", lambda _jobs: datetime(2020, 1, 1, tzinfo=UTC))
    assert create(database).id > max(history)


def test_old_jobs_are_forgotten(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many are kept, the newest ones."""
    monkeypatch.setattr(jobs_module, "KEPT_JOBS", 3)
    ids = []
    for _ in range(6):
        job = create(database)
        ids.append(job.id)
        claim(database)
        finish(database, job)
    with database.reading_jobs() as jobs:
        assert [job.id for job in jobs.list().jobs] == ids[:-4:-1]


def test_a_due_job_is_created_once(database: Database) -> None:
    """Not while one is under way, and not again for the same time; whoever queued a job since did what was due."""
    due = datetime.now(UTC) - timedelta(minutes=5)

    def create_due(moment: datetime) -> Job | None:
        with database.changing_jobs() as jobs:
            return jobs.create_due(REINDEX, {"full": False}, moment)

    with ThreadPoolExecutor(8) as threads:
        created = [job for job in threads.map(create_due, [due] * 8) if job is not None]
    assert len(created) == 1
    assert create_due(datetime.now(UTC)) is None
    claim(database)
    finish(database, created[0])
    assert create_due(due) is None
    assert create_due(datetime.now(UTC)) is not None


def test_the_newest_job_of_a_kind_is_known_by_its_time(database: Database) -> None:
    """None where there is none; one that a wrong clock dated into the future does not count."""
    with database.reading_jobs() as jobs:
        assert jobs.newest_created_at(REINDEX) is None
    job = create(database)
    with database.reading_jobs() as jobs:
        assert jobs.newest_created_at(REINDEX) == job.created_at
        assert jobs.newest_created_at("another kind") is None
    set_row(database, job, created_at=datetime.now(UTC) + timedelta(days=365))
    with database.reading_jobs() as jobs:
        assert jobs.newest_created_at(REINDEX) is None
