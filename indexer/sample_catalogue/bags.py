"""Handbags and backpacks, from the front."""

from indexer.sample_catalogue.canvas import Canvas, Colour, Mask
from indexer.sample_catalogue.design import Design
from indexer.sample_catalogue.geometry import (
    Points,
    curve,
    ellipse,
    line,
    moved,
    ribbon,
    rounded_box,
    spline,
    symmetric,
)
from indexer.sample_catalogue.materials import (
    bar,
    buttons,
    cast,
    fold,
    gloss,
    metal,
    seam,
    sew,
    stitch,
    thread_for,
    zip_line,
)
from indexer.sample_catalogue.patterns import darker, lighter, luminance, plain

_BRASS = (0.86, 0.73, 0.45)
_STEEL = (0.82, 0.83, 0.85)
_LEATHER = (0.55, 0.34, 0.2)


def _fittings(design: Design) -> Colour:
    return _BRASS if design.whim > 0.4 else _STEEL


def _strap(canvas: Canvas, path: Points, width: float, colour: Colour, *, stitched: bool = True) -> None:
    """Draw a flat strap with stitches along both edges."""
    canvas.shade(canvas.mask(moved(ribbon(path, width), 0.5, 0.9), blur=0.7), -0.25)
    sew(canvas, ribbon(path, width), plain(colour), puff=0.7, depth=0.8)
    if stitched:
        edge = ribbon(path, width - 1.0)
        half = len(edge) // 2
        stitch(canvas, edge[:half], edge[half:], colour=thread_for(colour), opacity=0.6)


def draw_handbag(canvas: Canvas, design: Design) -> None:
    """Draw a handbag."""
    _HANDBAGS[design.cut](canvas, design)


def _tote(canvas: Canvas, design: Design) -> None:
    handle = design.between(-36, -44)
    leather = _LEATHER if design.fabric.pattern != "plain" else darker(design.colour, 0.18)
    arch = curve(
        (-12, -8), (-12.5, handle + 16), (-7, handle + 2), (0, handle), (7, handle + 2), (12.5, handle + 16), (12, -8)
    )
    bar(canvas, moved(arch, 0, -2), 2.4, colour=darker(leather, 0.35), shine=0.15)
    body = symmetric([(0, -12, 1), (31, -12.6, 0), (27, 36, 0.25), (0, 37.5, 1)])
    inside = symmetric([(0, -14.4, 1), (30.6, -12.8, 0), (0, -10.4, 1)])
    sew(canvas, inside, plain(darker(design.colour, 0.5)), puff=0.8)
    panel = sew(canvas, body, design.fabric, puff=3.2, depth=0.8)
    fold(
        canvas,
        panel,
        [curve((-26, -2), (-19, 12), (-22, 30)), curve((25, 2), (20, 16), (22, 32)), curve((-8, 34), (0, 28), (9, 34))],
        width=3,
        depth=0.13,
    )
    edge = curve((-31, -10.2), (0, -9.6), (31, -10.2))
    stitch(canvas, edge, colour=thread_for(design.colour))
    _strap(canvas, arch, 2.8, leather)
    for x in (-12, 12):
        sew(canvas, rounded_box(x - 2.4, -10.5, x + 2.4, 0, 1.4), plain(leather), puff=0.6)
        buttons(canvas, [(x, -2.4)], _fittings(design), radius=0.9)


