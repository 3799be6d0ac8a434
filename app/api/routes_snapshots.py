"""GET /snapshots and POST /snapshots/{id}/publish."""

from typing import Annotated

from fastapi import APIRouter, Path

from app.api.authorisation import admin_scope, catalogue_scope
from app.api.dependencies import Service
from app.api.openapi import KEY_ERRORS, key_of_scope, problems
from app.api.parameters import only_query
from app.api.rendering import snapshot_listed
from app.api.schemas import SnapshotList, SnapshotListed
from app.core.errors import SnapshotError, StorageError, Unavailable
from app.core.snapshot_reader import SnapshotInfo

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
    infos = await service.administration.run(service.snapshots.list)
    return SnapshotList(snapshots=[snapshot_listed(info) for info in infos])


@router.post(
    "/snapshots/{snapshot_id}/publish",
    summary="Make a snapshot the live one",
    responses=problems(*KEY_ERRORS, SnapshotError, Unavailable, StorageError),
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
        return next(info for info in service.snapshots.list() if info.id == snapshot_id)

    return snapshot_listed(await service.administration.run(publish))
