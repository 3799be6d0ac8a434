"""How strongly to regularise: chosen on pictures that were not learned from, by cross-validation."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.core.arrays import Float32Array, Float64Array, Int64Array
from indexer.training.regression import Layers, example_weights, fit

STRENGTHS: Final = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
"""From the strongest: each starts from the layers of the one before it, and the first that is worse is the last."""
_TOLERANCE: Final = 1e-3
"""Rougher than what is kept in the end: it changes the losses by less than they differ, and halves the time."""


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """
    What cross-validation chose.

    Attributes:
        strength: Of the regularisation.
        logs: Logarithms of the probabilities that regressions gave pictures which they had not learned from, (n, c).
        start: A layer to start from when all pictures are learned from.
        tried: Strength and mean negative log-likelihood of each that was tried.
    """

    strength: float
    logs: Float64Array
    start: Layers
    tried: tuple[tuple[float, float], ...]


def choose_strength(
    features: Float32Array,
    labels: Int64Array,
    fold_of: Int64Array,
    advance: Callable[[], None] = lambda: None,
) -> Selection:
    """
    Return the strength at which pictures of a fold are told best by what was learned from the other folds.

    Args:
        features: Of the pictures, shape (n, m).
        labels: Category of each, shape (n,).
        fold_of: Fold of each, shape (n,).
        advance: Called after each strength.
    """
    count, k = int(labels.max()) + 1, int(fold_of.max()) + 1
    rows = np.arange(len(labels))
    weights = example_weights(labels, fold_of[:, np.newaxis] != np.arange(k))
    layers = Layers.zero(features.shape[1], k, count)
    tried: list[tuple[float, float]] = []
    best = Selection(STRENGTHS[0], np.zeros(0), layers, ())
    for strength in STRENGTHS:
        layers = fit(features, labels, weights, strength=strength, start=layers, tolerance=_TOLERANCE)
        logs = layers.logs(features)[rows, fold_of]  # of each picture by the regression that had not learned from it
        loss = -float(logs[rows, labels].mean())
        advance()
        if tried and loss > tried[-1][1]:
            tried.append((strength, loss))
            break
        tried.append((strength, loss))
        best = Selection(strength, logs, layers.mean(), ())
    return replace(best, tried=tuple(tried))
