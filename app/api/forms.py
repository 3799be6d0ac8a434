"""
Reading a multipart/form-data upload: in memory, within its limits, strictly.

Our own reader, because the usual one answers what our contract refuses: a body that breaks off inside a file, two files
for one field, megabytes before the first boundary. A body is at most `max_upload_bytes`, so it is collected first and
then cut at its boundaries with `bytes.find`; nothing touches the disk, and no byte is looked at in a Python loop.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.requests import Request

from app.api.bodies import BodyReader
from app.core.errors import (
    FieldTooLarge,
    MalformedMultipart,
    MalformedRequest,
    MissingImage,
    TooManyParts,
    UnsupportedMediaType,
)

MAX_FIELD_BYTES = 4 * 1024
MAX_BOUNDARY_BYTES = 70  # RFC 2046, 5.1.1
MAX_PART_HEADERS = 8
MAX_PART_HEADER_BYTES = 8 * 1024  # a file name of 4,000 characters is odd, but no attack


@dataclass(frozen=True, slots=True)
class FormLimits:
    """
    What a form may hold.

    Attributes:
        files: Parts that are files; all of them are named `image`.
        fields: Parts that are text, with different names.
        field_bytes: Of one of them.
        text_files: Names of fields that may come as a file, which some clients make of any text with a content type.
    """

    files: int = 1
    fields: int = 20
    field_bytes: int = MAX_FIELD_BYTES
    text_files: frozenset[str] = frozenset()


PHOTO_FORM: Final = FormLimits()


@dataclass(frozen=True, slots=True)
class Form:
    """The parts of an upload: text fields by name, and the bytes of the files `image`; no file name is kept."""

    fields: Mapping[str, str]
    images: tuple[bytes, ...]

    @property
    def image(self) -> bytes | None:
        """The first file."""
        return self.images[0] if self.images else None


async def read_form(request: Request, bodies: BodyReader, limits: FormLimits = PHOTO_FORM) -> Form:
    """
    Read and cut up the body of a request.

    Raises:
        UnsupportedMediaType, BodyTooLarge, RequestTimedOut, MalformedMultipart, MalformedRequest, TooManyParts,
        FieldTooLarge, MissingImage (no body at all), Overloaded: see their docstrings.
    """
    boundary = _boundary(request.headers)
    body = await bodies.collect(request)
    try:
        return parse_form(body, boundary, limits)
    except MalformedMultipart as error:
        if _bytes_after_the_body(request):
            raise MalformedRequest("The body is longer than its Content-Length.") from error
        raise


def parse_form(body: bytes | bytearray, boundary: bytes, limits: FormLimits = PHOTO_FORM) -> Form:
    """
    Cut a complete body at its boundaries.

    Raises:
        MalformedMultipart, TooManyParts, FieldTooLarge: The body is not what it says it is, or exceeds a limit.
    """
    fields: dict[str, str] = {}
    images: list[bytes] = []
    files = 0
    for headers, start, end in _parts(body, boundary, limits):
        name, has_file_name = _disposition(headers)
        is_file = name == "image" or (has_file_name and name not in limits.text_files)
        files += is_file
        if files > limits.files or len(fields) + (not is_file) > limits.fields:
            raise _too_many_parts(limits)
        if name in fields:
            raise TooManyParts("A field may be sent once.")
        if name == "image":
            images.append(bytes(memoryview(body)[start:end]))
        elif is_file:  # under another name; it is refused later, by that name
            fields[name] = ""
        else:
            fields[name] = _text(body[start : min(end, start + limits.field_bytes + 1)], limits)
    return Form(fields, tuple(images))


def _parts(body: bytes | bytearray, boundary: bytes, limits: FormLimits) -> list[tuple[bytes, int, int]]:
    """Return (headers, start of content, end of content) of every part; the body must end with its last boundary."""
    delimiter = b"--" + boundary
    separator = b"\r\n" + delimiter
    if not body.startswith(delimiter):
        raise MalformedMultipart("The body does not begin with its boundary.")
    found: list[tuple[bytes, int, int]] = []
    position = len(delimiter)
    while not body.startswith(b"--", position):
        if len(found) > limits.fields + limits.files:
            raise _too_many_parts(limits)
        if not body.startswith(b"\r\n", position):
            raise MalformedMultipart("A boundary is not followed by a line end.")
        # The search begins at the boundary's own line end, so that a part without headers is found as well.
        headers_end = body.find(b"\r\n\r\n", position, position + MAX_PART_HEADER_BYTES)
        if headers_end < 0:
            raise MalformedMultipart(f"A part's headers do not end within {MAX_PART_HEADER_BYTES} bytes.")
        content_start = headers_end + 4
        content_end = body.find(separator, headers_end + 2)
        if content_end < 0:
            raise MalformedMultipart("The body breaks off inside a part.")
        found.append((bytes(body[position + 2 : headers_end]), content_start, content_end))
        position = content_end + len(separator)
    if len(body) - position > MAX_PART_HEADER_BYTES or body[position + 2 :].strip(b"\r\n"):
        raise MalformedMultipart("Something follows the last boundary.")
    return found


def _disposition(headers: bytes) -> tuple[str, bool]:
    """Return the field's name and whether the part has a file name."""
    lines = headers.split(b"\r\n")
    if len(lines) > MAX_PART_HEADERS:
        raise MalformedMultipart(f"A part has {len(lines)} headers; the limit is {MAX_PART_HEADERS}.")
    for line in lines:
        key, colon, value = line.partition(b":")
        if not colon:
            raise MalformedMultipart("A header of a part has no colon.")
        if key.strip().lower() == b"content-disposition":
            kind, options = parse_options_header(value.strip())
            name = options.get(b"name")
            if kind != b"form-data" or name is None:
                break
            return name.decode("utf-8", "replace"), b"filename" in options
    raise MalformedMultipart("A part does not say which field it is.")


def _too_many_parts(limits: FormLimits) -> TooManyParts:
    def counted(count: int, noun: str) -> str:
        return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

    return TooManyParts(f"A request may have {counted(limits.files, 'file')} and {counted(limits.fields, 'field')}.")


def _text(content: bytes | bytearray, limits: FormLimits) -> str:
    if len(content) > limits.field_bytes:
        raise FieldTooLarge(f"A field is longer than {limits.field_bytes} bytes, the limit.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise MalformedMultipart("A field is not UTF-8.") from error


def _boundary(headers: Headers) -> bytes:
    declared = headers.get("content-type")
    if declared is None and headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        raise MissingImage("The request has no body; send the photo as the field image of multipart/form-data.")
    media_type, options = parse_options_header(declared)
    if media_type != b"multipart/form-data":
        raise UnsupportedMediaType("The body must be multipart/form-data, with the photo as the field image.")
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= MAX_BOUNDARY_BYTES:
        raise MalformedMultipart(f"The boundary must have 1 to {MAX_BOUNDARY_BYTES} characters.")
    return boundary


def _bytes_after_the_body(request: Request) -> int:
    """Return how many bytes the connection holds beyond this request, where the server can tell."""
    count: Callable[[], int] | None = request.scope.get("state", {}).get("bytes_after_the_body")
    return count() if count is not None else 0
