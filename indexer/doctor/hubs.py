"""
Pictures that turn up for everything (hubs), and products that nothing leads to (anti-hubs).

Counted is how often a picture is among the ten hits of another product's picture, its k-occurrence: ten on average,
whatever the catalogue. In spaces of many dimensions a few points near the middle of the data are neighbours of very
many others (Radovanović, Nanopoulos and Ivanović 2010, "Hubs in Space", JMLR 11).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.vector_index import BLOCK_ROWS, Float32Array, Int64Array, VectorIndex
from indexer.doctor.neighbours import NEIGHBOURS, Int32Array, Neighbours

HUB_PERCENTILE: Final = 99.8
HUB_TIMES: Final = 5
"""How often more than on average a picture turns up before it is called a hub: some are always above a percentile."""
CENTRAL_DEVIATIONS: Final = 6.0
"""
Robust standard deviations above the median, of the cosine to the mean embedding.

A picture that much nearer to the middle than all others was not taken of any one product. It need not be a hub yet: in
a small catalogue everything may have ten nearer neighbours.
"""


@dataclass(frozen=True, eq=False, slots=True)
class Hubness:
    """
    How often pictures and products are found.

    Attributes:
        occurrences: Shape (n,): in how many searches with other products' pictures a picture is among the ten hits.
        product_occurrences: Shape (p,): the same for products.
        hub_rows: Pictures that turn up too often, most often first.
        central_rows: Pictures in the middle of all, the most central first.
        unreached: Products that are in no other's ten hits.
    """

    occurrences: Int64Array
    product_occurrences: Int64Array
    hub_rows: Int64Array
    central_rows: Int64Array
    unreached: Int64Array


def find_hubs(index: VectorIndex, row_products: Int32Array, neighbours: Neighbours) -> Hubness:
    """Count how often each picture is found, and tell which are found too often or never."""
    n = len(index)
    found = neighbours.rows[neighbours.rows >= 0]
    occurrences = np.bincount(found, minlength=n)
    product_occurrences = np.bincount(row_products[found], minlength=int(row_products.max()) + 1)
    return Hubness(
        occurrences=occurrences,
        product_occurrences=product_occurrences,
        hub_rows=_hubs(occurrences, len(product_occurrences)),
        central_rows=_central(centrality(index)),
        unreached=np.flatnonzero(product_occurrences == 0)
        if len(product_occurrences) > NEIGHBOURS
        else np.array([], np.int64),
    )


def centrality(index: VectorIndex) -> Float32Array:
    """Return the cosine of each embedding to the mean of all, shape (n,)."""
    starts = range(0, len(index), BLOCK_ROWS)
    mean = np.sum([index.block(start).sum(axis=0, dtype=np.float64) for start in starts], axis=0)
    norm = float(np.linalg.norm(mean))
    direction = (mean / norm if norm else mean).astype(np.float32)
    cosines: Float32Array = np.concatenate([index.block(start) @ direction for start in starts])
    return cosines


def _hubs(occurrences: Int64Array, products: int) -> Int64Array:
    """Return the pictures above the percentile that turn up many times as often as one does on average."""
    if products <= HUB_TIMES * NEIGHBOURS:  # everything is among the ten hits of much
        return np.array([], np.int64)
    limit = max(float(np.percentile(occurrences, HUB_PERCENTILE)), HUB_TIMES * float(occurrences.mean()))
    rows = np.flatnonzero(occurrences > limit)
    return rows[np.argsort(-occurrences[rows], kind="stable")]


def _central(cosines: npt.NDArray[np.float32]) -> Int64Array:
    """Return the outliers near the middle."""
    median = float(np.median(cosines))
    deviation = 1.4826 * float(np.median(np.abs(cosines - median)))  # of a normal distribution
    rows = np.flatnonzero(cosines > median + CENTRAL_DEVIATIONS * deviation) if deviation else np.array([], np.int64)
    return rows[np.argsort(-cosines[rows], kind="stable")]