def _satchel(canvas: Canvas, design: Design) -> None:
    arch = curve((-10, -15), (-9, -24), (0, -27), (9, -24), (10, -15))
    bar(canvas, arch, 3.2, colour=darker(design.colour, 0.15), shine=0.25)
    body = rounded_box(-34, -17, 34, 30, 5)
    sew(canvas, body, design.fabric, puff=2.6, depth=0.9)
    flap = spline(
        (
            (-35, -17.5, 0.3),
            (-30, -20, 0.4),
            (30, -20, 0.4),
            (35, -17.5, 0.3),
            (35, 6, 0.6),
            (27, 13, 0.9),
            (-27, 13, 0.9),
            (-35, 6, 0.6),
        )
    )
    base = canvas.mask(body)
    cast(canvas, flap, base, reach=1.6, depth=0.4)
    lid = sew(canvas, flap, design.fabric, puff=1.8, depth=0.8)
    gloss(canvas, ribbon(curve((-30, -15.5), (0, -16.5), (22, -15.5)), 3, taper=True), onto=lid, strength=0.2)
    inner = spline(((-33, -16, 0.3), (33, -16, 0.3), (33, 5, 0.6), (26, 11, 0.9), (-26, 11, 0.9), (-33, 5, 0.6)))
    stitch(canvas, inner, colour=thread_for(design.colour))
    for x in (-18, 18):
        _strap(canvas, line((x, -17), (x, 19)), 5, darker(design.colour, 0.16))
        frame = rounded_box(x - 3.8, 5, x + 3.8, 12, 1)
        metal(canvas, frame, _fittings(design), holes=[rounded_box(x - 2.3, 6.5, x + 2.3, 10.5, 0.6)])
        canvas.paint(canvas.mask(ribbon(line((x, 6.5), (x, 11.5)), 0.9)), darker(_fittings(design), 0.15))


def _shoulder(canvas: Canvas, design: Design) -> None:
    """Draw a half-moon bag on one wide strap."""
    arch = curve((-29, 0), (-24, -22), (-12, -38), (0, -42), (12, -38), (24, -22), (29, 0))
    _strap(canvas, arch, 4.2, darker(design.colour, 0.12))
    body = symmetric([(0, 2, 1), (20, -1, 1), (31, -8, 0.4), (33, 10, 1), (22, 29, 1), (0, 34, 1)])
    panel = sew(canvas, body, design.fabric, puff=4.2, depth=1.0)
    top = curve((-29, -3), (-15, 3.6), (0, 5.6), (15, 3.6), (29, -3))
    zip_line(canvas, top, design.colour, _fittings(design))
    fold(
        canvas,
        panel,
        [
            curve((-24, 2), (-18, 12), (-20, 22)),
            curve((24, 3), (19, 12), (21, 21)),
            curve((-10, 9), (-6, 18), (-9, 28)),
            curve((11, 9), (7, 16), (9, 26)),
        ],
        width=3,
        depth=0.2,
    )
    gloss(canvas, ribbon(curve((-24, 10), (-16, 22), (-4, 28)), 4, taper=True), onto=panel, strength=0.16, blur=1.6)
    for x in (-29.5, 29.5):
        metal(canvas, ellipse(x, -5, 3.2, 3.2), _fittings(design), holes=[ellipse(x, -5, 1.9, 1.9)])


def _clutch(canvas: Canvas, design: Design) -> None:
    """Draw an envelope on a chain."""
    chain = curve((-33, -8), (-26, -32), (0, -41), (26, -32), (33, -8))
    links = [ellipse(float(x), float(y), 1.3, 1.3) for x, y in chain[::2]]
    holes = [ellipse(float(x), float(y), 0.65, 0.65) for x, y in chain[::2]]
    metal(canvas, ribbon(chain, 0.7), darker(_fittings(design), 0.1))
    canvas.paint(canvas.mask(*links, holes=holes), _fittings(design))
    body = rounded_box(-37, -12, 37, 27, 3)
    base = sew(canvas, body, design.fabric, puff=2, depth=0.8)
    flap = spline(((-37.4, -12.5, 0.3), (37.4, -12.5, 0.3), (36, -8, 0.2), (2, 13, 0.7), (-2, 13, 0.7), (-36, -8, 0.2)))
    cast(canvas, flap, base, reach=1.8, depth=0.45)
    lid = sew(canvas, flap, design.fabric, puff=1.2, depth=0.8, turn=4)
    stitch(canvas, line((-34, -9), (-1, 11.4)), line((34, -9), (1, 11.4)), colour=thread_for(design.colour))
    gloss(canvas, ribbon(curve((-30, -9), (0, -9.6), (20, -9)), 2.4, taper=True), onto=lid, strength=0.25)
    metal(canvas, ellipse(0, 11, 3.4, 3.4), _fittings(design))
    canvas.paint(canvas.mask(ellipse(0, 11, 1.7, 1.7)), darker(_fittings(design), 0.12))


