"""GET /snapshots and /snapshots/figures, POST /snapshots/{id}/publish and /snapshots/rollback."""

from contextlib import suppress
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Path, Query
from starlette.requests import Request

from app.api.authorisation import admin_scope, catalogue_scope
from app.api.dependencies import Bodies, Service
from app.api.json_bodies import JSON_MEDIA_TYPE, read_json
from app.api.openapi import JSON_ERRORS, KEY_ERRORS, key_of_scope, problems
from app.api.parameters import only_query
from app.api.rendering import snapshot_listed
from app.api.schemas import SnapshotList, SnapshotListed
from app.api.schemas_snapshots import FiguresList, FiguresShown, RollbackRequest
from app.core.errors import DatabaseError, SnapshotError, StorageError, Unavailable, WrongState
from app.core.snapshot_reader import SnapshotInfo
from app.db.jobs import REINDEX, Job
from app.search.figures import figures_over_time
from app.search.opening import OpenService

MAX_BODY_BYTES: Final = 1024
MAX_FIGURES: Final = 200

_CHANGE: Final = (*KEY_ERRORS, SnapshotError, Unavailable, StorageError)
_ROLLBACK_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": False,
        "content": {
            JSON_MEDIA_TYPE: {"schema": RollbackRequest.model_json_schema(), "example": {"live": "000007-1c9f02ab"}}
        },
    }
}

log: structlog.stdlib.BoundLogger = structlog.get_logger("lookalike.snapshots")

router = APIRouter(tags=["snapshots"])


@router.get(
    "/snapshots",
    summary="List snapshots of the index",
    responses=problems(*KEY_ERRORS, Unavailable),
    dependencies=[catalogue_scope, only_query()],
    openapi_extra=key_of_scope("catalogue"),
)
async def list_snapshots(service: Service) -> SnapshotList:
    """Return the snapshots on the disk, newest first."""
    infos, previous = await service.administration.run(lambda: (service.snapshots.list(), _previous(service)))
    return SnapshotList(snapshots=[snapshot_listed(info) for info in infos], previous=previous)


@router.get(
    "/snapshots/figures",
    summary="Show how good the snapshots were, over time",
    responses=problems(*KEY_ERRORS, Unavailable, DatabaseError),
    dependencies=[catalogue_scope, only_query("limit")],
    openapi_extra=key_of_scope("catalogue"),
)
async def list_figures(
    service: Service,
    limit: Annotated[int, Query(ge=1, le=MAX_FIGURES, description="Snapshots at most, the newest.")] = 50,
) -> FiguresList:
    """Return what was measured of each snapshot when it was made, oldest first; those that jobs made stay known."""

    def read() -> tuple[Job, ...]:
        with service.database.reading_jobs() as jobs:
            return jobs.succeeded(REINDEX)

    made = await service.catalogue.run(read)
    infos = await service.administration.run(service.snapshots.list)
    return FiguresList(figures=[FiguresShown.model_validate(each) for each in figures_over_time(infos, made, limit)])


@router.post(
    "/snapshots/rollback",
    summary="Make the snapshot live that was live before",
    responses=problems(*_CHANGE, *JSON_ERRORS, WrongState),
    dependencies=[admin_scope, only_query()],
    openapi_extra={**key_of_scope("admin"), **_ROLLBACK_BODY},
)
async def roll_back(request: Request, service: Service, bodies: Bodies) -> SnapshotListed:
    """Go back to the newest intact snapshot that was live before; once more goes further back."""
    asked = await read_json(request, bodies, RollbackRequest, max_bytes=MAX_BODY_BYTES)
    info = await service.administration.run(lambda: _info(service, service.snapshots.rollback(asked.live)))
    log.info("snapshot.rolled_back", snapshot=info.id)
    return snapshot_listed(info)


@router.post(
    "/snapshots/{snapshot_id}/publish",
    summary="Make a snapshot the live one",
    responses=problems(*_CHANGE),
    dependencies=[admin_scope, only_query()],
    openapi_extra=key_of_scope("admin"),
)
async def publish_snapshot(
    service: Service,
    snapshot_id: Annotated[str, Path(description="Id of a snapshot on the disk.", examples=["000007-1c9f02ab"])],
) -> SnapshotListed:
    """Check the files of a snapshot and make it live; servers exchange theirs within a second, between requests."""

    def publish() -> SnapshotInfo:
        service.snapshots.publish(snapshot_id)
        return _info(service, snapshot_id)

    info = await service.administration.run(publish)
    log.info("snapshot.published", snapshot=info.id)
    return snapshot_listed(info)


def _info(service: OpenService, snapshot_id: str) -> SnapshotInfo:
    return next(info for info in service.snapshots.list() if info.id == snapshot_id)


def _previous(service: OpenService) -> str | None:
    """Return what a roll back would go to; none where the file that tells it is damaged, as the list then shows."""
    with suppress(SnapshotError):
        return service.snapshots.previous()
    return None
