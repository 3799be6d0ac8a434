"""
Exact nearest neighbours by cosine: a flat FAISS index over unit-norm vectors. The only module that imports faiss.

FAISS answers bad vectors with plausible rows, pads short answers with -1 and orders equal scores by chance; all three
are dealt with here. `D`, `I` and other FAISS habits stay inside.
"""

from pathlib import Path
from typing import Final

import faiss
import numpy as np
import numpy.typing as npt

from app.core.errors import EmbeddingNotFinite, EmbeddingZero, SnapshotCorrupt
from app.core.files import MIB, HashedWriter, storage_errors

BoolArray = npt.NDArray[np.bool_]
Float16Array = npt.NDArray[np.float16]
Float32Array = npt.NDArray[np.float32]
Int64Array = npt.NDArray[np.int64]
FloatArray = Float16Array | Float32Array

# Rounding to float16 changes a norm by at most 2**-11 = 0.00049.
NORM_TOLERANCE: Final = 1e-3
# Two float32 ways to add up 4096 products differ by less than this; closer scores are compared again in float64.
_SCORE_NOISE: Final = 1e-6
# Rows of a block that is converted or compared at once: 64 MiB of float64 at 4096 values.
BLOCK_ROWS: Final = 2048


class VectorIndex:
    """
    An exact index: row `i` is the i-th embedding it was built from.

    Safe to search from several threads at once. Nothing can be added or removed.
    """

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
    def build(cls, embeddings: FloatArray) -> "VectorIndex":
        """
        Return an index over the embeddings, shape (n, d), unit-norm.

        float16 rows (from the vector store) are given back the exact length that rounding took from them.

        Raises:
            EmbeddingNotFinite: A row holds NaN or infinity.
            EmbeddingZero: A row is all zeros.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] == 0:
            raise ValueError(f"embeddings have shape {embeddings.shape}, expected (n, d)")
        flat = faiss.IndexFlatIP(embeddings.shape[1])
        for start in range(0, len(embeddings), BLOCK_ROWS):
            flat.add(unit_rows(embeddings[start : start + BLOCK_ROWS], embeddings.shape[1], first_row=start))
        return cls(flat)

    def search(
        self, queries: Float32Array, k: int, allowed: BoolArray | None = None
    ) -> tuple[Float32Array, Int64Array]:
        """
        Return the best `k` rows for each query, or all there are, best first; equal scores in the order of their rows.

        Args:
            queries: Shape (q, d), unit-norm.
            k: At least 1.
            allowed: Shape (n,); only rows where it is true are compared. None allows all.

        Returns:
            Scores in [-1, 1] and rows, both of shape (q, min(k, number of allowed rows)). A row's score is the same,
            bit by bit, whatever else is allowed.

        Raises:
            EmbeddingNotFinite: A query holds NaN or infinity.
            EmbeddingZero: A query is all zeros.
        """
        if k < 1:
            raise ValueError(f"k is {k}, expected 1 or more")
        if allowed is not None and (allowed.shape != (len(self),) or allowed.dtype != np.bool_):
            raise ValueError(f"allowed is {allowed.dtype} of shape {allowed.shape}, expected bool of ({len(self)},)")
        queries = unit_rows(queries, self.dimension)
        size = len(self) if allowed is None else int(np.count_nonzero(allowed))
        k = min(k, size)
        scores = np.empty((len(queries), k), np.float32)
        rows = np.empty((len(queries), k), np.int64)
        if k == 0 or len(queries) == 0:
            return scores, rows
        parameters = _search_parameters(allowed, len(queries))
        found_scores, found_rows = self._flat.search(queries, min(k + 1, size), params=parameters)
        for i, query in enumerate(queries):
            candidates = found_rows[i]
            if len(candidates) > k and found_scores[i, k - 1] - found_scores[i, k] <= _SCORE_NOISE:
                candidates = self._with_ties(query, candidates, found_scores[i, k - 1] - _SCORE_NOISE, parameters)
            scores[i], rows[i] = self._rank(query, candidates, k)
        return scores, rows

    def embedding(self, row: int) -> Float32Array:
        """Return the embedding of a row, shape (d,), unit-norm."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} is outside an index of {len(self)}")
        return np.array(self._vectors[row])

    def block(self, start: int) -> Float32Array:
        """Return the BLOCK_ROWS embeddings from row `start` on, or what is left of them, without copying."""
        return self._vectors[start : start + BLOCK_ROWS]

    def save(self, path: Path) -> str:
        """
        Write the index to a new file, durably, and return the file's SHA-256.

        FAISS's own writer reports success when the last buffer did not fit on the disk, so it writes through ours.

        Raises:
            DiskFull, DataDirNotWritable: The file could not be written whole.
        """
        with storage_errors(path.parent), HashedWriter(path) as file:
            # FAISS's type stubs leave this class out.
            faiss.write_index(self._flat, faiss.PyCallbackIOWriter(file.write, MIB))  # type: ignore[attr-defined]
        return file.sha256

    @classmethod
    def load(cls, path: Path) -> "VectorIndex":
        """
        Read an index that `save` wrote. Check the file's SHA-256 first: FAISS accepts most damaged files.

        Raises:
            SnapshotCorrupt: FAISS refuses the file, or it is another kind of index.
        """
        try:
            flat = faiss.read_index(str(path))
        except RuntimeError as error:
            raise SnapshotCorrupt(f"{path.name} is not a vector index; index again.") from error
        if not isinstance(flat, faiss.IndexFlatIP):
            raise SnapshotCorrupt(f"{path.name} is not an exact inner-product index; index again.")
        return cls(flat)

    def _with_ties(
        self, query: Float32Array, candidates: Int64Array, score: float, parameters: faiss.SearchParameters | None
    ) -> Int64Array:
        """Add every row that scores more than `score`: of equal ones at the end, FAISS keeps any."""
        _, _, rows = self._flat.range_search(query[np.newaxis], float(score), params=parameters)
        return np.union1d(candidates, rows)

    def _rank(self, query: Float32Array, candidates: Int64Array, k: int) -> tuple[Float32Array, Int64Array]:
        """Order candidates by a score that does not depend on batch size or position, then by row."""
        scores = np.empty(len(candidates), np.float32)
        wide = query.astype(np.float64)
        for start in range(0, len(candidates), BLOCK_ROWS):
            block = self._vectors[candidates[start : start + BLOCK_ROWS]].astype(np.float64)
            scores[start : start + BLOCK_ROWS] = np.einsum("rd,d->r", block, wide)
        order = np.lexsort((candidates, -scores))[:k]
        return np.clip(scores[order], -1, 1), candidates[order]


