"""
From embeddings to figures: every query against every product, exactly, in blocks.

    evaluation = evaluate_held_out(Searched(embeddings, row_products, categories), rows)
    evaluation.by_category.precision        # of each query

A product counts with its best picture, as in a search. By category, what is relevant is of the query's category, and
the query's own product is left out with all its pictures. By product, only the query's own picture is left out, and
relevant are the products that are known to be: the own one, found by its other pictures, or those that a file names.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.arrays import BoolArray, Float32Array, Float64Array, FloatArray, Int32Array, Int64Array
from app.core.vector_file import VectorFile
from app.core.vector_index import BLOCK_ROWS, VectorIndex, unit_rows
from indexer.evaluation.metrics import LEFT_OUT, Figures, best_first, figures_of

Rows = npt.NDArray[np.integer]
StoredRows = FloatArray | VectorFile
"""Embeddings in memory, or in the file of a snapshot, which is read in blocks."""

K: Final = 10
NO_CATEGORY: Final = -1
_SCORES_AT_ONCE: Final = 8 * 1024 * 1024  # 32 MiB
_LEAST_AT_ONCE: Final = 100  # queries: fewer would read a large catalogue too often; with a million rows 400 MB
_SORTED_AT_ONCE: Final = 512 * 1024  # keys and orders of these take 16 MiB
# Cosines that differ less are equal as far as float16 can tell.
_TIE: Final = 1e-5


@dataclass(frozen=True, eq=False, repr=False)
class Searched:
    """
    A catalogue as one network sees it.

    Attributes:
        embeddings: Shape (n, d), unit-norm, a row for each picture.
        row_products: The product of each row, shape (n,): ascending from 0 without gaps.
        categories: A number for the category of each product, shape (p,); NO_CATEGORY for those that have none.
    """

    embeddings: StoredRows
    row_products: Rows
    categories: Rows

    @property
    def starts(self) -> Int64Array:
        """The first row of each product, shape (p,)."""
        return np.searchsorted(self.row_products, np.arange(len(self.categories)))


@dataclass(frozen=True, eq=False, repr=False)
class Asked:
    """
    Queries, as one network sees them.

    Attributes:
        embeddings: Shape (q, d), unit-norm.
        categories: Shape (q,), numbered as those of the products; NO_CATEGORY where the query has none.
        own_rows: For each query, the rows of the catalogue that are the same picture.
        relevant: For each query, the numbers of the products that should be found; empty where nobody said.
    """

    embeddings: FloatArray
    categories: Rows
    own_rows: Sequence[Rows]
    relevant: Sequence[Rows]

    def __len__(self) -> int:
        return len(self.categories)

    def those(self, queries: Rows) -> "Asked":
        """Return some of the queries."""
        return Asked(
            self.embeddings[queries],
            self.categories[queries],
            [self.own_rows[i] for i in queries],
            [self.relevant[i] for i in queries],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """
    Figures of q queries.

    Attributes:
        k: Hits that a shopper sees.
        by_category: Where relevant means: of the query's category.
        by_product: Where relevant means: one of the products that should be found.
        hits: The first k products of each query, its own left out, shape (q, k); -1 where there are fewer.
        scores: Their scores, shape (q, k); LEFT_OUT where there are fewer.
    """

    k: int
    by_category: Figures
    by_product: Figures
    hits: Int32Array
    scores: Float32Array


def held_out(searched: Searched, rows: Rows) -> Asked:
    """Return pictures of the catalogue as queries: each is left out, and its product is what should be found."""
    products = searched.row_products[rows]
    return Asked(
        embeddings=searched.embeddings[rows],
        categories=searched.categories[products],
        own_rows=list(rows[:, np.newaxis]),
        relevant=list(products[:, np.newaxis]),
    )


def evaluate_held_out(searched: Searched, rows: Rows | None = None, k: int = K) -> Evaluation:
    """
    Return figures of the catalogue's own pictures, held out one by one.

    Args:
        searched: The catalogue.
        rows: Which of its pictures are asked with; None: all.
        k: Hits that a shopper sees.
    """
    rows = np.arange(len(searched.row_products)) if rows is None else rows
    return evaluate(held_out(searched, rows), searched, k)


def evaluate(
    asked: Asked, searched: Searched, k: int = K, *, advance: Callable[[int], None] = lambda _: None
) -> Evaluation:
    """
    Return the figures of queries; `advance` is told of how many more are done.

    Takes some 450 MB beside the embeddings, however large the catalogue is.
    """
    by_category, by_product = [], []
    hits, hit_scores = [np.empty((0, k), np.int32)], [np.empty((0, k), np.float32)]
    for first, scores in _score_blocks(asked, searched):
        step = max(1, _SORTED_AT_ONCE // len(searched.categories))
        for start in range(0, len(scores), step):
            part = slice(start, start + step)
            queries = range(first, first + len(scores))[part]
            found = product_scores(scores[part], searched)
            by_product.append(_by_product(found, [asked.relevant[i] for i in queries], k))
            _leave_out_products(found, [asked.own_rows[i] for i in queries], searched)
            figures, order = _by_category(found, asked.categories[queries.start : queries.stop], searched, k)
            by_category.append(figures)
            nearest, nearest_scores = _first(found, order, k)
            hits.append(nearest)
            hit_scores.append(nearest_scores)
            advance(len(queries))
    figures_by = Figures.joined(by_category), Figures.joined(by_product)
    return Evaluation(k, *figures_by, np.concatenate(hits), np.concatenate(hit_scores))


def index_recall(
    asked: Asked, searched: Searched, index: VectorIndex, k: int = K, *, advance: Callable[[int], None] = lambda _: None
) -> Float64Array:
    """
    Return, for each query, which share of the k nearest pictures the index finds, judged by exact search; shape (q,).

    Pictures as near as the k-th count as found, whichever of them the index shows.
    """
    shares = []
    for first, scores in _score_blocks(asked, searched, leaves_out=False):
        k = min(k, scores.shape[1])
        worst = np.partition(scores, -k, axis=1)[:, -k]
        queries = unit_rows(asked.embeddings[first : first + len(scores)], index.dimension)
        _, rows = index.search(queries, k)
        found = np.take_along_axis(scores, rows, axis=1)
        shares.append((found >= worst[:, np.newaxis] - _TIE).mean(axis=1))
        advance(len(scores))
    return np.concatenate([np.empty(0), *shares])


def picture_scores(asked: Asked, searched: Searched) -> Float32Array:
    """Return the cosine of few queries with each picture, LEFT_OUT with the query's own; shape (q, n)."""
    blocks = [scores for _, scores in _score_blocks(asked, searched)]
    return np.concatenate([np.empty((0, len(searched.row_products)), np.float32), *blocks])


