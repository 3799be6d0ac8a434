"""What servers do to a job that fetches from them: its row counts it by reason, and the job goes on to its end."""

import threading
from contextlib import closing
from functools import partial

import pytest

from app.core.fetching.blocking import fetching
from app.core.fetching.limits import FetchLimits
from app.core.files import MIB
from app.db.database import Database
from app.db.jobs import Job
from indexer.job_runner import JobRunner
from indexer.reindex import run_reindex_job
from tests.support.bad_server import Answer, endless, gzip_bomb, silence, status, trickle
from tests.support.indexing import catalogue_of
from tests.support.jobs import claimed, create, read
from tests.support.web_shop import WebShop

HASTY = FetchLimits(max_bytes=MIB, timeout_s=0.5, attempts=2, backoff_s=0.001)
BAD: dict[str, tuple[Answer, str]] = {
    "endless": (endless, "upstream-too-large"),
    "packed": (gzip_bomb(50_000_000), "upstream-broken"),
    "slow": (trickle(0.01), "upstream-timeout"),
    "silent": (silence, "upstream-timeout"),
    "gone": (status(404), "upstream-status"),
}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait half a second for a picture, and not ten."""
    monkeypatch.setattr("indexer.workplace.fetching", partial(fetching, limits=HASTY))


def run_job(web_shop: WebShop) -> Job:
    """Have a reindex of the feed done as a worker does it; return its row."""
    settings = web_shop.settings.model_copy(update={"source": str(web_shop.write()), "max_unfetched_share": 1.0})
    with closing(Database(settings.resolved_database_url)) as database:
        job = create(database)
        runner = JobRunner(database, "test", partial(run_reindex_job, settings), threading.Event())
        runner.run(claimed(database, "test"))
        return read(database, job.id)


def test_pictures_that_cannot_be_had_are_counted_by_reason_and_cost_no_other(web_shop: WebShop) -> None:
    """B60 and the addresses inside; of a body without an end no more is read than the limit and what buffers hold."""
    web_shop.import_feed()
    for name, (answer, _) in BAD.items():
        web_shop.products[name] = {"id": name, "images": [web_shop.web.at(f"/{name}.jpg", answer)]}
    web_shop.products["inside"] = {"id": "inside", "images": ["https://169.254.169.254/latest/meta-data/"]}
    web_shop.add("good", 4711)
    web_shop.web.sent_bytes = 0

    job = run_job(web_shop)

    assert (job.state, job.error) == ("succeeded", None)
    assert job.refused == {
        "upstream-too-large": 1,
        "upstream-broken": 1,
        "upstream-timeout": 2,
        "upstream-status": 1,
        "url-not-allowed": 1,
    }
    assert web_shop.web.sent_bytes < HASTY.max_bytes + 16 * MIB
    assert catalogue_of(web_shop.settings).keys() == {f"p{number:02d}" for number in range(12)} | {"good"}


@pytest.mark.parametrize("answer", [silence, trickle(0.01)], ids=["silent", "slow"])
def test_a_job_is_cancelled_while_its_feed_is_fetched(web_shop: WebShop, answer: Answer) -> None:
    """At once, whether anything arrives or not; nothing is left behind, and the next job can run."""
    web_shop.import_feed()
    before = catalogue_of(web_shop.settings)
    address = web_shop.web.at("/feed.csv", answer)
    settings = web_shop.settings.model_copy(update={"source": address})
    with closing(Database(settings.resolved_database_url)) as database:
        job = create(database)
        with database.changing_jobs() as jobs:
            claimed_job = jobs.claim("test")
            jobs.request_cancel(job.id)
        assert claimed_job is not None
        runner = JobRunner(database, "test", partial(run_reindex_job, settings), threading.Event())
        assert runner.run(claimed_job) == "cancelled"
        assert read(database, job.id).state == "cancelled"

    assert catalogue_of(web_shop.settings) == before
    assert not list(web_shop.settings.data_dir.glob("*tmp*"))
    assert run_job(web_shop).state == "succeeded"
