"""
An exact index in memory: flat, in FAISS.

FAISS answers bad vectors with plausible rows, pads short answers with -1 and orders equal scores by chance; all three
are dealt with here. `D`, `I` and other FAISS habits stay inside.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import faiss
import numpy as np

from app.core.arrays import BoolArray, Float32Array, FloatArray, Int64Array
from app.core.errors import SnapshotCorrupt
from app.core.files import MIB, HashedWriter, storage_errors
from app.core.vector_index import BLOCK_ROWS, SCORE_NOISE, VectorIndex, unit_rows


class FlatIndex(VectorIndex):
    """Every row as float32 in memory; every search compares them all."""

    def __init__(self, flat: faiss.IndexFlatIP) -> None:
        self._flat = flat
        self.dimension = int(flat.d)
        self._vectors: Float32Array = np.empty((0, self.dimension), np.float32)
        if len(self):
            # A view of FAISS's own memory; `_flat` keeps it alive.
            self._vectors = faiss.rev_swig_ptr(flat.get_xb(), len(self) * self.dimension).reshape(-1, self.dimension)

    def __len__(self) -> int:
        return int(self._flat.ntotal)

    @classmethod
    def build(cls, embeddings: FloatArray) -> "FlatIndex":
        """
        Return an index over the embeddings, shape (n, d), unit-norm.

        float16 rows (from the vector store) are given back the exact length that rounding took from them.

        Raises:
            EmbeddingNotFinite: A row holds NaN or infinity.
            EmbeddingZero: A row is all zeros.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] == 0:
            raise ValueError(f"embeddings have shape {embeddings.shape}, expected (n, d)")
        blocks = (embeddings[start : start + BLOCK_ROWS] for start in range(0, len(embeddings), BLOCK_ROWS))
        return cls.of_blocks(blocks, embeddings.shape[1])

    @classmethod
    def of_blocks(cls, blocks: Iterable[FloatArray], dimension: int) -> "FlatIndex":
        """Return an index over embeddings that come in blocks, shape (m, dimension); otherwise as `build`."""
        flat = faiss.IndexFlatIP(dimension)
        for block in blocks:
            flat.add(unit_rows(block, dimension, first_row=int(flat.ntotal)))
        return cls(flat)

    def block(self, start: int) -> Float32Array:
        """Return the BLOCK_ROWS embeddings from row `start` on, or what is left of them, without copying."""
        return self._vectors[start : start + BLOCK_ROWS]

    def save(self, path: Path) -> str:
        """
        Write the index to a new file, durably, and return the file's SHA-256.

        Raises:
            DiskFull, DataDirNotWritable: The file could not be written whole.
        """
        return write_faiss(self._flat, path)

    @classmethod
    def load(cls, path: Path) -> "FlatIndex":
        """
        Read an index that `save` wrote. Check the file's SHA-256 first: FAISS accepts most damaged files.

        Raises:
            SnapshotCorrupt: FAISS refuses the file, or it is another kind of index.
        """
        flat = read_faiss(path)
        if not isinstance(flat, faiss.IndexFlatIP):
            raise SnapshotCorrupt(f"{path.name} is not an exact inner-product index; index again.")
        return cls(flat)

    def _rows(self, rows: Int64Array) -> Float32Array:
        return self._vectors[rows]

    def _candidates(self, queries: Float32Array, k: int, allowed: BoolArray | None, size: int) -> Iterator[Int64Array]:
        parameters = _search_parameters(allowed, len(queries))
        scores, rows = self._flat.search(queries, min(k + 1, size), params=parameters)
        for i, query in enumerate(queries):
            if rows.shape[1] > k and scores[i, k - 1] - scores[i, k] <= SCORE_NOISE:
                yield self._with_ties(query, rows[i], scores[i, k - 1] - SCORE_NOISE, parameters)
            else:
                yield rows[i]

    def _with_ties(
        self, query: Float32Array, candidates: Int64Array, score: float, parameters: faiss.SearchParameters | None
    ) -> Int64Array:
        """Add every row that scores more than `score`: of equal ones at the end, FAISS keeps any."""
        _, _, rows = self._flat.range_search(query[np.newaxis], float(score), params=parameters)
        return np.union1d(candidates, rows)


def write_faiss(index: faiss.Index, path: Path) -> str:
    """
    Write an index of FAISS to a new file, durably, and return the file's SHA-256.

    FAISS's own writer reports success when the last buffer did not fit on the disk, so it writes through ours.

    Raises:
        DiskFull, DataDirNotWritable: The file could not be written whole.
    """
    with storage_errors(path.parent), HashedWriter(path) as file:
        # FAISS's type stubs leave this class out.
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write, MIB))  # type: ignore[attr-defined]
    return file.sha256


def read_faiss(path: Path) -> faiss.Index:
    """
    Read an index of FAISS; the file's SHA-256 was checked.

    Raises:
        SnapshotCorrupt: FAISS refuses the file.
    """
    try:
        return faiss.read_index(str(path))
    except RuntimeError as error:
        raise SnapshotCorrupt(f"{path.name} is not a vector index; index again.") from error


def selector(allowed: BoolArray) -> faiss.IDSelector:
    """Return what lets FAISS compare the rows where `allowed`, shape (n,), is true."""
    # Given the array alone, the selector keeps it alive: FAISS has the address.
    bitmap = np.packbits(allowed, bitorder="little")
    return faiss.IDSelectorBitmap(bitmap)  # type: ignore[call-arg,arg-type]  # not in FAISS's stubs


def _search_parameters(allowed: BoolArray | None, queries: int) -> faiss.SearchParameters | None:
    """
    Return what tells FAISS which rows to compare.

    Where there are fewer queries than threads, it is given even when all rows are allowed. Without one, FAISS 1.15
    divides the rows among the threads, at three times the work: one query among 100,000 rows of 1280 values takes
    34 ms on two cores (68 ms of processor time) instead of 20.
    """
    parameters = faiss.SearchParameters()
    if allowed is not None:
        parameters.sel = selector(allowed)  # kept alive by `parameters`
    elif queries < faiss.omp_get_max_threads():
        parameters.sel = faiss.IDSelectorAll()
    else:
        return None
    return parameters
