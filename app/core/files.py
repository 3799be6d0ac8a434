"""
Writing files so that a crash, a full disk or a power cut leaves the old content or the new one, and hashing them.

The operating system's errors about storage become `DiskFull` and `DataDirNotWritable` here; those about the database's
file in `app.db`, where no message tells its path.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from app.core.errors import DataDirNotWritable, DiskFull, StorageError

MIB: Final = 1024 * 1024

# EFBIG: the process's own limit on the size of a file (ulimit -f); EDQUOT: the user's share of the disk.
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def storage_error(error: OSError, folder: Path) -> StorageError:
    """Return our error for one that the operating system gave while writing below `folder`."""
    reason = error.strerror or type(error).__name__
    if error.errno in _FULL:
        return DiskFull(
            f"There is no space left in the data folder ({reason}); nothing that was live is lost. "
            "Free some space, or choose another folder with LOOKALIKE_DATA_DIR."
        )
    return DataDirNotWritable(
        f"The folder {folder} cannot be written ({reason}). "
        "Make it writable, or choose another with LOOKALIKE_DATA_DIR."
    )


@contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Translate every OSError of the block, which writes below `folder`."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, folder) from error


def require_free_space(folder: Path, needed_bytes: int) -> None:
    """
    Refuse now what would fill the disk half-way.

    Raises:
        DiskFull: Fewer than `needed_bytes` are free on the disk of `folder`.
    """
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise DiskFull(
            f"{needed_bytes / MIB:,.0f} MiB are needed in the data folder and {free_bytes / MIB:,.0f} MiB are free. "
            "Free some space, or choose another folder with LOOKALIKE_DATA_DIR."
        )


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of the file's content, as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync_folder(folder: Path) -> None:
    """Make what was created, renamed or removed in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create the folder and the ones above it where they are missing; they survive a power cut."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    fsync_folder(folder.parent)


def write_all(file: FileIO, data: bytes) -> None:
    """Write every byte to an unbuffered file, whose own `write` may stop short when the disk fills."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]


def write_atomically(path: Path, data: bytes) -> None:
    """
    Replace the file's content: whoever reads sees the old one or the new one, after a power cut too.

    For one writer at a time: the temporary file beside it always has the same name, so that crashes leave no litter.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with HashedWriter(temporary) as file:
        file.write(data)
    temporary.replace(path)
    fsync_folder(path.parent)


class HashedWriter:
    """
    A new file that hashes what it writes and is on the disk once the `with` block ends without an error.

    Unbuffered: the last write fails like the first one, and not in a close() whose error nobody sees. A file that is
    already there is emptied.
    """

    def __init__(self, path: Path) -> None:
        self._file = FileIO(path, "w")
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: bytes) -> None:
        """Append the data."""
        write_all(self._file, data)
        self._digest.update(data)
        self.size_bytes += len(data)

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written so far, as 64 hex digits."""
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._file:
            if error is None:
                os.fsync(self._file.fileno())
