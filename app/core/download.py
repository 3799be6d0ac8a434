"""
One large file from the web to the disk: resumable, bounded in time and size, checked, finished atomically.

What arrived before a failure stays beside the target (`NAME.part`) with the server's validator (`NAME.part.etag`), so
that the next call goes on where this one stopped, and starts over when the server's file has changed meanwhile.
"""

import fcntl
import http.client
import os
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final, Self

from app.core.errors import DownloadCorrupt, DownloadRefused, DownloadTimedOut
from app.core.files import (
    MIB,
    fsync_folder,
    make_folder,
    require_free_space,
    sha256_of_file,
    storage_errors,
    write_all,
)
from app.core.https import host_of, open_url, refuse_unsafe

DownloadProgress = Callable[[int, int | None], None]
"""Called with the bytes that are there and the bytes expected (None: the server does not say)."""

STALL_TIMEOUT_S: Final = 15.0
MAX_ATTEMPTS: Final = 5  # a connection that breaks off is resumed as long as each attempt brings something
_CHUNK_BYTES: Final = MIB


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """What one download may cost; `stall_timeout_s` is the longest silence of the server."""

    timeout_s: float
    max_bytes: int = 4 * 1024**3
    stall_timeout_s: float = STALL_TIMEOUT_S


def download(
    url: str, target: Path, *, sha256: str | None, limits: DownloadLimits, progress: DownloadProgress | None = None
) -> None:
    """
    Fetch the URL into `target`, going on from what an earlier call left.

    Args:
        url: https, or http on this machine only; redirects are held to the same.
        target: Appears only once it is whole, checked and on the disk. Its folder is created.
        sha256: Hash of the content, or its first hex digits; None checks nothing but the length.
        limits: Seconds and bytes.
        progress: Called after each piece.

    Raises:
        DownloadRefused: The server cannot be reached, answers with an error, or the address is not allowed.
        DownloadTimedOut: No connection, silence, or more time in all than the limits allow.
        DownloadCorrupt: The content has another hash; it was discarded.
        DiskFull: There is no space for it.
        DataDirNotWritable: The folder cannot be written.
    """
    refuse_unsafe(url)
    with storage_errors(target.parent):
        make_folder(target.parent)
    with _PartFile.open(target, url) as part:
        transfer = _Transfer(url, part, limits, progress, deadline_s=time.monotonic() + limits.timeout_s)
        transfer.complete()
        if sha256 is not None and not sha256_of_file(part.path).startswith(sha256):
            part.discard()
            raise DownloadCorrupt(
                f"The file from {host_of(url)} does not have the expected SHA-256 ({sha256}…); it was discarded. "
                "Try again, and if that does not help, ask whoever runs your network what stands between."
            )
        part.finish(target)


class _PartFile:
    """What has arrived so far, locked for one process, with the validator of the version it belongs to."""

    def __init__(self, file: FileIO, path: Path, url: str) -> None:
        self._file = file
        self._url = url
        self._validator_path = path.with_name(f"{path.name}.etag")
        self.path = path
        self.size_bytes = file.seek(0, 2)

    @classmethod
    @contextmanager
    def open(cls, target: Path, url: str) -> Iterator[Self]:
        path = target.with_name(f"{target.name}.part")
        while True:
            with storage_errors(target.parent):
                file = FileIO(path, "a+")
            with file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise DownloadRefused(
                        f"Another process is downloading {target.name} into the same folder; wait for it to end."
                    ) from error
                # Between opening and locking, another process may have finished the file and given it its final name.
                if _is_at(file, path):
                    yield cls(file, path, url)
                    return

    @property
    def validator(self) -> str | None:
        """The ETag or date of the version that the bytes are from; None where they cannot be gone on with."""
        try:
            url, validator = self._validator_path.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            return None
        return validator if url == self._url and self.size_bytes > 0 else None

    def restart(self, validator: str | None) -> None:
        """Empty the file, for the version that the validator names."""
        with storage_errors(self.path.parent):
            self._validator_path.unlink(missing_ok=True)
            self._file.truncate(0)
            self.size_bytes = 0
            if validator is not None:
                self._validator_path.write_text(f"{self._url}\n{validator}", encoding="utf-8")

    def append(self, data: bytes) -> None:
        with storage_errors(self.path.parent):
            write_all(self._file, data)
        self.size_bytes += len(data)

    def discard(self) -> None:
        self.restart(None)
        self.path.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """Give the file its final name, durably."""
        with storage_errors(target.parent):
            os.fsync(self._file.fileno())
            self.path.replace(target)
            self._validator_path.unlink(missing_ok=True)
            fsync_folder(target.parent)


