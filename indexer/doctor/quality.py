"""
What one decoded picture is like: blurred, blank, and a small copy of it to compare others with.

Measured on a square of 256 px from the middle, as large as what a network sees: sizes of files do not matter then.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.arrays import Float32Array, UInt8Array
from app.core.preprocessing import Preprocessing

SIDE_PX: Final = 256
SQUARE: Final = Preprocessing(SIDE_PX, SIDE_PX, "bilinear", mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
SMALL_PX: Final = 32

_TILE_PX: Final = 64
_TAPS: Final = 9
_NOISE: Final = 2.0  # levels of grey between two pixels
_GREY: Final = np.array([0.299, 0.587, 0.114], np.float32)

FloatImage = Float32Array


@dataclass(frozen=True, eq=False, slots=True)
class Quality:
    """
    Measures of one picture.

    Attributes:
        blur: From 0 (sharp) to 1, of its sharpest part: a background may be out of focus.
        contrast: Standard deviation of its pixels, of the channel with the largest; 0 to 127.
        small: The picture at 32 x 32 pixels, shape (32, 32, 3), uint8.
    """

    blur: float
    contrast: float
    small: UInt8Array


def measure(pixels: UInt8Array) -> Quality:
    """Return the measures of a picture of 256 x 256 pixels, shape (256, 256, 3)."""
    grey: FloatImage = pixels.astype(np.float32) @ _GREY
    return Quality(
        blur=max(_blur(grey), _blur(np.ascontiguousarray(grey.T))),
        contrast=float(pixels.reshape(-1, 3).std(axis=0).max()),
        small=_means(pixels, SMALL_PX).round().astype(np.uint8),
    )


def _blur(grey: FloatImage) -> float:
    """
    Return how little a picture changes along its rows when it is blurred along them: what was sharp changes much.

    Source: Crété-Roffet et al. 2007, "The blur effect: perception and estimation with a new no-reference perceptual
    blur metric"; here of the sharpest tile among those with strong edges, and without the steps that are noise.
    """
    padded = np.pad(grey, ((0, 0), (_TAPS // 2 + 1, _TAPS // 2)), mode="edge")
    sums = np.cumsum(padded, axis=1)
    blurred = (sums[:, _TAPS:] - sums[:, :-_TAPS]) / _TAPS  # the shape of `grey`
    steps = np.abs(np.diff(grey, axis=1))
    steps *= steps > _NOISE
    lost = np.maximum(steps - np.abs(np.diff(blurred, axis=1)), 0)
    edges, lost_edges = _tile_sums(steps), _tile_sums(lost)
    telling = edges >= max(0.5 * float(edges.max()), 1.0)
    if not telling.any():
        return 1.0
    return float(1 - (lost_edges[telling] / edges[telling]).max())


def _tile_sums(values: FloatImage) -> FloatImage:
    tiles = SIDE_PX // _TILE_PX
    whole = np.pad(values, ((0, 0), (0, 1)))  # there is one difference fewer than pixels
    sums: FloatImage = whole.reshape(tiles, _TILE_PX, tiles, _TILE_PX).sum(axis=(1, 3))
    return sums


def _means(pixels: UInt8Array, side: int) -> FloatImage:
    """Return the means of equal squares, shape (side, side, 3)."""
    step = len(pixels) // side
    means: FloatImage = pixels.reshape(side, step, side, step, 3).mean(axis=(1, 3), dtype=np.float32)
    return means
