"""Hats, sunglasses and watches."""

import math

import numpy as np

from indexer.sample_catalogue.canvas import Canvas, Colour, Mask
from indexer.sample_catalogue.design import Design
from indexer.sample_catalogue.geometry import (
    Knot,
    Points,
    curve,
    ellipse,
    flipped,
    line,
    moved,
    ribbon,
    rounded_box,
    spline,
    symmetric,
    turned,
)
from indexer.sample_catalogue.materials import (
    bar,
    fold,
    gloss,
    metal,
    seam,
    sew,
    stitch,
    thread_for,
    trimming,
)
from indexer.sample_catalogue.patterns import Fabric, darker, lighter, luminance, mixed, plain

_GOLD = (0.88, 0.74, 0.46)
_SILVER = (0.84, 0.85, 0.87)


def draw_hat(canvas: Canvas, design: Design) -> None:
    """Draw a hat."""
    _HATS[design.cut](canvas, design)


def _cap(canvas: Canvas, design: Design) -> None:
    crown = spline(
        ((-20, 12, 0), (-22, -6, 1), (-10, -24, 1), (8, -27, 1), (27, -16, 1), (33, 6, 0.8), (32, 14, 0), (8, 17, 1))
    )
    dome = sew(canvas, crown, design.fabric, puff=5.5, depth=1.1)
    front = curve((8, -27), (12, -12), (11, 16))
    side = curve((8, -27), (-10, -14), (-17, 12))
    back = curve((8, -27), (25, -14), (29, 14))
    seam(canvas, front, side, back, depth=0.35)
    stitch(canvas, moved(front, 1), moved(front, -1), moved(side, 1), moved(back, -1))
    for x, y in ((-3, -9), (19, -12)):
        canvas.shade(canvas.mask(ellipse(x, y, 0.9, 0.9)), -0.5)
    canvas.paint(canvas.mask(ellipse(8, -27.2, 2.4, 1.3)), darker(design.colour, 0.2))
    brim = spline(
        (
            (-20.5, 9, 0),
            (-31, 12, 1),
            (-44, 20, 0.9),
            (-42, 24.5, 0.9),
            (-22, 22, 1),
            (6, 20.5, 1),
            (11, 15.5, 0.2),
            (-5, 14.5, 1),
        )
    )
    trim = plain(design.accent) if design.whim > 0.5 else trimming(design.colour, 0.1)
    canvas.shade(canvas.mask(moved(brim, 1, -2.5), blur=1.6).within(dome), -0.4)
    sew(canvas, brim, trim, puff=2, depth=0.9)
    for inset in (0, 2.2, 4.4):
        stitch(canvas, curve((-40 + inset, 20.5 - inset * 0.4), (-24, 19.6 - inset * 0.9), (5, 18.6 - inset * 0.7)))


def _bobble_hat(canvas: Canvas, design: Design) -> None:
    crown = symmetric([(0, -30, 1), (17, -25, 1), (26, -6, 1), (27, 16, 0), (0, 18, 1)])
    sew(canvas, crown, design.fabric, texture="knit", puff=6, depth=1.1)
    cuff = symmetric([(0, 6, 1), (28, 4, 0.3), (29, 22, 0.4), (0, 25.5, 1)])
    dome = canvas.mask(crown)
    canvas.shade(canvas.mask(moved(cuff, 0, -1.4), blur=1.2).within(dome), -0.35)
    sew(canvas, cuff, trimming(design.colour, 0.08), texture="rib", puff=3.4, depth=1.1)
    rng = np.random.default_rng(5)
    middle = (0.0, -34.0)
    wool = [
        ribbon(line(middle, (9.5 * math.cos(a) * r, -34 + 8.5 * math.sin(a) * r)), 1.4, 0.6)
        for a, r in rng.uniform((0, 0.75), (6.28, 1.08), (110, 2))
    ]
    sew(canvas, ellipse(*middle, 8.2, 7.6), plain(design.accent), puff=3, depth=1.0)
    canvas.paint(canvas.mask(*wool[:60]), darker(design.accent, 0.12), 0.6)
    canvas.paint(canvas.mask(*wool[60:]), lighter(design.accent, 0.25), 0.6)


