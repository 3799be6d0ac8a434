"""GET /products, /products/{id}, /products/{id}/similar and /images/{id}."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from starlette.requests import Request

from app.api.authorisation import limit_rate, search_scope
from app.api.dependencies import Service, while_connected
from app.api.openapi import KEY_ERRORS, key_of_scope, problems
from app.api.parameters import REFINEMENT_FIELDS, ProductId, only_query, similar_wanted
from app.api.rendering import product, search_response
from app.api.schemas import Product, ProductList, SearchResponse
from app.core.errors import DatabaseError, InvalidParameter, NotFound, Unavailable
from app.core.products import ProductRecord
from app.db.records import ProductPage
from app.search.finding import Wanted
from app.search.looking import Trace

MAX_PAGE = 100

# A picture is data and nothing else, whatever a browser thinks of its bytes; imgproxy sends the same policy. That pages
# of other origins may show and read it, `app.api.cross_origin` says.
IMAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "public, max-age=86400",
}

router = APIRouter(tags=["catalogue"])


@router.get(
    "/products",
    summary="List products",
    responses=problems(*KEY_ERRORS, Unavailable, DatabaseError),
    dependencies=[search_scope, only_query("cursor", "limit", "category", "spread")],
    openapi_extra=key_of_scope("search"),
)
async def list_products(
    service: Service,
    cursor: Annotated[str | None, Query(max_length=400, description="next_cursor of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Products on a page.")] = 50,
    category: Annotated[str | None, Query(max_length=200, description="Only products of this category.")] = None,
    spread: Annotated[bool, Query(description="For a first look: one page with some of every category.")] = False,  # noqa: FBT002  # by name only
) -> ProductList:
    """Return products in the order of their ids, page by page; or, with `spread`, some of every category."""
    if spread and (cursor is not None or category is not None):
        raise InvalidParameter("spread: it goes with limit only.")

    def read() -> ProductPage:
        with service.database.reading() as catalogue:
            if spread:
                return catalogue.spread_products(limit)
            return catalogue.list_products(after=cursor, limit=limit, category=category)

    page = await service.catalogue.run(read)
    return ProductList(products=[product(record) for record in page.products], next_cursor=page.next_cursor)


@router.get(
    "/products/{product_id}",
    summary="Show a product",
    responses=problems(*KEY_ERRORS, NotFound, Unavailable, DatabaseError),
    dependencies=[search_scope, only_query()],
    openapi_extra=key_of_scope("search"),
)
async def get_product(service: Service, product_id: ProductId) -> Product:
    """Return a product with its images."""

    def read() -> ProductRecord | None:
        try:
            with service.database.reading() as catalogue:
                return catalogue.get_product(product_id)
        except DatabaseError:
            if service.live_index.view.product(product_id) is None:
                raise
            return None  # searches show it without a database, and so can this

    # One that an import removed is still found, and so shown, until the next snapshot is published.
    record = await service.catalogue.run(read) or service.live_index.view.product(product_id)
    if record is None:
        raise NotFound("There is no product of this id.")
    return product(record)


@router.get(
    "/products/{product_id}/similar",
    summary="Find the products that look like this one",
    responses=problems(*KEY_ERRORS, NotFound, Unavailable),
    response_model_exclude_unset=True,
    dependencies=[
        search_scope,
        only_query("k", "min_score", "filter", "facets", "explain", *REFINEMENT_FIELDS),
        limit_rate,
    ],
    openapi_extra=key_of_scope("search"),
)
async def similar_products(
    request: Request,
    service: Service,
    product_id: ProductId,
    wanted: Annotated[Wanted, Depends(similar_wanted)],
) -> SearchResponse:
    """Search with a product of the catalogue, by all of its images; the product itself is left out."""
    started_s = time.perf_counter()
    answer = await while_connected(request, service.search.search_product(product_id, wanted, Trace()))
    service.events.remember(request.state.request_id, wanted, answer)
    return search_response(request.state.request_id, answer, started_s)


@router.get(
    "/images/{image_id}",
    summary="Show an image of the catalogue",
    response_class=Response,
    responses={
        200: {
            "description": "The image.",
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in ("image/jpeg", "image/png", "image/webp")
            },
        },
        304: {"description": "The image is the one named in If-None-Match."},
        **problems(NotFound, Unavailable, DatabaseError),
    },
    dependencies=[only_query("size")],
)
async def get_image(
    request: Request,
    service: Service,
    image_id: Annotated[str, Path(description="Id of an image.", examples=["9f2c51d0a3b84e76"])],
    size: Annotated[Literal["thumb"] | None, Query(description="thumb for a small one without metadata.")] = None,
) -> Response:
    """Return the picture as it was indexed, or a small JPEG of it."""
    picture = await (service.pictures.thumbnail(image_id) if size else service.pictures.original(image_id))
    headers = {**IMAGE_HEADERS, "ETag": picture.etag}
    if picture.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(picture.data, media_type=picture.media_type, headers=headers)
