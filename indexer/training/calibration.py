"""How much the head and the neighbours count, and how sure they are together: fitted so that 0.9 is right in 0.9."""

from dataclasses import dataclass

import numpy as np

from app.core.arrays import Float64Array, Int64Array
from app.core.category_head import VOTE_FLOOR, log_softmax
from indexer.training.minimise import minimise


@dataclass(frozen=True, slots=True)
class Join:
    """The weight of the head, from 0 to 1, and the temperature of head and neighbours together."""

    head_share: float
    temperature: float


def fit_join(head_logs: Float64Array, votes: Float64Array, labels: Int64Array) -> Join:
    """
    Return the join that makes the labels of pictures most probable.

    The pictures must be ones that the head did not learn from, with votes of other products.

    Args:
        head_logs: Logarithms of the head's probabilities, shape (n, c).
        votes: Each category's share of the neighbours' vote, shape (n, c).
        labels: What is right, shape (n,).
    """
    rows = np.arange(len(labels))
    parts = np.stack([head_logs, np.log(votes + VOTE_FLOOR)])  # (2, n, c)

    def objective(point: Float64Array) -> tuple[float, Float64Array]:
        exponents = np.exp(point)  # of the head and of the neighbours: above 0
        logs = log_softmax(np.tensordot(exponents, parts, axes=1))
        residual = np.exp(logs)
        residual[rows, labels] -= 1
        slope = np.einsum("nc,knc->k", residual, parts) / len(labels)
        return -float(logs[rows, labels].mean()), slope * exponents

    head, neighbours = np.exp(minimise(objective, np.log([0.5, 0.5]), tolerance=1e-7)).tolist()
    return Join(head_share=head / (head + neighbours), temperature=1 / (head + neighbours))
