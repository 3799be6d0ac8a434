"""How well a network finds: of the ten pictures nearest to a held-out one, how many are of its category."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.arrays import BoolArray, Float32Array, Float64Array, Int64Array

NEAREST: Final = 10
_QUERIES_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over queries, with the interval that holds the true one with 95 % certainty."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Float64Array) -> "Mean":
        """Return that of values, shape (n,), n at least 1."""
        value = float(values.mean())
        half = 1.96 * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 1.0
        return cls(round(value, 4), round(value - half, 4), round(value + half, 4))


def shares_found(embeddings: Float32Array, labels: Int64Array, queries: BoolArray, among: BoolArray) -> Float64Array:
    """
    Return for each query the share of its nearest pictures that are of its category.

    Args:
        embeddings: Of all pictures, shape (n, d), unit-norm.
        labels: Category of each, shape (n,).
        queries: Which pictures are asked for, shape (n,).
        among: Which pictures can be found, shape (n,).
    """
    kept, kept_labels = embeddings[among], labels[among]
    asked, asked_labels = embeddings[queries], labels[queries]
    count = min(NEAREST, len(kept))
    shares = []
    for start in range(0, len(asked), _QUERIES_AT_ONCE):
        part = slice(start, start + _QUERIES_AT_ONCE)
        nearest = np.argpartition(-(asked[part] @ kept.T), count - 1, axis=1)[:, :count]
        shares.append((kept_labels[nearest] == asked_labels[part][:, np.newaxis]).mean(axis=1))
    return np.concatenate(shares)
