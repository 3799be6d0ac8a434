"""Boots and heeled shoes from the side, toes to the left, standing on y = 18."""

from dataclasses import dataclass

from indexer.sample_catalogue.canvas import Canvas, Colour, Mask
from indexer.sample_catalogue.design import Design
from indexer.sample_catalogue.geometry import Knot, Points, curve, ellipse, line, moved, ribbon, spline
from indexer.sample_catalogue.materials import (
    bar,
    buttons,
    fold,
    gloss,
    panel_shade,
    seam,
    sew,
    stitch,
    thread_for,
    trimming,
)
from indexer.sample_catalogue.patterns import darker, lighter, luminance, plain

BOOTS: dict[str, tuple[Knot, ...]] = {  # the upper, clockwise from the toe; the shaft ends on top
    "chelsea": (
        (-40, 13, 0),
        (-39.5, 6, 1),
        (-31, 1, 1),
        (-14, -4, 1),
        (-4, -13, 1),
        (-1, -31, 0),
        (24, -31, 0),
        (26, -10, 1),
        (30, 2, 1),
        (29.5, 13, 0),
    ),
    "lace-up": (
        (-40, 13, 0),
        (-40, 5, 1),
        (-32, -1, 1),
        (-15, -6, 1),
        (-5, -14, 1),
        (-1.5, -35, 0),
        (23, -36, 0),
        (25.5, -12, 1),
        (30, 2, 1),
        (29.5, 13, 0),
    ),
    "wellington": (
        (-40, 13, 0),
        (-39.5, 5, 1),
        (-30, 0, 1),
        (-13, -4, 1),
        (-5, -14, 1),
        (-4.5, -42, 0),
        (24, -42, 0),
        (24, -12, 1),
        (28.5, 3, 1),
        (28, 13, 0),
    ),
    "western": (
        (-43, 13, 0),
        (-40, 8, 0.8),
        (-28, 1.5, 1),
        (-12, -4, 1),
        (-3, -14, 1),
        (-5.5, -36, 0),
        (8, -31, 1),
        (25, -37, 0),
        (23.5, -14, 1),
        (28, 2, 1),
        (27, 13, 0),
    ),
}


def draw_boot(canvas: Canvas, design: Design) -> None:
    """Draw a boot."""
    knots = BOOTS[design.cut]
    corners = [(x, y) for x, y, roundness in knots[5:] if roundness == 0]
    (front_x, front_y), (back_x, back_y) = corners[0], corners[1]
    middle = ((front_x + back_x) / 2, (front_y + back_y) / 2)
    if design.cut != "western":
        sew(canvas, ellipse(*middle, (back_x - front_x) / 2, 2.2), plain(darker(design.colour, 0.6)), puff=0.8)
    upper = sew(canvas, spline(knots), design.fabric, puff=4.6, depth=1.0)
    shine = 0.42 if design.cut == "wellington" else 0.22
    gloss(
        canvas,
        ribbon(curve((-35, 4), (-28, 2.5), (-17, -1)), 2.2, taper=True),
        ribbon(curve((3, -26), (4, -14), (1, -5)), 2.4, taper=True),
        onto=upper,
        strength=shine,
    )
    ankle = [
        curve((-9, -7), (2, -7), (10, -11)),
        curve((-6, -11), (4, -12), (12, -16)),
        curve((27, -6), (18, -5), (11, -7)),
    ]
    fold(canvas, upper, ankle, width=1.6, depth=0.2 if design.cut != "wellington" else 0.08)
    {"chelsea": _chelsea, "lace-up": _lace_up, "wellington": _wellington, "western": _western}[design.cut](
        canvas, design, upper
    )


