"""GET /livez and GET /readyz."""

from fastapi import APIRouter

from app.api.dependencies import Service
from app.api.openapi import problems
from app.api.parameters import only_query
from app.api.schemas import Liveness, Readiness
from app.core.errors import Unavailable

router = APIRouter(tags=["health"], dependencies=[only_query()])


@router.get("/livez", summary="Is the process alive?", responses=problems())
async def livez() -> Liveness:
    """Answer at once, whatever the rest of the service is doing."""
    return Liveness()


@router.get("/readyz", summary="Can searches be answered?", responses=problems(Unavailable))
async def readyz(service: Service) -> Readiness:
    """
    Check index, decoding and network together; without its database the service is degraded, not out of order.

    A probe image takes the way of every photo and must come out as it did when the index was built.
    """
    found = await service.readiness.check()
    return Readiness(
        status="degraded" if found.degraded_reason else "ready",
        reason=found.degraded_reason,
        snapshot=found.snapshot_id,
        network=found.network,
        runtime=service.runtime,
        probe_cosine=round(found.probe_cosine, 6),
    )
