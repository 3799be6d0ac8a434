"""Mugs, teapots, vases, plant pots and lamps: nearly all of them turned on a wheel."""

import numpy as np

from indexer.sample_catalogue.canvas import Canvas, Colour, Mask
from indexer.sample_catalogue.design import Design
from indexer.sample_catalogue.geometry import Points, curve, ellipse, line, moved, ribbon, spline, turned
from indexer.sample_catalogue.materials import bar, gloss, metal, relief, sew
from indexer.sample_catalogue.patterns import Fabric, darker, lighter, luminance, mixed, plain
from indexer.sample_catalogue.solids import Turned, turn

_BRASS = (0.84, 0.69, 0.42)
_OAK = (0.78, 0.6, 0.4)
_STEEL = (0.78, 0.79, 0.81)


def _opening(canvas: Canvas, body: Turned, inside: Colour, *, lip: float = 0.9, filling: Colour | None = None) -> None:
    """Look into a vessel: its rim, the shaded inner wall, and what it is filled with."""
    canvas.paint(canvas.mask(body.rim()), lighter(inside, 0.25))
    hollow = canvas.mask(body.rim(lip))
    radius, _ = body.top
    u, _v = canvas.units(hollow)
    light = np.clip(np.float32(0.62) + np.float32(0.3) * u / np.float32(radius), 0, 1)
    canvas.paint(hollow, np.asarray(inside, dtype=np.float32) * light[..., None])
    canvas.shade(canvas.mask(ribbon(body.rim(lip), 1.6), blur=0.8).within(hollow), -0.25)
    if filling:
        surface = canvas.mask(body.rim(lip + 0.3, below=radius * body.tilt * 0.55)).within(hollow)
        canvas.paint(surface, filling)


MUGS: dict[str, Turned] = {
    "straight": Turned.shaped((21, -25, 0), (21, 10, 0), (20.6, 22, 0.8), (17, 26.5, 0)),
    "tapered": Turned.shaped((23.5, -24, 0), (20.5, 8, 0.6), (16, 27, 0)),
    "round": Turned.shaped((18, -22, 0), (21.5, -12, 1), (24.5, 4, 1), (21, 20, 1), (13.5, 26, 0)),
    "tall": Turned.shaped((17.5, -35, 0), (17.2, 10, 0.5), (15.8, 29, 0.8), (13.5, 31, 0)),
    "enamel": Turned.shaped((22.6, -22, 0), (22, -20.5, 0), (22, 21, 0), (21.4, 24, 0.6), (20, 25, 0)),
}


def draw_mug(canvas: Canvas, design: Design) -> None:
    """Draw a mug with its handle to the right."""
    body = MUGS[design.cut]
    radius, top = body.top
    handle = design.colour if design.whim < 0.75 else design.accent
    low = 12.0
    reach = design.between(12, 16)
    ear = curve(
        (radius - 2.5, top + 9),
        (radius + reach * 0.75, top + 8),
        (radius + reach, top + 20),
        (radius + reach * 0.6, low + 1),
        (radius - 3.5, low + 3),
    )
    bar(canvas, ear, design.between(4.4, 5.6), design.between(3.6, 4.6), colour=handle, shine=0.45)
    mask = turn(canvas, body, design.fabric, shine=0.65)
    inside = (0.95, 0.94, 0.91) if design.whim > 0.3 else lighter(design.colour, 0.15)
    filling = ((0.2, 0.11, 0.07) if design.whim > 0.85 else (0.66, 0.47, 0.3)) if design.whim > 0.65 else None
    _opening(canvas, body, inside, filling=filling)
    if design.cut == "enamel":
        edge = darker(design.accent, 0.3) if luminance(design.accent) > 0.6 else design.accent
        canvas.paint(canvas.mask(body.rim(-0.3), holes=[body.rim(1.0)]), edge)
    gloss(
        canvas, ribbon(curve((-radius * 0.62, top + 10), (-radius * 0.62, 4)), 2.2, taper=True), onto=mask, strength=0.3
    )


