"""Reading a JSON body: within a limit, strictly, and after the guards of its route, as FastAPI's own reading is not."""

import asyncio
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from app.core.errors import BodyTooLarge, InvalidParameter, MalformedRequest, RequestTimedOut, UnsupportedMediaType

JSON_MEDIA_TYPE = "application/json"

Body = TypeVar("Body", bound=BaseModel)


async def read_json(request: Request, kind: type[Body], *, max_bytes: int, timeout_s: float) -> Body:
    """
    Read the body of a request as one JSON object of this kind; no body at all is an empty object.

    Raises:
        UnsupportedMediaType, BodyTooLarge, RequestTimedOut, MalformedRequest: It cannot be read.
        InvalidParameter: A field is missing, unknown or wrong.
    """
    body = await _collect(request, max_bytes, timeout_s)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and media_type != JSON_MEDIA_TYPE:
        raise UnsupportedMediaType(f"The body must be {JSON_MEDIA_TYPE}.")
    try:
        return kind.model_validate_json(body or b"{}", strict=True)
    except ValidationError as error:
        raise _in_our_words(error, kind) from error


async def _collect(request: Request, max_bytes: int, timeout_s: float) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise BodyTooLarge(f"The body is longer than {max_bytes} bytes, the limit here.")
    except TimeoutError as error:
        raise RequestTimedOut(
            f"The body did not arrive within {timeout_s:g} s, the limit (LOOKALIKE_RECEIVE_TIMEOUT_S)."
        ) from error
    return bytes(body)


def _in_our_words(error: ValidationError, kind: type[BaseModel]) -> MalformedRequest | InvalidParameter:
    """Say what is wrong without a word of what was sent."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return MalformedRequest("The body is not JSON.")
    if first["type"] == "extra_forbidden":
        return InvalidParameter(
            f"The body has a field that is not known here; it takes {', '.join(kind.model_fields)}."
        )
    return InvalidParameter(f"{first['loc'][0] if first['loc'] else 'The body'}: {first['msg']}.")
