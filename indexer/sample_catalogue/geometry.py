"""
Outlines of drawn things: points in units, x to the right and y down, with (0, 0) in the middle of the picture.

A product fills about -42..42 on either axis. Every outline is an array of shape (n, 2).
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Knot = tuple[float, float, float]  # x, y, roundness: 0 is a corner, 1 a smooth passage

_STEPS = 9
_BEZIER_T = np.linspace(0, 1, _STEPS, endpoint=False)[:, None]


def spline(knots: Sequence[Knot], *, closed: bool = True) -> Points:
    """Run a curve through every knot; between two corners it is a straight line."""
    rows = np.asarray(knots, dtype=np.float64)
    points, roundness = rows[:, :2], rows[:, 2]
    tangents = _tangents(points, closed=closed)
    last = len(points) if closed else len(points) - 1
    pieces = []
    for here in range(last):
        there = (here + 1) % len(points)
        pieces.append(_segment(points[here], points[there], tangents[here], tangents[there], roundness[[here, there]]))
    if not closed:
        pieces.append(points[-1:])
    return np.concatenate(pieces)


def _tangents(points: Points, *, closed: bool) -> Points:
    following, previous = np.roll(points, -1, axis=0), np.roll(points, 1, axis=0)
    if not closed:
        following[-1], previous[0] = points[-1], points[0]
    tangents = following - previous
    return np.asarray(tangents / np.maximum(np.hypot(*tangents.T), 1e-9)[:, None])


def _segment(start: Points, stop: Points, leave: Points, arrive: Points, roundness: Points) -> Points:
    chord = stop - start
    reach = math.hypot(chord[0], chord[1]) / 3
    # A corner leaves along the chord, so that what lies between two corners is straight.
    first = start + roundness[0] * leave * reach + (1 - roundness[0]) * chord / 3
    second = stop - roundness[1] * arrive * reach - (1 - roundness[1]) * chord / 3
    t = _BEZIER_T
    curve = (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * first + 3 * (1 - t) * t**2 * second + t**3 * stop
    return np.asarray(curve)


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
    ahead = np.gradient(path, axis=0)
    normals = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) / np.maximum(np.hypot(*ahead.T), 1e-9)[:, None]
    offset = normals * widths[:, None] / 2
    return np.concatenate([path + offset, (path - offset)[::-1]])


def dashes(path: Points, *, dash: float = 1.3, gap: float = 0.9, width: float = 0.38) -> list[Points]:
    """Lay stitches along a path: one outline for each."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    stitches = []
    for start in np.arange(0, lengths[-1] - dash, dash + gap):
        at = np.array([start, start + dash])
        ends = np.stack([np.interp(at, lengths, path[:, 0]), np.interp(at, lengths, path[:, 1])], axis=1)
        stitches.append(ribbon(ends, width))
    return stitches


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