TEAPOTS: dict[str, Turned] = {
    "round": Turned.shaped((11, -15, 0), (19, -11, 1), (27, 4, 1), (23, 19, 1), (14, 25, 0)),
    "tall": Turned.shaped((10, -25, 0), (15, -20, 1), (19, 0, 1), (22, 18, 0.9), (18, 25, 0)),
    "squat": Turned.shaped((12, -8, 0), (22, -5, 1), (31, 8, 1), (26, 20, 1), (16, 25, 0)),
}


def draw_teapot(canvas: Canvas, design: Design) -> None:
    """Draw a teapot, spout to the left."""
    body = TEAPOTS[design.cut]
    radius, top = body.top
    widest = float(body.profile[:, 0].max())
    _spout(canvas, design, widest, top)
    if design.cut == "squat":
        cane = curve((-radius - 6, top + 2), (-17, -27), (0, -35), (17, -27), (radius + 6, top + 2))
        bar(canvas, cane, 2.6, colour=_OAK, shine=0.3)
    else:
        ear = curve(
            (widest * 0.66, top + 5),
            (widest + 11, top + 3),
            (widest + 15, top + 16),
            (widest + 6, 14),
            (widest * 0.8, 16),
        )
        bar(canvas, ear, 4.8, 3.6, colour=design.colour, shine=0.45)
    mask = turn(canvas, body, design.fabric, shine=0.65)
    _lid(canvas, design, radius, top)
    gloss(canvas, ellipse(-widest * 0.48, (top + 25) * 0.3, widest * 0.13, 5.5), onto=mask, blur=1.2, strength=0.4)


def _spout(canvas: Canvas, design: Design, widest: float, top: float) -> None:
    lip_y = top + 1
    outline = spline(
        (
            (-widest * 0.72, 18, 0),
            (-widest - 6, 9, 1),
            (-widest - 10, lip_y + 5, 1),
            (-widest - 16.5, lip_y, 0),
            (-widest - 10.5, lip_y - 2.4, 0),
            (-widest - 5, lip_y + 6, 1),
            (-widest * 0.72, 2, 0),
        )
    )
    spout = sew(canvas, outline, plain(design.colour), puff=2.2, depth=1.1)
    canvas.paint(
        canvas.mask(turned(ellipse(-widest - 13.5, lip_y - 1.1, 3.2, 1.1), -22, (-widest - 13.5, lip_y - 1.1))),
        darker(design.colour, 0.55),
    )
    gloss(
        canvas,
        ribbon(curve((-widest - 12, lip_y + 4), (-widest - 7.5, 3), (-widest, 9)), 1.6, taper=True),
        onto=spout,
        strength=0.5,
    )


def _lid(canvas: Canvas, design: Design, radius: float, top: float) -> None:
    colour = design.colour if design.whim < 0.6 else mixed(design.accent, design.colour, 0.2)
    lid = Turned.shaped(
        (2.4, top - 7.5, 0), (7, top - 6, 0.9), (radius + 0.9, top - 0.4, 0), (radius + 0.9, top + 0.6, 0)
    )
    turn(canvas, lid, plain(colour), shine=0.6)
    knob = ellipse(0, top - 9.8, 3.1, 2.8)
    mask = sew(canvas, knob, plain(_OAK if design.cut == "squat" else colour), puff=1.2, depth=1.2)
    gloss(canvas, ellipse(-1, top - 10.8, 0.8, 0.6), onto=mask, blur=0.3, strength=0.7)


VASES: dict[str, Turned] = {
    "bottle": Turned.shaped((5.2, -38, 0), (4.2, -28, 1), (5.5, -14, 1), (18, 4, 1), (20, 22, 1), (13, 36, 0)),
    "classic": Turned.shaped((13, -36, 0), (9, -28, 1), (11, -20, 1), (22, -4, 1), (18, 20, 1), (11, 36, 0)),
    "cylinder": Turned.shaped((13, -34, 0), (13, 30, 0), (12.6, 34, 0.7), (11.5, 35, 0)),
    "bud": Turned.shaped((5.5, -20, 0), (4.6, -12, 1), (9, -3, 1), (21, 12, 1), (19, 28, 1), (11, 35, 0)),
    "trumpet": Turned.shaped((21, -36, 0), (13, -16, 1), (8.5, 8, 1), (11, 28, 1), (14.5, 36, 0)),
}


