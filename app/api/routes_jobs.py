"""POST /reindex, GET /jobs, GET /jobs/{id}, POST /jobs/{id}/cancel and /retry; a worker does what they queue."""

from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Path, Query, Response
from starlette.requests import Request

from app.api.authorisation import catalogue_scope
from app.api.dependencies import Bodies, Service
from app.api.json_bodies import JSON_MEDIA_TYPE, read_json
from app.api.openapi import JSON_ERRORS, KEY_ERRORS, key_of_scope, problems
from app.api.parameters import only_query
from app.api.schemas import JobList, JobShown, ReindexRequest
from app.core.errors import (
    AlreadyRunning,
    DatabaseError,
    NotFound,
    StorageError,
    Unavailable,
    WrongState,
)
from app.db.jobs import MAX_PAGE, REINDEX, Job, Jobs
from app.search.opening import OpenService

Result = TypeVar("Result")

MAX_BODY_BYTES: Final = 1024

JobId = Annotated[str, Path(description="Id of a job.", examples=["01a203f1c2d80b7e5d2f9a4c61"])]

_ANY: Final = (*KEY_ERRORS, Unavailable, DatabaseError)
_CHANGE: Final = (*_ANY, StorageError)
_QUEUED: Final[dict[int | str, dict[str, Any]]] = {
    202: {
        "description": "The job is queued.",
        "headers": {"Location": {"description": "Where the job is shown.", "schema": {"type": "string"}}},
    }
}
_SECURITY: Final = key_of_scope("catalogue")
_REINDEX_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": False,
        "content": {JSON_MEDIA_TYPE: {"schema": ReindexRequest.model_json_schema(), "example": {"full": False}}},
    }
}

router = APIRouter(tags=["jobs"], dependencies=[catalogue_scope])


@router.post(
    "/reindex",
    status_code=202,
    summary="Have the index built anew",
    responses={**_QUEUED, **problems(*_CHANGE, *JSON_ERRORS, AlreadyRunning)},
    dependencies=[only_query()],
    openapi_extra={**_SECURITY, **_REINDEX_BODY},
)
async def reindex(request: Request, response: Response, service: Service, bodies: Bodies) -> JobShown:
    """Queue a reindex, one at a time; the index that is live stays live until the new one is."""
    asked = await read_json(request, bodies, ReindexRequest, max_bytes=MAX_BODY_BYTES)
    job = await _change(service, lambda jobs: jobs.create(REINDEX, {"full": asked.full}))
    return _queued(job, response)


@router.get(
    "/jobs",
    summary="List jobs",
    responses=problems(*_ANY),
    dependencies=[only_query("cursor", "limit")],
    openapi_extra=_SECURITY,
)
async def list_jobs(
    service: Service,
    cursor: Annotated[str | None, Query(max_length=100, description="next_cursor of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Jobs on a page.")] = 20,
) -> JobList:
    """Return jobs, newest first, page by page."""
    page = await _read(service, lambda jobs: jobs.list(after=cursor, limit=limit))
    return JobList(jobs=[JobShown.model_validate(job) for job in page.jobs], next_cursor=page.next_cursor)


@router.get(
    "/jobs/{job_id}",
    summary="Show a job",
    responses=problems(*_ANY, NotFound),
    dependencies=[only_query()],
    openapi_extra=_SECURITY,
)
async def get_job(service: Service, job_id: JobId) -> JobShown:
    """Return how far a job is, or what came of it."""
    job = await _read(service, lambda jobs: jobs.get(job_id))
    if job is None:
        raise NotFound("There is no job of this id.")
    return JobShown.model_validate(job)


@router.post(
    "/jobs/{job_id}/cancel",
    summary="Cancel a job",
    responses=problems(*_CHANGE, NotFound, WrongState),
    dependencies=[only_query()],
    openapi_extra=_SECURITY,
)
async def cancel_job(service: Service, job_id: JobId) -> JobShown:
    """Cancel a job: at once while it waits, otherwise after the step that its worker is at."""
    return JobShown.model_validate(await _change(service, lambda jobs: jobs.request_cancel(job_id)))


@router.post(
    "/jobs/{job_id}/retry",
    status_code=202,
    summary="Try a job again",
    responses={**_QUEUED, **problems(*_CHANGE, NotFound, WrongState, AlreadyRunning)},
    dependencies=[only_query()],
    openapi_extra=_SECURITY,
)
async def retry_job(response: Response, service: Service, job_id: JobId) -> JobShown:
    """Queue a new job that asks for the same as one that failed or was cancelled."""
    job = await _change(service, lambda jobs: jobs.retry(job_id))
    return _queued(job, response)


async def _read(service: OpenService, ask: Callable[[Jobs], Result]) -> Result:
    def read() -> Result:
        with service.database.reading_jobs() as jobs:
            return ask(jobs)

    return await service.catalogue.run(read)


async def _change(service: OpenService, change: Callable[[Jobs], Job]) -> Job:
    """Change something in a thread of its own: on SQLite it may wait for a writer, which searches shall not."""

    def write() -> Job:
        with service.database.changing_jobs() as jobs:
            return change(jobs)

    return await service.administration.run(write)


def _queued(job: Job, response: Response) -> JobShown:
    response.headers["Location"] = f"/jobs/{job.id}"
    return JobShown.model_validate(job)
