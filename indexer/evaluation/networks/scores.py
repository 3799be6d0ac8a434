"""
The figures of mixtures without their embeddings: the cosine of `a*0.6+b*0.4` is 0.6 times that of `a` and 0.4 times
that of `b`, so each network's cosines are worked out once, block by block.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from app.core.arrays import BoolArray, Float32Array, Float64Array
from app.core.vector_index import BLOCK_ROWS, unit_rows
from indexer.evaluation.measuring import By
from indexer.evaluation.metrics import LEFT_OUT, best_first, figures_of
from indexer.evaluation.networks.candidates import Candidate
from indexer.evaluation.ranking import NO_CATEGORY, Asked, Searched, product_scores

_SCORES_AT_ONCE: Final = 32 * 1024 * 1024  # of all networks together: 128 MiB
_SORTED_AT_ONCE: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """
    What q queries find, each of shape (q,), from 0 to 1; NaN where nothing can be found.

    Attributes:
        precision: Share of the first k hits that is right.
        first_hit: 1 where the first hit is right.
        average_precision: Its mean is mAP.
    """

    precision: Float64Array
    first_hit: Float64Array
    average_precision: Float64Array

    def named(self, k: int) -> dict[str, Float64Array]:
        """Return the figures under the names that reports have for them."""
        return {f"precision_at_{k}": self.precision, "first_hit": self.first_hit, "map": self.average_precision}


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The same queries and the same pictures as one network sees them."""

    asked: Asked
    searched: Searched


def evaluate_candidates(
    seen: Mapping[str, Seen],
    candidates: Sequence[Candidate],
    *,
    aim: By,
    k: int,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Values]:
    """
    Return what each candidate finds.

    Args:
        seen: By the name of the network; all have the same queries and pictures in the same order.
        candidates: Of these networks.
        aim: What counts as right.
        k: Hits that a shopper sees.
        advance: Told of how many more queries one candidate has been asked with.
    """
    first = next(iter(seen.values()))
    pictures, queries = len(first.searched.row_products), len(first.asked)
    step = max(1, _SCORES_AT_ONCE // (pictures * (len(seen) + 1)))
    blocks: list[list[Values]] = [[] for _ in candidates]
    for start in range(0, queries, step):
        rows = np.arange(start, min(start + step, queries))
        cosines = {name: _cosines(each, rows) for name, each in seen.items()}
        asked = first.asked.those(rows)
        for candidate, found in zip(candidates, blocks, strict=True):
            mixed = sum(
                np.float32(share) * cosines[part] for part, share in zip(candidate.parts, candidate.shares, strict=True)
            )
            found.append(_values(np.asarray(mixed, np.float32), asked, first.searched, aim, k))
            advance(len(rows))
    return [
        Values(*(np.concatenate([getattr(block, field.name) for block in found]) for field in fields(Values)))
        for found in blocks
    ]


def _cosines(seen: Seen, rows: np.ndarray) -> Float32Array:
    """Return the cosines of some queries with every picture, shape (b, n)."""
    embeddings = seen.searched.embeddings
    queries = unit_rows(seen.asked.embeddings[rows], embeddings.shape[1])
    scores = np.empty((len(rows), len(embeddings)), np.float32)
    for start in range(0, len(embeddings), BLOCK_ROWS):
        block = unit_rows(embeddings[start : start + BLOCK_ROWS], embeddings.shape[1], first_row=start)
        np.matmul(queries, block.T, out=scores[:, start : start + BLOCK_ROWS])
    return scores


def _values(scores: Float32Array, asked: Asked, searched: Searched, aim: By, k: int) -> Values:
    """Return the figures of some queries, whose cosines with every picture are the scores."""
    for own_scores, rows in zip(scores, asked.own_rows, strict=True):
        own_scores[rows] = LEFT_OUT
    found = product_scores(scores, searched)
    if aim == "by_category":
        for own_scores, rows in zip(found, asked.own_rows, strict=True):
            own_scores[searched.row_products[rows]] = LEFT_OUT
    wanted = _wanted(asked, searched, aim) & (found > LEFT_OUT)
    step = max(1, _SORTED_AT_ONCE // found.shape[1])
    parts = [slice(start, start + step) for start in range(0, len(found), step)]
    values = [_of_rankings(found[part], wanted[part], k) for part in parts]
    return Values(*(np.concatenate([getattr(each, field.name) for each in values]) for field in fields(Values)))


def _wanted(asked: Asked, searched: Searched, aim: By) -> BoolArray:
    if aim == "by_category":
        same: BoolArray = asked.categories[:, np.newaxis] == searched.categories
        same &= (asked.categories != NO_CATEGORY)[:, np.newaxis]
        return same
    wanted = np.zeros((len(asked), len(searched.categories)), np.bool_)
    for row, products in zip(wanted, asked.relevant, strict=True):
        row[products] = True
    return wanted


def _of_rankings(scores: Float32Array, wanted: BoolArray, k: int) -> Values:
    ranked = np.take_along_axis(wanted, best_first(scores), axis=1)
    figures = figures_of(ranked, np.count_nonzero(scores > LEFT_OUT, axis=1), k)
    first_hit = np.where(figures.is_defined, ranked[:, 0].astype(np.float64), np.nan)
    return Values(figures.precision, first_hit, figures.average_precision)
