"""PUT and DELETE /products/{id}, POST /products:batch: changes that searches show within a second."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import structlog
from fastapi import APIRouter, Response
from starlette.requests import Request

from app.api.authorisation import catalogue_scope
from app.api.dependencies import Bodies, Service, while_connected
from app.api.errors import problem_document, status_of
from app.api.json_bodies import collect_json
from app.api.openapi import BATCH_BODY, FORM_ERRORS, JSON_ERRORS, KEY_ERRORS, PRODUCT_BODY, key_of_scope, problems
from app.api.parameters import ProductId, UpdatedAt, only_query
from app.api.product_bodies import BatchItem, batch_items, read_product
from app.api.rendering import product_put
from app.api.schemas import BatchResults, ItemChanged, ItemProblem, ItemRefused, ProductPut, ProductRemoved
from app.core.errors import (
    DatabaseError,
    EmbeddingRefused,
    FetchFailed,
    InvalidImage,
    InvalidRequest,
    LookalikeError,
    SnapshotCorrupt,
    StorageError,
    Unavailable,
)
from app.search.changes import Changed, LiveChanges, Removal

_CHANGE: Final = (*KEY_ERRORS, Unavailable, DatabaseError, StorageError)
_PICTURES: Final = (InvalidImage, EmbeddingRefused, FetchFailed, SnapshotCorrupt)
_SECURITY: Final = key_of_scope("catalogue")

log: structlog.stdlib.BoundLogger = structlog.get_logger("lookalike.changes")

router = APIRouter(tags=["catalogue"], dependencies=[catalogue_scope])


@router.put(
    "/products/{product_id}",
    summary="Add or change a product",
    responses={
        201: {"description": "The product is new.", "model": ProductPut},
        **problems(*_CHANGE, *FORM_ERRORS, *_PICTURES),
    },
    dependencies=[only_query()],
    openapi_extra={**_SECURITY, **PRODUCT_BODY},
)
async def put_product(
    request: Request, response: Response, service: Service, bodies: Bodies, product_id: ProductId
) -> ProductPut:
    """Make a product what the body states; it is kept when this answers, and searches show it within a second."""
    put = await read_product(request, bodies, product_id)
    changed = await while_connected(request, service.changes.apply_one(put))
    if changed.outcome == "added":
        response.status_code = 201  # a plain number: it is logged
    return product_put(changed)


@router.delete(
    "/products/{product_id}",
    summary="Remove a product",
    responses=problems(*_CHANGE),
    dependencies=[only_query("updated_at")],
    openapi_extra=_SECURITY,
)
async def delete_product(
    request: Request, service: Service, product_id: ProductId, updated_at: UpdatedAt = None
) -> ProductRemoved:
    """Remove a product with its pictures, whether it is there or not; what the shop stated earlier stays away too."""
    changed = await while_connected(request, service.changes.apply_one(Removal(product_id, updated_at)))
    return ProductRemoved.model_validate(changed)


@router.post(
    "/products:batch",
    summary="Change many products",
    responses=problems(*_CHANGE, *JSON_ERRORS, SnapshotCorrupt),
    dependencies=[only_query()],
    openapi_extra={**_SECURITY, **BATCH_BODY},
)
async def change_products(request: Request, service: Service, bodies: Bodies) -> BatchResults:
    """Put and remove up to 1,000 products, one after the other; what is wrong with one of them stops none other."""
    body = await collect_json(request, bodies)
    items = await service.catalogue.run(lambda: batch_items(body))  # some tenths of a second for a long one
    outcomes = await while_connected(request, _outcomes(service.changes, items))
    request.state.log["changes"] = len(items)
    request.state.log["refused"] = sum(isinstance(outcome, LookalikeError) for outcome in outcomes)
    return BatchResults(results=[_result(item.id, outcome) for item, outcome in zip(items, outcomes, strict=True)])


async def _outcomes(changes: LiveChanges, items: Sequence[BatchItem]) -> list[Changed | LookalikeError]:
    """Make the changes that are none of those refused already, and return what came of all."""
    made = iter(await changes.apply([item.change for item in items if not isinstance(item.change, InvalidRequest)]))
    outcomes = [item.change if isinstance(item.change, InvalidRequest) else next(made) for item in items]
    for outcome in outcomes:
        if isinstance(outcome, LookalikeError) and status_of(outcome) == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("change.failed", reason=outcome.slug, exc_info=outcome)
    return outcomes


def _result(item_id: str | None, outcome: Changed | LookalikeError) -> ItemChanged | ItemRefused:
    if isinstance(outcome, Changed):
        return ItemChanged(id=outcome.id, outcome=outcome.outcome)
    return ItemRefused(id=item_id, problem=ItemProblem.model_validate(problem_document(outcome)))
