"""Sneakers from the side, toes to the left, standing on y = 18."""

from dataclasses import dataclass

import numpy as np

from indexer.sample_catalogue.canvas import Canvas, Colour, Mask
from indexer.sample_catalogue.design import Design
from indexer.sample_catalogue.geometry import Knot, Points, curve, dashes, ellipse, line, moved, ribbon, spline
from indexer.sample_catalogue.materials import (
    bar,
    fold,
    panel_shade,
    sew,
    thread_for,
)
from indexer.sample_catalogue.patterns import darker, lighter, luminance, plain

_RUBBER = (0.93, 0.92, 0.89)


@dataclass(frozen=True)
class Last:
    """The shape of a shoe: its upper and its sole, and where the laces run."""

    upper: tuple[Knot, ...]
    sole: tuple[Knot, ...]
    collar: tuple[Knot, ...]  # the edge of the opening, from the laces to the heel
    lining: tuple[Knot, ...]  # what shows of the far side behind it
    throat: tuple[tuple[float, float], tuple[float, float]]  # lowest and highest lace
    laces: int


_COURT_SOLE: tuple[Knot, ...] = (
    (-43, 10.5, 0.4),
    (-42.5, 16, 0.6),
    (-39, 18, 0.4),
    (38, 18, 0.3),
    (40.5, 16, 0.5),
    (40, 10, 0.3),
    (0, 11.5, 1),
)
_RUNNER_SOLE: tuple[Knot, ...] = (
    (-44, 9, 0.5),
    (-41, 15, 0.9),
    (-33, 18, 0.6),
    (36, 18, 0.5),
    (44, 12, 0.7),
    (41, 4, 0.4),
    (22, 6.5, 1),
    (0, 9.5, 1),
    (-25, 9.5, 1),
)
SNEAKERS: dict[str, Last] = {
    "court": Last(
        upper=(
            (-41.5, 12, 0),
            (-41.5, 7.5, 1),
            (-36, 2.5, 1),
            (-26, -0.5, 1),
            (-14, -6, 1),
            (-2.5, -14.5, 0.3),
            (7, -7.5, 0.9),
            (20, -6.5, 1),
            (31, -11.5, 0.7),
            (35, -13, 0.4),
            (36.5, -6, 1),
            (37, 4, 1),
            (38.5, 12, 0),
        ),
        sole=_COURT_SOLE,
        collar=((-2.5, -14.5, 0.3), (7, -7.5, 0.9), (20, -6.5, 1), (31, -11.5, 0.7), (34.6, -13, 0)),
        lining=((-2.5, -15, 0.4), (12, -13.4, 1), (26, -14, 1)),
        throat=((-19, -2.6), (-4.5, -12.2)),
        laces=5,
    ),
    "running": Last(
        upper=(
            (-43, 11, 0),
            (-43, 5.5, 1),
            (-37, 0, 1),
            (-26, -3, 1),
            (-13, -9.5, 1),
            (-1.5, -19, 0.3),
            (8, -10.5, 0.9),
            (20, -8.5, 1),
            (31, -15, 0.8),
            (37, -20, 0.2),
            (35.5, -8, 1),
            (38, 1, 1),
            (40, 9, 0),
        ),
        sole=_RUNNER_SOLE,
        collar=((-1.5, -19, 0.3), (8, -10.5, 0.9), (20, -8.5, 1), (31, -15, 0.8), (36.4, -19.4, 0)),
        lining=((-1.5, -19.5, 0.4), (12, -17, 1), (27, -17, 1)),
        throat=((-20, -5.2), (-3.5, -16.8)),
        laces=6,
    ),
    "high-top": Last(
        upper=(
            (-41.5, 12, 0),
            (-41.5, 7, 1),
            (-36, 2, 1),
            (-25, -1, 1),
            (-13, -7, 1),
            (-4, -17, 1),
            (1.5, -31, 0.3),
            (15, -32.5, 1),
            (29, -33.5, 0.3),
            (31.5, -18, 1),
            (35, -4, 1),
            (38.5, 12, 0),
        ),
        sole=_COURT_SOLE,
        collar=((1.5, -31, 0.2), (15, -32.3, 1), (29, -33.5, 0.2)),
        lining=((1.5, -31.5, 0.2), (15, -36, 1), (28, -34.5, 1)),
        throat=((-20, -2.4), (1, -29)),
        laces=7,
    ),
    "slip-on": Last(
        upper=(
            (-41.5, 12, 0),
            (-41.5, 7.5, 1),
            (-36, 3, 1),
            (-24, 0, 1),
            (-9, -6.5, 0.6),
            (4, -4.8, 1),
            (20, -4.5, 1),
            (31, -9.5, 0.8),
            (35, -11.5, 0.4),
            (36.5, -5, 1),
            (37, 4, 1),
            (38.5, 12, 0),
        ),
        sole=_COURT_SOLE,
        collar=((-9, -6.5, 0.3), (4, -4.8, 1), (20, -4.5, 1), (31, -9.5, 0.8), (34.6, -11.5, 0)),
        lining=((-9, -7, 0.3), (8, -9.4, 1), (24, -11, 1)),
        throat=((0, 0), (0, 0)),
        laces=0,
    ),
}


