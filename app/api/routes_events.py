"""POST /events: what a shopper chose from an answer, without a word of who it was."""

from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request

from app.api.authorisation import limit_rate, search_scope
from app.api.dependencies import Bodies, Service
from app.api.json_bodies import JSON_MEDIA_TYPE, read_json
from app.api.openapi import JSON_ERRORS, KEY_ERRORS, problems
from app.api.parameters import only_query
from app.api.schemas import EventStated, EventTaken
from app.core.errors import NotFound, Unavailable

MAX_BODY_BYTES: Final = 4096

_EVENT_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {JSON_MEDIA_TYPE: {"schema": EventStated.model_json_schema()}},
    }
}

router = APIRouter(tags=["search"], dependencies=[search_scope, only_query(), limit_rate])


@router.post(
    "/events",
    status_code=202,
    summary="Say what a shopper chose",
    responses=problems(*KEY_ERRORS, *JSON_ERRORS, NotFound, Unavailable),
    openapi_extra=_EVENT_BODY,
)
async def add_event(request: Request, service: Service, bodies: Bodies) -> EventTaken:
    """
    Take an event, to be written down within seconds and forgotten after LOOKALIKE_EVENTS_KEPT_DAYS days.

    The day is kept, the product, its place in the answer, and what was searched with: a product's id or a photo's
    embedding. No address, no user, no photo. The same event again counts once.
    """
    stated = await read_json(request, bodies, EventStated, max_bytes=MAX_BODY_BYTES)
    is_new = service.events.take(stated.type, stated.request_id, stated.product_id)
    return EventTaken(outcome="taken" if is_new else "repeated")
