"""
Embeddings on disk by image content, so that an image is embedded once per fingerprint, ever.

    <root>/<fingerprint>/info.json      format version and dimension
                         vectors.bin    one float16 row an embedding
                         keys.bin       one record an embedding: SHA-256 of the image, CRC-32 of key and row
                         .lock          held by whoever appends

Any number of processes of one machine append and read at once. Rows are on the disk before their keys are written; as
many embeddings exist as there are whole keys with whole rows. That number never shrinks: whoever appends first cuts
off, under the lock, what a killed writer left behind it, and nothing else. So readers need no lock, and what they
know stays where it is. A key or a row that the disk changed does not fit its CRC-32: that embedding is absent.
"""

import errno
import fcntl
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from threading import Lock
from typing import Final, Self

import numpy as np

from app.core.arrays import Float16Array, Float32Array
from app.core.closing import Closing
from app.core.errors import SnapshotCorrupt, SnapshotIncompatible
from app.core.files import fsync_folder, make_folder, storage_errors, write_all, write_atomically
from app.core.key_table import RECORD_BYTES, SHA256_BYTES, KeyTable
from app.core.locks import locked
from app.core.vector_index import unit_rows

FORMAT_VERSION: Final = 1
# Records that are read at once: 36 MiB, which the system gets back; of smaller pieces malloc keeps some.
_RECORDS_READ: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Files:
    """The two files, open for reading, and which of their rows are known."""

    keys: FileIO
    vectors: FileIO
    inode: int
    table: KeyTable = field(default_factory=KeyTable)

    def are(self, keys: os.stat_result) -> bool:
        """Whether this is still the file of keys; somebody may have removed the folder, or cut the file."""
        return keys.st_ino == self.inode and keys.st_size >= len(self.table) * RECORD_BYTES

    def read(self, key: bytes, into: Float16Array) -> bool:
        """Read the newest intact embedding of a key; False when there is none."""
        for row in self.table.rows(key):
            record = os.pread(self.keys.fileno(), RECORD_BYTES, row * RECORD_BYTES)
            size_bytes = os.preadv(self.vectors.fileno(), [into.data], row * into.nbytes)
            if size_bytes == into.nbytes and record == _record(key, into):
                return True
        return False


