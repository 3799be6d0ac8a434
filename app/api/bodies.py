"""Collecting the body of a request: in memory, within a limit and in time, whatever it is then read as."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from starlette.datastructures import Headers
from starlette.requests import Request

from app.core.errors import BodyTooLarge, Overloaded, RequestTimedOut, UnsupportedMediaType
from app.core.files import MIB
from app.core.settings import Settings

MAX_BUFFERED_BODIES = 32  # bodies of full size that may be in memory at once, however many connections share them


class BodyReader:
    """Collects bodies within the limits of the settings, and keeps account of how much memory they take together."""

    def __init__(self, settings: Settings) -> None:
        self._max_bytes = settings.max_upload_bytes
        self._timeout_s = settings.receive_timeout_s
        self._budget_bytes = MAX_BUFFERED_BODIES * settings.max_upload_bytes
        self._buffered_bytes = 0

    async def collect(self, request: Request, max_bytes: int | None = None) -> bytearray:
        """
        Return the body of a request; `max_bytes` where the route takes less than `max_upload_bytes`.

        Raises:
            UnsupportedMediaType: It is compressed.
            BodyTooLarge, RequestTimedOut, Overloaded: It is too long, too slow, or one of too many.
        """
        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise UnsupportedMediaType("The body is compressed; send it without Content-Encoding.")
        limit_bytes = self._max_bytes if max_bytes is None else min(max_bytes, self._max_bytes)
        _check_declared_length(request.headers, limit_bytes)
        try:
            async with asyncio.timeout(self._timeout_s), aclosing(request.stream()) as stream:
                return await self._collect(stream, limit_bytes)
        except TimeoutError as error:
            raise RequestTimedOut(
                f"The body did not arrive within {self._timeout_s:g} s, the limit (LOOKALIKE_RECEIVE_TIMEOUT_S)."
            ) from error

    async def _collect(self, stream: AsyncIterator[bytes], limit_bytes: int) -> bytearray:
        body = bytearray()
        try:
            async for chunk in stream:
                if len(body) + len(chunk) > limit_bytes:
                    raise _too_large("longer", limit_bytes)
                if self._buffered_bytes + len(chunk) > self._budget_bytes:
                    raise Overloaded("Too many uploads arrive at once.")
                self._buffered_bytes += len(chunk)
                body += chunk
            return body
        finally:
            self._buffered_bytes -= len(body)


def _check_declared_length(headers: Headers, limit_bytes: int) -> None:
    declared = headers.get("content-length", "0")
    if declared.isascii() and declared.isdecimal() and int(declared) > limit_bytes:
        raise _too_large(f"{int(declared)} bytes", limit_bytes)


def _too_large(size: str, limit_bytes: int) -> BodyTooLarge:
    in_mib = f" ({limit_bytes / MIB:.3g} MiB)" if limit_bytes >= MIB else ""
    return BodyTooLarge(
        f"The body is {size}; the limit for it is {limit_bytes} bytes{in_mib}, never more than "
        "LOOKALIKE_MAX_UPLOAD_BYTES."
    )
