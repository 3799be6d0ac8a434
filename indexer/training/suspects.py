"""Pictures that look mislabelled: what was learned from all the others says something else, and is sure of it."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.arrays import Int64Array
from indexer.training.figures import Probabilities

SURE: Final = 0.7
"""Probability of another category from which on a picture is listed."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A picture, by its row, with the category that it looks like."""

    row: int
    stated: str
    stated_probability: float
    looks_like: str
    probability: float


def find_suspects(
    rows: Int64Array, labels: Int64Array, probabilities: Probabilities, categories: tuple[str, ...]
) -> list[Suspect]:
    """
    Return the pictures that most surely are of another category than the shop says, surest first.

    Args:
        rows: Of the pictures, shape (n,).
        labels: The category that the shop says, shape (n,).
        probabilities: From what was not learned from the picture itself or its product, shape (n, c).
        categories: Their names.
    """
    best = probabilities.argmax(axis=1)
    own = probabilities[np.arange(len(labels)), labels]
    surest = probabilities.max(axis=1)
    order = np.lexsort((rows, own - surest))
    return [
        Suspect(
            row=int(rows[i]),
            stated=categories[labels[i]],
            stated_probability=float(own[i]),
            looks_like=categories[best[i]],
            probability=float(surest[i]),
        )
        for i in order.tolist()
        if best[i] != labels[i] and surest[i] >= SURE
    ]