def _bucket(canvas: Canvas, design: Design) -> None:
    arch = curve((-19, -10), (-17, -32), (0, -42), (17, -32), (19, -10))
    _strap(canvas, arch, 2.6, darker(design.colour, 0.25), stitched=False)
    body = symmetric([(0, -13, 1), (21, -14, 0), (25, 8, 1), (26, 33, 0.35), (0, 36.5, 1)])
    inside = ellipse(0, -14, 21, 3.6)
    sew(canvas, inside, plain(darker(design.colour, 0.55)), puff=1)
    panel = sew(canvas, body, design.fabric, puff=4.4, depth=1.0)
    gathers = [curve((x, -12), (x * 1.02, -4), (x * 1.15, 6)) for x in (-16, -11, -5, 1, 7, 12, 17)]
    fold(canvas, panel, gathers, width=2.2, depth=0.24)
    cord = curve((-22, -6), (-10, -4), (0, -3.6), (10, -4), (22, -6))
    bar(canvas, cord, 1.3, colour=darker(design.colour, 0.45))
    for x in (-2.4, 2.4):
        bar(canvas, curve((x * 0.4, -3.6), (x * 1.4, 4), (x * 2, 13)), 1.2, colour=darker(design.colour, 0.45))
        canvas.paint(canvas.mask(ellipse(x * 2, 14, 1.5, 1.9)), _fittings(design))
    low = curve((-25.6, 25), (0, 28.4), (25.6, 25))
    seam(canvas, low, depth=0.4)
    stitch(canvas, moved(low, 0, 1.2), colour=thread_for(design.colour))


_HANDBAGS = {"tote": _tote, "satchel": _satchel, "shoulder": _shoulder, "clutch": _clutch, "bucket": _bucket}
HANDBAGS = tuple(_HANDBAGS)


def draw_backpack(canvas: Canvas, design: Design) -> None:
    """Draw a backpack."""
    trim = _trim(design)
    for side in (1, -1):
        shoulder = curve((9 * side, -33), (31 * side, -20), (35 * side, 8), (29 * side, 32))
        bar(canvas, shoulder, 5.0, 3.0, colour=darker(trim, 0.2), shine=0.1)
    loop = curve((-6, -36), (-5, -42.5), (0, -44), (5, -42.5), (6, -36))
    bar(canvas, loop, 2.2, colour=darker(trim, 0.15))
    _BACKPACKS[design.cut](canvas, design, trim)


def _trim(design: Design) -> Colour:
    if design.whim > 0.6:
        return _LEATHER
    return darker(design.colour, 0.35) if luminance(design.colour) > 0.2 else lighter(design.colour, 0.25)


def _shell(canvas: Canvas, design: Design, top: float, width: float) -> Mask:
    body = symmetric(
        [
            (0, top, 1),
            (width * 0.62, top + 1.2, 1),
            (width * 0.95, top + 14, 1),
            (width, 18, 1),
            (width - 1.5, 37, 0.5),
            (0, 40, 1),
        ]
    )
    return sew(canvas, body, design.fabric, puff=4.4, depth=1.0)


def _front_pocket(
    canvas: Canvas, design: Design, panel: Mask, box: tuple[float, float, float, float], trim: Colour
) -> None:
    outline = rounded_box(*box, 5)
    cast(canvas, outline, panel, reach=1.4)
    pocket = sew(canvas, outline, design.fabric, puff=2.6, depth=0.9)
    left, top, right, _ = box
    zip_line(canvas, curve((left + 2, top + 5), (0, top + 3.6), (right - 2, top + 5)), trim)
    fold(canvas, pocket, [curve((left + 5, top + 9), (left + 8, top + 15), (left + 6, top + 20))], depth=0.15)


def _daypack(canvas: Canvas, design: Design, trim: Colour) -> None:
    panel = _shell(canvas, design, -39, 27)
    arc = curve((-24.5, -2), (-23.5, -20), (-13, -32), (0, -34.5), (13, -32), (23.5, -20), (24.5, -2))
    zip_line(canvas, arc, trim)
    _front_pocket(canvas, design, panel, (-20, 5, 20, 34), trim)
    patch = rounded_box(-5, -19, 5, -9, 1.6)
    sew(canvas, patch, plain(trim), puff=0.6)
    canvas.shade(canvas.mask(*(ribbon(line((x, -16), (x, -12)), 1.2) for x in (-1.8, 1.8))), -0.5)
    fold(
        canvas, panel, [curve((-25, 4), (-22, 14), (-23, 28)), curve((25, 6), (22, 16), (23, 28))], width=2.6, depth=0.2
    )


