"""
The HTTP edge of the error tree: which class is which status, written as RFC 9457 `application/problem+json`.

Every answer that is not 2xx or 304 has this one shape, those of the framework included.
"""

import json
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.core import errors
from app.core.errors import (
    BodyTooLarge,
    HeaderTooLarge,
    InternalError,
    InvalidKey,
    InvalidParameter,
    LookalikeError,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    RequestTimedOut,
    Unavailable,
    UnsupportedMediaType,
)

PROBLEM_MEDIA_TYPE = "application/problem+json"
NOTHING_HERE = "There is nothing under this address."

# One line a leaf. Those of the last block cannot reach a request: they end a command or the start of the service.
STATUS_OF: dict[type[LookalikeError], int] = {
    errors.EmptyImage: 422,
    errors.NotAnImage: 415,
    errors.FormatNotAllowed: 415,
    errors.ImageCorrupt: 422,
    errors.ImageTooLarge: 422,
    errors.ImageTooSmall: 422,
    errors.ImageTooComplex: 422,
    errors.AspectNotAllowed: 422,
    errors.DecodeTimedOut: 422,
    errors.EmbeddingNotFinite: 422,
    errors.EmbeddingZero: 422,
    errors.MissingImage: 422,
    errors.UnsupportedMediaType: 415,
    errors.TooManyParts: 400,
    errors.BodyTooLarge: 413,
    errors.FieldTooLarge: 400,
    errors.MalformedRequest: 400,
    errors.MalformedMultipart: 400,
    errors.HeaderTooLarge: 431,
    errors.RequestTimedOut: 408,
    errors.InvalidParameter: 422,
    errors.InvalidKey: 401,
    errors.KeyNotEnough: 403,
    errors.ForbiddenOrigin: 403,
    errors.RateLimited: 429,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.WrongState: 409,
    errors.Overloaded: 503,
    errors.IndexNotReady: 503,
    errors.UrlNotAllowed: 422,
    errors.UpstreamTooLarge: 422,
    errors.UpstreamStatus: 502,
    errors.UpstreamUnreachable: 502,
    errors.UpstreamBroken: 502,
    errors.UpstreamTimedOut: 504,
    errors.UpstreamGivenUp: 503,
    errors.SnapshotMissing: 404,
    errors.SnapshotCorrupt: 409,
    errors.SnapshotIncompatible: 409,
    errors.AlreadyRunning: 409,
    errors.DatabaseUnavailable: 503,
    errors.DatabaseCorrupt: 503,
    errors.DatabaseTooNew: 503,
    errors.DatabaseTooOld: 503,
    errors.DataDirNotReadable: 503,
    errors.DataDirNotWritable: 503,
    errors.DataDirBusy: 503,
    errors.DiskFull: 503,
    errors.InternalError: 500,
    errors.UnknownNetwork: 500,
    errors.RuntimeNotAvailable: 500,
    errors.ParityFailed: 500,
    errors.WeightsMissing: 500,
    errors.WeightsCorrupt: 500,
    errors.WeightsUnsafe: 500,
    errors.WeightsMismatch: 500,
    errors.DownloadRefused: 500,
    errors.DownloadTimedOut: 500,
    errors.DownloadCorrupt: 500,
    errors.SourceMissing: 500,
    errors.SourceEmpty: 500,
    errors.SourceInvalid: 500,
    errors.RemovalRefused: 500,
    errors.TooManyFailures: 500,
    errors.ImportUnfinished: 500,
    errors.NoReadableImage: 500,
    errors.VerificationFailed: 500,
    errors.RelevanceTooLow: 500,
    errors.JobLost: 500,
    errors.TooFewExamples: 500,
    errors.HeadUnusable: 500,
    errors.PortInUse: 500,
    errors.KeysMissing: 500,
    errors.InvalidSetting: 500,
}

# What Starlette and FastAPI raise by themselves, in our words.
FRAMEWORK_ERRORS: dict[int, tuple[type[LookalikeError], str]] = {
    400: (MalformedRequest, "The request cannot be read."),
    404: (NotFound, NOTHING_HERE),
    405: (MethodNotAllowed, "This address does not answer this method; the header Allow lists those that it answers."),
    408: (RequestTimedOut, "The request took too long to arrive."),
    413: (BodyTooLarge, "The body is too long."),
    415: (UnsupportedMediaType, "The body is of a type that is not accepted here."),
    431: (HeaderTooLarge, "The request line or the headers are too long."),
}


def status_of(error: LookalikeError) -> int:
    """Return the HTTP status of an error; 500 for a class that is not a leaf of the tree."""
    return STATUS_OF.get(type(error), 500)


def problem_document(error: LookalikeError) -> dict[str, str | int]:
    """Return what an RFC 9457 problem document says of an error; everything internal stays out of it."""
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        error = InternalError("The request failed on our side; the log has the cause under this request's id.")
    return {"type": f"/problems/{error.slug}", "title": error.title, "status": status, "detail": error.message}


def problem_json(error: LookalikeError, request_id: str) -> bytes:
    """Write an error as a problem document; a foreign cause stays out of it."""
    return json.dumps(problem_document(error) | {"instance": f"urn:uuid:{request_id}"}, ensure_ascii=False).encode()


def problem_headers(error: LookalikeError) -> dict[str, str]:
    """Return the headers that go with an error: when to come back, how to authenticate."""
    headers = {"cache-control": "no-store"}
    if isinstance(error, Unavailable | RateLimited):
        headers["retry-after"] = str(error.retry_after_s)
    elif status_of(error) == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = "5"
    if isinstance(error, InvalidKey):
        headers["www-authenticate"] = 'Bearer realm="lookalike"'
    return headers


def problem_response(error: LookalikeError, request_id: str, headers: dict[str, str] | None = None) -> Response:
    """Return the response for an error."""
    return Response(
        problem_json(error, request_id),
        status_code=status_of(error),
        headers={**problem_headers(error), **(headers or {})},
        media_type=PROBLEM_MEDIA_TYPE,
    )


def install_error_handlers(app: FastAPI) -> None:
    """Have every expected error and every error of the framework answered as a problem document."""
    app.add_exception_handler(LookalikeError, _on_lookalike_error)
    app.add_exception_handler(HTTPException, _on_framework_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_parameter)


async def _on_lookalike_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, LookalikeError)  # noqa: S101  # Starlette's signature is wider than what it calls this with
    request.state.error = error
    return problem_response(error, request.state.request_id)


async def _on_framework_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # the same
    kind, detail = FRAMEWORK_ERRORS.get(error.status_code, (InternalError, "The request failed."))
    ours = kind(detail)
    request.state.error = ours
    allow = {"allow": error.headers["Allow"]} if error.headers and "Allow" in error.headers else None
    return problem_response(ours, request.state.request_id, allow)


async def _on_invalid_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # the same
    first = error.errors()[0]
    # The name is one that a route declares; the value and pydantic's `input` are the user's, and stay out.
    place = ".".join(str(part) for part in first["loc"][1:]) or "the request"
    ours = InvalidParameter(f"{place}: {first['msg']}.")
    request.state.error = ours
    return problem_response(ours, request.state.request_id)
