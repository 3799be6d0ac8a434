"""
The maps of several networks on one grid, so that `a+b` has regions as one network has.

Each network sees the centre of the picture, one perhaps more of it than another, in cells of its own. Here all get the
cells of the coarsest, over the square that the widest sees; a network says nothing of cells beyond its own square.
"""

from collections.abc import Sequence

import numpy as np

from app.core.arrays import Float32Array
from app.core.preprocessing import Preprocessing
from app.core.runtimes.base import no_regions


def joined_regions(
    parts: Sequence[Float32Array], preprocessings: Sequence[Preprocessing], shares: Sequence[float] | None = None
) -> Float32Array:
    """
    Return one map (n, side, side, channels) of the maps of several networks, their channels one after the other.

    The mean of a network's map over its cells gets the length that its embedding has in the joined one, so that what a
    place contributes is weighed as the scores are.

    Args:
        parts: Shape (n, h, w, channels) each; those with no cells are left out.
        preprocessings: Of each network.
        shares: Of each network in the score, positive; None: equal ones.
    """
    weights = np.sqrt([1.0] * len(parts) if shares is None else shares)
    seen = [
        (regions, preprocessing, weight)
        for regions, preprocessing, weight in zip(parts, preprocessings, weights.tolist(), strict=True)
        if regions.shape[1] > 0
    ]
    if not seen:
        return no_regions(len(parts[0]))
    cells = min(regions.shape[1] for regions, _, _ in seen)
    widest = max(_seen_share(preprocessing) for _, preprocessing, _ in seen)
    return np.concatenate(
        [
            resampled(_of_length(regions, weight), cells, widest / _seen_share(preprocessing))
            for regions, preprocessing, weight in seen
        ],
        axis=3,
    )


def resampled(regions: Float32Array, cells: int, span: float = 1.0) -> Float32Array:
    """
    Return maps (n, cells, cells, channels) of maps (n, h, h, channels), by area.

    Args:
        regions: The maps, square.
        cells: A side of the new ones.
        span: How many times as wide as the old square the new one is, about the same centre; cells outside the old
            square are zero.
    """
    if regions.shape[1] == cells and span == 1:
        return regions
    overlap = _overlap(cells, regions.shape[1], span)
    return np.asarray(np.einsum("ia,jb,nabc->nijc", overlap, overlap, regions, optimize=True), np.float32)


def _overlap(new: int, old: int, span: float) -> Float32Array:
    """Return which share of each new cell lies in each old one, shape (new, old)."""
    edges = (np.arange(new + 1) / new - 0.5) * span * old + old / 2  # in old cells
    starts, ends = edges[:-1, np.newaxis], edges[1:, np.newaxis]
    shared = np.minimum(ends, np.arange(1, old + 1)) - np.maximum(starts, np.arange(old))
    return np.asarray(np.clip(shared, 0, None) / (ends - starts), np.float32)


def _seen_share(preprocessing: Preprocessing) -> float:
    """Return which part of the picture's shorter side a network sees."""
    return preprocessing.crop_px / preprocessing.resize_px


def _of_length(regions: Float32Array, length: float) -> Float32Array:
    """Scale each map so that its mean over the cells has this length; a map of zeros stays one."""
    lengths = np.linalg.norm(regions.mean(axis=(1, 2), dtype=np.float64), axis=1)
    scales = length / np.where(lengths > 0, lengths, 1.0)
    return regions * scales.astype(np.float32)[:, np.newaxis, np.newaxis, np.newaxis]
