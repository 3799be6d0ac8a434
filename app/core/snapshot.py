"""
One snapshot: an immutable folder with an index, its exact vectors, the products that it shows, and a manifest.

The products are there as they were when it was made (`products.jsonl`, a line each, in the order of their ids): what a
search answers comes from one snapshot, whatever an import is doing to the database meanwhile. A row of the index is
an image; rows follow one another as the images do in the products.

Hashes are checked before anything else reads a file, because FAISS accepts most damaged ones. How snapshots follow
one another is in `app.core.snapshot_folder`.
"""

import hashlib
import platform
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.errors import SnapshotCorrupt
from app.core.files import MIB, HashedWriter, fsync_folder, sha256_of_file, storage_errors, write_atomically
from app.core.flat_index import FlatIndex
from app.core.manifest import (
    ADVICE,
    IMAGE_IDS_FILE,
    INDEX_FILE,
    MANIFEST_FILE,
    PROBES_FILE,
    PRODUCTS_FILE,
    ROW_PRODUCTS_FILE,
    VECTORS_FILE,
    FileFacts,
    Manifest,
    SnapshotFacts,
)
from app.core.products import ProductRecord, to_line
from app.core.vector_index import BLOCK_ROWS, Float32Array, FloatArray, VectorIndex, unit_rows
from app.core.verdict import Calibration

IMAGE_ID_LENGTH: Final = 16
Int32Array = npt.NDArray[np.int32]
_LIBRARIES: Final = ("faiss-cpu", "numpy", "openvino", "pillow", "timm", "torch", "torchvision")


@dataclass(frozen=True, eq=False, repr=False)
class Snapshot:
    """
    A snapshot in memory, whose files were intact when it was opened. Nothing on the disk is needed any more.

    Attributes:
        id: As its folder is called.
        manifest: What it says about itself.
        index: A row for each image.
        image_ids: The image of each row.
        rows: The row of each image.
        products: The products, one line of JSON each (see `app.core.products`), in the order of their ids.
        row_products: The number of each row's product among them, shape (n,).
        probes: Embeddings of the probe images, shape (p, d).
    """

    id: str
    manifest: Manifest
    index: VectorIndex
    image_ids: tuple[str, ...]
    rows: Mapping[str, int]
    products: bytes
    row_products: Int32Array
    probes: Float32Array


def write_snapshot(
    folder: Path,
    facts: SnapshotFacts,
    products: Iterable[ProductRecord],
    embeddings: FloatArray,
    probes: Float32Array,
) -> None:
    """
    Write the files of a snapshot into an empty folder, durably, the manifest last.

    Args:
        folder: Exists and is empty.
        facts: Goes into the manifest.
        products: In the order of their ids, each with an image at least; no image occurs twice.
        embeddings: Shape (n, d), unit-norm, float32 or float16: a row for each image, in the order of the products.
        probes: Shape (p, d), unit-norm.

    Raises:
        EmbeddingNotFinite, EmbeddingZero: A row cannot be compared.
        DiskFull, DataDirNotWritable: A file could not be written whole.
    """
    index = FlatIndex.build(embeddings)
    probes = unit_rows(probes, index.dimension)
    with storage_errors(folder):
        shown = _write_products(folder / PRODUCTS_FILE, products)
        ids = _id_array(shown.image_ids)
        if not len(ids) == len(index) > 0:
            raise ValueError(f"{len(ids)} images, but {len(index)} embeddings")
        files = {
            INDEX_FILE: FileFacts(sha256=index.save(folder / INDEX_FILE), size_bytes=_size_of(folder / INDEX_FILE)),
            VECTORS_FILE: _write_array(folder / VECTORS_FILE, embeddings, np.dtype("<f2")),
            IMAGE_IDS_FILE: _write_array(folder / IMAGE_IDS_FILE, ids, ids.dtype),
            PRODUCTS_FILE: shown.facts,
            ROW_PRODUCTS_FILE: _write_array(folder / ROW_PRODUCTS_FILE, shown.row_products, np.dtype("<i4")),
            PROBES_FILE: _write_array(folder / PROBES_FILE, probes, np.dtype("<f4")),
        }
        manifest = Manifest(
            **facts.model_dump(),
            created_at=datetime.now(UTC),
            dimension=index.dimension,
            products=shown.count,
            images=len(index),
            versions=library_versions(),
            files=files,
        )
        write_atomically(folder / MANIFEST_FILE, manifest.to_bytes())
        fsync_folder(folder)


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
    for name, facts in sorted(manifest.files.items()):
        with _reading(folder.name, name):
            sha256 = sha256_of_file(folder / name)
        if sha256 != facts.sha256:
            raise SnapshotCorrupt(f"Snapshot {folder.name}: the content of {name} was changed. {ADVICE}")
    return manifest


