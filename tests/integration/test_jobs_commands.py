"""`lookalike reindex`, `lookalike jobs` and `lookalike worker`, as a shop types them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue
from sqlalchemy import update

from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.db.database import Database
from app.db.jobs import Job, JobProgress
from app.db.tables import jobs as jobs_table
from tests.support import jobs as jobs_support
from tests.support.command_line import Run, run
from tests.support.jobs import WAIT_S, claimed, create, newest
from tests.support.shop import draw_product
from tests.support.sources import REPOSITORY

__all__ = ["run"]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an index of three drawn products, to copy; made by the command itself."""
    root = tmp_path_factory.mktemp("reindex")
    (root / "photos" / "mugs").mkdir(parents=True)
    for number, colour in enumerate(("#b03a2e", "#2471a3", "#239b56")):
        (root / "photos" / "mugs" / f"mug-{number}.jpg").write_bytes(draw_product("mugs", colour))
    command = [sys.executable, "-m", "lookalike", "index", str(root / "photos"), "--data-dir", str(root / "data")]
    environment = {**os.environ, "LOOKALIKE_RUNTIME": "openvino-float32"}
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, capture_output=True)
    return root / "data"


@pytest.fixture
def settings(indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a copy of that data folder, which the environment names."""
    shutil.copytree(indexed, tmp_path / "data")
    monkeypatch.setenv("LOOKALIKE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOOKALIKE_RUNTIME", "openvino-float32")
    return Settings.load()


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The database in it."""
    database = Database(settings.resolved_database_url)
    yield database
    database.close()


def remove_one_product(database: Database) -> None:
    """Change the catalogue behind the index."""
    with database.writing() as catalogue:
        first, *_others = catalogue.list_products().products
        assert catalogue.delete_products([first.id]) == 1
        assert catalogue.get_product(first.id) is None


def live(settings: Settings) -> str:
    """Return the id of the live snapshot."""
    current = SnapshotFolder(settings.snapshots_dir).current()
    assert current is not None
    return current.id


def test_reindex_publishes_what_changed_in_the_catalogue(run: Run, settings: Settings, database: Database) -> None:
    """With its progress on standard error; the second time there is nothing to do."""
    before = live(settings)
    remove_one_product(database)

    outcome = run("reindex")
    again = run("reindex", "--json")

    after = live(settings)
    assert outcome.code == 0, outcome.error
    assert outcome.out.startswith(f"Snapshot {after} is live")
    assert after != before
    assert "Building the index" in outcome.error
    document = json.loads(again.out)
    assert (document["state"], document["result"]["snapshot"], document["result"]["new"]) == ("succeeded", after, False)
    assert [job["state"] for job in json.loads(run("jobs", "list", "--json").out)] == ["succeeded", "succeeded"]


def test_a_full_reindex_builds_although_nothing_changed(run: Run, settings: Settings) -> None:
    """Its job says what was asked for."""
    before = live(settings)
    document = json.loads(run("reindex", "--full", "--json").out)
    assert (document["params"], document["result"]["new"]) == ({"full": True}, True)
    assert live(settings) == document["result"]["snapshot"] != before


def test_a_reindex_that_fails_ends_in_one_sentence(run: Run, settings: Settings) -> None:
    """And with 1; its job keeps the sentence."""
    shutil.rmtree(settings.vectors_dir)
    settings.vectors_dir.write_bytes(b"no folder")
    outcome = run("reindex", "--full")
    assert outcome.code == 1
    assert outcome.error.splitlines()[-1].startswith("Error: ")
    (job,) = json.loads(run("jobs", "list", "--json").out)
    assert job["state"] == "failed"
    assert outcome.error.splitlines()[-1] == f"Error: {job['error']['message']}"


def test_a_second_reindex_is_refused_by_name(run: Run, database: Database) -> None:
    """Whether the first is queued or running, in the foreground or not; it says which one it is."""
    job = create(database)
    for _ in range(2):
        for options in ([], ["--detach"]):
            outcome = run("reindex", *options)
            assert outcome.code == 1
            assert job.id in outcome.error
        with database.changing_jobs() as jobs:
            jobs.claim("test")


def test_a_reindex_right_after_a_killed_one_says_when_it_can_go_on(run: Run, database: Database) -> None:
    """Until its lease is over, a killed job looks like one that runs."""
    job = create(database)
    claimed(database, "test")
    outcome = run("reindex")
    assert outcome.code == 1
    assert f"lookalike jobs cancel {job.id}" in outcome.error
    assert re.search(r"If it was killed, this command goes on with it in (2\d|30) s", outcome.error)


def test_another_index_run_in_the_folder_fails_the_reindex(run: Run, settings: Settings) -> None:
    """At once, by name, before any work."""
    with SnapshotFolder(settings.snapshots_dir).lock():
        outcome = run("reindex", "--json")
    document = json.loads(outcome.out)
    assert (outcome.code, document["state"], document["error"]["slug"]) == (1, "failed", "already-running")
    assert document["phase"] is None


def test_a_reindex_that_was_killed_is_gone_on_with(run: Run, database: Database) -> None:
    """The same command takes its job over once the lease has run out."""
    job = create(database)
    claimed(database, "test")
    with database.changing_jobs() as jobs:
        past = datetime.now(UTC) - timedelta(seconds=1)
        jobs._connection.execute(update(jobs_table).values(lease_until=past))
    outcome = run("reindex", "--json")
    document = json.loads(outcome.out)
    assert outcome.code == 0
    assert f"job {job.id}, which was left unfinished" in outcome.error
    assert (document["id"], document["state"], document["attempt"]) == (job.id, "succeeded", 2)


def test_a_detached_reindex_is_left_to_a_worker(run: Run, database: Database) -> None:
    """The command prints the job and returns."""
    outcome = run("reindex", "--full", "--detach", "--json")
    document = json.loads(outcome.out)
    assert (outcome.code, document["state"], document["params"]) == (0, "queued", {"full": True})
    assert claimed(database, "test").id == document["id"]


def test_jobs_are_listed_shown_cancelled_and_tried_again(run: Run, database: Database) -> None:
    """As tables for people and as JSON for scripts."""
    assert run("jobs", "list").out.startswith("There was no job yet")
    job = create(database)
    claimed(database, "test")
    progress = JobProgress(phase="Indexing pictures", total=100, done=40, refused={"not-an-image": 2}, rate=30.0)
    with database.changing_jobs() as jobs:
        jobs.heartbeat(job.id, "test", progress)

    listed = run("jobs", "list").out
    shown = run("jobs", "show", job.id).out
    assert "Indexing pictures: 40 of 100, 30/s, 2 s left" in listed
    assert "2 not-an-image" in shown
    assert "1 of 3" in shown

    assert "to be cancelled" in run("jobs", "cancel", job.id).out
    with database.changing_jobs() as jobs:
        jobs.finish(job.id, "test", "cancelled", progress)
    again = json.loads(run("jobs", "retry", job.id, "--json").out)
    assert (again["state"], again["id"] > job.id) == ("queued", True)
    assert json.loads(run("jobs", "cancel", again["id"], "--json").out)["state"] == "cancelled"
    assert [entry["id"] for entry in json.loads(run("jobs", "list", "--json").out)] == [again["id"], job.id]
    assert len(json.loads(run("jobs", "list", "--json", "--limit", "1").out)) == 1


def test_a_job_whose_worker_is_silent_does_not_look_like_one_that_runs(run: Run, database: Database) -> None:
    """Once its lease is over; when it was last heard of is told."""
    job = create(database)
    claimed(database, "test")
    assert "silent" not in run("jobs", "list").out + run("jobs", "show", job.id).out
    with database.changing_jobs() as jobs:
        past = datetime.now(UTC) - timedelta(hours=3)
        jobs._connection.execute(update(jobs_table).values(lease_until=past, heartbeat_at=past))
    assert "silent" in run("jobs", "list").out
    shown = run("jobs", "show", job.id).out
    assert "its worker is silent" in shown
    assert f"{past.astimezone():%Y-%m-%d %H:%M:%S}" in shown


def test_a_job_that_succeeded_tells_what_it_did(run: Run, database: Database) -> None:
    """How much it embedded and removed, what it left as it was, and its warnings."""
    job = create(database)
    claimed(database, "test")
    result: dict[str, JsonValue] = {
        "snapshot": "000002-0a0b0c0d",
        "products": 5_000,
        "images": 8_100,
        "embedded": 12,
        "removed_products": 3,
        "kept_pictures": 7,
        "warnings": ["Old snapshots could not be removed."],
    }
    with database.changing_jobs() as jobs:
        jobs.finish(job.id, "test", "succeeded", JobProgress(), result=result)
    shown = run("jobs", "show", job.id).out
    for text in (
        "000002-0a0b0c0d",
        "5,000 products, 8,100 pictures, 12 embedded, 3 removed",
        "7 pictures as they were",
    ):
        assert text in shown
    assert "Old snapshots could not be removed." in shown


@pytest.mark.parametrize("command", ["show", "cancel", "retry"])
def test_an_unknown_job_is_an_error_in_one_sentence(run: Run, settings: Settings, command: str) -> None:  # noqa: ARG001  # the data folder
    """With exit code 1."""
    outcome = run("jobs", command, "nothing")
    assert outcome.code == 1
    assert outcome.error.startswith("Error: There is no job")


@pytest.mark.parametrize("command", [["reindex"], ["reindex", "--detach"], ["jobs", "list"]])
def test_without_a_catalogue_there_is_nothing_to_do(run: Run, tmp_path: Path, command: list[str]) -> None:
    """Each command says what to do first, and makes no folder."""
    outcome = run(*command, "--data-dir", tmp_path / "none")
    assert outcome.code == 1
    assert outcome.error.startswith("Error: There is no catalogue yet")
    assert not (tmp_path / "none").exists()


def test_a_job_that_has_just_begun_is_listed_without_progress(run: Run, database: Database) -> None:
    """A bare number would say nothing."""
    create(database)
    claimed(database, "test")
    line = next(line for line in run("jobs", "list").out.splitlines() if "running" in line)
    assert line.split("│")[-2].strip() == ""


def start(settings: Settings, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """Start a command in a process of its own."""
    values = {"LOOKALIKE_DATA_DIR": str(settings.data_dir), "LOOKALIKE_RUNTIME": "openvino-float32", **environment}
    return subprocess.Popen(
        [sys.executable, "-m", "lookalike", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **values},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(database: Database, holds: Callable[[Job], Any]) -> Job:
    """Wait until something is true of the newest job."""
    return jobs_support.wait_until(lambda: newest(database), holds)


def test_a_worker_publishes_what_was_queued_and_stops_when_told(settings: Settings, database: Database) -> None:
    """The whole way: a row, a worker, a new snapshot."""
    before = live(settings)
    remove_one_product(database)
    create(database)
    worker = start(settings, "worker")
    ended = wait_until(database, lambda job: job.is_over)
    assert (ended.state, ended.error) == ("succeeded", None)
    assert ended.result is not None
    assert live(settings) == ended.result["snapshot"] != before
    worker.send_signal(signal.SIGTERM)
    _, log = worker.communicate(timeout=WAIT_S)
    assert worker.returncode == 0
    assert f"Job {ended.id}: succeeded." in log


@pytest.mark.parametrize(
    ("environment", "arguments", "said"),
    [
        ({"LOOKALIKE_REINDEX_SCHEDULE": "at night"}, [], "LOOKALIKE_REINDEX_SCHEDULE"),
        ({}, ["--data-dir", "none"], "There is no catalogue yet"),
    ],
)
def test_a_worker_that_cannot_work_says_why(
    settings: Settings, environment: dict[str, str], arguments: list[str], said: str
) -> None:
    """At its start, in one sentence, with 1."""
    worker = start(settings, "worker", *arguments, **environment)
    _, error = worker.communicate(timeout=WAIT_S)
    assert worker.returncode == 1
    assert error.splitlines()[-1].startswith("Error: ")
    assert said in error


def test_ctrl_c_cancels_a_reindex_in_the_foreground(settings: Settings, database: Database) -> None:
    """Its job does not stay behind as if it were running."""
    before = live(settings)
    command = start(settings, "reindex", "--full")
    wait_until(database, lambda job: job.state == "running")
    command.send_signal(signal.SIGINT)
    _, error = command.communicate(timeout=WAIT_S)
    assert command.returncode == 130
    assert "Cancelled" in error
    assert wait_until(database, lambda job: job.is_over).state == "cancelled"
    assert live(settings) == before