def _rucksack(canvas: Canvas, design: Design, trim: Colour) -> None:
    panel = _shell(canvas, design, -30, 25)
    for side in (-1, 1):
        pocket = spline(((24 * side, 6, 0.5), (33 * side, 8, 0.8), (33 * side, 32, 0.8), (24 * side, 36, 0.5)))
        sew(canvas, pocket, design.fabric, puff=2.2, depth=0.9)
    _front_pocket(canvas, design, panel, (-17, 10, 17, 36), trim)
    lid = symmetric([(0, -38.5, 1), (19, -37, 0.9), (27, -24, 0.8), (26, -9, 0.5), (0, -5, 1)])
    cast(canvas, lid, panel, reach=2, depth=0.4)
    flap = sew(canvas, lid, design.fabric, puff=3.4, depth=0.9)
    fold(canvas, flap, [curve((-20, -26), (-12, -18), (-14, -9)), curve((19, -27), (13, -20), (14, -12))], depth=0.14)
    for x in (-12, 12):
        _strap(canvas, line((x, -22), (x, 15)), 3.6, trim)
        metal(
            canvas,
            rounded_box(x - 3, 0, x + 3, 6, 0.8),
            _fittings(design),
            holes=[rounded_box(x - 1.8, 1.3, x + 1.8, 4.7, 0.4)],
        )


def _roll_top(canvas: Canvas, design: Design, trim: Colour) -> None:
    body = symmetric([(0, -27, 1), (24, -27, 0.2), (26.5, 6, 1), (26, 36, 0.4), (0, 39, 1)])
    panel = sew(canvas, body, design.fabric, puff=4, depth=0.9)
    for top, width in ((-32, 25), (-38, 23)):
        roll = rounded_box(-width, top - 2, width, top + 7, 3.4)
        cast(canvas, roll, panel, reach=1.2)
        sew(canvas, roll, design.fabric, puff=1.8, depth=1.0)
    _strap(canvas, line((0, -38), (0, 4)), 4.4, trim)
    metal(canvas, rounded_box(-4, -8, 4, -1, 1), _fittings(design), holes=[rounded_box(-2.5, -6.4, 2.5, -2.6, 0.5)])
    _front_pocket(canvas, design, panel, (-19, 9, 19, 35), trim)
    fold(
        canvas,
        panel,
        [curve((-22, -22), (-17, -8), (-19, 4)), curve((22, -20), (18, -8), (19, 2))],
        width=2.6,
        depth=0.2,
    )


def _two_tone(canvas: Canvas, design: Design, trim: Colour) -> None:
    panel = _shell(canvas, design, -38, 25)
    base = symmetric([(0, 15, 1), (30, 14, 0), (30, 44, 0), (0, 44, 0)])
    canvas.paint(canvas.mask(base).within(panel), trim, 0.93)
    stitch(canvas, curve((-25, 16.6), (0, 17.4), (25, 16.6)), colour=thread_for(trim))
    zip_line(canvas, curve((-22, -14), (-14, -27), (0, -30), (14, -27), (22, -14)), trim)
    pocket = spline(((-17, -6, 0.3), (17, -6, 0.3), (15, 12, 0.8), (-15, 12, 0.8)))
    cast(canvas, pocket, panel, reach=1)
    sew(canvas, pocket, design.fabric, puff=1.6, depth=0.8)
    zip_line(canvas, line((-15, -3.4), (15, -3.4)), trim)
    fold(
        canvas,
        panel,
        [curve((-23, 16), (-20, 24), (-21, 33)), curve((23, 18), (20, 26), (21, 34))],
        width=2.6,
        depth=0.2,
    )


_BACKPACKS = {"zipped": _daypack, "hiking": _rucksack, "roll-top": _roll_top, "two-tone": _two_tone}
BACKPACKS = tuple(_BACKPACKS)