def _brimmed(
    canvas: Canvas,
    fabric: Fabric,
    crown: tuple[Knot, ...],
    brim: tuple[float, float, float],
    ribbon_colour: Colour,
    texture: str = "",
) -> Mask:
    """Draw a crown in the middle of a wide brim. `brim`: half width, half height, y."""
    width, height, y = brim
    under = sew(canvas, ellipse(0, y, width, height), fabric, puff=2.6, depth=0.9, texture=texture)
    rim = ribbon(ellipse(0, y, width - 0.5, height - 0.5), 1.0)
    canvas.shade(canvas.mask(rim), -0.14)
    outline = symmetric(crown)
    canvas.shade(canvas.mask(moved(outline, 2, 2), blur=2).within(under), -0.4)
    dome = sew(canvas, outline, fabric, puff=5, depth=1.1, texture=texture)
    foot = crown[-2][0]
    base = curve((-foot, crown[-2][1] - 3.4), (0, crown[-1][1] - 3.2), (foot, crown[-2][1] - 3.4))
    tape = canvas.mask(ribbon(base, 6)).within(dome)
    canvas.paint(tape, ribbon_colour)
    canvas.shade(canvas.mask(ribbon(moved(base, foot * 0.7, 0), 14), blur=5).within(tape), -0.4)
    return dome


def _fedora(canvas: Canvas, design: Design) -> None:
    crown = ((0, -21, 0.8), (8, -26, 1), (19, -20, 1), (23.5, 4, 0), (0, 8.5, 1))
    dome = _brimmed(canvas, design.fabric, crown, (43, 11.5, 6), darker(design.accent, 0.15))
    fold(
        canvas,
        dome,
        [
            curve((-3, -23), (0, -14), (2, -6)),
            curve((13, -21), (15, -13), (14, -5)),
            curve((-13, -21), (-16, -13), (-15, -5)),
        ],
        width=4,
        depth=0.3,
    )


def _straw(canvas: Canvas, design: Design) -> None:
    straw = mixed(design.colour, (0.87, 0.75, 0.52), 0.78)
    crown = ((0, -20, 1), (14, -18.5, 0.9), (20, -9, 0.9), (21, 3, 0), (0, 7, 1))
    _brimmed(canvas, plain(straw), crown, (45, 14.5, 6.5), design.colour, texture="cable")
    rings = [ellipse(0, 6.5, 45 * s, 14.5 * s, 5, 175) for s in (0.64, 0.76, 0.88)]
    seam(canvas, *rings, width=0.5, depth=0.22)
    stitch(canvas, curve((-17, -10), (0, -7), (17, -10)), curve((-13, -15), (0, -13), (13, -15)))


def _bucket_hat(canvas: Canvas, design: Design) -> None:
    brim = symmetric([(0, 2, 1), (24, -1, 0.4), (39, 17, 0.8), (30, 23, 1), (0, 27, 1)])
    base = sew(canvas, brim, design.fabric, puff=4, depth=1.0)
    for share in (0.25, 0.5, 0.75):
        stitch(canvas, curve((-24 - 14 * share, 19 * share), (0, 6 + 20 * share), (24 + 14 * share, 19 * share)))
    crown = symmetric([(0, -26, 1), (18, -23.5, 0.9), (22, -14, 1), (25, 2, 0), (0, 7, 1)])
    canvas.shade(canvas.mask(moved(crown, 0.6, 2), blur=1.6).within(base), -0.4)
    dome = sew(canvas, crown, design.fabric, puff=4.5, depth=1.0)
    top = curve((-20, -19), (0, -15.5), (20, -19))
    seam(canvas, top, depth=0.35)
    stitch(canvas, moved(top, 0, 1))
    fold(
        canvas,
        dome,
        [curve((-14, -12), (-12, -4), (-15, 2)), curve((12, -12), (10, -5), (13, 3))],
        width=2.6,
        depth=0.18,
    )
    for x in (-6, -2):
        canvas.paint(canvas.mask(ellipse(x + 14, -9, 0.9, 0.9), holes=[ellipse(x + 14, -9, 0.45, 0.45)]), _SILVER)


_HATS = {
    "baseball-cap": _cap,
    "bobble-hat": _bobble_hat,
    "fedora": _fedora,
    "straw-hat": _straw,
    "bucket-hat": _bucket_hat,
}
HATS = tuple(_HATS)


_LENSES: dict[str, tuple[Knot, ...]] = {  # the right lens, from its inner upper corner, clockwise
    "round": ((6, 0, 1), (9, -10, 1), (20, -14, 1), (31, -10, 1), (34, 0, 1), (31, 10, 1), (20, 14, 1), (9, 10, 1)),
    "square": ((6, -9, 0.5), (20, -12, 1), (36, -11, 0.5), (35, 2, 1), (30, 11, 0.9), (14, 11.5, 0.9), (7, 3, 1)),
    "aviator": ((5.5, -9, 0.7), (18, -11.5, 1), (35, -9.5, 0.8), (34.5, 3, 1), (26, 14, 1), (14, 12.5, 1), (7, 3, 1)),
    "cat-eye": ((5.5, -5, 0.7), (20, -9, 1), (39.5, -14.5, 0.3), (36, 0, 1), (26, 10, 1), (13, 9.5, 1), (7, 3, 1)),
}
_LENSES["wire-rim"] = _LENSES["round"]
SUNGLASSES = tuple(_LENSES)
WIRE_FRAMES = ("aviator", "wire-rim")


