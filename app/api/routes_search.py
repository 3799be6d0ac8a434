"""POST /search and POST /classify."""

import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from app.api.authorisation import limit_rate, search_scope
from app.api.dependencies import Bodies, Service, while_connected
from app.api.forms import read_form
from app.api.openapi import CLASSIFY_BODY, KEY_ERRORS, SEARCH_BODY, UPLOAD_ERRORS, key_of_scope, problems
from app.api.parameters import SearchRequest, classify_request, only_query, search_request
from app.api.rendering import search_response, timings_ms
from app.api.schemas import ClassifyResponse, LabelProbability, SearchResponse
from app.core.errors import NotFound, Unavailable
from app.search.looking import Trace
from app.search.service import Answer, SearchService

router = APIRouter(tags=["search"], dependencies=[search_scope, only_query(), limit_rate])


@router.post(
    "/search",
    summary="Find the products that look like a photo",
    responses=problems(*KEY_ERRORS, *UPLOAD_ERRORS, NotFound, Unavailable),
    response_model_exclude_unset=True,
    openapi_extra={**key_of_scope("search"), **SEARCH_BODY},
)
async def search(request: Request, service: Service, bodies: Bodies) -> SearchResponse:
    """Search with a photo, with a product of the catalogue, or again with an earlier search. Nothing is stored."""
    asked = search_request(await read_form(request, bodies))
    started_s = time.perf_counter()
    with _Logged(request) as trace:
        answer = await while_connected(request, _answer(service.search, asked, trace))
    service.events.remember(request.state.request_id, asked.wanted, answer)
    return search_response(request.state.request_id, answer, started_s)


@router.post(
    "/classify",
    summary="Tell what is in a photo",
    responses=problems(*KEY_ERRORS, *UPLOAD_ERRORS, Unavailable),
    openapi_extra={**key_of_scope("search"), **CLASSIFY_BODY},
)
async def classify(request: Request, service: Service, bodies: Bodies) -> ClassifyResponse:
    """Return ImageNet's classes of a photo and the shop's own categories. Nothing is stored."""
    image, region = classify_request(await read_form(request, bodies))
    started_s = time.perf_counter()
    with _Logged(request) as trace:
        seen = await while_connected(request, service.search.classify(image, region, trace))
    return ClassifyResponse(
        request_id=request.state.request_id,
        low_confidence=seen.low_confidence,
        classes=[LabelProbability.model_validate(label) for label in seen.classes],
        categories=[LabelProbability.model_validate(label) for label in seen.categories],
        timings_ms=timings_ms(trace.timings, started_s),
    )


async def _answer(service: SearchService, asked: SearchRequest, trace: Trace) -> Answer:
    if asked.image is not None:
        search = service.search_things if asked.proposes_regions else service.search_photo
        return await search(asked.image, asked.region, asked.wanted, trace)
    if asked.product_id is not None:
        return await service.search_product(asked.product_id, asked.wanted, trace)
    return await service.search_again(asked.query_id or "", asked.wanted, trace)


class _Logged:
    """Puts what was learnt about the photo, and the timings, into the request's log line, also when it failed."""

    def __init__(self, request: Request) -> None:
        self._log: dict[str, Any] = request.state.log
        self._trace = Trace()

    def __enter__(self) -> Trace:
        return self._trace

    def __exit__(self, *_exc: object) -> None:
        if self._trace.photo is not None:
            self._log.update(asdict(self._trace.photo))
        self._log.update({name: round(value, 1) for name, value in asdict(self._trace.timings).items()})
