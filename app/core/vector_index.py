"""
Nearest neighbours by cosine: what every index promises, and the checks of vectors that all of them share.

`app.core.flat_index` compares everything; `app.core.compressed_index` finds candidates among compressed rows and
compares those. Both rank what they found here, by the same arithmetic, so that a score does not tell the kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from app.core.arrays import BoolArray, Float32Array, FloatArray, Int64Array
from app.core.errors import EmbeddingNotFinite, EmbeddingZero

# Rounding to float16 changes a norm by at most 2**-11 = 0.00049.
NORM_TOLERANCE: Final = 1e-3
# Two float32 ways to add up 4096 products differ by less than this; closer scores are compared again in float64.
SCORE_NOISE: Final = 1e-6
# Rows of a block that is converted or compared at once: 64 MiB of float64 at 4096 values.
BLOCK_ROWS: Final = 2048


class VectorIndex(ABC):
    """
    Unit-norm rows that can be searched: row `i` is the i-th embedding it was built from.

    Safe to search from several threads at once. Nothing can be added or removed.
    """

    dimension: int

    @abstractmethod
    def __len__(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def save(self, path: Path) -> str:
        """
        Write the index to a new file, durably, and return the file's SHA-256.

        Raises:
            DiskFull, DataDirNotWritable: The file could not be written whole.
        """

    @abstractmethod
    def block(self, start: int) -> Float32Array:
        """Return the BLOCK_ROWS embeddings from row `start` on, or what is left of them."""

    @abstractmethod
    def _rows(self, rows: Int64Array) -> Float32Array:
        """Return the embeddings of some rows, shape (m, d), unit-norm."""

    @abstractmethod
    def _candidates(self, queries: Float32Array, k: int, allowed: BoolArray | None, size: int) -> Iterator[Int64Array]:
        """Yield for each query the rows, of the `size` allowed ones, that may be its best `k`; at least k of them."""

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
            bit by bit, whatever else is allowed, and whichever kind of index answers.

        Raises:
            EmbeddingNotFinite: A query holds NaN or infinity.
            EmbeddingZero: A query is all zeros.
            SnapshotCorrupt: The file that the rows are read from was changed.
        """
        if k < 1:
            raise ValueError(f"k is {k}, expected 1 or more")
        if allowed is not None and (allowed.shape != (len(self),) or allowed.dtype != np.bool_):
            raise ValueError(f"allowed is {allowed.dtype} of shape {allowed.shape}, expected bool of ({len(self)},)")
        queries = unit_rows(queries, self.dimension)
        size = len(self) if allowed is None else int(np.count_nonzero(allowed))
        if size == len(self):
            allowed = None
        k = min(k, size)
        scores = np.empty((len(queries), k), np.float32)
        rows = np.empty((len(queries), k), np.int64)
        if k == 0 or len(queries) == 0:
            return scores, rows
        for i, candidates in enumerate(self._candidates(queries, k, allowed, size)):
            scores[i], rows[i] = self._rank(queries[i], candidates, k)
        return scores, rows

    def embedding(self, row: int) -> Float32Array:
        """Return the embedding of a row, shape (d,), unit-norm."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} is outside an index of {len(self)}")
        embedding: Float32Array = self._rows(np.array([row]))[0]
        return embedding

    def _rank(self, query: Float32Array, candidates: Int64Array, k: int) -> tuple[Float32Array, Int64Array]:
        """Order candidates by a score that does not depend on batch size or position, then by row."""
        scores = np.empty(len(candidates), np.float32)
        wide = query.astype(np.float64)
        for start in range(0, len(candidates), BLOCK_ROWS):
            block = self._rows(candidates[start : start + BLOCK_ROWS]).astype(np.float64)
            scores[start : start + BLOCK_ROWS] = np.einsum("rd,d->r", block, wide)
        order = np.lexsort((candidates, -scores))[:k]
        return np.clip(scores[order], -1, 1), candidates[order]


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
