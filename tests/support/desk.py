"""The page of administration as whoever runs the shop meets it, and the worker behind it."""

from typing import Any, Literal

from playwright.sync_api import Page, expect
from sqlalchemy import delete

from app.db.database import Database
from app.db.jobs import REINDEX, Job, JobProgress
from app.db.tables import jobs as jobs_table
from tests.support.search_page import assert_accessible, assert_fits_width
from tests.support.services import ADMIN_KEY

HALF_WAY = JobProgress(
    phase="Indexing pictures", total=5000, done=1250, refused={"not-an-image": 12, "image-corrupt": 3}, rate=62.5
)


class Worker:
    """Plays the worker, and whoever else queues jobs, on the service's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def forget_everything(self) -> None:
        """Let there be no job."""
        with self._database.changing_jobs() as jobs:
            jobs._connection.execute(delete(jobs_table))

    def newest(self) -> Job:
        """Return the newest job."""
        with self._database.reading_jobs() as jobs:
            return jobs.list(limit=1).jobs[0]

    def begin(self, progress: JobProgress = HALF_WAY) -> str:
        """Get a job half done, and return its id; queue it first if there is none."""
        with self._database.changing_jobs() as jobs:
            job = jobs.active(REINDEX) or jobs.create(REINDEX, {"full": False})
            jobs.claim("worker")
            jobs.heartbeat(job.id, "worker", progress)
        return job.id

    def beat(self, progress: JobProgress = HALF_WAY) -> None:
        """Say that the job is still worked on."""
        with self._database.changing_jobs() as jobs:
            jobs.heartbeat(self.newest().id, "worker", progress)

    def give_back(self) -> None:
        """Leave the job to another worker."""
        with self._database.changing_jobs() as jobs:
            jobs.give_back(self.newest().id, "worker", counts=False)

    def end(self, state: Any = "succeeded", **outcome: Any) -> None:  # noqa: ANN401  # as `Jobs.finish` has it
        """End the job under way."""
        with self._database.changing_jobs() as jobs:
            job = jobs.active(REINDEX)
            assert job is not None
            jobs.finish(job.id, "worker", state, JobProgress(phase="Publishing"), **outcome)


class Desk:
    """The page as whoever runs the shop meets it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.key = page.get_by_label("Key of this service")
        self.complaint = page.get_by_role("alert")
        self.said = page.get_by_role("status")
        self.meter = page.get_by_role("progressbar")
        self.start = page.get_by_role("button", name="Start reindex")
        self.cancel = page.get_by_role("button", name="Cancel the job")
        self.jobs = page.get_by_role("table", name="Last jobs").get_by_role("row")
        self.snapshots = page.get_by_role("table", name="Snapshots").get_by_role("row")

    def give_key(self, key: str = ADMIN_KEY) -> None:
        """Type the key."""
        self.key.fill(key)
        self.key.press("Enter")

    def enter(self) -> None:
        """Give the right key, and wait for the desk."""
        self.give_key()
        expect(self.snapshots).to_have_count(3)

    def assert_accessible(self, *schemes: Literal["light", "dark"]) -> None:
        """Fail with a report when axe-core finds anything, by default light and dark, or when it scrolls sideways."""
        for scheme in schemes or ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert_accessible(self.page)
        assert_fits_width(self.page)