def read_snapshot(folder: Path, manifest_sha256: str) -> Snapshot:
    """
    Check and load a snapshot. Arguments and errors are those of `read_manifest`.

    Takes n x d x 4 bytes of memory for the index.
    """
    manifest = check_files(folder, manifest_sha256)
    index = FlatIndex.load(folder / INDEX_FILE)
    with _reading(folder.name, IMAGE_IDS_FILE):
        image_ids = tuple(np.load(folder / IMAGE_IDS_FILE, allow_pickle=False).astype(str).tolist())
    with _reading(folder.name, PROBES_FILE):
        probes = np.load(folder / PROBES_FILE, allow_pickle=False)
    with _reading(folder.name, PRODUCTS_FILE):
        products = (folder / PRODUCTS_FILE).read_bytes()
    with _reading(folder.name, ROW_PRODUCTS_FILE):
        row_products = np.load(folder / ROW_PRODUCTS_FILE, allow_pickle=False)
    rows = {image_id: row for row, image_id in enumerate(image_ids)}
    expected = (manifest.images, manifest.dimension)
    agree = (
        (len(index), index.dimension) == open_vectors(folder).shape == expected
        and len(image_ids) == len(rows) == manifest.images
        and probes.shape[1:] == (manifest.dimension,)
        and row_products.shape == (manifest.images,)
        and row_products.dtype == np.int32
        and row_products[0] == 0
        and set(np.unique(np.diff(row_products)).tolist()) <= {0, 1}
        and products.count(b"\n") == manifest.products == row_products[-1] + 1
    )
    if not agree:
        raise SnapshotCorrupt(f"Snapshot {folder.name}: its files do not belong together. {ADVICE}")
    return Snapshot(folder.name, manifest, index, image_ids, rows, products, row_products, probes)


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


@dataclass(frozen=True, slots=True)
class _Shown:
    """What was written of the products."""

    facts: FileFacts
    count: int
    image_ids: list[str]
    row_products: Int32Array


def _write_products(path: Path, products: Iterable[ProductRecord]) -> _Shown:
    image_ids: list[str] = []
    images_of: list[int] = []
    last_id = ""
    with HashedWriter(path) as file:
        lines = bytearray()
        for product in products:
            if not (product.id > last_id and product.images):
                raise ValueError(f"product {product.id!r} has no image, or is not behind {last_id!r}")
            last_id = product.id
            lines += to_line(product) + b"\n"
            if len(lines) > MIB:
                file.write(bytes(lines))
                lines.clear()
            image_ids.extend(image.id for image in product.images)
            images_of.append(len(product.images))
        file.write(bytes(lines))
    row_products = np.repeat(np.arange(len(images_of), dtype=np.int32), images_of)
    facts = FileFacts(size_bytes=file.size_bytes, sha256=file.sha256)
    return _Shown(facts, len(images_of), image_ids, row_products)


def _id_array(image_ids: list[str]) -> npt.NDArray[np.bytes_]:
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
