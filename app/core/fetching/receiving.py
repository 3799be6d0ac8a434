"""Taking what a server sends: pictures into memory and feeds into files, never more than is allowed."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from io import FileIO
from pathlib import Path
from typing import Final, Self

from aiohttp import ClientResponse

from app.core.download import DownloadProgress
from app.core.errors import UpstreamBroken, UpstreamTooLarge
from app.core.files import require_free_space, storage_errors, write_all

_MAX_VALIDATOR_CHARACTERS: Final = 1024
_LONGEST_RETRY_AFTER_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Validators:
    """What names the version of a picture that a server gave: its ETag and Last-Modified, as they were sent."""

    etag: str | None = None
    last_modified: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Self:
        """Return those of a response, without what no header should hold."""
        return cls(_usable(headers.get("ETag")), _usable(headers.get("Last-Modified")))

    def conditions(self) -> dict[str, str]:
        """Return the headers that ask for the picture only if it is another version."""
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in headers.items() if value}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A picture's bytes, which may be anything: what they are is for the decoder to say, not for Content-Type."""

    data: bytes
    validators: Validators


async def receive_picture(response: ClientResponse, max_bytes: int) -> Fetched:
    """
    Return the body.

    Raises:
        UpstreamTooLarge: It has more bytes; it was not read any further.
        UpstreamBroken: It is compressed, which nobody asked for: a few bytes could become any number.
    """
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding != "identity":
        raise UpstreamBroken(f"{response.url.raw_host} compressed the picture although it was asked not to.")
    chunks = [chunk async for chunk in _bounded(response, max_bytes)]
    return Fetched(b"".join(chunks), Validators.of(response.headers))


async def save(response: ClientResponse, path: Path, max_bytes: int, progress: DownloadProgress | None) -> None:
    """
    Write the body to a file, as it is sent, and make it durable.

    Raises:
        UpstreamTooLarge: It has more bytes.
        DiskFull: There is no space for it.
        DataDirNotWritable: The file cannot be written.
    """
    total_bytes = response.content_length
    with storage_errors(path.parent):
        require_free_space(path.parent, min(total_bytes or 0, max_bytes))
        file = FileIO(path, "w")
    done_bytes = 0
    with file:
        async for chunk in _bounded(response, max_bytes):
            with storage_errors(path.parent):
                write_all(file, chunk)
            done_bytes += len(chunk)
            if progress is not None:
                progress(done_bytes, total_bytes)
        with storage_errors(path.parent):
            await asyncio.to_thread(os.fsync, file.fileno())


def retry_after_s(header: str, now: datetime) -> float | None:
    """
    Return for how many seconds a server wants to be left alone: at most an hour, None where it does not say.

    Args:
        header: The value of Retry-After: seconds, or the date of the end of the pause.
        now: With its zone.
    """
    text = header.strip()
    try:
        seconds = float(text) if text.isdecimal() else (parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError):  # TypeError: a date without a zone
        return None
    return min(max(0.0, seconds), _LONGEST_RETRY_AFTER_S)


async def _bounded(response: ClientResponse, max_bytes: int) -> AsyncIterator[bytes]:
    """Yield the body in pieces, up to the first one that is too many."""
    too_large = UpstreamTooLarge(f"{response.url.raw_host} sends more than {max_bytes:,} bytes; they were not taken.")
    if response.content_length is not None and response.content_length > max_bytes:
        raise too_large
    size_bytes = 0
    async for chunk in response.content.iter_any():
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            raise too_large
        yield chunk


def _usable(validator: str | None) -> str | None:
    """Return the validator, unless it is long, or has letters that neither headers nor databases take back."""
    return validator if validator and validator.isascii() and len(validator) <= _MAX_VALIDATOR_CHARACTERS else None
