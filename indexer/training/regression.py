"""Multinomial logistic regression on embeddings, several at once on parts of the same pictures."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.category_head import log_softmax
from app.core.vector_index import Float32Array, Int64Array
from indexer.training.minimise import minimise

Float64Array = npt.NDArray[np.float64]

BALANCE: Final = 0.5
"""How far rare categories are made up for: 0 not at all, 1 until each counts the same as every other."""

_LEAST_SPREAD: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """How embeddings are shifted and stretched before they are learned from, shape (d,) each."""

    mean: Float64Array
    spread: Float64Array

    @classmethod
    def of(cls, embeddings: Float32Array) -> "Scale":
        """
        Return what gives every value of these embeddings, shape (n, d), mean 0 and standard deviation 1.

        A value that hardly ever differs from its mean is stretched less: it would drown the others where it does.
        """
        mean = embeddings.mean(axis=0, dtype=np.float64)
        spread = embeddings.std(axis=0, dtype=np.float64)
        return cls(mean, np.maximum(spread, _LEAST_SPREAD * float(spread.mean())))

    def apply(self, embeddings: Float32Array) -> Float32Array:
        """Return scaled embeddings, shape (n, d)."""
        scaled = embeddings - self.mean.astype(np.float32)
        scaled /= self.spread.astype(np.float32)
        return scaled


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """
    The layers of k regressions over d values and c categories.

    Attributes:
        weight: Shape (d, k, c).
        bias: Shape (k, c).
    """

    weight: Float64Array
    bias: Float64Array

    @classmethod
    def zero(cls, d: int, k: int, c: int) -> "Layers":
        """Return layers that hold all categories for equally probable."""
        return cls(np.zeros((d, k, c)), np.zeros((k, c)))

    def logs(self, scaled: Float32Array) -> Float64Array:
        """Return the logarithms of the probabilities of scaled embeddings, shape (n, d): shape (n, k, c)."""
        d, k, c = self.weight.shape
        logits = scaled @ self.weight.reshape(d, k * c).astype(np.float32)
        return log_softmax(logits.reshape(len(scaled), k, c) + self.bias)

    def mean(self) -> "Layers":
        """Return one layer, the mean of all."""
        return Layers(self.weight.mean(axis=1, keepdims=True), self.bias.mean(axis=0, keepdims=True))

    def unscaled(self, scale: Scale) -> tuple[Float32Array, Float32Array]:
        """Return weight (c, d) and bias (c,) of the first layer for embeddings as they are."""
        weight = self.weight[:, 0] / scale.spread[:, np.newaxis]
        bias = self.bias[0] - scale.mean @ weight
        return np.ascontiguousarray(weight.T, np.float32), bias.astype(np.float32)


def example_weights(labels: Int64Array, used: npt.NDArray[np.bool_]) -> Float64Array:
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
    scaled: Float32Array, labels: Int64Array, weights: Float64Array, *, strength: float, start: Layers
) -> Layers:
    """
    Return the layers with the least weighted cross-entropy plus strength / 2 times the squares of their weights.

    Args:
        scaled: Shape (n, d).
        labels: Shape (n,).
        weights: Of each example in each regression, shape (n, k).
        strength: Of the regularisation; above 0.
        start: Where to begin: the layers of a similar strength save most of the steps.
    """
    d, k, c = start.weight.shape
    rows = np.arange(len(labels))

    def objective(point: Float64Array) -> tuple[float, Float64Array]:
        weight, bias = point[: d * k * c].reshape(d, k, c), point[d * k * c :].reshape(k, c)
        logs = Layers(weight, bias).logs(scaled)
        loss = -float((weights * logs[rows, :, labels]).sum()) + strength / 2 * float((weight**2).sum())
        residual = np.exp(logs)
        residual[rows, :, labels] -= 1
        residual *= weights[:, :, np.newaxis]
        slope = scaled.T @ residual.reshape(len(labels), k * c).astype(np.float32)
        gradient = slope.reshape(d, k, c) + strength * weight
        return loss, np.concatenate([gradient.ravel(), residual.sum(axis=0).ravel()])

    point = minimise(objective, np.concatenate([start.weight.ravel(), start.bias.ravel()]))
    return Layers(point[: d * k * c].reshape(d, k, c), point[d * k * c :].reshape(k, c))