def product_scores(scores: Float32Array, searched: Searched) -> Float32Array:
    """Return the score of each product, that of its best picture, from those of all pictures; shape (q, p)."""
    if len(searched.categories) == len(searched.row_products):
        return scores.copy()
    return np.maximum.reduceat(scores, searched.starts, axis=1)


def _score_blocks(asked: Asked, searched: Searched, *, leaves_out: bool = True) -> Iterator[tuple[int, Float32Array]]:
    """Yield the first of some queries, and their scores with every picture, shape (b, n)."""
    rows, dimension = searched.embeddings.shape
    step = max(_LEAST_AT_ONCE, _SCORES_AT_ONCE // rows)
    for first in range(0, len(asked), step):
        queries = unit_rows(asked.embeddings[first : first + step], dimension, first_row=first)
        scores = np.empty((len(queries), rows), np.float32)
        for start in range(0, rows, BLOCK_ROWS):
            block = unit_rows(searched.embeddings[start : start + BLOCK_ROWS], dimension, first_row=start)
            np.matmul(queries, block.T, out=scores[:, start : start + BLOCK_ROWS])
        for i in range(len(queries) if leaves_out else 0):
            scores[i, asked.own_rows[first + i]] = LEFT_OUT
        yield first, scores


def _leave_out_products(scores: Float32Array, own_rows: Sequence[Rows], searched: Searched) -> None:
    for own_scores, rows in zip(scores, own_rows, strict=True):
        own_scores[searched.row_products[rows]] = LEFT_OUT


def _by_product(scores: Float32Array, relevant: Sequence[Rows], k: int) -> Figures:
    """Return the figures where the products that should be found are known."""
    wanted = np.zeros(scores.shape, np.bool_)
    for row, products in zip(wanted, relevant, strict=True):
        row[products] = True
    wanted &= scores > LEFT_OUT
    has_any = np.count_nonzero(wanted, axis=1) > 0
    figures, _ = _ranked(scores[has_any], wanted[has_any], k)  # none of them where products have one picture each
    return figures.spread(has_any)


def _by_category(scores: Float32Array, categories: Rows, searched: Searched, k: int) -> tuple[Figures, Int64Array]:
    """Return the figures where the category is what should be found, and the ranking."""
    wanted = categories[:, np.newaxis] == searched.categories
    wanted &= (categories != NO_CATEGORY)[:, np.newaxis]
    wanted &= scores > LEFT_OUT
    return _ranked(scores, wanted, k)


def _first(scores: Float32Array, order: Int64Array, k: int) -> tuple[Int32Array, Float32Array]:
    """Return the first k of each ranking and their scores, shape (q, k)."""
    hits, hit_scores = np.full((len(scores), k), -1, np.int32), np.full((len(scores), k), LEFT_OUT, np.float32)
    nearest = order[:, :k]
    found = np.take_along_axis(scores, nearest, axis=1)
    hits[:, : nearest.shape[1]] = np.where(found > LEFT_OUT, nearest, -1)
    hit_scores[:, : nearest.shape[1]] = found
    return hits, hit_scores


def _ranked(scores: Float32Array, wanted: BoolArray, k: int) -> tuple[Figures, Int64Array]:
    order = best_first(scores)
    candidates = np.count_nonzero(scores > LEFT_OUT, axis=1)
    return figures_of(np.take_along_axis(wanted, order, axis=1), candidates, k), order
