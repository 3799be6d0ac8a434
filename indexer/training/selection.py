"""How strongly to regularise: chosen on pictures that were not learned from, by cross-validation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.vector_index import Float32Array, Int64Array
from indexer.training.regression import Float64Array, Layers, example_weights, fit

STRENGTHS: Final = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
"""From the strongest: each one starts from the layers of the one before it."""
PATIENCE: Final = 2
"""So many strengths in a row that are worse than the best one end the search."""


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
    scaled: Float32Array,
    labels: Int64Array,
    fold_of: Int64Array,
    advance: Callable[[], None] = lambda: None,
) -> Selection:
    """
    Return the strength at which pictures of a fold are told best by what was learned from the other folds.

    Args:
        scaled: Embeddings, shape (n, d).
        labels: Category of each, shape (n,).
        fold_of: Fold of each, shape (n,).
        advance: Called after each strength.
    """
    count, k = int(labels.max()) + 1, int(fold_of.max()) + 1
    rows = np.arange(len(labels))
    weights = example_weights(labels, fold_of[:, np.newaxis] != np.arange(k))
    layers = Layers.zero(scaled.shape[1], k, count)
    tried: list[tuple[float, float]] = []
    best: Selection | None = None
    for strength in STRENGTHS:
        layers = fit(scaled, labels, weights, strength=strength, start=layers)
        logs = layers.logs(scaled)[rows, fold_of]  # of each picture by the regression that had not learned from it
        loss = -float(logs[rows, labels].mean())
        tried.append((strength, loss))
        advance()
        if best is None or loss < min(known for _, known in tried[:-1]):
            best = Selection(strength, logs, layers.mean(), ())
        elif len(tried) - [each for each, _ in tried].index(best.strength) > PATIENCE:
            break
    if best is None:
        raise AssertionError("there is a strength at least")
    return Selection(best.strength, best.logs, best.start, tuple(tried))
