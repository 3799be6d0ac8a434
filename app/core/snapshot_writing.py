"""
Writing a snapshot: the products first, then the exact vectors, block by block, and from those the index.

The manifest comes last. Nothing here holds the embeddings of a whole catalogue, nor its products.
"""

import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.arrays import Float32Array, FloatArray, Int32Array
from app.core.compressed_index import CompressedIndex
from app.core.compression import DIMENSIONS, FLAT_BYTES, choose_index
from app.core.files import MIB, HashedWriter, fsync_folder, require_free_space, storage_errors, write_atomically
from app.core.manifest import (
    IMAGE_IDS_FILE,
    INDEX_FILE,
    MANIFEST_FILE,
    PROBES_FILE,
    PRODUCTS_FILE,
    ROW_PRODUCTS_FILE,
    VECTORS_FILE,
    FileFacts,
    IndexEffort,
    Manifest,
    SnapshotFacts,
)
from app.core.products import ProductRecord, to_line
from app.core.vector_file import VECTOR_TYPE, VectorFile
from app.core.vector_index import BLOCK_ROWS, unit_rows

IMAGE_ID_LENGTH: Final = 16
_LIBRARIES: Final = ("faiss-cpu", "numpy", "openvino", "pillow", "timm", "torch", "torchvision")


@dataclass(frozen=True, slots=True, eq=False)
class WrittenProducts:
    """
    What is known of the products that were written.

    Attributes:
        facts: Of their file.
        count: How many there are.
        image_ids: Of each of their images, as fixed-size bytes, shape (n,).
        row_products: The number of each image's product, shape (n,).
    """

    facts: FileFacts
    count: int
    image_ids: npt.NDArray[np.bytes_]
    row_products: Int32Array


def write_products(folder: Path, products: Iterable[ProductRecord]) -> WrittenProducts:
    """
    Write the products of a snapshot into an empty folder, durably.

    Args:
        folder: Exists and is empty.
        products: In the order of their ids, each with an image at least; no image occurs twice.

    Raises:
        DiskFull, DataDirNotWritable: The file could not be written whole.
    """
    image_ids = bytearray()
    images_of: list[int] = []
    last_id = ""
    with storage_errors(folder), HashedWriter(folder / PRODUCTS_FILE) as file:
        lines = bytearray()
        for product in products:
            if not (product.id > last_id and product.images):
                raise ValueError(f"product {product.id!r} has no image, or is not behind {last_id!r}")
            last_id = product.id
            lines += to_line(product) + b"\n"
            if len(lines) > MIB:
                file.write(bytes(lines))
                lines.clear()
            for image in product.images:
                image_ids += _id_bytes(image.id)
            images_of.append(len(product.images))
        file.write(bytes(lines))
    return WrittenProducts(
        facts=FileFacts(size_bytes=file.size_bytes, sha256=file.sha256),
        count=len(images_of),
        image_ids=np.frombuffer(image_ids, f"S{IMAGE_ID_LENGTH}"),
        row_products=np.repeat(np.arange(len(images_of), dtype=np.int32), images_of),
    )


def write_snapshot(
    folder: Path,
    facts: SnapshotFacts,
    products: WrittenProducts,
    embeddings: Iterable[FloatArray],
    probes: Float32Array,
) -> None:
    """
    Write the other files of a snapshot, durably, the manifest last.

    Args:
        folder: With the products, and nothing else.
        facts: Goes into the manifest.
        products: What `write_products` returned.
        embeddings: Blocks of shape (m, d), unit-norm, float32 or float16: a row for each image, in the order of the
            products.
        probes: Shape (p, d), unit-norm.

    Raises:
        EmbeddingNotFinite, EmbeddingZero: A row cannot be compared.
        DiskFull, DataDirNotWritable: A file could not be written whole.
    """
    ids, dimension = products.image_ids, probes.shape[1]
    probes = unit_rows(probes, dimension)
    if len(np.unique(ids)) < max(1, len(ids)):
        raise ValueError(f"of {len(ids)} images, an id occurs twice, or there are none")
    with storage_errors(folder):
        require_free_space(folder, _needed_bytes(len(ids), dimension))
        vectors_facts = _write_vectors(folder / VECTORS_FILE, embeddings, (len(ids), dimension))
        index_facts, effort = _write_index(folder)
        files = {
            INDEX_FILE: index_facts,
            VECTORS_FILE: vectors_facts,
            IMAGE_IDS_FILE: _write_array(folder / IMAGE_IDS_FILE, ids, ids.dtype),
            PRODUCTS_FILE: products.facts,
            ROW_PRODUCTS_FILE: _write_array(folder / ROW_PRODUCTS_FILE, products.row_products, np.dtype("<i4")),
            PROBES_FILE: _write_array(folder / PROBES_FILE, probes, np.dtype("<f4")),
        }
        manifest = Manifest(
            **facts.model_dump(),
            created_at=datetime.now(UTC),
            dimension=dimension,
            products=products.count,
            images=len(ids),
            compressed=effort,
            versions=library_versions(),
            files=files,
        )
        write_atomically(folder / MANIFEST_FILE, manifest.to_bytes())
        fsync_folder(folder)


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide about numbers, without importing them."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _needed_bytes(rows: int, dimension: int) -> int:
    """Return about how many bytes the vectors and the index take."""
    flat_bytes = rows * dimension * 4
    index_bytes = flat_bytes if flat_bytes <= FLAT_BYTES else rows * (DIMENSIONS + 16)
    return rows * dimension * VECTOR_TYPE.itemsize + index_bytes + MIB


def _id_bytes(image_id: str) -> bytes:
    """Return an id as bytes, refusing what would be cut or confused."""
    encoded = image_id.encode()
    if len(encoded) != IMAGE_ID_LENGTH:
        raise ValueError(f"every image id has {IMAGE_ID_LENGTH} characters")
    return encoded


def _write_vectors(path: Path, blocks: Iterable[FloatArray], shape: tuple[int, int]) -> FileFacts:
    """Write the exact vectors, after checking them."""
    written = 0
    with HashedWriter(path) as file:
        np.lib.format.write_array_header_1_0(file, _header(VECTOR_TYPE, shape))
        for block in blocks:
            for start in range(0, len(block), BLOCK_ROWS):
                part = block[start : start + BLOCK_ROWS]
                unit_rows(part, shape[1], first_row=written)
                file.write(np.ascontiguousarray(part, VECTOR_TYPE).tobytes())
                written += len(part)
    if written != shape[0]:
        raise ValueError(f"{shape[0]} images, but {written} embeddings")
    return FileFacts(size_bytes=file.size_bytes, sha256=file.sha256)


def _write_index(folder: Path) -> tuple[FileFacts, IndexEffort | None]:
    """Choose and write the index of the exact vectors in the folder; return its effort too, if it is compressed."""
    path = folder / INDEX_FILE
    index = choose_index(VectorFile(folder / VECTORS_FILE))
    facts = FileFacts(sha256=index.save(path), size_bytes=path.stat().st_size)  # its size once it is saved
    return facts, IndexEffort(**asdict(index.effort)) if isinstance(index, CompressedIndex) else None


def _write_array(path: Path, rows: npt.NDArray[Any], dtype: np.dtype[Any]) -> FileFacts:
    """Write an array as .npy, durably."""
    with HashedWriter(path) as file:
        np.lib.format.write_array_header_1_0(file, _header(dtype, rows.shape))
        file.write(np.ascontiguousarray(rows, dtype).tobytes())
    return FileFacts(size_bytes=file.size_bytes, sha256=file.sha256)


def _header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> dict[str, Any]:
    return {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
