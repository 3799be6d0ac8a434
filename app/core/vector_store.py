"""
Embeddings on disk by image content, so that an image is embedded once per fingerprint, ever.

    <root>/<fingerprint>/info.json      format version and dimension
                         vectors.bin    one float16 row an embedding
                         keys.bin       one record an embedding: SHA-256 of the image, CRC-32 of key and row

Rows are appended and on the disk before their keys are: as many embeddings exist as there are whole keys with intact
rows. What a crash left behind them is ignored when reading and cut off before the next append.
"""

import json
import os
import zlib
from array import array
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from app.core.errors import SnapshotCorrupt, SnapshotIncompatible
from app.core.files import fsync_folder, make_folder, storage_errors, write_all, write_atomically
from app.core.vector_index import Float16Array, Float32Array, unit_rows

FORMAT_VERSION: Final = 1
_SHA256_BYTES: Final = 32
_KEY_BYTES: Final = _SHA256_BYTES + 4


class VectorStore:
    """
    The embeddings of one fingerprint. Open it with `VectorStore.open`, close it or use it in a `with` block.

    For one writer at a time: whoever appends holds the lock of the data folder. Other threads may read meanwhile.
    """

    def __init__(self, folder: Path, dimension: int) -> None:
        self._folder = folder
        self._row_bytes = dimension * 2
        self._dimension = dimension
        self._vectors: FileIO | None = None
        self._rows: dict[bytes, int] = {}
        self._crcs = array("I")

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
            store._read_info()
            store._read_keys()
        except OSError as error:
            store.close()
            raise SnapshotCorrupt(f"The stored embeddings cannot be read ({error.strerror}).") from error
        return store

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, image_sha256: str) -> bool:
        """Whether an intact embedding of the image is there: its row is read and checked."""
        return self._read(_key(image_sha256), np.empty(self._dimension, np.float16))

    def get(self, image_sha256s: Sequence[str]) -> Float16Array:
        """
        Return the embeddings of the images, in order, shape (n, d).

        They are unit-norm up to the rounding to float16. An image that is not `in` the store is a KeyError.
        """
        embeddings = np.empty((len(image_sha256s), self._dimension), np.float16)
        for row, image_sha256 in zip(embeddings, image_sha256s, strict=True):
            if not self._read(_key(image_sha256), row):
                raise KeyError(image_sha256)
        return embeddings

    def append(self, image_sha256s: Sequence[str], embeddings: Float32Array) -> None:
        """
        Keep embeddings, shape (n, d), unit-norm; they are on the disk when this returns.

        An image that is already there gets the new embedding.

        Raises:
            EmbeddingNotFinite, EmbeddingZero: A row cannot be compared; nothing was kept.
            DiskFull, DataDirNotWritable: They could not be written; what was there before is intact.
        """
        if len(image_sha256s) != len(embeddings):
            raise ValueError(f"{len(image_sha256s)} images, but {len(embeddings)} embeddings")
        keys = [_key(image_sha256) for image_sha256 in image_sha256s]
        rows = unit_rows(embeddings, self._dimension).astype(np.float16)
        with storage_errors(self._folder):
            self._append(keys, rows)

    def close(self) -> None:
        """Close the files; what was appended is on the disk already."""
        if self._vectors is not None:
            self._vectors.close()
            self._vectors = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _keys_path(self) -> Path:
        return self._folder / "keys.bin"

    @property
    def _vectors_path(self) -> Path:
        return self._folder / "vectors.bin"

    @property
    def _info_path(self) -> Path:
        return self._folder / "info.json"

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

    def _read_keys(self) -> None:
        """Learn which embeddings there are; stop before a torn tail."""
        if not (self._keys_path.exists() and self._vectors_path.exists()):
            return
        self._vectors = FileIO(self._vectors_path, "r")
        records = self._keys_path.read_bytes()
        count = min(len(records) // _KEY_BYTES, os.fstat(self._vectors.fileno()).st_size // self._row_bytes)
        table = np.frombuffer(records, np.dtype([("key", f"V{_SHA256_BYTES}"), ("crc", "<u4")]), count)
        self._crcs = array("I", table["crc"].tolist())
        keys = [key.tobytes() for key in table["key"]]
        row = np.empty(self._dimension, np.float16)
        while keys and not self._read_row(len(keys) - 1, keys[-1], row):
            keys.pop()
            self._crcs.pop()
        self._rows = {key: i for i, key in enumerate(keys)}

    def _read(self, key: bytes, into: Float16Array) -> bool:
        """Read the embedding of a key; False when there is none, or its bytes changed on the disk."""
        row = self._rows.get(key)
        return row is not None and self._read_row(row, key, into)

    def _read_row(self, row: int, key: bytes, into: Float16Array) -> bool:
        if self._vectors is None:
            raise ValueError("the vector store is closed")
        read_bytes = os.preadv(self._vectors.fileno(), [into.data], row * self._row_bytes)
        return read_bytes == self._row_bytes and _crc(key, into) == self._crcs[row]

    def _append(self, keys: Sequence[bytes], rows: Float16Array) -> None:
        if self._vectors is None:
            self._create_files()
        crcs = [_crc(key, row) for key, row in zip(keys, rows, strict=True)]
        records = b"".join(key + crc.to_bytes(4, "little") for key, crc in zip(keys, crcs, strict=True))
        first = len(self._crcs)
        with FileIO(self._keys_path, "r+") as keys_file, FileIO(self._vectors_path, "r+") as vectors_file:
            # Keys first: a torn tail of them must never find itself beside new rows.
            _cut(keys_file, first * _KEY_BYTES)
            _cut(vectors_file, first * self._row_bytes)
            write_all(vectors_file, rows.tobytes())
            os.fsync(vectors_file.fileno())
            write_all(keys_file, records)
            os.fsync(keys_file.fileno())
        # Rows last: a thread that sees the key must find the rest.
        self._crcs.extend(crcs)
        self._rows.update((key, first + i) for i, key in enumerate(keys))

    def _create_files(self) -> None:
        """Create what is missing of the three files."""
        make_folder(self._folder)
        if not self._info_path.exists():
            info = {"format_version": FORMAT_VERSION, "dimension": self._dimension}
            write_atomically(self._info_path, json.dumps(info).encode())
        for path in (self._vectors_path, self._keys_path):
            path.touch()
        fsync_folder(self._folder)
        self._vectors = FileIO(self._vectors_path, "r")


def _key(image_sha256: str) -> bytes:
    key = bytes.fromhex(image_sha256)
    if len(key) != _SHA256_BYTES:
        raise ValueError(f"{image_sha256!r} is not a SHA-256")
    return key


def _crc(key: bytes, row: Float16Array) -> int:
    return zlib.crc32(row.data, zlib.crc32(key))


def _cut(file: FileIO, size_bytes: int) -> None:
    """Make the file so long, on the disk too, and go to its end."""
    if os.fstat(file.fileno()).st_size != size_bytes:
        file.truncate(size_bytes)
        os.fsync(file.fileno())
    file.seek(size_bytes)
