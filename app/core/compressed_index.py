"""
An index of many rows in little memory: compressed rows find candidates, and their exact vectors are compared.

A row is projected on the first principal components, which keep most of a score, and each is stored in a byte. The
rows are divided into lists by nearness, and a search looks at the lists that are nearest to it; where few rows are
allowed, at all lists, and where very few are, at their exact vectors and nothing else. How it is built and how hard it
tries is in `app.core.compression`.

A float32 row of 4096 values takes 16 KB, a compressed one 264 bytes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import faiss
import numpy as np

from app.core.arrays import BoolArray, Float32Array, Int32Array, Int64Array
from app.core.errors import EmbeddingRefused, SnapshotCorrupt
from app.core.flat_index import read_faiss, selector, write_faiss
from app.core.vector_file import VectorFile
from app.core.vector_index import VectorIndex, unit_rows

EXACT_ROWS: Final = 512
"""As many exact vectors are compared in the time that candidates for one search take."""
CODED_ROWS: Final = 50_000
"""Where no more rows are allowed, all of their codes are compared: in the time of a few milliseconds."""
CANDIDATES_PER_HIT: Final = 4
_GROWTH: Final = 4
_TABLE_ROWS: Final = 512
# Compressed scores of equal rows differ by less, whatever stands beside them.
_CODE_NOISE: Final = 1e-5
# By how much rounding to float16 may have changed a score, with the length of the row: 2**-11.
_ROUNDING: Final = 5e-4
_SCORES_AT_ONCE: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Effort:
    """
    How hard a search tries.

    Attributes:
        nprobe: How many lists it looks at.
        candidates: Of how many it compares the exact vectors.
        filtered_candidates: The same where some rows are not allowed: what is near then is less near, and harder to
            tell from others by compressed rows.
    """

    nprobe: int
    candidates: int
    filtered_candidates: int


class _Wanted(NamedTuple):
    """How many rows are wanted, of how many candidates at least, of how many allowed rows."""

    k: int
    candidates: int
    size: int


class _Approximate(NamedTuple):
    """Rows by their compressed scores, best first, and whether there may be more as good as the last."""

    scores: Float32Array
    rows: Int64Array
    is_cut: bool


class CompressedIndex(VectorIndex):
    """
    Compressed rows in memory, exact vectors on the disk.

    Args:
        codes: A projection and, behind it, lists of compressed rows.
        vectors: The exact vectors of the same rows.
        effort: Measured when the index was built.
    """

    def __init__(self, codes: faiss.IndexPreTransform, vectors: VectorFile, effort: Effort) -> None:
        self.codes = codes
        self._lists = cast("faiss.IndexIVF", faiss.downcast_index(codes.index))
        projection: Any = faiss.downcast_VectorTransform(codes.chain.at(0))  # type: ignore[attr-defined]
        # Projected here: FAISS would divide one query among the processor's cores, which have other work.
        self._projection: Float32Array = faiss.vector_to_array(projection.A).reshape(projection.d_out, -1)
        centres = faiss.downcast_index(self._lists.quantizer)
        self._centres: Float32Array = centres.reconstruct_n(0, self.lists)
        self._list_of_row = _list_of_row(self._lists)
        self.vectors = vectors
        self.dimension = vectors.shape[1]
        self.effort = effort

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def lists(self) -> int:
        """Into how many lists the rows are divided."""
        return int(self._lists.nlist)

    def block(self, start: int) -> Float32Array:
        """Return the BLOCK_ROWS embeddings from row `start` on, or what is left of them, from the disk."""
        return unit_rows(self.vectors.block(start), self.dimension, first_row=start)

    def save(self, path: Path) -> str:
        """
        Write the compressed rows to a new file, durably, and return the file's SHA-256.

        Raises:
            DiskFull, DataDirNotWritable: The file could not be written whole.
        """
        return write_faiss(self.codes, path)

    @classmethod
    def load(cls, path: Path, vectors: VectorFile, effort: Effort) -> "CompressedIndex":
        """
        Read an index that `save` wrote. Check the file's SHA-256 first: FAISS accepts most damaged files.

        Raises:
            SnapshotCorrupt: FAISS refuses the file, it is another kind of index, or not one of these vectors.
        """
        codes = read_faiss(path)
        if not isinstance(codes, faiss.IndexPreTransform) or not isinstance(
            faiss.downcast_index(codes.index), faiss.IndexIVFScalarQuantizer
        ):
            raise SnapshotCorrupt(f"{path.name} is not a compressed index; index again.")
        if (codes.ntotal, codes.d) != vectors.shape:
            raise SnapshotCorrupt(f"{path.name} has other rows than the exact vectors; index again.")
        return cls(codes, vectors, effort)

    def _rows(self, rows: Int64Array) -> Float32Array:
        try:
            return unit_rows(self.vectors[rows], self.dimension)
        except (EmbeddingRefused, ValueError) as error:
            raise SnapshotCorrupt("The exact vectors of the snapshot were changed; index again.") from error

    def _candidates(self, queries: Float32Array, k: int, allowed: BoolArray | None, size: int) -> Iterator[Int64Array]:
        wanted = max(
            self.effort.candidates if allowed is None else self.effort.filtered_candidates, CANDIDATES_PER_HIT * k
        )
        if max(wanted, EXACT_ROWS) >= size:
            yield from self._compared(queries, k, allowed)
            return
        chosen = None if allowed is None else selector(allowed)
        counts = None
        if allowed is not None and size > CODED_ROWS:
            counts = np.bincount(self._list_of_row[allowed], minlength=self.lists)
        for query in queries:  # one by one: beside others, FAISS adds up differently
            projected = np.einsum("pd,d->p", self._projection, query)
            nprobe = self._nprobe(projected, allowed, counts)
            found = self._found(query, projected, _Wanted(k, wanted, size), nprobe, chosen)
            yield from self._compared(query[np.newaxis], k, allowed) if found is None else [found]

    def _nprobe(self, projected: Float32Array, allowed: BoolArray | None, counts: Int64Array | None) -> int:
        """
        Return how many lists are to be looked at: of all rows, so many as the effort says.

        Of some, all lists, or where `counts` tells how many allowed rows each list has, as many as have together as
        many rows as are looked at without a filter. The lists that are nearest to a photo of a dress have few shoes.
        """
        if allowed is None:
            return self.effort.nprobe
        if counts is None:
            return self.lists
        nearest = np.argsort(-np.einsum("lp,p->l", self._centres, projected))
        enough = self.effort.nprobe * len(self) / self.lists
        return min(self.lists, max(self.effort.nprobe, int(np.searchsorted(np.cumsum(counts[nearest]), enough)) + 1))

    def _compared(self, queries: Float32Array, k: int, allowed: BoolArray | None) -> Iterator[Int64Array]:
        """Yield for each query its best `k` of all allowed rows, and those that may be as good."""
        rows = np.arange(len(self)) if allowed is None else np.flatnonzero(allowed)
        step = max(1, _SCORES_AT_ONCE // len(rows))
        for first in range(0, len(queries), step):
            for scores in self._scores(queries[first : first + step], rows):
                yield rows[_near_best(scores, k)]

    def _scores(self, queries: Float32Array, rows: Int64Array) -> Float32Array:
        """Return scores from the rows as they are on the disk, to _ROUNDING of their own, shape (q, m)."""
        scores = np.full((len(queries), len(rows)), -2, np.float32)
        for start in range(0, len(rows), _TABLE_ROWS):
            part = self.vectors[rows[start : start + _TABLE_ROWS]]
            # FAISS multiplies float16 as it is: ten times as fast as numpy, which makes float32 of it first.
            table = faiss.IndexScalarQuantizer(
                self.dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
            )
            table.add_sa_codes(part.view(np.uint8))
            with _one_thread():
                found, places = table.search(queries, len(part))
            is_row = places >= 0
            scores[np.nonzero(is_row)[0], start + places[is_row]] = found[is_row]
        return scores

    def _found(
        self,
        query: Float32Array,
        projected: Float32Array,
        asked: _Wanted,
        nprobe: int,
        chosen: faiss.IDSelector | None,
    ) -> Int64Array | None:
        """Return the candidates that are among the best `k`, or as good; None where all rows have to be compared."""
        wanted = asked.candidates
        while wanted < asked.size:
            approximate = self._approximate(projected, wanted, nprobe, chosen)
            if len(approximate.rows) < wanted and nprobe < self.lists:  # lists with few allowed rows
                nprobe = min(self.lists, nprobe * _GROWTH)
                continue
            scores = self._scores(query[np.newaxis], approximate.rows)[0]
            best = _near_best(scores, asked.k)
            # Of rows with equal scores FAISS keeps any: they go on beyond the last candidate.
            if not approximate.is_cut or approximate.scores[-1] < approximate.scores[best].min() - _CODE_NOISE:
                return approximate.rows[best]
            wanted *= _GROWTH
        return None

    def _approximate(
        self, projected: Float32Array, count: int, nprobe: int, chosen: faiss.IDSelector | None
    ) -> _Approximate:
        parameters = faiss.SearchParametersIVF(nprobe=nprobe, sel=chosen)  # type: ignore[call-arg]
        with _one_thread():
            scores, rows = self._lists.search(projected[np.newaxis], count, params=parameters)
        found = rows[0] >= 0
        return _Approximate(scores[0][found], rows[0][found], is_cut=bool(found.all()))


def _list_of_row(lists: faiss.IndexIVF) -> Int32Array:
    """Return the list that each row is in, shape (n,)."""
    found = np.empty(lists.ntotal, np.int32)
    inverted: Any = lists.invlists
    for number in range(lists.nlist):
        if size := inverted.list_size(number):
            found[faiss.rev_swig_ptr(inverted.get_ids(number), size)] = number
    return found


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let FAISS work on this thread alone: for one search, it would wait until the other cores are free too."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # as this thread begins work, not as others do
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _near_best(scores: Float32Array, k: int) -> Int64Array:
    """Return the places of the best `k` scores, and of those that may be as good when their rows have length 1."""
    if k >= len(scores):
        return np.arange(len(scores))
    threshold = np.partition(scores, -k)[-k] - 2 * _ROUNDING
    return np.flatnonzero(scores >= threshold)