@dataclass(frozen=True, slots=True)
class _Transfer:
    """One download under way, over as many connections as it takes."""

    url: str
    part: _PartFile
    limits: DownloadLimits
    progress: DownloadProgress | None
    deadline_s: float

    def complete(self) -> None:
        """Receive until nothing is missing."""
        for _ in range(MAX_ATTEMPTS):
            if self._receive():
                return
        raise DownloadRefused(
            f"The connection to {host_of(self.url)} broke off {MAX_ATTEMPTS} times; what arrived is kept. "
            "Run the same command again to go on."
        )

    def _receive(self) -> bool:
        """Open a connection and take what comes; return whether the file is whole now."""
        validator = self.part.validator
        headers = {"Range": f"bytes={self.part.size_bytes}-", "If-Range": validator} if validator else {}
        try:
            with open_url(self.url, headers, self.limits.stall_timeout_s) as response:
                total_bytes = self._prepare(response)
                return self._take(response, total_bytes)
        except urllib.error.HTTPError as error:
            with error:
                return self._refused(error)
        except TimeoutError as error:
            raise DownloadTimedOut(
                f"{host_of(self.url)} sent nothing for {self.limits.stall_timeout_s:g} s; what arrived is kept. "
                "Run the same command again to go on."
            ) from error
        except (ConnectionError, http.client.HTTPException):
            return False  # broken off in the middle: the next attempt goes on from there

    def _refused(self, error: urllib.error.HTTPError) -> bool:
        """Deal with a status that is an error: 416 says that there is nothing more, or that the file has changed."""
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE or self.part.size_bytes == 0:
            raise DownloadRefused(
                f"{host_of(self.url)} answered {error.code} instead of the file; try again later."
            ) from error
        if error.headers.get("Content-Range") == f"bytes */{self.part.size_bytes}":
            return True
        self.part.restart(None)
        return False

    def _prepare(self, response: http.client.HTTPResponse) -> int | None:
        """Bring the part file to where the body of this response begins; return the size of the whole file, if told."""
        length = response.headers.get("Content-Length", "")
        body_bytes = int(length) if length.isdecimal() else None
        sent_range = response.headers.get("Content-Range", "")
        if response.status != http.client.PARTIAL_CONTENT:
            self.part.restart(_validator_of(response))
        elif not sent_range.startswith(f"bytes {self.part.size_bytes}-"):
            self.part.restart(None)
            raise http.client.HTTPException
        total_bytes = None if body_bytes is None else self.part.size_bytes + body_bytes
        if total_bytes is not None:
            self._refuse_too_large(total_bytes)
            with storage_errors(self.part.path.parent):
                require_free_space(self.part.path.parent, total_bytes - self.part.size_bytes)
        return total_bytes

    def _take(self, response: http.client.HTTPResponse, total_bytes: int | None) -> bool:
        while total_bytes is None or self.part.size_bytes < total_bytes:
            if time.monotonic() > self.deadline_s:
                raise DownloadTimedOut(
                    f"The download took more than {self.limits.timeout_s:g} s (LOOKALIKE_DOWNLOAD_TIMEOUT_S); what "
                    "arrived is kept. Run the same command again to go on."
                )
            data = response.read1(_CHUNK_BYTES)  # what is there: `read` would wait for all of it, past the deadline
            if not data:
                break
            self._refuse_too_large(self.part.size_bytes + len(data))
            self.part.append(data)
            if self.progress is not None:
                self.progress(self.part.size_bytes, total_bytes)
        return total_bytes is None or self.part.size_bytes == total_bytes

    def _refuse_too_large(self, size_bytes: int) -> None:
        if size_bytes > self.limits.max_bytes:
            raise DownloadRefused(
                f"The file from {host_of(self.url)} has more than {self.limits.max_bytes:,} bytes, which cannot be "
                "right; it was not taken."
            )


def _is_at(file: FileIO, path: Path) -> bool:
    """Whether the open file is the one that has this path now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _validator_of(response: http.client.HTTPResponse) -> str | None:
    """Return what names this version of the file for sure: a strong ETag, or its date."""
    etag: str = response.headers.get("ETag", "")
    if etag.startswith('"'):
        return etag
    date: str | None = response.headers.get("Last-Modified")
    return date
