"""
Intervals by resampling the queries: how far a figure could have come out otherwise with other queries of this kind.

Queries that are pictures of one product are drawn together, because they are alike: drawn singly, they would make the
interval too narrow. The percentile interval of Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter
13; drawing clusters as in Davison and Hinkley, Bootstrap Methods and their Application (1997), section 3.8.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from indexer.evaluation.metrics import Float64Array

SEED: Final = 20171
RESAMPLES: Final = 2_000
CONFIDENCE: Final = 0.95
_DRAWN_AT_ONCE: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `queries` queries, and its interval at CONFIDENCE; of a single query the interval says nothing."""

    value: float
    low: float
    high: float
    queries: int

    def as_json(self) -> dict[str, float]:
        """Return it as it stands in JSON documents."""
        return {"value": round(self.value, 6), "low": round(self.low, 6), "high": round(self.high, 6)}


def estimates(
    values: Mapping[str, Float64Array], clusters: npt.NDArray[np.integer], *, seed: int = SEED
) -> dict[str, Estimate]:
    """
    Return the mean of each figure over the queries that have it, with its interval; no entry where none has it.

    Args:
        values: Figures of all queries by name, each of shape (q,); NaN where a query has none.
        clusters: Shape (q,): what the queries belong to, such as the number of their product.
        seed: Of the resampling; the same seed gives the same intervals.
    """
    found = {}
    for name, figures in values.items():
        is_defined = ~np.isnan(figures)
        if is_defined.any():
            found[name] = _estimate(figures[is_defined], clusters[is_defined], np.random.default_rng(seed))
    return found


def _estimate(values: Float64Array, clusters: npt.NDArray[np.integer], rng: np.random.Generator) -> Estimate:
    _, members = np.unique(clusters, return_inverse=True)
    counts = np.bincount(members).astype(np.float64)
    sums = np.bincount(members, values)
    means = np.empty(RESAMPLES)
    step = max(1, _DRAWN_AT_ONCE // len(sums))
    for start in range(0, RESAMPLES, step):
        part = means[start : start + step]
        drawn = rng.integers(0, len(sums), (len(part), len(sums)), dtype=np.int32)
        part[:] = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    margin = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [margin, 1 - margin])
    return Estimate(float(values.mean()), float(low), float(high), len(values))
