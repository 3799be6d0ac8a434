"""Logistic regression of one yes or no on few features."""

import numpy as np

from app.core.arrays import BoolArray, Float64Array
from indexer.training.minimise import minimise


def fit_logistic(features: Float64Array, is_so: BoolArray, *, strength: float = 1e-3) -> tuple[Float64Array, float]:
    """
    Return the slopes, shape (m,), and the bias of the logit that it is so.

    Args:
        features: Shape (n, m); their scales do not matter.
        is_so: Shape (n,).
        strength: Of the regularisation, on features of spread 1; keeps the slopes finite where a plane parts the two.
    """
    mean, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
    scaled = (features - mean) / spread

    def objective(point: Float64Array) -> tuple[float, Float64Array]:
        logits = scaled @ point[:-1] + point[-1]
        loss = float(np.logaddexp(0, np.where(is_so, -logits, logits)).mean()) + strength / 2 * float(
            point[:-1] @ point[:-1]
        )
        residual = (0.5 * (1 + np.tanh(logits / 2)) - is_so) / len(is_so)
        return loss, np.append(scaled.T @ residual + strength * point[:-1], residual.sum())

    point = minimise(objective, np.zeros(features.shape[1] + 1), tolerance=1e-9)
    slopes: Float64Array = point[:-1] / spread
    return slopes, float(point[-1] - slopes @ mean)
