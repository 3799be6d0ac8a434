"""
Pictures that came over the network, kept as files under the SHA-256 of their bytes.

    <root>/<aa>/<sha256>              aa: the first two digits of the name; never changed, only replaced or removed
                .<sha256>.<random>    being written, or left by a crash
           .lock                      shared by whoever puts, held alone for each removal

Any number of processes put, read and remove at once. Putting the same picture twice is harmless.
"""

import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from stat import S_ISREG
from typing import Final

from app.core.files import fsync_folder, make_folder, storage_errors, write_all
from app.core.locks import locked

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_FOLDER: Final = re.compile(r"[0-9a-f]{2}")
_TEMPORARY: Final = re.compile(r"\.[0-9a-f]{64}\.[0-9a-f]{16}")
# No put takes so long; a temporary file that is older was left by a crash.
_LEFTOVER_AGE_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture in the store; `path` is absolute."""

    sha256: str
    path: Path
    size_bytes: int


class PictureStore:
    """All pictures below one folder, which is made by the first `put`."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def path(self, sha256: str) -> Path:
        """Return where a picture is, if it is there; a name that is not 64 lower-case hex digits is a ValueError."""
        if not _SHA256.fullmatch(sha256):
            raise ValueError("the name of a picture is a SHA-256 of 64 lower-case hex digits")
        return self._root / sha256[:2] / sha256

    def put(self, data: bytes) -> StoredPicture:
        """
        Keep a picture; it is on the disk when this returns, and safe from `remove_unreferenced` for its `older_than_s`.

        One that is there and intact is not written again, a damaged one is replaced.

        Raises:
            DiskFull, DataDirNotWritable, DataDirBusy: It could not be written; nothing is left behind.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        with storage_errors(self._root), self._locked(fcntl.LOCK_SH):
            make_folder(path.parent)
            if _holds(path, data):
                os.utime(path)  # it counts as new: the reference to it may not be known yet
            else:
                _write(path, data)
            # Also for one that was there: whoever put it may not have got as far as this.
            fsync_folder(path.parent)
        return StoredPicture(sha256, path, len(data))

    def remove_unreferenced(self, keep: Container[str], older_than_s: float) -> int:
        """
        Remove the pictures that are not in `keep` and what crashes left; return how many pictures were removed.

        Args:
            keep: The SHA-256 of every picture that somebody refers to.
            older_than_s: Seconds since a picture was put, again or for the first time, during which it stays: longer
                than `keep` is old, and than anybody takes from `put` to writing down the reference.

        Raises:
            DataDirNotWritable, DataDirBusy: A file could not be removed; others may have been.
        """
        removed = 0
        with storage_errors(self._root):
            for path in self._files():
                if _TEMPORARY.fullmatch(path.name):
                    self._remove_if_older(path, _LEFTOVER_AGE_S)
                elif _SHA256.fullmatch(path.name) and path.name not in keep:
                    removed += self._remove_if_older(path, older_than_s)
        return removed

    def _files(self) -> Iterator[Path]:
        """Yield what is in the folders of pictures; other folders are not this store's."""
        if not self._root.is_dir():
            return
        for folder in sorted(self._root.iterdir()):
            if _FOLDER.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
                yield from folder.iterdir()

    def _remove_if_older(self, path: Path, age_s: float) -> bool:
        with self._locked(fcntl.LOCK_EX):  # nobody puts it between the look at its age and its end
            try:
                status = path.lstat()
            except FileNotFoundError:  # another process removes as well
                return False
            if not S_ISREG(status.st_mode) or time.time() - status.st_mtime < age_s:
                return False
            path.unlink()
        return True

    @contextmanager
    def _locked(self, operation: int) -> Iterator[None]:
        make_folder(self._root)
        with locked(self._root / ".lock", operation):
            yield


def _holds(path: Path, data: bytes) -> bool:
    """Whether there is a plain file with exactly these bytes; one that cannot be read is to be replaced."""
    try:
        status = path.lstat()
        return S_ISREG(status.st_mode) and status.st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def _write(path: Path, data: bytes) -> None:
    """Write the file aside and rename it; its folder remains to be flushed."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with FileIO(temporary, "x") as file:
            write_all(file, data)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
