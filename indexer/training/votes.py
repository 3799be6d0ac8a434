"""What the nearest pictures of other products say of a picture's category."""

from collections.abc import Callable
from typing import Final

import numpy as np

from app.core.arrays import Float32Array, Float64Array, Int64Array
from app.core.neighbour_vote import NEIGHBOURS, neighbour_vote
from indexer.training.examples import Examples

_LOOKED_AT: Final = 5 * NEIGHBOURS
"""Pictures among which the nearest products are found; a product of which there are more counts once."""
_BLOCK_SCORES: Final = 2**24
"""Scores in memory at once: 64 MiB."""


def neighbour_votes(
    examples: Examples,
    embeddings: Float32Array,
    queries: Int64Array,
    among: Int64Array,
    advance: Callable[[int], None] = lambda _count: None,
) -> Float64Array:
    """
    Return each category's share of the vote of the products most like each query, its own product left out: (q, c).

    Args:
        examples: The pictures, n of them.
        embeddings: Theirs, shape (n, d), unit-norm.
        queries: Rows that are asked for, shape (q,).
        among: Rows that neighbours are looked for in, shape (m,).
        advance: Told how many queries were answered.
    """
    others = embeddings[among]
    products = _product_numbers(examples)
    number = {category: i for i, category in enumerate(examples.categories)}
    votes = np.zeros((len(queries), len(number)))
    block = max(1, _BLOCK_SCORES // max(len(among), 1))
    for start in range(0, len(queries), block):
        asked = queries[start : start + block]
        scores = embeddings[asked] @ others.T
        scores[examples.groups[asked][:, np.newaxis] == examples.groups[among]] = -np.inf
        nearest = _largest(scores, _LOOKED_AT)
        for row, columns in enumerate(nearest):
            neighbours: dict[int, tuple[str | None, float]] = {}
            for column in columns.tolist():
                if np.isfinite(score := float(scores[row, column])):
                    other = int(among[column])
                    label = examples.categories[examples.labels[other]]
                    neighbours.setdefault(int(products[other]), (label, score))
            for label, share in neighbour_vote(list(neighbours.values())).items():
                votes[start + row, number[label]] = share
        advance(len(asked))
    return votes


def _product_numbers(examples: Examples) -> Int64Array:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(p.product_id, len(numbers)) for p in examples.pictures], np.int64)


def _largest(scores: Float32Array, count: int) -> Int64Array:
    """Return the columns of the largest scores of each row, largest first, shape (rows, at most count)."""
    if scores.shape[1] > count:
        columns = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    else:
        columns = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    largest: Int64Array = np.take_along_axis(columns, order, axis=1)
    return largest