class VectorStore(Closing):
    """
    The embeddings of one fingerprint. Open it with `VectorStore.open`, close it or use it in a `with` block.

    A lookup finds whatever an `append` kept that returned before, in this process or another one; what it finds is on
    the disk for good. All methods but `close` may run in several threads at once.
    """

    def __init__(self, folder: Path, dimension: int) -> None:
        self._folder = folder
        self._info_path = folder / "info.json"
        self._keys_path = folder / "keys.bin"
        self._vectors_path = folder / "vectors.bin"
        self._dimension = dimension
        self._row_bytes = dimension * 2
        self._files: _Files | None = None
        self._learning = Lock()
        self._is_closed = False
        # Also files that were replaced: another thread may be reading them.
        self._opened = ExitStack()

    @classmethod
    def open(cls, root: Path, fingerprint_sha256: str, dimension: int) -> Self:
        """
        Open the store of a fingerprint; one that does not exist yet is empty and is made by the first `append`.

        Raises:
            SnapshotIncompatible: It was written by a newer Lookalike, or with another dimension.
            SnapshotCorrupt: It cannot be read.
        """
        store = cls(root / fingerprint_sha256, dimension)
        try:
            with store._reading():
                store._learn()
        except BaseException:
            store.close()
            raise
        return store

    def __len__(self) -> int:
        """How many embeddings there are, with those that were damaged or replaced."""
        with self._reading():
            files = self._learn()
        return 0 if files is None else len(files.table)

    def __contains__(self, image_sha256: str) -> bool:
        """Whether an intact embedding of the image is there: its row is read and checked."""
        with self._reading():
            return self._read(_key(image_sha256), np.empty(self._dimension, np.float16))

    def get(self, image_sha256s: Sequence[str]) -> Float16Array:
        """
        Return the embeddings of the images, in order, shape (n, d).

        They are unit-norm up to the rounding to float16. An image that is not `in` the store is a KeyError.
        """
        embeddings = np.empty((len(image_sha256s), self._dimension), np.float16)
        with self._reading():
            for row, image_sha256 in zip(embeddings, image_sha256s, strict=True):
                if not self._read(_key(image_sha256), row):
                    raise KeyError(image_sha256)
        return embeddings

    def append(self, image_sha256s: Sequence[str], embeddings: Float32Array) -> None:
        """
        Keep embeddings, shape (n, d), unit-norm; they are on the disk when this returns.

        An image that is already there gets the new embedding. Waits while another process or thread appends.

        Raises:
            EmbeddingNotFinite, EmbeddingZero: A row cannot be compared; nothing was kept.
            DiskFull, DataDirNotWritable: They could not be written. What was there before is intact; some of the new
                ones may be there too.
            DataDirBusy: Another process seems to append for ever; nothing was kept.
        """
        if len(image_sha256s) != len(embeddings):
            raise ValueError(f"{len(image_sha256s)} images, but {len(embeddings)} embeddings")
        keys = [_key(image_sha256) for image_sha256 in image_sha256s]
        rows = unit_rows(embeddings, self._dimension).astype(np.float16)
        if not keys:
            return
        with storage_errors(self._folder), self._lock():
            self._make_files()
            self._append(keys, rows)

    def close(self) -> None:
        """Close the files; what was appended is on the disk already."""
        self._is_closed = True
        self._files = None
        self._opened.close()

    def _read(self, key: bytes, into: Float16Array) -> bool:
        files = self._files
        if files is not None and files.read(key, into):
            return True
        files = self._learn()
        return files is not None and files.read(key, into)

    def _learn(self) -> _Files | None:
        """Return the files after learning what was appended since; that takes one stat when it is nothing."""
        with self._learning:
            if self._is_closed:
                raise ValueError("the vector store is closed")
            try:
                keys = self._keys_path.stat()
                if self._files is None or not self._files.are(keys):
                    self._files = self._open_files()
            except (FileNotFoundError, NotADirectoryError):
                self._files = None
            else:
                self._read_keys(self._files, keys.st_size)
            return self._files

    def _open_files(self) -> _Files:
        self._read_info()
        keys = self._opened.enter_context(FileIO(self._keys_path, "r"))
        vectors = self._opened.enter_context(FileIO(self._vectors_path, "r"))
        return _Files(keys, vectors, os.fstat(keys.fileno()).st_ino)

    def _read_info(self) -> None:
        """Refuse a store of another format or dimension."""
        if not self._info_path.exists():
            return
        try:
            info = json.loads(self._info_path.read_bytes())
            version, dimension = int(info["format_version"]), int(info["dimension"])
        except (ValueError, KeyError, TypeError) as error:
            raise SnapshotCorrupt(
                f"The stored embeddings in vectors/{self._folder.name} have a damaged info.json; "
                "remove that folder to embed the catalogue anew."
            ) from error
        if version != FORMAT_VERSION:
            raise SnapshotIncompatible(
                f"The stored embeddings have format {version}, this version reads format {FORMAT_VERSION}; "
                "use the Lookalike that wrote them."
            )
        if dimension != self._dimension:
            raise SnapshotIncompatible(
                f"The stored embeddings have {dimension} values, the network gives {self._dimension}; "
                f"remove the folder vectors/{self._folder.name} to embed the catalogue anew."
            )

    def _read_keys(self, files: _Files, keys_bytes: int) -> None:
        """Learn the whole keys with whole rows that a file of so many bytes holds beyond those that are known."""
        known, whole = len(files.table), keys_bytes // RECORD_BYTES
        if whole > known:
            whole = min(whole, os.fstat(files.vectors.fileno()).st_size // self._row_bytes)
        if whole > known:
            # Their writer may still be at it, or have been killed before its own fsync; the rows are on the disk
            # already. Without this, somebody could rely on an embedding that a power cut takes away.
            os.fsync(files.keys.fileno())
        while (start := len(files.table)) < whole:
            count = min(_RECORDS_READ, whole - start)
            records = os.pread(files.keys.fileno(), count * RECORD_BYTES, start * RECORD_BYTES)
            if len(records) < RECORD_BYTES:
                break  # a writer cut off, just now, what had no rows
            files.table.extend(records)

    def _make_files(self) -> None:
        """Create what is missing of the three files."""
        if not self._info_path.exists():
            info = {"format_version": FORMAT_VERSION, "dimension": self._dimension}
            write_atomically(self._info_path, json.dumps(info).encode())
        missing = [path for path in (self._vectors_path, self._keys_path) if not path.exists()]
        for path in missing:
            path.touch()
        if missing:
            fsync_folder(self._folder)

    def _append(self, keys: Sequence[bytes], rows: Float16Array) -> None:
        """Write behind what all processes have appended so far."""
        files = self._learn()
        if files is None:
            raise FileNotFoundError(errno.ENOENT, "its files were removed")
        first = len(files.table)
        records = b"".join(_record(key, row) for key, row in zip(keys, rows, strict=True))
        with FileIO(self._keys_path, "r+") as keys_file, FileIO(self._vectors_path, "r+") as vectors_file:
            # Keys first: nobody must take a torn tail of them for the keys of new rows.
            _cut(keys_file, first * RECORD_BYTES)
            _cut(vectors_file, first * self._row_bytes)
            write_all(vectors_file, rows.tobytes())
            os.fsync(vectors_file.fileno())
            write_all(keys_file, records)
            os.fsync(keys_file.fileno())
        with self._learning:
            # Another thread may have found some of them on the disk.
            files.table.extend(records[(len(files.table) - first) * RECORD_BYTES :])

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Be the only one that appends, of all processes and threads."""
        make_folder(self._folder)
        with locked(self._folder / ".lock", fcntl.LOCK_EX):
            yield

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SnapshotCorrupt(
                f"The stored embeddings in vectors/{self._folder.name} cannot be read ({error.strerror})."
            ) from error


def _key(image_sha256: str) -> bytes:
    key = bytes.fromhex(image_sha256)
    if len(key) != SHA256_BYTES:
        raise ValueError(f"{image_sha256!r} is not a SHA-256")
    return key


def _record(key: bytes, row: Float16Array) -> bytes:
    """Return what the file of keys holds of an embedding."""
    return key + zlib.crc32(row.data, zlib.crc32(key)).to_bytes(4, "little")


def _cut(file: FileIO, size_bytes: int) -> None:
    """Make the file so long, and go to its end."""
    if os.fstat(file.fileno()).st_size != size_bytes:
        file.truncate(size_bytes)
    file.seek(size_bytes)