def draw_sunglasses(canvas: Canvas, design: Design) -> None:
    """Draw sunglasses from the front, the temples folded open behind them."""
    wire = design.cut in WIRE_FRAMES
    frame = (_GOLD if design.whim > 0.5 else _SILVER) if wire else design.colour
    for side in (1, -1):
        temple = curve((36 * side, -7), (38.5 * side, -17), (31 * side, -27), (25 * side, -28.5))
        bar(canvas, temple, 1.6 if wire else 3.0, 1.4 if wire else 2.2, colour=darker(frame, 0.25), shine=0.3)
    right = spline(_LENSES[design.cut])
    thick = 1.3 if wire else design.between(3.0, 4.6)
    for side, lens in ((1, right), (-1, flipped(right))):
        _lens(canvas, design, lens, wire=wire)
        _rim(canvas, design, lens, thick, frame, wire=wire)
        hinge = ellipse(36.3 * side, -7.5, 1.2, 1.2)
        if not wire:
            canvas.paint(canvas.mask(hinge), _SILVER)
    if wire:
        bar(canvas, curve((-7, -4), (0, -7.5), (7, -4)), 1.4, colour=frame, shine=0.5)
        if design.cut == "aviator":
            bar(canvas, curve((-12, -11), (0, -12.4), (12, -11)), 1.4, colour=frame, shine=0.5)
    else:
        bar(canvas, curve((-8.5, -3), (0, -7), (8.5, -3)), thick * 1.1, colour=frame, shine=0.4)


def _lens(canvas: Canvas, design: Design, lens: Points, *, wire: bool) -> None:
    """Fill a lens: tinted darker towards the top, with the window reflected in it."""
    tint = mixed(design.colour, (0.1, 0.1, 0.12), 0.25 if wire else 0.72)
    mask = canvas.mask(lens)
    _, v = canvas.units(mask)
    fade = np.clip((v + np.float32(14)) / np.float32(30), 0, 1)[..., None]
    dark, pale = np.asarray(darker(tint, 0.55), dtype=np.float32), np.asarray(lighter(tint, 0.42), dtype=np.float32)
    canvas.paint(mask, dark + (pale - dark) * fade, 0.94)
    middle = lens.mean(axis=0)
    glare = [
        ribbon(line((middle[0] - 7 + dx, middle[1] + 14), (middle[0] + 5 + dx, middle[1] - 14)), width)
        for dx, width in ((-3, 4.5), (3.5, 1.6))
    ]
    gloss(canvas, *glare, onto=mask, blur=0.4, strength=0.22)


def _rim(canvas: Canvas, design: Design, lens: Points, thick: float, frame: Colour, *, wire: bool) -> None:
    middle = lens.mean(axis=0)
    grown = middle + (lens - middle) * (1 + thick / 17)
    if design.cut in {"square", "cat-eye"}:
        grown = moved(grown, 0, -thick * 0.3)
    ring = canvas.mask(grown, holes=[lens])
    if wire:
        canvas.paint(ring, frame)
    else:
        u, v = canvas.units(ring)
        canvas.paint(ring, design.fabric.colours(u, v))
    canvas.shade(canvas.mask(moved(grown, 0.5, 0.7), holes=[moved(lens, 0.5, 0.7)], blur=0.5).within(ring), -0.18)
    shine = ribbon(curve(*[(float(x), float(y)) for x, y in (middle + (grown - middle) * 0.97)[:18:3]]), 0.8)
    gloss(canvas, shine, onto=ring, blur=0.3, strength=0.6)


def draw_watch(canvas: Canvas, design: Design) -> None:
    """Draw a wristwatch lying flat."""
    case = _GOLD if design.whim > 0.6 else _SILVER
    radius = design.between(15.5, 18.5)
    square = design.cut == "square"
    if design.cut == "bracelet":
        _bracelet(canvas, case, radius)
    else:
        _leather_strap(canvas, design, radius)
    crown = rounded_box(radius - 0.5, -2, radius + 3.6, 2, 0.8)
    metal(canvas, crown, darker(case, 0.1))
    seam(canvas, *(line((radius + 1, y), (radius + 3.4, y)) for y in (-1.2, 0, 1.2)), width=0.3, depth=0.4)
    if design.cut == "sports":
        for y in (-9, 9):
            metal(canvas, ellipse(radius * 0.87 + 1.6, y, 2, 2), darker(case, 0.1))
    body = rounded_box(-radius, -radius * 1.08, radius, radius * 1.08, 5) if square else ellipse(0, 0, radius, radius)
    canvas.shade(canvas.mask(moved(body, 0.6, 1.4), blur=1.2), -0.4)
    metal(canvas, body, case)
    _dial(canvas, design, body * 0.86, radius * 0.86)


