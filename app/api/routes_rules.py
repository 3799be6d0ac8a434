"""GET and POST /rules, DELETE /rules/{id}: what the shop wants searches to show first, last, or not at all."""

from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Path
from starlette.requests import Request

from app.api.authorisation import catalogue_scope
from app.api.dependencies import Bodies, Service
from app.api.json_bodies import JSON_MEDIA_TYPE, read_json
from app.api.openapi import JSON_ERRORS, KEY_ERRORS, key_of_scope, problems
from app.api.parameters import only_query
from app.api.rule_bodies import MAX_RULE_BYTES, RuleList, RuleShown, RuleStated
from app.core.errors import DatabaseError, NotFound, StorageError, Unavailable, WrongState
from app.core.rules import Rule
from app.db.rules import Rules
from app.search.opening import OpenService
from app.search.rules import parse_products

Result = TypeVar("Result")

RuleId = Annotated[str, Path(description="Id of a rule.", examples=["6f1e09b2c4d7a853"])]

_ANY: Final = (*KEY_ERRORS, Unavailable, DatabaseError)
_SECURITY: Final = key_of_scope("catalogue")
_RULE: Final = RuleStated.model_json_schema(ref_template="#/components/schemas/{model}")
del _RULE["$defs"]  # what it refers to is among the components already, for answers have it too
_RULE_BODY: Final[dict[str, Any]] = {"requestBody": {"required": True, "content": {JSON_MEDIA_TYPE: {"schema": _RULE}}}}

router = APIRouter(tags=["rules"], dependencies=[catalogue_scope])


@router.get(
    "/rules",
    summary="List rules",
    responses=problems(*_ANY),
    dependencies=[only_query()],
    openapi_extra=_SECURITY,
)
async def list_rules(service: Service) -> RuleList:
    """Return all rules, oldest first, also those that act later or no more."""

    def read() -> list[Rule]:
        with service.database.reading_rules() as rules:
            return rules.list()

    found = await service.catalogue.run(read)
    return RuleList(rules=[RuleShown.of(rule) for rule in found])


@router.post(
    "/rules",
    status_code=201,
    summary="Make a rule",
    responses=problems(*_ANY, *JSON_ERRORS, StorageError, WrongState),
    dependencies=[only_query()],
    openapi_extra={**_SECURITY, **_RULE_BODY},
)
async def make_rule(request: Request, service: Service, bodies: Bodies) -> RuleShown:
    """Pin, bury or hide products; searches of every server do so within a second."""
    wanted = (await read_json(request, bodies, RuleStated, max_bytes=MAX_RULE_BYTES)).wanted()
    parse_products(wanted.products)
    rule = await _change(service, lambda rules: rules.create(wanted))
    return RuleShown.of(rule)


@router.delete(
    "/rules/{rule_id}",
    summary="Remove a rule",
    responses=problems(*_ANY, StorageError, NotFound),
    dependencies=[only_query()],
    openapi_extra=_SECURITY,
)
async def remove_rule(service: Service, rule_id: RuleId) -> RuleShown:
    """Remove a rule, and return what it was."""
    rule = await _change(service, lambda rules: rules.remove(rule_id))
    return RuleShown.of(rule)


async def _change(service: OpenService, change: Callable[[Rules], Result]) -> Result:
    """Change something in a thread of its own, and have this server apply it before it answers."""

    def write() -> Result:
        with service.database.changing_rules() as rules:
            changed = change(rules)
        service.rules.look()
        return changed

    return await service.administration.run(write)
