"""
One snapshot: an immutable folder with an index, its exact vectors, the ids of its images, and a manifest.

Hashes are checked before anything else reads a file, because FAISS accepts most damaged ones. How snapshots follow
one another is in `app.core.snapshot_folder`.
"""

import hashlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.errors import SnapshotCorrupt
from app.core.files import HashedWriter, fsync_folder, sha256_of_file, storage_errors, write_atomically
from app.core.manifest import (
    ADVICE,
    IMAGE_IDS_FILE,
    INDEX_FILE,
    MANIFEST_FILE,
    PROBES_FILE,
    VECTORS_FILE,
    FileFacts,
    Manifest,
    SnapshotFacts,
)
from app.core.vector_index import BLOCK_ROWS, Float32Array, FloatArray, VectorIndex, unit_rows

IMAGE_ID_LENGTH: Final = 16
_LIBRARIES: Final = ("faiss-cpu", "numpy", "openvino", "pillow", "timm", "torch", "torchvision")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """
    A snapshot in memory, whose files were intact when it was opened. Nothing on the disk is needed any more.

    `image_ids[row]` is the image of the index's row; `probes` are the embeddings of the probe images, shape (p, d).
    """

    id: str
    manifest: Manifest
    index: VectorIndex
    image_ids: tuple[str, ...]
    probes: Float32Array
    _rows: Mapping[str, int] = field(repr=False)

    def row_of(self, image_id: str) -> int | None:
        """Return the index's row of an image, None when the snapshot does not have it."""
        return self._rows.get(image_id)


def write_snapshot(
    folder: Path, facts: SnapshotFacts, embeddings: FloatArray, image_ids: Sequence[str], probes: Float32Array
) -> None:
    """
    Write the files of a snapshot into an empty folder, durably, the manifest last.

    Args:
        folder: Exists and is empty.
        facts: Goes into the manifest.
        embeddings: Shape (n, d), unit-norm, float32 or float16; n at least 1.
        image_ids: n different ids of 16 characters.
        probes: Shape (p, d), unit-norm.

    Raises:
        EmbeddingNotFinite, EmbeddingZero: A row cannot be compared.
        DiskFull, DataDirNotWritable: A file could not be written whole.
    """
    ids = _id_array(image_ids)
    index = VectorIndex.build(embeddings)
    if not len(ids) == len(index) > 0:
        raise ValueError(f"{len(ids)} image ids, but {len(index)} embeddings")
    probes = unit_rows(probes, index.dimension)
    with storage_errors(folder):
        files = {
            INDEX_FILE: FileFacts(sha256=index.save(folder / INDEX_FILE), size_bytes=_size_of(folder / INDEX_FILE)),
            VECTORS_FILE: _write_array(folder / VECTORS_FILE, embeddings, np.dtype("<f2")),
            IMAGE_IDS_FILE: _write_array(folder / IMAGE_IDS_FILE, ids, ids.dtype),
            PROBES_FILE: _write_array(folder / PROBES_FILE, probes, np.dtype("<f4")),
        }
        manifest = Manifest(
            **facts.model_dump(),
            created_at=datetime.now(UTC),
            dimension=index.dimension,
            images=len(index),
            versions=library_versions(),
            files=files,
        )
        write_atomically(folder / MANIFEST_FILE, manifest.to_bytes())
        fsync_folder(folder)


def add_metrics(folder: Path, metrics: Mapping[str, float]) -> str:
    """Put what verification measured into the manifest of a snapshot and return the manifest's SHA-256."""
    path = folder / MANIFEST_FILE
    manifest = Manifest.from_bytes(path.read_bytes(), folder.name)
    data = Manifest.model_validate({**manifest.model_dump(), "metrics": dict(metrics)}).to_bytes()
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def read_manifest(folder: Path, manifest_sha256: str) -> Manifest:
    """
    Read the manifest of a snapshot without looking at the other files.

    Args:
        folder: Of the snapshot; its name is its id.
        manifest_sha256: What the manifest's SHA-256 is or begins with; empty: not known yet.

    Raises:
        SnapshotCorrupt, SnapshotIncompatible: It cannot be used.
    """
    with _reading(folder.name, MANIFEST_FILE):
        data = (folder / MANIFEST_FILE).read_bytes()
    if not hashlib.sha256(data).hexdigest().startswith(manifest_sha256):
        raise SnapshotCorrupt(f"Snapshot {folder.name}: {MANIFEST_FILE} was changed. {ADVICE}")
    return Manifest.from_bytes(data, folder.name)


