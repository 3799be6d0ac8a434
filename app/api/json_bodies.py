"""Reading a JSON body: within a limit, strictly, and after the guards of its route, as FastAPI's own reading is not."""

import json
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from app.api.bodies import BodyReader
from app.core.errors import InvalidParameter, MalformedRequest, UnsupportedMediaType

JSON_MEDIA_TYPE = "application/json"

Body = TypeVar("Body", bound=BaseModel)


async def read_json(request: Request, bodies: BodyReader, kind: type[Body], *, max_bytes: int) -> Body:
    """
    Read the body of a request as one JSON object of this kind; no body at all is an empty object.

    Raises:
        UnsupportedMediaType, BodyTooLarge, RequestTimedOut, MalformedRequest, Overloaded: It cannot be read.
        InvalidParameter: A field is missing, unknown or wrong.
    """
    return validated(parse_json(await collect_json(request, bodies, max_bytes) or b"{}"), kind)


async def collect_json(request: Request, bodies: BodyReader, max_bytes: int | None = None) -> bytearray:
    """Return the bytes of a body that says it is JSON, or is empty; raises as `read_json` does."""
    body = await bodies.collect(request, max_bytes)
    if body and media_type(request) != JSON_MEDIA_TYPE:
        raise UnsupportedMediaType(f"The body must be {JSON_MEDIA_TYPE}.")
    return body


def media_type(request: Request) -> str:
    """Return what the body of a request says it is, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse_json(text: bytes | bytearray | str, what: str = "The body") -> Any:  # noqa: ANN401  # any JSON value
    """
    Return the value of a JSON text; numbers with a fraction or an exponent are exact (`Decimal`).

    Args:
        text: UTF-8 where it is bytes.
        what: Names it in messages.

    Raises:
        MalformedRequest: It is not JSON (NaN is not), is nested very deep, or names a field twice.
    """
    try:
        text = text if isinstance(text, str) else text.decode()
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise MalformedRequest(f"{what} is not JSON, or is nested too deep.") from error


def validated(value: object, kind: type[Body], what: str = "The body") -> Body:
    """
    Return a JSON value as an object of this kind; `what` names it in messages.

    Raises:
        InvalidParameter: It is no object, or a field is missing, unknown or wrong; without a word of what was sent.
    """
    if not isinstance(value, dict):
        raise InvalidParameter(f"{what} is not a JSON object.")
    try:
        return kind.model_validate(value, strict=True)
    except ValidationError as error:
        raise _in_our_words(error, kind, what) from error


def _in_our_words(error: ValidationError, kind: type[BaseModel], what: str) -> InvalidParameter:
    first = error.errors()[0]
    if first["type"] == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in kind.model_fields.items())
        return InvalidParameter(f"{what} has a field that is not known here; it takes {known}.")
    return InvalidParameter(f"{first['loc'][0] if first['loc'] else what}: {first['msg']}.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedRequest("An object in the JSON names a field twice.")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