def draw_sneaker(canvas: Canvas, design: Design) -> None:
    """Draw a sneaker."""
    last = SNEAKERS[design.cut]
    trim = design.accent if design.fabric.pattern == "plain" and design.whim > 0.45 else darker(design.colour, 0.22)
    far_side = spline([*last.lining, *reversed(last.collar)])
    sew(canvas, far_side, plain(darker(design.colour, 0.5)), puff=1.5, depth=0.6)
    if last.laces:
        _tongue(canvas, last, design)
    upper = sew(canvas, spline(last.upper), design.fabric, puff=4.2, depth=0.85)
    _sneaker_panels(canvas, design, upper, trim)
    if last.laces:
        _laces(canvas, last, design, trim)
    collar = spline(last.collar, closed=False)
    bar(canvas, moved(collar, 0, 0.6), 2.6, colour=trim, shine=0.1)
    _sneaker_sole(canvas, design, last, trim)


def _sneaker_panels(canvas: Canvas, design: Design, upper: Mask, trim: Colour) -> None:
    toe = spline(((-44, 14, 0), (-44, 2, 0), (-33, -2, 0.6), (-26, 4, 1), (-27, 14, 0)))
    heel = spline(
        (
            (42, -26, 0),
            (27.5, -16 if design.cut != "high-top" else -10, 0.4),
            (25, -4, 1),
            (30, 14, 0),
            (44, 14, 0),
            (42, -26, 0),
        )
    )
    toe_colour = _RUBBER if design.cut == "high-top" else panel_shade(design.colour)
    _panel(canvas, toe, upper, toe_colour)
    _panel(canvas, heel, upper, trim)
    if design.cut == "court":
        stripe = [ribbon(curve((-8 + dx, 10), (-1 + dx, 0), (3 + dx, -10)), 2.2) for dx in (0, 6)]
        canvas.paint(canvas.mask(*stripe).within(upper), trim)
    if design.cut == "running":
        wave = ribbon(curve((-24, 7), (-4, 4), (12, -3), (25, -14)), 5.5, 1.2)
        canvas.paint(canvas.mask(wave).within(upper), trim)
        holes = [ellipse(-28 + 3 * i, -1.5 - 1.3 * i + 2 * (i % 2), 0.45, 0.45) for i in range(5)]
        canvas.shade(canvas.mask(*holes), -0.4)
    if design.cut == "slip-on":
        gore = spline(((-8, -8, 0.3), (1.5, -6, 0.3), (2.5, 1.5, 0.6), (-1.5, 5, 0.8), (-5, 0.5, 0.6)))
        _panel(canvas, gore, upper, darker(design.colour, 0.45))
    if design.cut == "high-top":
        patch = ellipse(19, -21, 6, 6)
        _panel(canvas, patch, upper, lighter(trim, 0.75))
        canvas.paint(canvas.mask(ellipse(19, -21, 3.4, 3.4)), trim)
    fold(
        canvas,
        upper,
        [curve((-20, -4), (-17, 2), (-18, 8)), curve((-15, -6), (-11, 0), (-12, 6))],
        width=1.6,
        depth=0.14,
    )


