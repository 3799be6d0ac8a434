"""
How good rankings are, query by query: precision, recall, average precision and nDCG.

The definitions are the usual ones: Manning, Raghavan and Schütze, Introduction to Information Retrieval (2008), chapter
8; nDCG with gains of 0 and 1 and the discount of Järvelin and Kekäläinen (2002).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from app.core.arrays import BoolArray, Float32Array, Float64Array, Int64Array

LEFT_OUT: Final = np.float32(-2)
"""Below every cosine: the score of what may not be found."""
_COLUMN_BITS: Final = np.uint64(32)
_COLUMN: Final = np.uint64(2**32 - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """
    What the rankings for q queries are worth; each of shape (q,), from 0 to 1, NaN where nothing relevant exists.

    Attributes:
        precision: Share of the first k (or of all, where there are fewer) that is relevant.
        recall: Share of what is relevant that is among the first k.
        average_precision: Mean, over everything relevant, of the precision down to its place; its mean is mAP.
        ndcg: Gain of the first k, where places further down count less, against the best possible one.
    """

    precision: Float64Array
    recall: Float64Array
    average_precision: Float64Array
    ndcg: Float64Array

    @property
    def is_defined(self) -> BoolArray:
        """Which of the queries have figures, shape (q,)."""
        return ~np.isnan(self.precision)

    def named(self, k: int) -> dict[str, Float64Array]:
        """Return the figures under the names that reports have for them: precision_at_10, …, map."""
        return {
            f"precision_at_{k}": self.precision,
            f"recall_at_{k}": self.recall,
            "map": self.average_precision,
            f"ndcg_at_{k}": self.ndcg,
        }

    def spread(self, where: BoolArray) -> "Figures":
        """Return the figures of more queries, shape (q,), of which only those where it is true have these."""
        wider = Figures(*(np.full(len(where), np.nan) for _ in fields(self)))
        for field in fields(self):
            getattr(wider, field.name)[where] = getattr(self, field.name)
        return wider

    @classmethod
    def joined(cls, parts: "Sequence[Figures]") -> "Figures":
        """Return the figures of all queries of the parts, in their order."""
        none = np.empty(0)
        return cls(*(np.concatenate([none, *(getattr(part, field.name) for part in parts)]) for field in fields(cls)))


def best_first(scores: Float32Array) -> Int64Array:
    """
    Return the columns of each row by falling score, shape (q, p); equal scores in the order of the columns.

    Scores are cosines, or LEFT_OUT; those that differ by less than float32 tells near 1 (6e-8) count as equal. Sorting
    whole numbers that end in the column is several times as fast as a stable sort of the scores.
    """
    distances = np.maximum(np.float32(1) - scores, np.float32(0))  # the bits of positive floats ascend as they do
    keys = distances.view(np.uint32).astype(np.uint64)
    keys <<= _COLUMN_BITS
    keys |= np.arange(scores.shape[1], dtype=np.uint64)
    keys.sort(axis=1)
    order: Int64Array = (keys & _COLUMN).view(np.int64)
    return order


def figures_of(relevant: BoolArray, candidates: Int64Array, k: int) -> Figures:
    """
    Return the figures of rankings.

    Args:
        relevant: Shape (q, p): whether what stands at each place is relevant, the best place first.
        candidates: Shape (q,): how many of the places count; nothing after them is relevant.
        k: Places that a shopper looks at; at least 1.
    """
    total = np.count_nonzero(relevant, axis=1)
    has_any = total > 0
    first = relevant[:, :k]
    found = np.count_nonzero(first, axis=1)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])
    queries, places = np.nonzero(relevant)
    before = np.concatenate([[0], np.cumsum(total)[:-1]])  # relevant ones in the queries before each
    precisions = (np.arange(len(places)) - before[queries] + 1) / (places + 1)
    with np.errstate(divide="ignore", invalid="ignore"):  # queries without anything relevant become NaN
        figures = (
            found / np.minimum(k, candidates),
            found / total,
            np.bincount(queries, precisions, minlength=len(total)) / total,
            (first @ discounts[: first.shape[1]]) / ideal[np.minimum(total, k)],
        )
    return Figures(*(np.where(has_any, values, np.nan) for values in figures))