def _boot_sole(
    canvas: Canvas, colour: Colour, *, heel: float, back: float, thick: float = 3.0, front: float = -41.0
) -> None:
    low = 18.0
    welt = spline(
        (
            (front, low - thick, 0.3),
            (front + 1, low - 0.6, 0.8),
            (-20, low, 0.6),
            (-3, low - 1.4, 0.6),
            (6, low - 2, 0),
            (back, low - 2, 0),
            (back + 0.6, low - thick - 3, 0.2),
            (0, low - thick - 3.2, 0.6),
        )
    )
    sew(canvas, welt, plain(colour), puff=0.8, depth=0.7)
    block = spline(
        ((7, low - 4, 0), (8.5, low - 4 + heel, 0), (back - 0.4, low - 4 + heel, 0), (back + 0.6, low - 4, 0))
    )
    sew(canvas, block, plain(darker(colour, 0.15)), puff=0.8, depth=0.7)


def _chelsea(canvas: Canvas, design: Design, upper: Mask) -> None:
    gore = spline(((6, -31, 0), (18, -31, 0), (16, -16, 0.6), (12, -9, 0.8), (8, -16, 0.6)))
    panel = canvas.mask(gore).within(upper)
    canvas.paint(panel, darker(design.colour, 0.5) if luminance(design.colour) > 0.16 else (0.3, 0.3, 0.31))
    ribs = [ribbon(line((6.6 + i * 1.3, -31), (8.6 + i * 0.85, -10)), 0.4) for i in range(9)]
    canvas.shade(canvas.mask(*ribs).within(panel), 0.14)
    seam(canvas, gore, depth=0.4)
    tab = rounded_tab(24, -35)
    sew(canvas, tab, plain(design.accent), puff=0.4)
    _boot_sole(canvas, (0.16, 0.13, 0.12), heel=4, back=30)


def rounded_tab(x: float, y: float) -> Points:
    """A pull tab at the back of a boot."""
    return spline(((x - 3.2, y, 0.6), (x, y, 0.6), (x + 0.6, y + 9, 0.2), (x - 2.6, y + 9, 0.2)))


def _lace_up(canvas: Canvas, design: Design, _upper: Mask) -> None:
    stay = spline(((-13, -4.5, 0.4), (-4, -14, 1), (-0.5, -35, 0), (6.5, -35.3, 0), (4.5, -14, 1), (-5, 0, 0.6)))
    sew(canvas, stay, plain(panel_shade(design.colour)), puff=0.9, depth=0.6)
    toe = curve((-29, -1), (-25, 5), (-26, 14))
    seam(canvas, toe, depth=0.45)
    counter = curve((19, -9), (17, 2), (19, 14))
    seam(canvas, counter, depth=0.4)
    stitch(canvas, moved(toe, -1.2), moved(counter, 1.2), colour=thread_for(design.colour))
    lace = (0.8, 0.66, 0.36) if design.whim > 0.5 else darker(design.colour, 0.45)
    for i in range(7):
        x, y = (-10 + i * 3.2, -5 - i * 2.4) if i < 3 else (-3.2 + (i - 2) * 0.8, -9.8 - (i - 2) * 5.6)
        across = curve((x - 1.6, y - 0.6), (x + 2, y + 0.6), (x + 5.6, y + 1.6))
        canvas.shade(canvas.mask(moved(ribbon(across, 1.6), 0.2, 0.6), blur=0.4), -0.35)
        bar(canvas, across, 1.5, colour=lace, shine=0.2)
        canvas.paint(canvas.mask(ellipse(x + 5.8, y + 1.6, 0.8, 0.8)), (0.75, 0.68, 0.5))
    _padded_collar(canvas, design)
    sole = (0.78, 0.62, 0.4) if design.whim > 0.6 else (0.17, 0.15, 0.14)
    _boot_sole(canvas, sole, heel=4, back=30, thick=4.2)
    stitch(canvas, curve((-39, 13), (-10, 12.2), (29, 12.4)), colour=(0.85, 0.72, 0.4))


def _padded_collar(canvas: Canvas, design: Design) -> None:
    path = curve((-2, -34.4), (10, -34), (23.6, -35))
    bar(canvas, path, 4.4, colour=trimming(design.colour, 0.25).base, shine=0.15)


