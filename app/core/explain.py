"""
Why a hit is one: for the query and for the hit, which places of the picture made them similar.

For a network whose embedding is the mean of its last map, the cosine of two embeddings is a sum over the places of
either picture (Stylianou, Souvenir & Pless, "Visualizing Deep Similarity Networks", 2019), and a map shows the terms of
that sum, less what any two pictures have in common. Other networks go on from the same map in ways of their own, so
that for them this is an approximation; how true it is, deleting shows: docs/explain.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.core.arrays import Float32Array
from app.core.preprocessing import Preprocessing, Region
from app.core.regions import Code


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """
    Which places made two pictures similar, shape (h, w) each, from the upper left, 0 (not at all) to 1 (most of all).

    A map covers what the network sees of a picture, see `seen_part`.
    """

    query: Float32Array
    hit: Float32Array


def explain(query: Code | None, hit: Code | None) -> Explanation | None:
    """Return the maps of a query and a hit; None where either has no code, or theirs cannot be compared."""
    if query is None or hit is None or query.basis_sha256 != hit.basis_sha256:
        return None
    return Explanation(_shares(query.values, hit.values), _shares(hit.values, query.values))


def _shares(ours: Float32Array, theirs: Float32Array) -> Float32Array:
    """Return what each of our places contributes to the cosine of the two means, the most as 1."""
    contributions = np.clip(ours @ theirs.mean(axis=(0, 1)), 0, None)
    most = float(contributions.max())
    return np.asarray(contributions / most if most > 0 else contributions, np.float32)


def seen_part(
    width_px: int, height_px: int, preprocessings: Sequence[Preprocessing], region: Region | None = None
) -> Region:
    """
    Return the part of an upright picture, or of a region of it, that the network sees and a map covers.

    It is a square in pixels, and so a part of the longer side mostly.
    """
    region = region or Region(0, 0, 1, 1)
    region_px = (region.x1 - region.x0) * width_px, (region.y1 - region.y0) * height_px
    side_px = min(region_px) * max(preprocessing.crop_px / preprocessing.resize_px for preprocessing in preprocessings)
    half_x, half_y = side_px / width_px / 2, side_px / height_px / 2
    x, y = (region.x0 + region.x1) / 2, (region.y0 + region.y1) / 2
    return Region(max(x - half_x, 0), max(y - half_y, 0), min(x + half_x, 1), min(y + half_y, 1))
