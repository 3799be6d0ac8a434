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
from app.core.preprocessing import Region
from app.search.facets import parse_facets
from app.search.filters import parse_filter
from app.search.finding import Wanted
from app.search.refinement import Refinement, check_refinement, parse_named

DEFAULT_K = 10
MAX_K = 100
REFINEMENT_FIELDS = ("more_like", "less_like", "more_weight", "less_weight", "diversity")
SEARCH_FIELDS = (
    *("image", "product_id", "query_id", "k", "min_score", "region", "regions", "filter", "facets", "explain"),
    *REFINEMENT_FIELDS,
)
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

ProductIds = Annotated[
    str | None,
    Query(description="Ids of products, separated by commas: see docs/refine.md.", examples=["shoes-0042,shoes-0043"]),
]
Weight = Annotated[
    float | None, Query(ge=0, le=1, allow_inf_nan=False, description="How much these products count.", examples=[0.5])
]
Diversity = Annotated[
    float | None,
    Query(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="How much a hit's likeness to those before it counts against its score.",
        examples=[0.3],
    ),
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
    proposes_regions: bool
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
    for name in ("region", "regions"):
        if form.image is None and name in fields:
            raise InvalidParameter(f"{name}: it needs the photo; send it as the field image.")
    if fields.get("regions", "auto") != "auto":
        raise InvalidParameter("regions: it can only be auto.")
    return SearchRequest(
        image=_bytes(form),
        product_id=fields.get("product_id"),
        query_id=fields.get("query_id"),
        region=_region(fields["region"]) if "region" in fields else None,
        proposes_regions="regions" in fields,
        wanted=wanted(
            _whole_number("k", fields["k"], 1, MAX_K) if "k" in fields else DEFAULT_K,
            _decimal("min_score", fields["min_score"], -1, 1) if "min_score" in fields else None,
            fields.get("filter"),
            fields.get("facets"),
            explain=_flag("explain", fields["explain"]) if "explain" in fields else False,
            refinement=_refinement(fields),
        ),
    )


def wanted(
    k: int,
    min_score: float | None,
    filter_text: str | None,
    facet_names: str | None,
    *,
    explain: bool = False,
    refinement: Refinement | None = None,
) -> Wanted:
    """
    Return what a search is to return, its filter and facets read.

    Raises:
        InvalidParameter: The filter, the facets or the refinement are not as the documentation describes them.
    """
    return Wanted(
        k=k,
        min_score=min_score,
        filter=None if filter_text is None else parse_filter(filter_text),
        facets=() if facet_names is None else parse_facets(facet_names),
        explain=explain,
        refinement=refinement,
    )


async def similar_refinement(
    *,
    more_like: ProductIds = None,
    less_like: ProductIds = None,
    more_weight: Weight = None,
    less_weight: Weight = None,
    diversity: Diversity = None,
) -> Refinement | None:
    """Read the query parameters of GET /products/{id}/similar by which it departs from the plain search."""
    return refined(more_like, less_like, more_weight=more_weight, less_weight=less_weight, diversity=diversity)


async def similar_wanted(
    *,
    k: K = DEFAULT_K,
    min_score: MinScore = None,
    filter_text: FilterText = None,
    facets: FacetNames = None,
    explain: Explain = False,
    refinement: Annotated[Refinement | None, Depends(similar_refinement)] = None,
) -> Wanted:
    """Read the query parameters of GET /products/{id}/similar."""
    return wanted(k, min_score, filter_text, facets, explain=explain, refinement=refinement)


def _refinement(fields: Mapping[str, str]) -> Refinement | None:
    numbers = {
        name: _decimal(name, fields[name], 0, 1)
        for name in ("more_weight", "less_weight", "diversity")
        if name in fields
    }
    return refined(fields.get("more_like"), fields.get("less_like"), **numbers)


def refined(
    more_like: str | None,
    less_like: str | None,
    *,
    more_weight: float | None = None,
    less_weight: float | None = None,
    diversity: float | None = None,
) -> Refinement | None:
    """
    Return how a search departs from the plain one; None where nothing of it was given.

    Raises:
        InvalidParameter: A list names nothing, too many, one twice, or what the other names too.
    """
    given = {
        "more_like": None if more_like is None else parse_named("more_like", more_like),
        "less_like": None if less_like is None else parse_named("less_like", less_like),
        "more_weight": more_weight,
        "less_weight": less_weight,
        "diversity": diversity,
    }
    if all(value is None for value in given.values()):
        return None
    refinement = Refinement(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    check_refinement(refinement)
    return refinement


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
