"""
Which index a snapshot gets, by measurement: flat while that is fast, else compressed as hard-trying as it has to be.

Everything is read from the file of exact vectors, in blocks: beside the index it takes some ten megabytes, and some
hundred for a million rows.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Self

import faiss
import numpy as np

from app.core.arrays import BoolArray, Float32Array, Int64Array
from app.core.compressed_index import CompressedIndex, Effort
from app.core.flat_index import FlatIndex
from app.core.vector_file import VectorFile
from app.core.vector_index import BLOCK_ROWS, VectorIndex, unit_rows

FLAT_BYTES: Final = 64 * 1024 * 1024
"""Of float32 rows: so many are compared in the time that finding candidates takes, and nothing is tried instead."""
LEAST_GAIN: Final = 2.0
"""How many times faster than a flat index a compressed one has to be."""
TARGET_RECALL: Final = 0.995
"""Of the ten best, on rows of its own that are left out; what is promised, 0.98, then holds for other queries too."""
K: Final = 10
DIMENSIONS: Final = 256

_QUERIES: Final = 200
_SEED: Final = 20173
_FIRST_CANDIDATES: Final = 128
_FILTER_SHARE: Final = 0.05
_MOST_CANDIDATES: Final = 4096
_MOST_FILTERED_CANDIDATES: Final = 16_384
_PROJECTION_ROWS: Final = 16_384
_EXTRA_DIMENSIONS: Final = 32
_PASSES: Final = 4
_ROWS_A_LIST: Final = 40  # that the lists are learned from; FAISS asks for 39
_LEARNING_ROUNDS: Final = 10
_TIMED: Final = 32
# Cosines that differ less are equal as far as float16 can tell.
_TIE: Final = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """
    Queries to measure with: rows of the index.

    Attributes:
        rows: Which, shape (q,).
        queries: Shape (q, d).
        allowed: Some rows, by lot, shape (n,).
        best: The scores of the K best rows, the row itself left out, shape (q, K); -1 where there are fewer.
        best_allowed: The same of the allowed rows.
    """

    rows: Int64Array
    queries: Float32Array
    allowed: BoolArray
    best: Float32Array
    best_allowed: Float32Array

    @classmethod
    def drawn(cls, vectors: VectorFile, random: np.random.Generator) -> Self:
        """Draw queries, for which nothing is known yet."""
        rows = np.sort(random.permutation(len(vectors))[:_QUERIES])
        queries = unit_rows(vectors[rows], vectors.shape[1])
        best = np.full((len(rows), K), -1, np.float32)
        return cls(rows, queries, random.random(len(vectors)) < _FILTER_SHARE, best, best.copy())

    def learn(self, start: int, block: Float32Array) -> None:
        """Compare the queries with the rows from `start` on."""
        scores = self.queries @ block.T
        here = (self.rows >= start) & (self.rows < start + len(block))
        scores[here, self.rows[here] - start] = -1
        _keep_best(self.best, scores)
        _keep_best(self.best_allowed, scores[:, self.allowed[start : start + len(block)]])


def choose_index(vectors: VectorFile) -> VectorIndex:
    """
    Return the index to search these vectors with.

    Raises:
        EmbeddingNotFinite, EmbeddingZero: A row cannot be compared.
    """
    rows, dimension = vectors.shape
    if rows * dimension * 4 <= FLAT_BYTES:
        return flat_index(vectors)
    compressed = compress(vectors)
    if compressed is None or _flat_search_s(vectors) < LEAST_GAIN * _search_s(compressed, vectors):
        return flat_index(vectors)
    return compressed


def flat_index(vectors: VectorFile) -> FlatIndex:
    """Return an exact index of the vectors."""
    return FlatIndex.of_blocks(map(vectors.block, range(0, len(vectors), BLOCK_ROWS)), vectors.shape[1])


def compress(vectors: VectorFile, target_recall: float = TARGET_RECALL) -> CompressedIndex | None:
    """Return a compressed index that finds what it should; None where no effort is enough."""
    dimension = vectors.shape[1]
    random = np.random.default_rng(_SEED)
    projection = _projection(vectors, min(DIMENSIONS, dimension), random)
    lists = _learned_lists(vectors, projection, random)
    sample = _Sample.drawn(vectors, random)
    for start, block in _unit_blocks(vectors):
        lists.add(block @ projection)
        sample.learn(start, block)
    transform = faiss.LinearTransform(dimension, projection.shape[1])
    faiss.copy_array_to_vector(np.ascontiguousarray(projection.T).ravel(), transform.A)
    transform.is_trained = True
    effort = Effort(max(1, int(lists.nlist) // 64), _FIRST_CANDIDATES, _FIRST_CANDIDATES)
    index = CompressedIndex(faiss.IndexPreTransform(transform, lists), vectors, effort)
    enough = _trying_enough(index, sample, target_recall)
    return None if enough is None else _trying_enough_among(enough, sample, target_recall)


def _unit_blocks(vectors: VectorFile) -> Iterator[tuple[int, Float32Array]]:
    """Yield where each block begins, and its embeddings."""
    for start in range(0, len(vectors), BLOCK_ROWS):
        yield start, unit_rows(vectors.block(start), vectors.shape[1], first_row=start)


def _projection(vectors: VectorFile, dimensions: int, random: np.random.Generator) -> Float32Array:
    """
    Return the first principal components of the vectors, about zero, shape (d, dimensions): of all projections that
    one keeps most of the scores. Found by subspace iteration (Halko, Martinsson & Tropp, 2011), a block at a time.
    """
    rows, dimension = vectors.shape
    some = np.sort(random.permutation(rows)[:_PROJECTION_ROWS])
    width = min(dimension, dimensions + _EXTRA_DIMENSIONS)
    basis = random.standard_normal((dimension, width), np.float32)
    for _ in range(_PASSES):
        product = np.zeros((dimension, width), np.float32)
        for block in _some_blocks(vectors, some):
            product += block.T @ (block @ basis)
        basis = np.linalg.qr(product)[0]
    moment = np.zeros((width, width), np.float64)
    for block in _some_blocks(vectors, some):
        part = block @ basis
        moment += part.T @ part
    _, rotation = np.linalg.eigh(moment)  # ascending
    projection: Float32Array = np.ascontiguousarray(basis @ rotation[:, ::-1][:, :dimensions].astype(np.float32))
    return projection


def _some_blocks(vectors: VectorFile, rows: Int64Array) -> Iterator[Float32Array]:
    for start in range(0, len(rows), BLOCK_ROWS):
        yield unit_rows(vectors[rows[start : start + BLOCK_ROWS]], vectors.shape[1])


def _learned_lists(
    vectors: VectorFile, projection: Float32Array, random: np.random.Generator
) -> faiss.IndexIVFScalarQuantizer:
    """Return empty lists, as many as a power of two near four times the root of the number of rows."""
    rows, dimensions = len(vectors), projection.shape[1]
    count = min(2 ** round(np.log2(4 * rows**0.5)), max(1, rows // _ROWS_A_LIST))
    some = np.sort(random.permutation(rows)[: _ROWS_A_LIST * count])
    projected = np.concatenate([block @ projection for block in _some_blocks(vectors, some)])
    lists = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dimensions),
        dimensions,
        count,
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
        False,  # the rows themselves: the same recall as of what is left of them beside their list's centre
    )
    lists.cp.niter = _LEARNING_ROUNDS
    lists.cp.min_points_per_centroid = 1
    lists.train(projected)
    return lists


def _keep_best(best: Float32Array, scores: Float32Array) -> None:
    """Put into `best`, shape (q, K), those of the scores, shape (q, m), that are better."""
    best[:] = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :K]


def _trying_enough(index: CompressedIndex, sample: _Sample, target: float) -> CompressedIndex | None:
    """Return the index with the least effort that finds enough, doubling what helps most; None where none does."""
    recall = _recall(index, sample)
    while recall < target:
        effort, harder = index.effort, []
        if effort.nprobe < index.lists:
            harder.append(replace(effort, nprobe=min(index.lists, 2 * effort.nprobe)))
        if effort.candidates < _MOST_CANDIDATES:
            harder.append(replace(effort, candidates=2 * effort.candidates))
        if not harder:
            return None
        tried = [(_recall(each, sample), each) for each in (with_effort(index, effort) for effort in harder)]
        recall, index = max(tried, key=lambda found: found[0])
    return index


def _trying_enough_among(index: CompressedIndex, sample: _Sample, target: float) -> CompressedIndex:
    """Return the index that finds enough where some rows are allowed, or tries as hard as it may."""
    index = with_effort(index, replace(index.effort, filtered_candidates=index.effort.candidates))
    while (
        index.effort.filtered_candidates < _MOST_FILTERED_CANDIDATES and _recall(index, sample, sample.allowed) < target
    ):
        more = 2 * index.effort.filtered_candidates
        index = with_effort(index, replace(index.effort, filtered_candidates=more))
    return index


def with_effort(index: CompressedIndex, effort: Effort) -> CompressedIndex:
    """Return the same index, trying as hard as this."""
    return CompressedIndex(index.codes, index.vectors, effort)


def _recall(index: CompressedIndex, sample: _Sample, allowed: BoolArray | None = None) -> float:
    """Return which share of the K best the index finds; rows as near as the K-th count, whichever they are."""
    scores, rows = index.search(sample.queries, K + 1, allowed)
    best = sample.best if allowed is None else sample.best_allowed
    others = rows != sample.rows[:, np.newaxis]
    if rows.shape[1] == K + 1:
        others[others.all(axis=1), -1] = False  # of equal rows, others may stand in the place of this one
    least = best.min(axis=1, where=best > -1, initial=1)
    wanted = scores >= least[:, np.newaxis] - _TIE
    return float((wanted & others).sum() / max(1, others.sum()))


def _flat_search_s(vectors: VectorFile) -> float:
    """Return how long a flat index of all the vectors would take to answer, from one of some of them."""
    rows, dimension = vectors.shape
    some = min(rows, FLAT_BYTES // (4 * dimension))
    blocks = (vectors[start : min(start + BLOCK_ROWS, some)] for start in range(0, some, BLOCK_ROWS))
    return _search_s(FlatIndex.of_blocks(blocks, dimension), vectors) * rows / some


def _search_s(index: VectorIndex, vectors: VectorFile) -> float:
    """Return how long one search takes, the median of some."""
    asked = np.linspace(0, len(vectors) - 1, _TIMED, dtype=np.int64)
    times_s = []
    for query in unit_rows(vectors[asked], index.dimension):
        began_s = time.perf_counter()
        index.search(query[np.newaxis], K)
        times_s.append(time.perf_counter() - began_s)
    return float(np.median(times_s))