def _search_parameters(allowed: BoolArray | None, queries: int) -> faiss.SearchParameters | None:
    """
    Return what tells FAISS which rows to compare.

    Where there are fewer queries than threads, it is given even when all rows are allowed. Without one, FAISS 1.15
    divides the rows among the threads, at three times the work: one query among 100,000 rows of 1280 values takes
    34 ms on two cores (68 ms of processor time) instead of 20.
    """
    parameters = faiss.SearchParameters()
    if allowed is not None:
        # Given the array alone, the selector keeps it alive, as `parameters` keeps the selector: FAISS has the address.
        bitmap = np.packbits(allowed, bitorder="little")
        parameters.sel = faiss.IDSelectorBitmap(bitmap)  # type: ignore[call-arg,arg-type]  # not in FAISS's stubs
    elif queries < faiss.omp_get_max_threads():
        parameters.sel = faiss.IDSelectorAll()
    else:
        return None
    return parameters


def unit_rows(embeddings: FloatArray, dimension: int, *, first_row: int = 0) -> Float32Array:
    """
    Return the embeddings as contiguous float32 rows of length 1, shape (n, d), after checking them.

    Args:
        embeddings: Shape (n, dimension), float16 or float32, of norm 1 within NORM_TOLERANCE.
        dimension: Values that a row must have.
        first_row: What the first row is called in a message.

    Raises:
        EmbeddingNotFinite: A row holds NaN or infinity.
        EmbeddingZero: A row is all zeros.
    """
    if embeddings.ndim != 2 or embeddings.shape[1] != dimension:
        raise ValueError(f"embeddings have shape {embeddings.shape}, expected (n, {dimension})")
    rows = np.ascontiguousarray(embeddings, np.float32)
    norms = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
    if not (finite := np.isfinite(norms)).all():
        raise EmbeddingNotFinite(f"Embedding {first_row + int(np.argmin(finite))} holds a value that is not a number.")
    if (zero := norms == 0).any():
        raise EmbeddingZero(f"Embedding {first_row + int(np.argmax(zero))} has no value other than zero.")
    if (wrong := np.abs(norms - 1) > NORM_TOLERANCE).any():
        worst = int(np.argmax(wrong))
        raise ValueError(f"embedding {first_row + worst} has norm {norms[worst]:.6f}, expected 1")
    unit: Float32Array = rows / norms[:, np.newaxis].astype(np.float32)
    return unit
