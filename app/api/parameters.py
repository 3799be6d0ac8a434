"""
What a request may ask for: the fields of the two forms, and the query parameters of every other route.

Numbers are read strictly (ASCII digits only, no NaN), and what a route does not know is refused rather than ignored.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Path, Query
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from app.api.forms import Form
from app.core.errors import EmptyImage, InvalidParameter, MissingImage
from app.core.images import Region
from app.search.facets import parse_facets
from app.search.filters import parse_filter
from app.search.service import Wanted

DEFAULT_K = 10
MAX_K = 100
SEARCH_FIELDS = ("image", "product_id", "query_id", "k", "min_score", "region", "filter", "facets", "explain")
CLASSIFY_FIELDS = ("image", "region")

_INTEGER = re.compile(r"[0-9]{1,9}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,17})?", re.ASCII)


def _moment(value: object) -> object:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if value is not None and (moment is None or moment.utcoffset() is None):
        raise PydanticCustomError(
            "moment",
            "it must be a moment with its time zone, such as 2026-11-22T08:30:00Z; in an address, + is written %2B",
        )
    return moment


K = Annotated[int, Query(ge=1, le=MAX_K, description="Number of products to return.", examples=[10])]
MinScore = Annotated[
    float | None,
    Query(ge=-1, le=1, allow_inf_nan=False, description="Lowest score (cosine) of a hit.", examples=[0.5]),
]
FilterText = Annotated[
    str | None,
    Query(
        alias="filter",
        description="Which products may be found, as JSON: see docs/filters.md.",
        examples=['{"category": "shoes", "price": {"lt": 50}}'],
    ),
]
FacetNames = Annotated[
    str | None, Query(description="Fields whose values are counted.", examples=["category,attributes.colour"])
]

Explain = Annotated[bool, Query(description="Whether to tell why each hit is one: see docs/answers.md.")]

Moment = Annotated[datetime | None, BeforeValidator(_moment)]
"""A moment in ISO 8601, with its time zone."""

ProductId = Annotated[str, Path(description="Id of a product.", examples=["shoes-0042"])]
UpdatedAt = Annotated[
    Moment,
    Query(description="When the shop removed it; what it stated later stays.", examples=["2026-11-22T08:30:00Z"]),
]


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search as asked for: exactly one of `image`, `product_id` and `query_id` is given."""

    image: bytes | None
    product_id: str | None
    query_id: str | None
    region: Region | None
    wanted: Wanted


def search_request(form: Form) -> SearchRequest:
    """
    Read the fields of POST /search.

    Raises:
        InvalidParameter: A field is unknown or out of range.
        MissingImage, EmptyImage: There is nothing to search with.
    """
    _refuse_unknown(form.fields, SEARCH_FIELDS)
    fields = form.fields
    given = [name for name in ("product_id", "query_id") if name in fields] + ["image"] * (form.image is not None)
    if not given:
        raise MissingImage("Send the photo as the field image, or a product_id, or the query_id of an earlier search.")
    if len(given) > 1:
        raise InvalidParameter("Send one of image, product_id and query_id, not several.")
    if form.image is None and "region" in fields:
        raise InvalidParameter("region: it needs the photo; send it as the field image.")
    return SearchRequest(
        image=_bytes(form),
        product_id=fields.get("product_id"),
        query_id=fields.get("query_id"),
        region=_region(fields["region"]) if "region" in fields else None,
        wanted=wanted(
            _whole_number("k", fields["k"], 1, MAX_K) if "k" in fields else DEFAULT_K,
            _decimal("min_score", fields["min_score"], -1, 1) if "min_score" in fields else None,
            fields.get("filter"),
            fields.get("facets"),
            explain=_flag("explain", fields["explain"]) if "explain" in fields else False,
        ),
    )


def wanted(
    k: int, min_score: float | None, filter_text: str | None, facet_names: str | None, *, explain: bool = False
) -> Wanted:
    """
    Return what a search is to return, its filter and facets read.

    Raises:
        InvalidParameter: The filter or the facets are not as docs/filters.md describes them.
    """
    return Wanted(
        k=k,
        min_score=min_score,
        filter=None if filter_text is None else parse_filter(filter_text),
        facets=() if facet_names is None else parse_facets(facet_names),
        explain=explain,
    )


async def similar_wanted(
    *,
    k: K = DEFAULT_K,
    min_score: MinScore = None,
    filter_text: FilterText = None,
    facets: FacetNames = None,
    explain: Explain = False,
) -> Wanted:
    """Read the query parameters of GET /products/{id}/similar."""
    return wanted(k, min_score, filter_text, facets, explain=explain)


def classify_request(form: Form) -> tuple[bytes, Region | None]:
    """
    Read the fields of POST /classify: the photo, and the part of it to look at.

    Raises:
        InvalidParameter, MissingImage, EmptyImage: A field is unknown or wrong, or there is no photo.
    """
    _refuse_unknown(form.fields, CLASSIFY_FIELDS)
    image = _bytes(form)
    if image is None:
        raise MissingImage("Send the photo as the field image.")
    return image, _region(form.fields["region"]) if "region" in form.fields else None


def only_query(*names: str) -> Any:  # noqa: ANN401  # what FastAPI's Depends returns has no public type
    """Return a dependency that refuses query parameters of any other name."""
    known = frozenset(names)

    async def refuse_unknown_query(request: Request) -> None:
        if not known.issuperset(request.query_params.keys()):
            allowed = f"it takes {', '.join(names)}" if names else "it takes none"
            raise InvalidParameter(f"The address has a query parameter that is not known here; {allowed}.")

    return Depends(refuse_unknown_query)


def _bytes(form: Form) -> bytes | None:
    if form.image is not None and not form.image:
        raise EmptyImage("The file has 0 bytes.")
    return form.image


def _refuse_unknown(fields: Mapping[str, str], known: tuple[str, ...]) -> None:
    if not set(known).issuperset(fields):
        raise InvalidParameter(f"The form has a field that is not known here; it takes {', '.join(known)}.")


def _whole_number(name: str, text: str, low: int, high: int) -> int:
    if not _INTEGER.fullmatch(text) or not low <= int(text) <= high:
        raise InvalidParameter(f"{name}: it must be a whole number from {low} to {high}.")
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text not in {"true", "false"}:
        raise InvalidParameter(f"{name}: it must be true or false.")
    return text == "true"


def _decimal(name: str, text: str, low: float, high: float) -> float:
    if not _DECIMAL.fullmatch(text) or not low <= float(text) <= high:
        raise InvalidParameter(f"{name}: it must be a number from {low:g} to {high:g}.")
    return float(text)


def _region(text: str) -> Region:
    numbers = text.split(",")
    if len(numbers) != 4:
        raise InvalidParameter("region: it must be four numbers from 0 to 1: left, top, right, bottom.")
    x0, y0, x1, y1 = (_decimal("region", number, 0, 1) for number in numbers)
    if not (x0 < x1 and y0 < y1):
        raise InvalidParameter("region: left must be less than right, and top less than bottom.")
    return Region(x0, y0, x1, y1)