def _wellington(canvas: Canvas, design: Design, upper: Mask) -> None:
    bar(canvas, line((-4.8, -40.6), (24.3, -40.6)), 2.8, colour=darker(design.colour, 0.12), shine=0.3)
    strap = spline(((15, -37, 0.2), (24, -37, 0.2), (24, -33.5, 0.2), (15, -33.5, 0.2)))
    sew(canvas, strap, plain(darker(design.colour, 0.25)), puff=0.5)
    buttons(canvas, [(16.5, -35.2)], (0.8, 0.78, 0.72), radius=1.0)
    gloss(canvas, ribbon(curve((0, -37), (0.5, -22), (-1, -10)), 3.0, taper=True), onto=upper, strength=0.4)
    trim = design.accent if design.fabric.pattern == "plain" else darker(design.colour, 0.4)
    _boot_sole(canvas, darker(trim, 0.1), heel=4, back=28.5, thick=4)
    canvas.paint(canvas.mask(ribbon(curve((-40, 11.6), (-10, 11.4), (28.3, 10.6)), 0.9)), lighter(trim, 0.3))


def _western(canvas: Canvas, design: Design, upper: Mask) -> None:
    thread = lighter(design.accent, 0.2) if luminance(design.colour) < 0.5 else darker(design.accent, 0.2)
    for inset in (0.0, 2.2, 4.4):
        left = curve(
            (1 + inset, -30 + inset),
            (3 + inset * 0.8, -22),
            (9, -15 - inset),
            (15 - inset * 0.6, -22),
            (19 - inset, -31 + inset),
        )
        stitch(canvas, left, colour=thread, opacity=0.95)
    toe = curve((-26, 0.5), (-21, 5), (-16, 2), (-12, 7), (-13, 13))
    seam(canvas, toe, depth=0.4)
    stitch(canvas, moved(toe, -1.2, 0.4), colour=thread)
    edge = curve((-5.6, -35.6), (8, -30.6), (25, -36.6))
    bar(canvas, edge, 1.6, colour=darker(design.colour, 0.35), shine=0.2)
    for x in (-3.5, 20):
        sew(canvas, rounded_tab(x + 2.6, -39), design.fabric, puff=0.5)
    fold(canvas, upper, [curve((-4, -30), (-1, -20), (-2, -10))], depth=0.1)
    _boot_sole(canvas, (0.33, 0.2, 0.13), heel=4, back=28, front=-43.5)


@dataclass(frozen=True)
class HeelShape:
    """A court shoe or sandal on a heel: how high it lifts the foot, and the heel itself."""

    lift: float  # y of the heel seat
    heel: tuple[Knot, ...]


HEELS: dict[str, HeelShape] = {
    "stiletto": HeelShape(
        -9, ((22, -8, 0), (28, -1, 0.8), (30.3, 18, 0), (32.2, 18, 0), (34.5, 0, 0.6), (35.5, -10, 0))
    ),
    "block-heel": HeelShape(
        -5, ((18, -4, 0), (20.5, 4, 0.4), (21, 18, 0), (34.5, 18, 0), (35.5, 4, 0.3), (35.5, -6, 0))
    ),
    "kitten-heel": HeelShape(1, ((22, 2, 0), (28, 7, 0.8), (30, 18, 0), (32.2, 18, 0), (35, 8, 0.6), (35.5, 0, 0))),
    "strappy": HeelShape(-9, ((21, -8, 0), (26, -1, 0.7), (28, 18, 0), (31.4, 18, 0), (34.5, 0, 0.5), (35.5, -10, 0))),
}