def _leather_strap(canvas: Canvas, design: Design, radius: float) -> None:
    width = radius * 1.12
    for side in (-1, 1):
        strap = spline(
            (
                (-width / 2, side * radius * 0.8, 0),
                (width / 2, side * radius * 0.8, 0),
                (width / 2 - 1.2, side * 40, 0.3),
                (width / 2 - 3.5, side * 45, 0.8),
                (-width / 2 + 3.5, side * 45, 0.8),
                (-width / 2 + 1.2, side * 40, 0.3),
            )
        )
        sew(canvas, strap, design.fabric, puff=1.4, depth=1.0)
        for edge in (-1, 1):
            path = line((edge * (width / 2 - 1.4), side * (radius + 2)), (edge * (width / 2 - 2.6), side * 41))
            stitch(canvas, path, colour=thread_for(design.colour))
    holes = [ellipse(0, y, 0.8, 0.8) for y in (26, 30, 34, 38)]
    canvas.shade(canvas.mask(*holes), -0.7)
    buckle = rounded_box(-width / 2 - 0.6, -47.5, width / 2 + 0.6, -41, 1.4)
    metal(canvas, buckle, _SILVER, holes=[rounded_box(-width / 2 + 1.8, -45.6, width / 2 - 1.8, -42.6, 0.6)])
    if design.cut == "sports":
        gaps = [rounded_box(x - 1.2, y - 1.2, x + 1.2, y + 1.2, 0.8) for y in (-34, -28, -22) for x in (-4, 0, 4)]
        canvas.shade(canvas.mask(*gaps), -0.45)


def _bracelet(canvas: Canvas, case: Colour, radius: float) -> None:
    width = radius * 1.05
    for side in (-1, 1):
        for i in range(9):
            y = side * (radius * 0.86 + i * 3.4)
            half = width / 2 - i * 0.25
            for left, right in ((-half, -half * 0.36), (-half * 0.32, half * 0.32), (half * 0.36, half)):
                metal(
                    canvas,
                    rounded_box(left, min(y, y + side * 3.1), right, max(y, y + side * 3.1), 0.7),
                    darker(case, 0.06),
                )


def _dial(canvas: Canvas, design: Design, edge: Points, radius: float) -> None:
    face = {
        "classic": (0.95, 0.94, 0.9),
        "bracelet": design.colour,
        "sports": (0.12, 0.12, 0.14),
        "square": (0.95, 0.94, 0.9),
    }[design.cut]
    if design.cut == "classic" and design.whim > 0.75:
        face = darker(design.colour, 0.1)
    ink = (0.96, 0.95, 0.92) if luminance(face) < 0.45 else (0.13, 0.13, 0.15)
    mask = sew(canvas, edge, plain(face), puff=1.2, depth=0.8)
    ticks: list[Points] = []
    fine: list[Points] = []
    for minute in range(60):
        length, width = (0.16, 0.9) if minute % 5 == 0 else (0.06, 0.32)
        mark = turned(ribbon(line((0, -radius * 0.93), (0, -radius * (0.93 - length))), width), minute * -6.0)
        (ticks if minute % 5 == 0 else fine).append(mark)
    canvas.paint(canvas.mask(*ticks), ink)
    canvas.paint(canvas.mask(*fine), ink, 0.7)
    if design.cut == "sports":
        for x, y in ((-6, 0), (6, 0), (0, 6.5)):
            canvas.paint(canvas.mask(ellipse(x, y, 3.2, 3.2), holes=[ellipse(x, y, 2.6, 2.6)]), design.accent, 0.9)
    minute_hand = turned(ribbon(line((0, 2.5), (0, -radius * 0.76)), 1.2, 0.7), -60)
    hour_hand = turned(ribbon(line((0, 2.5), (0, -radius * 0.5)), 1.7, 1.0), 55)
    second_hand = turned(ribbon(line((0, 4), (0, -radius * 0.82)), 0.4), -design.between(150, 220))
    canvas.shade(canvas.mask(moved(minute_hand, 0.4, 0.7), moved(hour_hand, 0.4, 0.7), blur=0.4).within(mask), -0.3)
    canvas.paint(canvas.mask(hour_hand, minute_hand), ink)
    canvas.paint(canvas.mask(second_hand), (0.8, 0.2, 0.15))
    canvas.paint(canvas.mask(ellipse(0, 0, 1.1, 1.1)), ink)
    glare = spline(
        (
            (-radius, -radius * 0.2, 0),
            (-radius * 0.2, -radius, 0),
            (radius * 0.35, -radius, 0),
            (-radius, radius * 0.35, 0),
        )
    )
    gloss(canvas, glare, onto=mask, blur=0.5, strength=0.1)


WATCHES = ("classic", "bracelet", "sports", "square")
