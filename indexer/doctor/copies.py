"""
Whether two pictures are one photo: laid over each other, they agree in fine detail, not only in shape.

A cropped copy is shifted and enlarged by some per cent. Both are found by Gauss-Newton steps on the difference of the
pictures (Lucas and Kanade 1981, "An Iterative Image Registration Technique"), for many pairs at once.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.arrays import Float32Array

LARGEST_ZOOM: Final = 0.2  # logarithm of the scale
LARGEST_SHIFT: Final = 0.12  # of a side

_GREY: Final = np.array([0.299, 0.587, 0.114], np.float32)
_DAMPING: Final = 1e-3


@dataclass(frozen=True, eq=False, slots=True)
class Agreement:
    """
    How well the pictures of each pair agree once they lie over each other, shape (pairs,).

    Attributes:
        shape: Correlation of their pixels, each picture's mean colour taken away.
        detail: Correlation of what is finer than some pixels.
        difference: Root of the mean squared difference of their pixels, in levels of 0 to 255.
    """

    shape: Float32Array
    detail: Float32Array
    difference: Float32Array

    def better(self, other: "Agreement") -> "Agreement":
        """Return the better of both, measure by measure."""
        return Agreement(
            np.maximum(self.shape, other.shape),
            np.maximum(self.detail, other.detail),
            np.minimum(self.difference, other.difference),
        )


def agreement(a: Float32Array, b: Float32Array) -> Agreement:
    """
    Compare the pictures of each pair, shapes (pairs, side, side, 3), side a multiple of 32; values 0 to 255.

    Either may be the cropped one, so each is laid over the other.
    """
    return _one_way(a, b).better(_one_way(b, a))


def shrunk(pictures: Float32Array, side: int) -> Float32Array:
    """Return pictures of shape (pairs, s, s, 3) as means of equal squares, shape (pairs, side, side, 3)."""
    pairs, whole = pictures.shape[:2]
    step = whole // side
    small: Float32Array = pictures.reshape(pairs, side, step, side, step, 3).mean(axis=(2, 4))
    return small


def _one_way(a: Float32Array, b: Float32Array) -> Agreement:
    """Lay each picture of `a` over that of `b`: roughly at 32 pixels first, then at full size."""
    side = a.shape[1]
    place = np.zeros((len(a), 3), np.float32)
    place = _steps(shrunk(a, 32) @ _GREY, shrunk(b, 32) @ _GREY, place, 6)
    if side > 32:
        place = _steps(a @ _GREY, b @ _GREY, place, 4)
    moved, seen = _moved(a, place), _seen(place, side)
    unmoved = np.ones_like(seen)
    found = Agreement(
        _correlation(moved, b, seen),
        _correlation(_fine(moved), _fine(b), seen),
        np.sqrt((np.square(moved - b) * seen[..., np.newaxis]).sum(axis=(1, 2, 3)) / (3 * seen.sum(axis=(1, 2)))),
    )
    straight = Agreement(  # where a step went astray
        _correlation(a, b, unmoved),
        _correlation(_fine(a), _fine(b), unmoved),
        np.sqrt(np.square(a - b).mean(axis=(1, 2, 3))),
    )
    return found.better(straight)


def _steps(a: Float32Array, b: Float32Array, place: Float32Array, steps: int) -> Float32Array:
    """
    Return where in `a` (grey, shape (pairs, side, side)) what `b` shows is: log of the scale, shift right, shift down.

    Shifts are fractions of a side.
    """
    pairs, side, _ = a.shape
    down, right = (gradient * side for gradient in np.gradient(a, axis=(1, 2)))
    line = _line(side)
    for _ in range(steps):
        scale = np.exp(place[:, 0])[:, np.newaxis, np.newaxis]
        seen = _seen(place, side)
        rest = (b - _moved(a, place)) * seen
        to_right, to_down = _moved(right, place) * seen, _moved(down, place) * seen
        zoom = (to_right * line + to_down * line[:, np.newaxis]) * scale
        slopes = np.stack([zoom, to_right, to_down], axis=1).reshape(pairs, 3, -1)
        normal = slopes @ slopes.transpose(0, 2, 1)
        damping = _DAMPING * (1 + np.trace(normal, axis1=1, axis2=2))
        normal += np.eye(3, dtype=np.float32) * damping[:, np.newaxis, np.newaxis]
        place = place + np.linalg.solve(normal, slopes @ rest.reshape(pairs, -1, 1))[..., 0]
        place[:, 0] = np.clip(place[:, 0], -LARGEST_ZOOM, LARGEST_ZOOM)
        place[:, 1:] = np.clip(place[:, 1:], -LARGEST_SHIFT, LARGEST_SHIFT)
    return place


def _line(side: int) -> Float32Array:
    """Return the middles of the pixels along a side, from -0.5 to 0.5."""
    middles: Float32Array = ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)
    return middles


def _moved(pictures: Float32Array, place: Float32Array) -> Float32Array:
    """Return what the pictures, with channels or without, show at a place; bilinear, edges go on outside."""
    side = pictures.shape[1]

    def weights(shift: Float32Array) -> Float32Array:  # (pairs, side, side): of old pixels in new ones
        wanted = _line(side) * np.exp(place[:, :1]) + shift[:, np.newaxis]
        pixels = np.clip((wanted + 0.5) * side - 0.5, 0, side - 1)
        near: Float32Array = np.maximum(0, 1 - np.abs(pixels[:, :, np.newaxis] - np.arange(side, dtype=np.float32)))
        return near

    rows, columns = weights(place[:, 2]), weights(place[:, 1])
    moved: Float32Array = (rows @ pictures.reshape(len(pictures), side, -1)).reshape(pictures.shape)
    if pictures.ndim == 3:
        return moved @ columns.transpose(0, 2, 1)
    by_channel = moved.transpose(0, 3, 1, 2) @ columns.transpose(0, 2, 1)[:, np.newaxis]
    return by_channel.transpose(0, 2, 3, 1)


def _seen(place: Float32Array, side: int) -> Float32Array:
    """Return 1 where a place is inside the picture, shape (pairs, side, side)."""
    wanted = _line(side) * np.exp(place[:, :1])
    columns, rows = ((np.abs(wanted + place[:, axis : axis + 1]) <= 0.5).astype(np.float32) for axis in (1, 2))
    seen: Float32Array = rows[:, :, np.newaxis] * columns[:, np.newaxis, :]
    return seen


def _fine(pictures: Float32Array) -> Float32Array:
    """Return what is left of the pictures without their coarse shapes."""
    coarse = pictures
    for axis in (1, 2):
        for _ in range(2):
            coarse = (np.roll(coarse, 1, axis) + coarse + np.roll(coarse, -1, axis)) / np.float32(3)
    return pictures - coarse


def _correlation(a: Float32Array, b: Float32Array, seen: Float32Array) -> Float32Array:
    """Return the correlation of each pair where both are seen; 0 where one is of one colour."""
    weight = seen[..., np.newaxis]
    total = weight.sum(axis=(1, 2), keepdims=True)
    x, y = ((each - (each * weight).sum(axis=(1, 2), keepdims=True) / total) * weight for each in (a, b))
    length = np.sqrt(np.square(x).sum(axis=(1, 2, 3)) * np.square(y).sum(axis=(1, 2, 3)))
    correlations: Float32Array = (x * y).sum(axis=(1, 2, 3)) / np.maximum(length, 1e-3)
    return correlations