def check_files(folder: Path, manifest_sha256: str) -> Manifest:
    """
    Return the manifest of a snapshot after comparing size and SHA-256 of every file with it.

    Arguments and errors are those of `read_manifest`.
    """
    manifest = read_manifest(folder, manifest_sha256)
    for name, facts in sorted(manifest.files.items()):
        with _reading(folder.name, name):
            size_bytes = _size_of(folder / name)
            if size_bytes != facts.size_bytes:
                raise SnapshotCorrupt(
                    f"Snapshot {folder.name}: {name} has {size_bytes:,} bytes instead of {facts.size_bytes:,}. {ADVICE}"
                )
            if sha256_of_file(folder / name) != facts.sha256:
                raise SnapshotCorrupt(f"Snapshot {folder.name}: the content of {name} was changed. {ADVICE}")
    return manifest


def read_snapshot(folder: Path, manifest_sha256: str) -> Snapshot:
    """
    Check and load a snapshot. Arguments and errors are those of `read_manifest`.

    Takes n x d x 4 bytes of memory for the index.
    """
    manifest = check_files(folder, manifest_sha256)
    index = VectorIndex.load(folder / INDEX_FILE)
    with _reading(folder.name, IMAGE_IDS_FILE):
        image_ids = tuple(np.load(folder / IMAGE_IDS_FILE, allow_pickle=False).astype(str).tolist())
    with _reading(folder.name, PROBES_FILE):
        probes = np.load(folder / PROBES_FILE, allow_pickle=False)
    rows = {image_id: row for row, image_id in enumerate(image_ids)}
    expected = (manifest.images, manifest.dimension)
    agree = (
        (len(index), index.dimension) == open_vectors(folder).shape == expected
        and len(image_ids) == len(rows) == manifest.images
        and probes.shape[1:] == (manifest.dimension,)
    )
    if not agree:
        raise SnapshotCorrupt(f"Snapshot {folder.name}: its files do not belong together. {ADVICE}")
    return Snapshot(folder.name, manifest, index, image_ids, probes, rows)


def open_vectors(folder: Path) -> npt.NDArray[np.float16]:
    """Map the exact vectors of a snapshot, shape (n, d). For short use: a mapped file must not be truncated."""
    with _reading(folder.name, VECTORS_FILE):
        vectors: npt.NDArray[np.float16] = np.load(folder / VECTORS_FILE, mmap_mode="r", allow_pickle=False)
    return vectors


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide about numbers, without importing them."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


@contextmanager
def _reading(snapshot_id: str, name: str) -> Iterator[None]:
    """Translate what goes wrong while a file of a snapshot is read."""
    try:
        yield
    except FileNotFoundError as error:
        raise SnapshotCorrupt(f"Snapshot {snapshot_id}: {name} is missing. {ADVICE}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no array"
        raise SnapshotCorrupt(f"Snapshot {snapshot_id}: {name} cannot be read ({reason}). {ADVICE}") from error


def _id_array(image_ids: Sequence[str]) -> npt.NDArray[np.bytes_]:
    """Return the ids as fixed-size bytes, refusing what would be cut or confused."""
    if any(len(image_id) != IMAGE_ID_LENGTH for image_id in image_ids):
        raise ValueError(f"every image id has {IMAGE_ID_LENGTH} characters")
    if len(set(image_ids)) != len(image_ids):
        raise ValueError("an image id occurs twice")
    return np.array(image_ids, dtype=f"S{IMAGE_ID_LENGTH}")


def _write_array(path: Path, rows: npt.NDArray[Any], dtype: np.dtype[Any]) -> FileFacts:
    """Write an array as .npy, converted block by block, durably."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": rows.shape}
    with HashedWriter(path) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(rows), BLOCK_ROWS):
            file.write(np.ascontiguousarray(rows[start : start + BLOCK_ROWS], dtype).tobytes())
    return FileFacts(size_bytes=file.size_bytes, sha256=file.sha256)


def _size_of(path: Path) -> int:
    return path.stat().st_size
