"""`lookalike jobs`: what was queued, how far it is, and what came of it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.core.errors import NotFound
from app.core.settings import Settings
from lookalike.options import DataDir, Json
from lookalike.output import print_json, print_table

if TYPE_CHECKING:
    from app.db.database import Database
    from app.db.jobs import Job

app = typer.Typer(help="List, show, cancel and retry jobs.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(metavar="ID", help="Id of a job, as `lookalike jobs list` shows.")]


@app.command(name="list")
def list_jobs(
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many jobs to show.")] = 20,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show the last jobs, newest first."""
    with opened_database(Settings.load(data_dir=data_dir)) as database, database.reading_jobs() as jobs:
        found = jobs.list(limit=limit).jobs
    if as_json:
        print_json([job_document(job) for job in found])
    elif found:
        print_table("", ("Job", "State", "Queued", "Took ", "What"), [_row(job) for job in found], whole="Job")
    else:
        typer.echo("There was no job yet; `lookalike reindex --detach` queues one.")


@app.command()
def show(job_id: JobId, *, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show how far a job is, or what came of it."""
    with opened_database(Settings.load(data_dir=data_dir)) as database, database.reading_jobs() as jobs:
        job = jobs.get(job_id)
    if job is None:
        raise NotFound(f"There is no job {job_id}.")
    print_job(job, as_json=as_json)


@app.command()
def cancel(job_id: JobId, *, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Cancel a job: at once while it waits, otherwise after the step that its worker is at."""
    with opened_database(Settings.load(data_dir=data_dir)) as database, database.changing_jobs() as jobs:
        job = jobs.request_cancel(job_id)
    print_job(job, as_json=as_json)


@app.command()
def retry(job_id: JobId, *, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Queue a new job that asks for the same as one that failed or was cancelled."""
    with opened_database(Settings.load(data_dir=data_dir)) as database, database.changing_jobs() as jobs:
        job = jobs.retry(job_id)
    print_job(job, as_json=as_json)


@contextmanager
def opened_database(settings: Settings, *, reads_all: bool = False) -> "Iterator[Database]":
    """Give the database, which must be there and up to date, and undamaged as far as it was read."""
    from app.db.database import Database  # noqa: PLC0415  # keeps `lookalike --help` quick

    with closing(Database(settings.resolved_database_url)) as database:
        database.check(reads_all=reads_all)
        yield database


def print_job(job: "Job", *, as_json: bool) -> None:
    """Print one job, as JSON or as a table of what there is to say of it."""
    if as_json:
        print_json(job_document(job))
        return
    facts = {
        "Job": job.id,
        "State": state_text(job),
        "Asked for": " ".join([job.kind, *(["--full"] if job.params.get("full") else [])]),
        "Phase": job.phase,
        "Done": _done_text(job) if job.phase else None,
        "Refused": ", ".join(f"{count:,} {reason}" for reason, count in job.refused.items()),
        "Attempt": f"{job.attempt} of {job.max_attempts}" if job.attempt else None,
        "Queued": _local(job.created_at),
        "Began": _local(job.started_at),
        "Last sign": _local(job.heartbeat_at) if job.state == "running" else None,
        "Ended": _local(job.finished_at),
        "Why": job.error and f"{job.error['message']} ({job.error['slug']})",
        **_result_facts(job.result or {}),
    }
    print_table("", ("", "Job"), [(name, fact) for name, fact in facts.items() if fact], whole="Job")


def _result_facts(result: dict[str, Any]) -> dict[str, object]:
    """Return what a job that succeeded did; of snapshots and pictures there may be nothing to say."""
    counts = {"products": "products", "images": "pictures", "embedded": "embedded", "removed_products": "removed"}
    told = [f"{result[name]:,} {word}" for name, word in counts.items() if name in result]
    return {
        "Snapshot": result.get("snapshot"),
        "Result": ", ".join(told),
        "Kept": f"{result['kept_pictures']:,} pictures as they were" if result.get("kept_pictures") else None,
        "Warnings": " ".join(result.get("warnings", ())),
    }


def job_document(job: "Job") -> dict[str, Any]:
    """Return a job as the JSON document that the HTTP API gives of it."""
    from app.api.schemas import JobShown  # noqa: PLC0415  # keeps `lookalike --help` quick

    return JobShown.model_validate(job).model_dump(mode="json")


def state_text(job: "Job") -> str:
    """Return the state of a job in words."""
    if job.state != "running":
        return job.state
    is_silent = job.lease_until is not None and job.lease_until < datetime.now(UTC)
    words = ["running", "to be cancelled" if job.cancel_requested else "", "its worker is silent" if is_silent else ""]
    return ", ".join(filter(None, words))


def _row(job: "Job") -> tuple[object, ...]:
    what = ""
    if job.state == "running":
        what = f"{job.phase}: {_done_text(job)}" if job.phase else ""
    elif job.error:
        what = job.error["message"]
    elif job.result:
        what = f"snapshot {job.result.get('snapshot')}"
    took = f"{(job.finished_at - job.started_at).total_seconds():,.0f} s" if job.finished_at and job.started_at else ""
    return (job.id, state_text(job), _local(job.created_at), took, what)


def _done_text(job: "Job") -> str:
    parts = [f"{job.done:,}" + (f" of {job.total:,}" if job.total else "")]
    if job.state == "running" and job.rate:
        parts.append(f"{job.rate:,.0f}/s")
    if job.seconds_left is not None:
        parts.append(f"{job.seconds_left:,.0f} s left")
    return ", ".join(parts)


def _local(moment: datetime | None) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}" if moment else ""