def _panel(canvas: Canvas, outline: Points, upper: Mask, colour: Colour) -> None:
    """Sew a second layer of leather onto the upper, with its edge and its stitches."""
    mask = canvas.mask(outline).within(upper)
    canvas.shade(canvas.mask(outline, blur=0.9).within(upper), -0.3)
    canvas.paint(mask, colour, 0.92)
    canvas.shade(canvas.mask(outline, blur=4).within(upper), 0.06)
    edge = canvas.mask(*dashes(_shrunk(outline, 0.93), dash=1.1, gap=0.8, width=0.35)).within(upper)
    canvas.paint(edge, thread_for(colour), 0.7)


def _shrunk(outline: Points, factor: float) -> Points:
    """Shrink an outline towards its middle."""
    centre = (outline.min(axis=0) + outline.max(axis=0)) / 2
    return np.asarray(centre + (outline - centre) * factor)


def _tongue(canvas: Canvas, last: Last, design: Design) -> None:
    (low_x, low_y), (high_x, high_y) = last.throat
    reach = 6.5 if design.cut == "high-top" else 8.0
    slope = np.array([high_x - low_x, high_y - low_y]) / np.hypot(high_x - low_x, high_y - low_y)
    top = np.array([high_x + 1.5, high_y + 1.5]) + slope * reach
    outline = spline(
        (
            (high_x - 4, high_y + 3, 0),
            (float(top[0]) - 2.6, float(top[1]) - 0.4, 0.7),
            (float(top[0]) + 2.4, float(top[1]) + 1.2, 0.9),
            (high_x + 7, high_y + 6, 0),
        )
    )
    sew(canvas, outline, plain(panel_shade(design.colour)), puff=1.4, depth=0.9)


def _laces(canvas: Canvas, last: Last, design: Design, trim: Colour) -> None:
    (low_x, low_y), (high_x, high_y) = last.throat
    lace = lighter(trim, 0.85) if luminance(trim) < 0.75 else darker(trim, 0.75 if design.whim > 0.8 else 0.08)
    edge = line((low_x, low_y), (high_x, high_y))
    lean = (5.5, 3.2) if design.cut != "high-top" else (7, 1.2)
    stay = ribbon(moved(edge, lean[0] * 0.55, lean[1] * 0.75), 6.6, 6.0)
    canvas.shade(canvas.mask(stay, blur=0.7), -0.22)
    sew(canvas, stay, plain(panel_shade(design.colour)), puff=1.0, depth=0.5)
    for step in range(last.laces):
        share = step / (last.laces - 1)
        x, y = low_x + (high_x - low_x) * share, low_y + (high_y - low_y) * share
        across = curve((x - 1.4, y - 0.8), (x + 2, y + 0.4), (x + lean[0], y + lean[1]))
        canvas.shade(canvas.mask(moved(ribbon(across, 1.8), 0.2, 0.7), blur=0.4), -0.3)
        bar(canvas, across, 1.7, colour=lace, shine=0.15)
        canvas.paint(canvas.mask(ellipse(x + lean[0], y + lean[1], 0.75, 0.75)), darker(trim, 0.5))


def _sneaker_sole(canvas: Canvas, design: Design, last: Last, trim: Colour) -> None:
    rubber = _RUBBER if design.whim < 0.8 else (0.72, 0.52, 0.34)
    outline = spline(last.sole)
    canvas.shade(canvas.mask(moved(outline, 0, -1.2), blur=0.8), -0.25)
    sole = sew(canvas, outline, plain(rubber), puff=1.8, depth=0.7)
    tread = canvas.mask(ribbon(curve((-43, 17.6), (0, 18), (44, 17.6)), 1.6)).within(sole)
    canvas.paint(tread, darker(trim, 0.35))
    if design.cut in {"court", "high-top"}:
        foxing = curve((-43, 13.2), (0, 13.8), (41, 13))
        canvas.paint(canvas.mask(ribbon(foxing, 0.9)).within(sole), trim)
    if design.cut == "running":
        grooves = [ribbon(curve((-30 + 7 * i, 16), (-28 + 7 * i, 13.5), (-24 + 7 * i, 12)), 0.7) for i in range(9)]
        canvas.shade(canvas.mask(*grooves), -0.25)
        canvas.paint(canvas.mask(spline(((20, 12, 1), (38, 9, 1), (40, 14, 1), (26, 16, 1)))).within(sole), trim, 0.85)