def draw_vase(canvas: Canvas, design: Design) -> None:
    """Draw a vase, sometimes with a few dried stems in it."""
    body = VASES[design.cut]
    radius, _ = body.top
    mask = turn(canvas, body, design.fabric, shine=0.2 + 0.5 * (design.whim > 0.4))
    _opening(canvas, body, darker(design.colour, 0.45), lip=min(1.1, radius * 0.16))
    gloss(
        canvas, ribbon(moved(body.profile[4:-6], 0) * (-0.55, 1), 2.4, taper=True), onto=mask, blur=1.2, strength=0.22
    )


POTS: dict[str, Turned] = {
    "tapered": Turned.shaped((19, 2, 0), (19, 8, 0), (17.6, 8.4, 0), (13.5, 37, 0)),
    "round": Turned.shaped((15, 3, 0), (20.5, 14, 1), (19, 29, 1), (12, 37, 0)),
    "straight": Turned.shaped((17, 3, 0), (17, 33, 0), (16.5, 36, 0.6), (15, 37, 0)),
    "footed": Turned.shaped((18, 2, 0), (18, 20, 0.8), (13, 28, 1), (8, 31, 0.8), (9.5, 37, 0)),
}
_PLANTS = ("snake plant", "monstera", "cactus", "fern")
_LEAF_GREENS = ((0.22, 0.44, 0.25), (0.3, 0.52, 0.3), (0.18, 0.38, 0.27))


