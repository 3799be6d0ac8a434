"""Multinomial logistic regression on features of pictures, several at once on parts of the same pictures."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from app.core.category_head import log_softmax
from indexer.training.minimise import minimise

BALANCE: Final = 0.5
"""How far rare categories are made up for: 0 not at all, 1 until each counts the same as every other."""
FINE: Final = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """
    The layers of k regressions over m features and c categories.

    Attributes:
        weight: Shape (m, k, c).
        bias: Shape (k, c).
    """

    weight: Float64Array
    bias: Float64Array

    @classmethod
    def zero(cls, m: int, k: int, c: int) -> "Layers":
        """Return layers that hold all categories for equally probable."""
        return cls(np.zeros((m, k, c)), np.zeros((k, c)))

    def logs(self, features: Float32Array) -> Float64Array:
        """Return the logarithms of the probabilities of pictures with features of shape (n, m): shape (n, k, c)."""
        m, k, c = self.weight.shape
        logits = features @ self.weight.reshape(m, k * c).astype(np.float32)
        return log_softmax(logits.reshape(len(features), k, c) + self.bias)

    def mean(self) -> "Layers":
        """Return one layer, the mean of all."""
        return Layers(self.weight.mean(axis=1, keepdims=True), self.bias.mean(axis=0, keepdims=True))


def example_weights(labels: Int64Array, used: BoolArray) -> Float64Array:
    """
    Return how much each example counts in each of k regressions, shape (n, k), columns sum to 1.

    Args:
        labels: Category of each example, shape (n,).
        used: Which examples each regression learns from, shape (n, k).
    """
    counts = np.zeros((int(labels.max()) + 1, used.shape[1]))
    np.add.at(counts, labels, used)
    weights = used * np.maximum(counts, 1)[labels] ** -BALANCE
    total: Float64Array = weights / weights.sum(axis=0)
    return total


def fit(
    features: Float32Array,
    labels: Int64Array,
    weights: Float64Array,
    *,
    strength: float,
    start: Layers,
    tolerance: float = FINE,
) -> Layers:
    """
    Return the layers with the least weighted cross-entropy plus strength / 2 times the squares of their weights.

    Args:
        features: Shape (n, m).
        labels: Shape (n,).
        weights: Of each example in each regression, shape (n, k).
        strength: Of the regularisation; above 0.
        start: Where to begin: the layers of a similar strength save most of the steps.
        tolerance: Ends when a step gains less than this share.
    """
    m, k, c = start.weight.shape
    rows = np.arange(len(labels))

    def objective(point: Float64Array) -> tuple[float, Float64Array]:
        weight, bias = point[: m * k * c].reshape(m, k, c), point[m * k * c :].reshape(k, c)
        logs = Layers(weight, bias).logs(features)
        loss = -float((weights * logs[rows, :, labels]).sum()) + strength / 2 * float((weight**2).sum())
        residual = np.exp(logs)
        residual[rows, :, labels] -= 1
        residual *= weights[:, :, np.newaxis]
        slope = features.T @ residual.reshape(len(labels), k * c).astype(np.float32)
        gradient = slope.reshape(m, k, c) + strength * weight
        return loss, np.concatenate([gradient.ravel(), residual.sum(axis=0).ravel()])

    start_point = np.concatenate([start.weight.ravel(), start.bias.ravel()])
    point = minimise(objective, start_point, tolerance=tolerance)
    return Layers(point[: m * k * c].reshape(m, k, c), point[m * k * c :].reshape(k, c))
