"""
Pictures that turn up for everything (hubs), and products that nothing leads to (anti-hubs).

Counted is how often a picture is among the ten hits of another product's picture, its k-occurrence: ten on average,
whatever the catalogue. In spaces of many dimensions a few points near the middle of the data are neighbours of very
many others (Radovanović, Nanopoulos and Ivanović 2010, "Hubs in Space", JMLR 11).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.arrays import Float32Array, Int32Array, Int64Array
from app.core.vector_index import BLOCK_ROWS, VectorIndex
from indexer.doctor.neighbours import NEIGHBOURS, Neighbours

HUB_PERCENTILE: Final = 99.8
HUB_TIMES: Final = 5
"""How often more than on average a picture turns up before it is called a hub: some are always above a percentile."""
CENTRAL_ANGLE: Final = 0.7
"""
Of the angle to the mean embedding: a picture with a smaller share of what 95 % of the others have is in the middle.

Such a picture was not taken of any one product. It need not be a hub: of 3,795 fashion photos, the exact mean of all
would be among the ten hits of 15. Measured on those, on each of their nine categories, and on samples of 20 and more,
with two networks: no photo is below 0.82.
"""
LEAST_LENGTH: Final = 0.2
"""Of the mean of unit-norm embeddings: below, they point everywhere. Those of photos have means of 0.5 and more."""
LEAST_CENTRED: Final = 20
"""Of fewer pictures, any may be in the middle."""


@dataclass(frozen=True, eq=False, slots=True)
class Hubness:
    """
    How often pictures and products are found.

    Attributes:
        occurrences: Shape (n,): in how many searches with other products' pictures a picture is among the ten hits.
        product_occurrences: Shape (p,): the same for products.
        hub_rows: Pictures that turn up too often, most often first.
        central_rows: Pictures in the middle of all, or of all of their category.
        unreached: Products that are in no other's ten hits.
    """

    occurrences: Int64Array
    product_occurrences: Int64Array
    hub_rows: Int64Array
    central_rows: Int64Array
    unreached: Int64Array


def find_hubs(
    index: VectorIndex, row_products: Int32Array, neighbours: Neighbours, categories: Sequence[str | None]
) -> Hubness:
    """Count how often each picture is found, and tell which are found too often or never; `categories` by row."""
    n = len(index)
    found = neighbours.rows[neighbours.rows >= 0]
    occurrences = np.bincount(found, minlength=n)
    product_occurrences = np.bincount(row_products[found], minlength=int(row_products.max()) + 1)
    has_choice = len(product_occurrences) > NEIGHBOURS + 1  # else everything is among the ten hits
    _, numbers = np.unique([name or "" for name in categories], return_inverse=True)
    everything = np.zeros(n, np.int64)
    return Hubness(
        occurrences=occurrences,
        product_occurrences=product_occurrences,
        hub_rows=_hubs(occurrences, len(product_occurrences)),
        central_rows=np.union1d(_central(index, everything), _central(index, numbers)),
        unreached=np.flatnonzero(product_occurrences == 0) if has_choice else np.array([], np.int64),
    )


def _hubs(occurrences: Int64Array, products: int) -> Int64Array:
    """Return the pictures above the percentile that turn up many times as often as one does on average."""
    if products <= HUB_TIMES * NEIGHBOURS:  # everything is among the ten hits of much
        return np.array([], np.int64)
    limit = max(float(np.percentile(occurrences, HUB_PERCENTILE)), HUB_TIMES * float(occurrences.mean()))
    rows = np.flatnonzero(occurrences > limit)
    return rows[np.argsort(-occurrences[rows], kind="stable")]


def _central(index: VectorIndex, groups: Int64Array) -> Int64Array:
    """Return the pictures in the middle of their group, `groups` by row."""
    angles = _angles(index, groups)
    rows = []
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        if len(members) >= LEAST_CENTRED:
            limit = CENTRAL_ANGLE * float(np.percentile(angles[members], 5))
            rows.append(members[angles[members] < limit])
    return np.concatenate([np.array([], np.int64), *rows])


def _angles(index: VectorIndex, groups: Int64Array) -> Float32Array:
    """Return the angle of each embedding to the mean of its group, shape (n,); π where there is no middle."""
    means = np.zeros((int(groups.max()) + 1, index.dimension), np.float64)
    for start in range(0, len(index), BLOCK_ROWS):
        block = index.block(start)
        np.add.at(means, groups[start : start + len(block)], block)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    directions = (means / np.maximum(lengths, 1e-12)).astype(np.float32)
    cosines = np.empty(len(index), np.float32)
    for start in range(0, len(index), BLOCK_ROWS):
        block = index.block(start)
        own = directions[groups[start : start + len(block)]]
        cosines[start : start + len(block)] = np.einsum("nd,nd->n", block, own)
    angles: Float32Array = np.arccos(np.clip(cosines, -1, 1))
    counts = np.maximum(np.bincount(groups, minlength=len(means)), 1)
    angles[(lengths[:, 0] / counts < LEAST_LENGTH)[groups]] = np.pi
    return angles