def draw_plant_pot(canvas: Canvas, design: Design) -> None:
    """Draw a pot with a plant in it."""
    body = POTS[design.cut]
    plant = _PLANTS[int(design.whim * 3.999)]
    back, front = _leaves(plant, design)
    for outline, shade in back:
        _leaf(canvas, outline, shade)
    mask = turn(canvas, body, design.fabric, shine=0.12 + 0.4 * (design.cut == "round"))
    if design.cut == "tapered":
        canvas.shade(
            canvas.mask(ribbon(moved(body.rim()[: len(body.rim()) // 2], 0, 8.4), 2.2), blur=0.8).within(mask), -0.3
        )
    _opening(canvas, body, darker(design.colour, 0.3), lip=1.3, filling=(0.25, 0.18, 0.14))
    for outline, shade in front:
        _leaf(canvas, outline, shade)


def _leaf(canvas: Canvas, outline: Points, shade: float) -> None:
    low = _LEAF_GREENS[int(shade * 2.999)]
    mask = sew(canvas, outline, plain(lighter(low, 0.12 * (shade % 0.4))), puff=1.5, depth=0.9)
    half = len(outline) // 2
    vein = (outline[:half] + outline[::-1][:half]) / 2
    canvas.shade(canvas.mask(ribbon(vein[2:-1], 0.6)).within(mask), 0.2)


_Leaves = list[tuple[Points, float]]


def _leaves(plant: str, design: Design) -> tuple[_Leaves, _Leaves]:
    """Outline the leaves of a plant behind the rim of its pot and in front of it, each with its shade."""
    rng = np.random.default_rng(int(design.whim * 1e6))
    leaves: _Leaves = []
    count = {"snake plant": 11, "monstera": 13, "cactus": 0, "fern": 26}[plant]
    if plant == "cactus":
        return _cactus(), []
    for i in range(count):
        share = (i + 0.5) / count * 2 - 1
        lean = share * {"snake plant": 20.0, "monstera": 62.0, "fern": 88.0}[plant] + float(rng.uniform(-6, 6))
        length = {"snake plant": 42.0, "monstera": 33.0, "fern": 36.0}[plant] * float(rng.uniform(0.65, 1.05))
        width = {"snake plant": 3.4, "monstera": 9.0, "fern": 2.3}[plant]
        root = (share * 8.0, 6.0)
        if plant == "monstera":
            outline = _broad_leaf(root, lean, length, width)
        else:
            outline = _blade(root, lean, length, width, droop=0.0 if plant == "snake plant" else 0.5 * share)
        leaves.append((outline, float(rng.random())))
    order = np.argsort([-abs(i - count / 2) for i in range(count)])
    arranged = [leaves[int(i)] for i in order]
    return arranged[: count // 2], arranged[count // 2 :]


def _blade(root: tuple[float, float], lean: float, length: float, width: float, droop: float) -> Points:
    bend = droop * length
    middle = curve((0, 0), (bend * 0.1, -length * 0.55), (bend * 0.8, -length * (1 - abs(droop) * 0.5)))
    along = np.linspace(0, 1, len(middle))
    half = (width * np.sin(np.pi * (0.18 + 0.82 * along)) ** 0.8)[:, None] * (1.0, 0.0)
    outline = np.concatenate([middle + half, (middle - half)[::-1]])
    return moved(turned(outline, -lean), *root)


def _broad_leaf(root: tuple[float, float], lean: float, length: float, width: float) -> Points:
    knots = (
        (0.5, 0.0, 0.0),
        (0.5, -length * 0.5, 0.0),
        (width * 0.8, -length * 0.48, 1.0),
        (width, -length * 0.66, 1.0),
        (width * 0.6, -length * 0.86, 1.0),
        (0.0, -length, 0.0),
        (-width * 0.6, -length * 0.86, 1.0),
        (-width, -length * 0.66, 1.0),
        (-width * 0.8, -length * 0.48, 1.0),
        (-0.5, -length * 0.5, 0.0),
        (-0.5, 0.0, 0.0),
    )
    return moved(turned(spline(knots), -lean), *root)


def _cactus() -> _Leaves:
    trunk = ribbon(curve((0, 8), (0, -10), (0, -30)), 13)
    arms = [ribbon(curve((4, -2), (15, -4), (16, -18)), 7), ribbon(curve((-4, -8), (-14, -10), (-15, -22)), 7)]
    caps = [ellipse(0, -30, 6.5, 6), ellipse(16, -18, 3.5, 4), ellipse(-15, -22, 3.5, 4)]
    return [(outline, 0.5) for outline in (*arms, *caps[1:], trunk, caps[0])]


SHADES: dict[str, Turned] = {
    "cone": Turned.shaped((12, -40, 0), (25, -12, 0), tilt=0.13),
    "drum": Turned.shaped((22, -38, 0), (23, -14, 0), tilt=0.13),
    "empire": Turned.shaped((9, -40, 0), (14, -27, 1), (27, -12, 0), tilt=0.13),
    "dome": Turned.shaped((3, -36, 0), (17, -31, 1), (26, -14, 0.4), (26, -12, 0), tilt=0.13),
}
_FEET: tuple[Turned, ...] = (
    Turned.shaped((1.6, -13, 0), (1.8, 8, 1), (12, 18, 1), (13, 30, 1), (8, 38, 0), tilt=0.15),
    Turned.shaped((1.4, -13, 0), (1.4, 33, 0), (13, 35.4, 0.4), (14, 38, 0), tilt=0.2),
    Turned.shaped((1.6, -13, 0), (3, -4, 1), (9, 8, 1), (4, 20, 1), (3.4, 30, 1), (12, 38, 0), tilt=0.15),
    Turned.shaped((1.4, -13, 0), (1.6, -2, 0), (15, 2, 0.8), (16, 34, 0.8), (14.5, 38, 0), tilt=0.15),
)


def draw_table_lamp(canvas: Canvas, design: Design) -> None:
    """Draw a table lamp; its shade carries the pattern."""
    foot = _FEET[int(design.whim * 3.999)]
    material = {0: plain(design.accent), 1: plain(_BRASS), 2: plain(_OAK), 3: plain(lighter(design.accent, 0.1))}
    turn(canvas, foot, material[int(design.whim * 3.999)], shine=0.5)
    metal(canvas, ribbon(line((0, -20), (0, -11)), 2.4), _BRASS)
    cord = curve((9, 37), (24, 39), (33, 36), (44, 40))
    canvas.paint(canvas.mask(ribbon(cord, 0.7)), (0.3, 0.29, 0.28))
    shade = SHADES[design.cut]
    mask = _lit_shade(canvas, shade, design.fabric, lit=design.whim > 0.25)
    low_radius, low_y = (float(value) for value in shade.profile[-1])
    hem = ellipse(0, low_y, low_radius, low_radius * shade.tilt, 0, 180)
    canvas.shade(canvas.mask(ribbon(moved(hem, 0, -0.8), 1.2)).within(mask), -0.2)


def _lit_shade(canvas: Canvas, shade: Turned, fabric: Fabric, *, lit: bool) -> Mask:
    if lit:
        radius, y = (float(value) for value in shade.profile[-1])
        halo = canvas.mask(ellipse(0, y + 3, radius * 0.9, 7), blur=4)
        canvas.shade(halo, 0.35)
    mask = turn(canvas, shade, fabric, shine=0.0, glow=0.72 if lit else 0.15)
    if lit:
        top, low = shade.profile[0], shade.profile[-1]
        middle = float(top[1] + low[1]) / 2 + 3
        warm = canvas.mask(ellipse(0, middle, float(low[0]) * 0.42, 7.5), blur=4.5).within(mask)
        canvas.paint(warm, (1.0, 0.93, 0.74), 0.6)
    _opening(canvas, shade, mixed(fabric.base, (1.0, 0.92, 0.75), 0.6 if lit else 0.1), lip=0.5)
    return mask


PENDANTS: dict[str, Turned] = {
    "dome": Turned.shaped((3, -14, 0), (17, -9, 1), (30, 14, 0.7), (31, 19, 0), tilt=0.16),
    "cone": Turned.shaped((3.4, -16, 0), (8, -11, 0.5), (33, 17, 0), (33, 19, 0), tilt=0.16),
    "bell": Turned.shaped((4, -22, 0), (11, -16, 1), (15, -2, 1), (20, 14, 1), (29, 21, 0), tilt=0.16),
    "drum": Turned.shaped((30, -10, 0), (30, 18, 0), tilt=0.13),
    "globe": Turned(ellipse(0, 5, 25, 25, 279, 441), tilt=0.03),
}


def draw_pendant_lamp(canvas: Canvas, design: Design) -> None:
    """Draw a lamp that hangs from the ceiling."""
    shade = PENDANTS[design.cut]
    radius, top = shade.top
    cord = line((0, -60), (0, top - 4))
    canvas.paint(canvas.mask(ribbon(cord, 1.0)), (0.16, 0.16, 0.17) if design.whim < 0.7 else design.accent)
    if design.cut == "drum":
        for x in (-0.75, 0.75):
            canvas.paint(canvas.mask(ribbon(line((0, top - 14), (radius * x, top)), 0.5)), _STEEL)
        metal(canvas, ribbon(line((0, top - 17), (0, top - 11)), 3), _BRASS)
        _lit_shade(canvas, shade, design.fabric, lit=design.whim > 0.3)
        return
    if design.cut == "globe":
        turn(canvas, shade, design.fabric, shine=0.4, glow=0.6)
    else:
        _metal_shade(canvas, design, shade)
    cap = Turned.shaped((1.6, top - 7, 0), (radius + 0.5, top - 4.5, 0.5), (radius + 0.5, top + 1, 0), tilt=0.2)
    turn(canvas, cap, plain(_BRASS if design.whim > 0.35 else (0.18, 0.18, 0.19)), shine=0.6)


def _metal_shade(canvas: Canvas, design: Design, shade: Turned) -> None:
    """Draw a shade open below: the lit inside shows under its rim, with the bulb."""
    low_radius, low_y = (float(value) for value in shade.profile[-1])
    mouth = ellipse(0, low_y, low_radius, low_radius * shade.tilt)
    turn(canvas, shade, design.fabric, shine=0.55)
    hollow = canvas.mask(mouth)
    light = relief(canvas, hollow, 3.0, 0.6)
    inner = mixed((1.0, 0.95, 0.82), design.accent, 0.25)
    canvas.paint(hollow, np.clip(np.asarray(inner, dtype=np.float32) * light[..., None], 0, 1))
    bulb = ellipse(0, low_y + 1.5, 5.2, 4.6)
    canvas.shade(canvas.mask(ellipse(0, low_y, 12, 4), blur=3).within(hollow), 0.7)
    canvas.paint(canvas.mask(bulb), (1.0, 0.97, 0.88))
    gloss(canvas, ellipse(-1.4, low_y + 0.4, 1.4, 1.2), onto=canvas.mask(bulb), blur=0.5, strength=0.9)
    edge = ribbon(ellipse(0, low_y, low_radius, low_radius * shade.tilt), 0.7)
    canvas.paint(canvas.mask(edge), lighter(design.colour, 0.1))
