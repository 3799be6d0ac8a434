"""
Outlines of drawn things: points in units, x to the right and y down, with (0, 0) in the middle of the picture.

A product fills about -42..42 on either axis. Every outline is an array of shape (n, 2).
"""

import math
from collections.abc import Sequence

import numpy as np

from app.core.arrays import Float64Array

Points = Float64Array
Knot = tuple[float, float, float]  # x, y, roundness: 0 is a corner, 1 a smooth passage

_T = np.linspace(0, 1, 9, endpoint=False)
_BERNSTEIN = np.stack([(1 - _T) ** 3, 3 * (1 - _T) ** 2 * _T, 3 * (1 - _T) * _T**2, _T**3], axis=1)  # (9, 4)


def spline(knots: Sequence[Knot], *, closed: bool = True) -> Points:
    """Run a curve through every knot; between two corners it is a straight line."""
    rows = np.asarray(knots, dtype=np.float64)
    if closed:
        around = np.concatenate([rows[-1:], rows, rows[:1]])
        rows = around[1:]
    else:
        around = np.concatenate([rows[:1], rows, rows[-1:]])
    points, roundness = rows[:, :2], rows[:, 2:]
    tangents = _unit(around[2:, :2] - around[:-2, :2])
    if closed:
        tangents = np.concatenate([tangents, tangents[:1]])
    curve = _beziers(points, tangents, roundness)
    return curve if closed else np.concatenate([curve, points[-1:]])


def _unit(vectors: Points) -> Points:
    return np.asarray(vectors / np.maximum(np.hypot(vectors[:, :1], vectors[:, 1:]), 1e-9))


def _beziers(points: Points, tangents: Points, roundness: Points) -> Points:
    """Join neighbouring points by cubic Bezier curves; the last point itself is left out."""
    chords = np.diff(points, axis=0) / 3
    reach = np.hypot(chords[:, :1], chords[:, 1:])
    # A corner leaves along the chord, so that what lies between two corners is straight.
    leave = roundness[:-1] * tangents[:-1] * reach + (1 - roundness[:-1]) * chords
    arrive = roundness[1:] * tangents[1:] * reach + (1 - roundness[1:]) * chords
    controls = np.stack([points[:-1], points[:-1] + leave, points[1:] - arrive, points[1:]], axis=1)
    return np.asarray((_BERNSTEIN @ controls).reshape(-1, 2))


def mirrored(right_half: Sequence[Knot]) -> list[Knot]:
    """Complete a symmetric outline from its right half; knots on the axis are not repeated."""
    return [*right_half, *((-x, y, roundness) for x, y, roundness in reversed(right_half) if abs(x) > 1e-6)]


def symmetric(right_half: Sequence[Knot]) -> Points:
    """Draw the closed outline whose right half, from top to bottom, is given."""
    return spline(mirrored(right_half))


def flipped(points: Points) -> Points:
    """Mirror points at the vertical axis."""
    return np.asarray(points * (-1.0, 1.0))


def moved(points: Points, dx: float, dy: float = 0.0) -> Points:
    """Shift points."""
    return np.asarray(points + np.array([dx, dy]))


def turned(points: Points, degrees: float, centre: tuple[float, float] = (0.0, 0.0)) -> Points:
    """Rotate points clockwise, as seen on the picture."""
    angle = math.radians(degrees)
    rotation = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return np.asarray((points - centre) @ rotation + centre)


def ellipse(x: float, y: float, rx: float, ry: float, start: float = 0.0, stop: float = 360.0) -> Points:
    """Run along an ellipse; angles in degrees, clockwise from the right."""
    angles = np.radians(np.linspace(start, stop, max(8, int(abs(stop - start) / 7))))
    return np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], axis=1)


def rounded_box(left: float, top: float, right: float, bottom: float, radius: float) -> Points:
    """Draw a rectangle with round corners."""
    return np.concatenate(
        [
            ellipse(right - radius, top + radius, radius, radius, 270, 360),
            ellipse(right - radius, bottom - radius, radius, radius, 0, 90),
            ellipse(left + radius, bottom - radius, radius, radius, 90, 180),
            ellipse(left + radius, top + radius, radius, radius, 180, 270),
        ]
    )


def line(*points: tuple[float, float]) -> Points:
    """Join points by straight lines."""
    return np.asarray(points, dtype=np.float64)


def curve(*points: tuple[float, float]) -> Points:
    """Run a smooth open curve through points."""
    return spline([(x, y, 1.0) for x, y in points], closed=False)


def ribbon(path: Points, start_width: float, stop_width: float | None = None, *, taper: bool = False) -> Points:
    """Give a path a width: an outline to fill. `taper` lets it run out to a point at both ends."""
    stop_width = start_width if stop_width is None else stop_width
    along = np.linspace(0, 1, len(path))
    widths = start_width + (stop_width - start_width) * along
    if taper:
        widths = widths * np.sin(np.pi * np.clip(along, 0.02, 0.98))
    around = np.concatenate([path[:1], path, path[-1:]])
    ahead = _unit(around[2:] - around[:-2])
    offset = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) * (widths[:, None] / 2)
    return np.concatenate([path + offset, (path - offset)[::-1]])


def dashes(path: Points, *, dash: float = 1.3, gap: float = 0.9, width: float = 0.38) -> list[Points]:
    """Lay stitches along a path: one outline for each."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    starts = np.arange(0, lengths[-1] - dash, dash + gap)
    first, last = (
        np.stack([np.interp(at, lengths, path[:, 0]), np.interp(at, lengths, path[:, 1])], axis=1)
        for at in (starts, starts + dash)
    )
    ahead = last - first
    side = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) * (width / 2 / dash)
    return list(np.stack([first + side, last + side, last - side, first - side], axis=1))


def convex_hull(points: Points) -> Points:
    """Wrap a rubber band around points (Andrew's monotone chain)."""
    ordered = sorted({(float(x), float(y)) for x, y in points})

    def half(sequence: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        chain: list[tuple[float, float]] = []
        for x, y in sequence:
            while len(chain) > 1 and _turns_right(chain[-2], chain[-1], (x, y)):
                chain.pop()
            chain.append((x, y))
        return chain[:-1]

    return np.asarray(half(ordered) + half(ordered[::-1]))


def _turns_right(first: tuple[float, float], middle: tuple[float, float], last: tuple[float, float]) -> bool:
    cross = (middle[0] - first[0]) * (last[1] - first[1]) - (middle[1] - first[1]) * (last[0] - first[0])
    return cross <= 0
