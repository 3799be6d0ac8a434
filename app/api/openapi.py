"""What the OpenAPI document says beyond what FastAPI can see: problem documents, and the bodies."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from app.api.errors import PROBLEM_MEDIA_TYPE, STATUS_OF
from app.api.forms import MAX_FIELD_BYTES
from app.api.json_bodies import JSON_MEDIA_TYPE
from app.api.parameters import DEFAULT_K, MAX_K
from app.api.product_bodies import (
    FORM_MEDIA_TYPE,
    MAX_BATCH,
    MAX_PICTURES,
    MAX_PRODUCT_BYTES,
    ProductFields,
    ProductItem,
    ProductStated,
    RemovalItem,
)
from app.api.schemas import Problem
from app.core import errors
from app.core.errors import LookalikeError
from app.core.files import MIB
from app.core.keys import Scope
from app.search.filters import MAX_FILTER_BYTES
from app.search.refinement import LESS_WEIGHT, MAX_NAMED, MORE_WEIGHT

_PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}

_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "integer", "minimum": 1}}
}

_IMAGE = {
    "type": "string",
    "format": "binary",
    "contentMediaType": "application/octet-stream",
    "description": "The photo: JPEG, PNG or WebP. Of a moving picture, the first frame.",
}
_REGION = {
    "type": "string",
    "pattern": r"^[0-9.]+,[0-9.]+,[0-9.]+,[0-9.]+$",
    "maxLength": MAX_FIELD_BYTES,
    "examples": ["0.1,0.2,0.9,1"],
    "description": "The part of the upright photo to look at: left, top, right and bottom as shares of its sides.",
}
_PRODUCT_IDS = {
    "type": "string",
    "maxLength": MAX_FIELD_BYTES,
    "examples": ["shoes-0042,shoes-0043"],
}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_SEARCH_FIELDS = {
    "image": _IMAGE,
    "product_id": {
        "type": "string",
        "maxLength": MAX_FIELD_BYTES,
        "examples": ["shoes-0042"],
        "description": "A product of the catalogue, to find others like it.",
    },
    "query_id": {
        "type": "string",
        "maxLength": MAX_FIELD_BYTES,
        "examples": ["7cO3lQmH0v7mJzYw1q2b4A"],
        "description": "An earlier search, to ask it again without the photo; known for 15 minutes.",
    },
    "k": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_K,
        "default": DEFAULT_K,
        "description": "Number of products to return.",
    },
    "min_score": {
        "type": "number",
        "minimum": -1,
        "maximum": 1,
        "examples": [0.5],
        "description": "Lowest score (cosine) of a hit; the answer may then have fewer than k.",
    },
    "region": _REGION,
    "regions": {
        "type": "string",
        "enum": ["auto"],
        "description": "Also look for the things that stand out in the photo, and answer for each of them.",
    },
    "filter": {
        "type": "string",
        "maxLength": MAX_FILTER_BYTES,
        "examples": ['{"category": "shoes", "price": {"lt": 50}}'],
        "description": "Which products may be found, as JSON; docs/filters.md has the grammar.",
    },
    "facets": {
        "type": "string",
        "maxLength": MAX_FIELD_BYTES,
        "examples": ["category,attributes.colour"],
        "description": "Fields whose values are counted over the products that may be found.",
    },
    "explain": {
        "type": "boolean",
        "default": False,
        "description": "Whether to tell why each hit is one: which parts of the two pictures made them similar.",
    },
    "more_like": {**_PRODUCT_IDS, "description": f"Products to find more of, at most {MAX_NAMED}."},
    "less_like": {
        **_PRODUCT_IDS,
        "examples": ["shoes-0044"],
        "description": f"Products to find less of, at most {MAX_NAMED}; they are no results.",
    },
    "more_weight": {**_SHARE, "default": MORE_WEIGHT, "description": "How much more_like counts, against the query."},
    "less_weight": {**_SHARE, "default": LESS_WEIGHT, "description": "How much less_like counts, against the query."},
    "diversity": {
        **_SHARE,
        "default": 0,
        "description": "How much a result's likeness to those before it counts against its score.",
    },
}

SEARCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Exactly one of image, product_id and query_id.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": _SEARCH_FIELDS,
                    "oneOf": [{"required": [name]} for name in ("image", "product_id", "query_id")],
                }
            }
        },
    }
}

CLASSIFY_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"image": _IMAGE, "region": _REGION},
                    "required": ["image"],
                }
            }
        },
    }
}

PRODUCT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The whole product; what is not given is empty. JSON without images leaves it those it has.",
        "content": {
            JSON_MEDIA_TYPE: {"schema": ProductStated.model_json_schema()},
            FORM_MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "product": {
                            "type": "string",
                            "maxLength": MAX_PRODUCT_BYTES,
                            "contentMediaType": JSON_MEDIA_TYPE,
                            "contentSchema": ProductFields.model_json_schema(),
                            "examples": ['{"title": "Canvas shoe, blue", "price": 19.90, "currency": "EUR"}'],
                            "description": "The product as JSON, without images.",
                        },
                        "image": {"type": "array", "minItems": 1, "maxItems": MAX_PICTURES, "items": _IMAGE},
                    },
                    "required": ["product", "image"],
                },
                "encoding": {"image": {"contentType": "image/jpeg, image/png, image/webp"}},
            },
        },
    }
}

BATCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON_MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "products": {
                            "type": "array",
                            "maxItems": MAX_BATCH,
                            "items": {"anyOf": [ProductItem.model_json_schema(), RemovalItem.model_json_schema()]},
                        }
                    },
                    "required": ["products"],
                }
            }
        },
    }
}

# What can happen to a body of JSON or to a form, whatever is in it, and what can happen while one is searched with.
JSON_ERRORS = (errors.UnsupportedMediaType, errors.BodyTooLarge, errors.MalformedRequest, errors.RequestTimedOut)
FORM_ERRORS = (
    *JSON_ERRORS,
    errors.MissingImage,
    errors.TooManyParts,
    errors.FieldTooLarge,
    errors.MalformedMultipart,
)
UPLOAD_ERRORS = (*FORM_ERRORS, errors.InvalidImage, errors.EmbeddingRefused)


# What can be wrong with the key of a request, or with how often it is used.
KEY_ERRORS = (errors.InvalidKey, errors.KeyNotEnough, errors.ForbiddenOrigin, errors.RateLimited)

_KEY = "key"
_KEY_WORDS = (
    "A key of `lookalike keys`. catalogue allows what search allows, and admin everything. Who may search without a "
    "key, LOOKALIKE_KEYLESS_SEARCH says."
)


def key_of_scope(scope: Scope) -> dict[str, Any]:
    """Return what a route says of the key that it needs: of this scope, or of one that allows more."""
    without: list[dict[str, list[str]]] = [{}] if scope == "search" else []  # see LOOKALIKE_KEYLESS_SEARCH
    return {"security": [{_KEY: [scope]}, *without]}


def problems(*kinds: type[LookalikeError]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route for these errors, families included, and for what any request can meet."""
    slugs: dict[int, set[str]] = {}
    for leaf, status in STATUS_OF.items():
        if issubclass(leaf, (*kinds, errors.InvalidParameter)):
            slugs.setdefault(status, set()).add(leaf.slug)
    responses: dict[int | str, dict[str, Any]] = {
        status: {
            "description": f"{HTTPStatus(status).phrase}: {', '.join(sorted(slugs[status]))}",
            "content": {PROBLEM_MEDIA_TYPE: _PROBLEM},
            **({"headers": _RETRY_AFTER} if status in {429, 503} else {}),
        }
        for status in sorted(slugs)
    }
    responses["default"] = {
        "description": "A request that is malformed or too long, or a failure on our side.",
        "content": {PROBLEM_MEDIA_TYPE: _PROBLEM},
    }
    return responses


def install_openapi(app: FastAPI, max_upload_bytes: int) -> None:
    """Serve `/openapi.json`, which describes problem documents too."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=f"A request body may have up to {max_upload_bytes / MIB:g} MiB.",
                routes=app.routes,
                tags=app.openapi_tags,
            )
            components = schema.setdefault("components", {})
            components.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
            components["securitySchemes"] = {_KEY: {"type": "http", "scheme": "bearer", "description": _KEY_WORDS}}
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to extend the document

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(document())
