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

from app.core.arrays import Float64Array

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
    Return the mean of each figure over the queries that have figures, with its interval; nothing where none has.

    Args:
        values: Figures of all queries by name, each of shape (q,); a query has all of them, or NaN for each.
        clusters: Shape (q,): what the queries belong to, such as the number of their product.
        seed: Of the resampling; the same seed gives the same intervals.
    """
    stacked = np.stack(list(values.values()))
    is_defined = ~np.isnan(stacked).any(axis=0)
    queries = int(np.count_nonzero(is_defined))
    if queries == 0:
        return {}
    stacked = stacked[:, is_defined]
    _, members = np.unique(clusters[is_defined], return_inverse=True)
    sums = np.stack([np.bincount(members, figures).astype(np.float64) for figures in stacked])
    low, high = _intervals(sums, np.bincount(members).astype(np.float64), np.random.default_rng(seed))
    means = stacked.mean(axis=1)
    return {name: Estimate(float(means[i]), float(low[i]), float(high[i]), queries) for i, name in enumerate(values)}


def _intervals(sums: Float64Array, counts: Float64Array, rng: np.random.Generator) -> tuple[Float64Array, Float64Array]:
    """Return lower and upper bounds (f,) of the means, from the sums (f, c) and counts (c,) of the clusters."""
    means = np.empty((len(sums), RESAMPLES))
    step = max(1, _DRAWN_AT_ONCE // len(counts))
    for start in range(0, RESAMPLES, step):
        drawn = rng.integers(0, len(counts), (min(step, RESAMPLES - start), len(counts)), dtype=np.int32)
        total = counts[drawn].sum(axis=1)
        for i, figures in enumerate(sums):
            means[i, start : start + step] = figures[drawn].sum(axis=1) / total
    margin = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [margin, 1 - margin], axis=1)
    return low, high
