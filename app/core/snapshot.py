"""
One snapshot: an immutable folder with an index, its exact vectors, the products that it shows, and a manifest.

The products are there as they were when it was made (`products.jsonl`, a line each, in the order of their ids): what a
search answers comes from one snapshot, whatever an import is doing to the database meanwhile. A row of the index is
an image; rows follow one another as the images do in the products.

Hashes are checked before anything else reads a file, because FAISS accepts most damaged ones. How snapshots follow
one another is in `app.core.snapshot_folder`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.arrays import Float32Array, Int32Array
from app.core.compressed_index import CompressedIndex, Effort
from app.core.errors import SnapshotCorrupt
from app.core.files import sha256_of_file, write_atomically
from app.core.flat_index import FlatIndex
from app.core.image_ids import ImageIds
from app.core.manifest import (
    ADVICE,
    IMAGE_IDS_FILE,
    INDEX_FILE,
    MANIFEST_FILE,
    PROBES_FILE,
    PRODUCTS_FILE,
    ROW_PRODUCTS_FILE,
    VECTORS_FILE,
    Manifest,
)
from app.core.vector_file import VectorFile
from app.core.vector_index import VectorIndex
from app.core.verdict import Calibration

_HASHED_AT_ONCE: Final = 2
_IN_MEMORY: Final = frozenset({IMAGE_IDS_FILE, PRODUCTS_FILE, ROW_PRODUCTS_FILE, PROBES_FILE})


@dataclass(frozen=True, eq=False, repr=False)
class Snapshot:
    """
    A snapshot, whose files were intact when it was opened.

    Of the files, a compressed index needs the exact vectors on; it has them open, so that the snapshot can be removed.

    Attributes:
        id: As its folder is called.
        manifest: What it says about itself.
        index: A row for each image.
        image_ids: The image of each row.
        products: The products, one line of JSON each (see `app.core.products`), in the order of their ids.
        row_products: The number of each row's product among them, shape (n,).
        probes: Embeddings of the probe images, shape (p, d).
    """

    id: str
    manifest: Manifest
    index: VectorIndex
    image_ids: ImageIds
    products: bytes
    row_products: Int32Array
    probes: Float32Array


def add_findings(folder: Path, metrics: Mapping[str, float], calibration: Calibration | None) -> str:
    """Put what was measured of a snapshot into its manifest, and return the manifest's SHA-256."""
    path = folder / MANIFEST_FILE
    manifest = Manifest.from_bytes(path.read_bytes(), folder.name)
    found = {"metrics": dict(metrics), "calibration": calibration}
    data = Manifest.model_validate({**manifest.model_dump(), **found}).to_bytes()
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


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """
    Refuse a snapshot of which a file is missing or of another size than its manifest tells; nothing is read.

    Raises:
        SnapshotCorrupt: Names the file.
    """
    for name, facts in sorted(manifest.files.items()):
        with _reading(folder.name, name):
            size_bytes = _size_of(folder / name)
        if size_bytes != facts.size_bytes:
            raise SnapshotCorrupt(
                f"Snapshot {folder.name}: {name} has {size_bytes:,} bytes instead of {facts.size_bytes:,}. {ADVICE}"
            )


def check_files(folder: Path, manifest_sha256: str) -> Manifest:
    """
    Return the manifest of a snapshot after comparing size and SHA-256 of every file with it.

    Arguments and errors are those of `read_manifest`.
    """
    manifest = read_manifest(folder, manifest_sha256)
    check_sizes(folder, manifest)
    _check_hashes(folder, manifest)
    return manifest


def read_snapshot(folder: Path, manifest_sha256: str) -> Snapshot:
    """
    Check and load a snapshot. Arguments and errors are those of `read_manifest`.

    Takes n x d x 4 bytes of memory for a flat index, and n x 264 for a compressed one.
    """
    manifest = read_manifest(folder, manifest_sha256)
    check_sizes(folder, manifest)
    contents = _check_hashes(folder, manifest, keep=_IN_MEMORY)
    vectors = open_vectors(folder)
    index = _load_index(folder, manifest, vectors)
    image_ids = ImageIds(_array(folder, IMAGE_IDS_FILE, contents))
    probes = _array(folder, PROBES_FILE, contents)
    products = contents[PRODUCTS_FILE]
    row_products = _array(folder, ROW_PRODUCTS_FILE, contents)
    agree = (
        (len(index), index.dimension) == vectors.shape == (manifest.images, manifest.dimension)
        and len(image_ids) == manifest.images
        and image_ids.are_different
        and probes.shape[1:] == (manifest.dimension,)
        and row_products.shape == (manifest.images,)
        and row_products.dtype == np.int32
        and row_products[0] == 0
        and set(np.unique(np.diff(row_products)).tolist()) <= {0, 1}
        and products.count(b"\n") == manifest.products == row_products[-1] + 1
    )
    if not agree:
        raise SnapshotCorrupt(f"Snapshot {folder.name}: its files do not belong together. {ADVICE}")
    return Snapshot(folder.name, manifest, index, image_ids, products, row_products, probes)


def open_vectors(folder: Path) -> VectorFile:
    """Open the exact vectors of a snapshot, shape (n, d)."""
    with _reading(folder.name, VECTORS_FILE):
        return VectorFile(folder / VECTORS_FILE)


def _load_index(folder: Path, manifest: Manifest, vectors: VectorFile) -> VectorIndex:
    if manifest.compressed is None:
        return FlatIndex.load(folder / INDEX_FILE)
    return CompressedIndex.load(folder / INDEX_FILE, vectors, Effort(**manifest.compressed.model_dump()))


def _check_hashes(folder: Path, manifest: Manifest, keep: frozenset[str] = frozenset()) -> dict[str, bytes]:
    """Compare the SHA-256 of every file with the manifest's, and return the contents of some; each is read once."""

    def checked(name: str) -> bytes:
        data = b""
        with _reading(folder.name, name):
            if name in keep:
                data = (folder / name).read_bytes()
                sha256 = hashlib.sha256(data).hexdigest()
            else:
                sha256 = sha256_of_file(folder / name)
        if sha256 != manifest.files[name].sha256:
            raise SnapshotCorrupt(f"Snapshot {folder.name}: the content of {name} was changed. {ADVICE}")
        return data

    largest_first = sorted(manifest.files, key=lambda name: (-manifest.files[name].size_bytes, name))
    with ThreadPoolExecutor(_HASHED_AT_ONCE, thread_name_prefix="hashing") as threads:
        return dict(zip(largest_first, threads.map(checked, largest_first), strict=True))


def _array(folder: Path, name: str, contents: Mapping[str, bytes]) -> npt.NDArray[Any]:
    with _reading(folder.name, name):
        array: npt.NDArray[Any] = np.load(BytesIO(contents[name]), allow_pickle=False)
    return array


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


def _size_of(path: Path) -> int:
    return path.stat().st_size
