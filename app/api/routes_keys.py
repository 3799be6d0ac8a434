"""GET and POST /keys, DELETE /keys/{id}: what `lookalike keys` does in a terminal."""

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any, Final, TypeVar

import structlog
from fastapi import APIRouter, Path
from starlette.requests import Request

from app.api.authorisation import admin_scope
from app.api.dependencies import Bodies, Service
from app.api.json_bodies import JSON_MEDIA_TYPE, read_json
from app.api.openapi import JSON_ERRORS, KEY_ERRORS, key_of_scope, problems
from app.api.parameters import only_query
from app.api.schemas_keys import KeyCreated, KeyList, KeyRequest, KeyShown
from app.core.errors import DatabaseError, NotFound, StorageError, Unavailable, WrongState
from app.db.keys import Keys
from app.search.opening import OpenService

Result = TypeVar("Result")

MAX_BODY_BYTES: Final = 32 * 1024

KeyId = Annotated[str, Path(description="Id of a key.", examples=["3f9a02c41b7e"])]

_ANY: Final = (*KEY_ERRORS, Unavailable, DatabaseError)
_CHANGE: Final = (*_ANY, StorageError)
_SECURITY: Final = key_of_scope("admin")
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON_MEDIA_TYPE: {
                "schema": KeyRequest.model_json_schema(),
                "example": {"scope": "search", "origins": ["https://shop.example"], "name": "the shop's pages"},
            }
        },
    }
}

log: structlog.stdlib.BoundLogger = structlog.get_logger("lookalike.keys")

router = APIRouter(tags=["keys"], dependencies=[admin_scope, only_query()])


@router.get("/keys", summary="List keys", responses=problems(*_ANY), openapi_extra=_SECURITY)
async def list_keys(service: Service) -> KeyList:
    """Return all keys without their secrets, newest first; not that of LOOKALIKE_ADMIN_KEY."""

    def read() -> list[KeyShown]:
        with service.database.reading_keys() as keys:
            return [KeyShown.model_validate(record) for record in keys.list()]

    return KeyList(keys=await service.catalogue.run(read))


@router.post(
    "/keys",
    status_code=201,
    summary="Create a key",
    responses=problems(*_CHANGE, *JSON_ERRORS, WrongState),
    openapi_extra={**_SECURITY, **_BODY},
)
async def create_key(request: Request, service: Service, bodies: Bodies) -> KeyCreated:
    """Create a key; its text is in this answer and nowhere else. Every server knows it within a second."""
    asked = await read_json(request, bodies, KeyRequest, max_bytes=MAX_BODY_BYTES)
    record, text = await _change(service, lambda keys: keys.create(asked.wanted()))
    log.info("key.created", key=record.id, scope=record.scope)
    return KeyCreated(**KeyShown.model_validate(record).model_dump(), key=text)


@router.delete(
    "/keys/{key_id}", summary="Revoke a key", responses=problems(*_CHANGE, NotFound), openapi_extra=_SECURITY
)
async def revoke_key(service: Service, key_id: KeyId) -> KeyShown:
    """Make a key useless, for ever; every server knows it within a second."""
    record = await _change(service, lambda keys: keys.revoke(key_id))
    log.info("key.revoked", key=record.id)
    return KeyShown.model_validate(record)


async def _change(service: OpenService, change: Callable[[Keys], Result]) -> Result:
    """Change keys in a thread of its own; as a rule that counts in this process when this returns."""

    def write() -> Result:
        with service.database.changing_keys() as keys:
            changed = change(keys)
        with suppress(DatabaseError):  # it is changed, and the text of a new key must not be lost
            service.keys.look()
        return changed

    return await service.administration.run(write)