def draw_heel(canvas: Canvas, design: Design) -> None:
    """Draw a shoe with a heel."""
    shape = HEELS[design.cut]
    lift = shape.lift
    insole = lighter(design.accent, 0.35)
    sew(canvas, spline(shape.heel), plain(darker(design.colour, 0.08)), puff=1.2, depth=0.9)
    if design.cut == "strappy":
        _sandal(canvas, design, lift, insole)
    else:
        _court_shoe(canvas, design, lift, insole)
    sole = curve(
        (-42.5, 16.4), (-32, 17.2), (-17, 16.6), (-3, 11 + lift * 0.32), (14, 2 + lift * 0.8), (35.3, lift + 3.2)
    )
    bar(canvas, sole, 1.7, 1.3, colour=darker(design.accent, 0.35), shine=0.25)
    tip = ribbon(line((shape.heel[2][0] + 0.1, 17.3), (shape.heel[3][0] - 0.1, 17.3)), 1.4)
    canvas.paint(canvas.mask(tip), (0.13, 0.12, 0.12))


def _court_upper(lift: float) -> Points:
    """Outline the upper of a court shoe whose heel seat is at height `lift`."""
    return spline(
        (
            (-43, 16.4, 0.1),
            (-40, 12, 1),
            (-31, 6.5, 1),
            (-22, 4, 0.5),
            (-12, 10 + lift * 0.12, 1),
            (2, 6 + lift * 0.4, 1),
            (17, lift, 1),
            (33, lift - 13.5, 0.4),
            (36.3, lift - 5, 1),
            (35.5, lift + 3.4, 0),
            (14, 3 + lift * 0.8, 1),
            (-3, 11.6 + lift * 0.32, 1),
            (-17, 16.8, 1),
            (-32, 17.4, 1),
        )
    )


def _court_shoe(canvas: Canvas, design: Design, lift: float, insole: Colour) -> None:
    inner = spline(
        (
            (-21, 5, 0.6),
            (-6, 4 + lift * 0.3, 1),
            (14, lift - 3, 1),
            (33.5, lift - 12.5, 0.6),
            (14, lift - 7.5, 1),
            (-8, 1 + lift * 0.2, 1),
        )
    )
    sew(canvas, inner, plain(insole), puff=1.2, depth=0.6)
    upper = _court_upper(lift)
    mask = sew(canvas, upper, design.fabric, puff=2.6, depth=0.9)
    gloss(canvas, ribbon(curve((-38, 12), (-31, 8.5), (-23, 7)), 1.6, taper=True), onto=mask, strength=0.55, blur=0.5)
    gloss(
        canvas,
        ribbon(curve((33, lift - 9), (34, lift - 4), (33.6, lift)), 1.4, taper=True),
        onto=mask,
        strength=0.4,
        blur=0.5,
    )
    if design.whim > 0.6:
        bow = [ellipse(-25.5, 5, 2.8, 1.6), ellipse(-19.5, 4.4, 2.8, 1.6), ellipse(-22.5, 4.8, 1.1, 1.3)]
        canvas.shade(canvas.mask(*bow, blur=0.6), -0.25)
        canvas.paint(canvas.mask(*bow), darker(design.colour, 0.15))


def _sandal(canvas: Canvas, design: Design, lift: float, insole: Colour) -> None:
    bed = curve((-42, 15.2), (-32, 15.8), (-17, 15), (-3, 9.5 + lift * 0.32), (14, 0.5 + lift * 0.8), (35, lift + 1.5))
    bar(canvas, bed, 2.2, colour=insole, shine=0.1)
    straps = [
        curve((-35, 16), (-32, 8), (-24, 7.5), (-19, 15)),
        curve((-30, 16), (-26, 6.5), (-18, 5.5), (-13, 13.5)),
        curve((34.5, lift + 2), (35.2, lift - 8), (33, lift - 15)),
        curve((33, lift - 14), (22, lift - 20), (13, lift - 16.5), (22, lift - 12), (33, lift - 13)),
    ]
    for path in straps:
        canvas.shade(canvas.mask(moved(ribbon(path, 3), 0.3, 0.8), blur=0.6), -0.25)
        sew(canvas, ribbon(path, 3.0), design.fabric, puff=0.8, depth=0.8)
    buttons(canvas, [(20, lift - 18.6)], (0.84, 0.72, 0.45), radius=1.1)
