"""`lookalike reindex`: the job that `POST /reindex` queues and the schedule queues, run here and now."""

import threading
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.core.errors import AlreadyRunning
from app.core.settings import Settings
from lookalike.commands.index import live_in_words
from lookalike.commands.jobs import job_document, opened_database, print_job
from lookalike.options import DataDir, Json
from lookalike.output import print_json
from lookalike.progress import shown_progress

if TYPE_CHECKING:
    from app.db.database import Database
    from app.db.jobs import Job

INTERRUPTED = 130


def reindex(
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Look at every picture anew, and build although nothing seems changed.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Queue it for a worker and return at once.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Import LOOKALIKE_SOURCE where it is set, bring the index up to date with the catalogue, and publish it."""
    from app.db.jobs import REINDEX  # noqa: PLC0415  # keeps `lookalike --help` quick

    settings = Settings.load(data_dir=data_dir)
    with opened_database(settings, reads_all=not detach) as database:
        if detach:
            with database.changing_jobs() as jobs:
                print_job(jobs.create(REINDEX, {"full": full}), as_json=as_json)
            return
        job, was_stopped = _run_here(settings, database, full=full)
    if as_json:
        print_json(job_document(job))
    else:
        _print_outcome(job)
    if job.state != "succeeded":
        raise typer.Exit(INTERRUPTED if was_stopped else 1)


def _run_here(settings: Settings, database: "Database", *, full: bool) -> "tuple[Job, bool]":
    """Run the job with its progress shown; return how it ended, and whether somebody stopped it."""
    from indexer.worker import owner_name, step_back, stopping_on_signals  # noqa: PLC0415

    step_back()  # searches of a service on this machine go first
    from indexer.job_runner import JobRunner  # noqa: PLC0415
    from indexer.reindex import run_reindex_job  # noqa: PLC0415

    stop = threading.Event()
    owner = owner_name()
    job = _claimed(database, owner, full=full)
    with stopping_on_signals(stop), shown_progress() as display:
        work = partial(run_reindex_job, settings)
        JobRunner(database, owner, work, stop, display=display, may_give_back=False).run(job)
    with database.reading_jobs() as jobs:
        return jobs.get(job.id) or job, stop.is_set()


def _claimed(database: "Database", owner: str, *, full: bool) -> "Job":
    """
    Return the job to work on, ours before any worker sees it: a new one, or the one that a killed run left behind.

    Raises:
        AlreadyRunning: One is queued, or being worked on.
    """
    from app.db.jobs import REINDEX  # noqa: PLC0415

    with database.changing_jobs() as jobs:
        active = jobs.active(REINDEX)
        if active is not None and active.state == "running":
            if left := jobs.claim(owner, job_id=active.id):
                typer.echo(f"Going on with job {left.id}, which was left unfinished.", err=True)
                return left
            _refuse_running(jobs.get(active.id) or active, jobs.now())
        created = jobs.create(REINDEX, {"full": full})
        return jobs.claim(owner, job_id=created.id) or created


def _refuse_running(job: "Job", now: datetime) -> None:
    """Refuse to begin beside a job that runs, or that was killed and looks like it until its lease is over."""
    if job.lease_until is not None:
        left_s = (job.lease_until - now).total_seconds()
        raise AlreadyRunning(
            f"A reindex is under way already (job {job.id}, running). Wait for its end, or cancel it with "
            f"`lookalike jobs cancel {job.id}`. If it was killed, this command goes on with it in {left_s:.0f} s."
        )


def _print_outcome(job: "Job") -> None:
    result: dict[str, Any] = job.result or {}
    if job.state == "succeeded" and result.get("new"):
        typer.echo(live_in_words(result["snapshot"], result["metrics"]))
    elif job.state == "succeeded":
        typer.echo(f"Nothing changed; snapshot {result['snapshot']} stays live.")
    elif job.error is not None:
        typer.echo(f"Error: {job.error['message']}", err=True)
    elif job.state == "cancelled":
        typer.echo("Cancelled; the snapshot that was live still is. What was embedded is kept.", err=True)
    else:
        typer.echo(
            f"The end of job {job.id} could not be written down, or another worker went on with it; "
            f"`lookalike jobs show {job.id}` tells what becomes of it.",
            err=True,
        )
