"""Trousers, shorts, skirts and dresses, lying flat."""

from dataclasses import dataclass

from indexer.sample_catalogue.canvas import Canvas, Mask
from indexer.sample_catalogue.design import Design
from indexer.sample_catalogue.geometry import Knot, Points, curve, flipped, line, moved, ribbon, spline, symmetric
from indexer.sample_catalogue.hangers import draw_bust, draw_clip_hanger
from indexer.sample_catalogue.materials import band, buttons, cast, fold, seam, sew, stitch, thread_for, trimming
from indexer.sample_catalogue.patterns import Fabric, darker, plain

_DENIM_THREAD = (0.84, 0.62, 0.33)


@dataclass(frozen=True)
class Leg:
    """One trouser leg, its half widths in units at the knee and the hem."""

    knee: tuple[float, float]  # inner and outer x
    hem: tuple[float, float]
    length: float  # y of the hem
    hip: float = 18.0
    waist: float = 13.5
    top: float = -42.0

    def outline(self) -> Points:
        """The right leg, with its half of the seat."""
        knee_y = self.top + (self.length - self.top) * 0.56
        return spline(
            (
                (-0.6, self.top, 0),
                (self.waist, self.top, 0),
                (self.hip, self.top + 15, 1),
                (self.knee[1], knee_y, 1),
                (self.hem[1], self.length, 0),
                (self.hem[0], self.length + 0.8, 0),
                (self.knee[0], knee_y, 1),
                (0.8, self.top + 25, 0),
                (-0.6, self.top + 22, 0),
            )
        )


TROUSERS: dict[str, Leg] = {
    "slim": Leg(knee=(5.0, 15.0), hem=(6.5, 14.0), length=43),
    "straight": Leg(knee=(3.6, 17.5), hem=(4.2, 17.8), length=43),
    "wide-leg": Leg(knee=(2.6, 21.5), hem=(2.5, 25.0), length=43, hip=19),
    "flared": Leg(knee=(4.6, 14.8), hem=(4.0, 21.5), length=43),
    "cropped": Leg(knee=(3.8, 17.5), hem=(5.5, 16.0), length=30),
}
SHORTS: dict[str, Leg] = {
    "tailored": Leg(knee=(2.4, 24.0), hem=(2.6, 26.5), length=20, hip=22, waist=18.0, top=-30),
    "long": Leg(knee=(2.6, 23.0), hem=(3.5, 24.0), length=31, hip=21, waist=17.5, top=-30),
    "running": Leg(knee=(1.6, 26.0), hem=(3.0, 30.0), length=14, hip=23, waist=18.0, top=-28),
    "cargo": Leg(knee=(2.4, 24.5), hem=(3.2, 26.0), length=27, hip=22, waist=18.0, top=-30),
}


def _legs(canvas: Canvas, leg: Leg, fabric: Fabric, *, texture: str) -> Mask:
    right = leg.outline()
    lean = 4.0
    crotch = leg.top + 23
    masks = []
    inside = symmetric(
        [(0, leg.top - 3.6, 1), (leg.waist, leg.top - 4.4, 0), (leg.waist, leg.top, 0), (0, leg.top + 1, 0)]
    )
    sew(canvas, inside, plain(darker(fabric.base, 0.45)), depth=0.3)
    for side, outline in ((-1, flipped(right)), (1, right)):
        panel = sew(canvas, outline, fabric, turn=-lean * side, puff=3.4, depth=0.75, texture=texture)
        masks.append(panel)
        middle = (leg.knee[0] + leg.knee[1]) / 2
        knee = leg.top + (leg.length - leg.top) * 0.56
        paths = [
            curve((1.5, crotch), (7, crotch - 3), (13, crotch - 7)),
            curve((1.5, crotch + 2), (6, crotch + 3), (11, crotch + 2)),
            curve((middle - 3, knee - 5), (middle + 1, knee - 2), (leg.knee[1] - 1, knee - 4)),
            curve((middle + 3, knee + 3), (middle, knee + 9), (middle + 1, leg.length - 6)),
        ]
        fold(canvas, panel, [path if side > 0 else flipped(path) for path in paths], width=2.4, depth=0.13)
    return masks[-1]


def _waistband(canvas: Canvas, leg: Leg, fabric: Fabric, texture: str) -> None:
    path = curve((-leg.waist - 0.2, leg.top - 1.6), (0, leg.top - 0.2), (leg.waist + 0.2, leg.top - 1.6))
    band(canvas, path, 4.4, fabric, texture=texture, depth=0.7)
    for x in (-0.72, -0.3, 0.3, 0.72):
        loop = line((x * leg.waist, leg.top - 3.1 - 0.6 * abs(x)), (x * leg.waist, leg.top + 1.8))
        canvas.shade(canvas.mask(moved(ribbon(loop, 1.6), 0.4, 0.3), blur=0.4), -0.25)
        sew(canvas, ribbon(loop, 1.5), fabric, puff=0.4, depth=0.5)
    buttons(canvas, [(0.4, leg.top - 0.6)], (0.7, 0.62, 0.5), radius=1.1)


def _fly_and_pockets(canvas: Canvas, leg: Leg, thread: tuple[float, float, float] | None) -> None:
    crotch = leg.top + 22
    middle = line((0, leg.top + 1.6), (0, crotch))
    seam(canvas, middle, depth=0.4)
    fly = curve((3.4, leg.top + 2), (3.4, crotch - 8), (2.4, crotch - 4), (0.4, crotch - 2))
    stitch(canvas, fly, moved(fly, 0.8), colour=thread)
    pocket = curve((leg.waist - 6.5, leg.top + 1.8), (leg.waist - 5, leg.top + 6.5), (leg.hip - 1.2, leg.top + 9))
    for path in (pocket, flipped(pocket)):
        seam(canvas, path, width=0.6, depth=0.4)
        stitch(canvas, moved(path, 0, 0.9), colour=thread)


def draw_trousers(canvas: Canvas, design: Design) -> None:
    """Draw a pair of trousers; the plain blue ones are jeans."""
    leg = TROUSERS[design.cut]
    _draw_pair(canvas, design, leg, turn_up=design.cut == "cropped" or design.whim > 0.8)


def draw_shorts(canvas: Canvas, design: Design) -> None:
    """Draw a pair of shorts."""
    leg = SHORTS[design.cut]
    _draw_pair(canvas, design, leg, turn_up=design.cut == "tailored")
    if design.cut == "cargo":
        pocket = spline(((14.5, 2, 0), (24.5, 1, 0), (25, 15, 0.2), (15, 16, 0.2)))
        flap = spline(((14.2, 1, 0), (24.8, 0, 0), (24.8, 4.5, 0.2), (14.4, 5.5, 0.2)))
        for outline in (pocket, flipped(pocket), flap, flipped(flap)):
            canvas.shade(canvas.mask(moved(outline, 0.2, 0.8), blur=0.5), -0.2)
            sew(canvas, outline, design.fabric, puff=0.8, depth=0.7)
            stitch(canvas, outline)


def _draw_pair(canvas: Canvas, design: Design, leg: Leg, *, turn_up: bool) -> None:
    is_denim = design.fabric.pattern == "denim"
    texture = "twill" if is_denim else ""
    _legs(canvas, leg, design.fabric, texture=texture)
    if is_denim:
        _wash(canvas, leg)
    if design.cut == "running":
        _sporty(canvas, design, leg)
        return
    _fly_and_pockets(canvas, leg, _DENIM_THREAD if is_denim else None)
    _waistband(canvas, leg, design.fabric, texture)
    hem = line((leg.hem[0], leg.length - 1.4), (leg.hem[1], leg.length - 2.2))
    for path in (hem, flipped(hem)):
        if turn_up:
            band(canvas, path, 5.0, design.fabric, texture=texture, depth=0.9)
        else:
            stitch(canvas, moved(path, 0, -0.6), colour=_DENIM_THREAD if is_denim else None)


def _wash(canvas: Canvas, leg: Leg) -> None:
    """Fade the thighs and knees, as worn denim does."""
    middle = (leg.knee[0] + leg.knee[1]) / 2
    long = curve((middle - 1, leg.top + 14), (middle + 0.5, leg.top + 30), (middle + 0.5, leg.length - 14))
    canvas.shade(canvas.mask(ribbon(long, 8, taper=True), ribbon(flipped(long), 8, taper=True), blur=3.5), 0.25)


def _sporty(canvas: Canvas, design: Design, leg: Leg) -> None:
    path = curve((-leg.waist - 0.4, leg.top - 1.4), (0, leg.top - 0.2), (leg.waist + 0.4, leg.top - 1.4))
    band(canvas, path, 6.0, trimming(design.colour), texture="rib", depth=0.9)
    stripe = curve((leg.waist + 2, leg.top + 5), (leg.hip + 1.4, leg.top + 15), (leg.hem[1] - 3.2, leg.length))
    for side in (stripe, flipped(stripe)):
        canvas.paint(canvas.mask(ribbon(side, 2.0)), design.accent, 0.92)
    for x in (-1.6, 1.4):
        cord = curve((x, leg.top + 1), (x * 1.8, leg.top + 7), (x * 1.2, leg.top + 14))
        canvas.paint(canvas.mask(ribbon(cord, 0.9)), (0.93, 0.92, 0.9))
    seam(canvas, line((0, leg.top + 3), (0, leg.top + 22)), depth=0.35)


SKIRTS: dict[str, tuple[Knot, ...]] = {  # the right half, below a waistband at y = -30
    "a-line": ((0, -30, 0), (14, -30, 0), (20, -12, 1), (29, 22, 0), (15, 24.6, 1), (0, 25.2, 1)),
    "pencil": ((0, -34, 0), (13.5, -34, 0), (19.5, -14, 1), (18.5, 8, 1), (16.5, 36, 0), (0, 36.6, 0)),
    "pleated": ((0, -30, 0), (14, -30, 0), (21, -10, 0.6), (33, 30, 0), (16, 32.4, 1), (0, 33, 1)),
    "mini": ((0, -24, 0), (17, -24, 0), (23, -8, 1), (27, 18, 0), (14, 19.8, 1), (0, 20.2, 1)),
}


def draw_skirt(canvas: Canvas, design: Design) -> None:
    """Draw a skirt."""
    knots = SKIRTS[design.cut]
    top, waist, low = knots[0][1], knots[1][0], knots[-1][1]
    hem_width = max(x for x, _, _ in knots)
    panel = sew(canvas, symmetric(knots), design.fabric, puff=3.2, depth=0.7)
    pleats = _pleats(top, low, waist, hem_width, 11 if design.cut == "pleated" else 0)
    if pleats:
        seam(canvas, *pleats, width=0.5, depth=0.3)
        fold(canvas, panel, [moved(path, 0.8) for path in pleats], width=2.4, depth=0.26)
    elif design.cut != "pencil":
        fold(canvas, panel, _pleats(top + 12, low, waist * 1.1, hem_width * 0.9, 7), width=3.2, depth=0.18)
    else:
        seam(canvas, line((3, low - 12), (3.4, low)), width=0.8, depth=0.5)
        fold(canvas, panel, [curve((-17, -8), (-6, -5), (4, -7)), curve((17, 0), (8, 3), (-2, 2))], depth=0.12)
    band(canvas, curve((-waist, top), (0, top + 1), (waist, top)), 4.6, design.fabric, depth=0.8)
    draw_clip_hanger(canvas, waist, top - 1)
    if design.cut in {"mini", "a-line"} and design.whim > 0.5:
        buttons(canvas, [(0, top + 6 + (low - top - 10) * i / 4) for i in range(5)], (0.72, 0.6, 0.44))
    else:
        stitch(canvas, curve((-hem_width + 1, low - 4), (0, low - 1.6), (hem_width - 1, low - 4)))


def _pleats(top: float, low: float, waist: float, hem_width: float, count: int) -> list[Points]:
    places = [-0.9 + 1.8 * i / max(1, count - 1) for i in range(count)]
    return [
        curve(
            (x * waist, top + 2), (x * (waist + hem_width) * 0.52, (top + low) / 2), (x * hem_width, low - 2 * abs(x))
        )
        for x in places
    ]


@dataclass(frozen=True)
class Frock:
    """A dress: its shoulders, waist and hem as half widths, and what covers the arms."""

    bodice: tuple[Knot, ...]  # right half of the neckline, shoulder and armhole, down to the armpit
    waist: tuple[float, float]
    hem: tuple[float, float]
    sleeve: tuple[Knot, ...] = ()
    folds: int = 7


_ROUND_NECK: tuple[Knot, ...] = ((0, -36, 1), (6, -38.5, 1), (7.5, -43, 0), (15, -40, 0), (13, -32, 1), (15, -25, 0))
_V_NECK: tuple[Knot, ...] = ((0, -29, 0), (7, -43, 0), (15, -40, 0), (13, -32, 1), (15, -25, 0))
_STRAPS: tuple[Knot, ...] = (
    (0, -29.5, 1),
    (6.5, -32.5, 0.6),
    (9.2, -44, 0),
    (10.6, -44, 0),
    (10.8, -32, 0.8),
    (14.6, -25, 0),
)
_LONG_ARM: tuple[Knot, ...] = (
    (13, -40.5, 0),
    (20, -35, 1),
    (26, -14, 1),
    (29.5, 4, 0),
    (25, 5.5, 0),
    (20, -12, 1),
    (11, -25, 0),
)
_SHORT_ARM: tuple[Knot, ...] = ((13, -40.5, 0), (20.5, -36, 0.9), (25.5, -24.5, 0), (19.5, -21, 0), (11, -25, 0))
DRESSES: dict[str, Frock] = {
    "a-line": Frock(_ROUND_NECK, (12, -10), (27, 36)),
    "wrap": Frock(_V_NECK, (11.5, -9), (23, 38), _LONG_ARM),
    "shirt": Frock(_V_NECK, (13.5, -8), (19, 38), _SHORT_ARM, folds=5),
    "slip": Frock(_STRAPS, (12.6, -8), (18, 42), folds=5),
    "skater": Frock(_ROUND_NECK, (11.5, -11), (32, 24), _SHORT_ARM, folds=9),
    "maxi": Frock(_STRAPS, (12, -11), (27, 45), folds=9),
}


def draw_dress(canvas: Canvas, design: Design) -> None:
    """Draw a dress."""
    frock = DRESSES[design.cut]
    (waist, waist_y), (hem_width, hem) = frock.waist, frock.hem
    draw_bust(canvas)
    if frock.sleeve:
        right = spline(frock.sleeve)
        for side, outline in ((1, right), (-1, flipped(right))):
            panel = sew(canvas, outline, design.fabric, turn=20.0 * side, puff=2.2)
            fold(canvas, panel, [curve((17 * side, -33), (20 * side, -24), (22 * side, -12))], depth=0.14)
    skirt: list[Knot] = [
        (waist, waist_y, 0.7),
        (waist + (hem_width - waist) * 0.45, waist_y + (hem - waist_y) * 0.35, 0.9),
        (hem_width, hem - 1.5, 0),
        (hem_width * 0.5, hem + 0.9, 1),
        (0, hem + 1.5, 1),
    ]
    panel = sew(canvas, symmetric([*frock.bodice, *skirt]), design.fabric, puff=2.8, depth=0.7)
    fold(canvas, panel, _pleats(waist_y + 1, hem, waist * 0.9, hem_width * 0.92, frock.folds), width=3.0, depth=0.2)
    fold(canvas, panel, [curve((13, -24), (8, -18), (6, -11)), curve((-13, -24), (-8, -18), (-6, -11))], depth=0.12)
    _dress_details(canvas, design, frock, panel)


def _dress_details(canvas: Canvas, design: Design, frock: Frock, panel: Mask) -> None:
    waist, waist_y = frock.waist
    belt = curve((-waist, waist_y), (0, waist_y + 1.2), (waist, waist_y))
    if design.cut == "wrap":
        cross = curve((7, -42), (3, -30), (-4, -18), (-11, -9.5))
        seam(canvas, cross, width=0.7, depth=0.5)
        fold(canvas, panel, [curve((9, -10), (2, 8), (4, 34))], width=3, depth=0.3)
        ties = [ribbon(curve((8, -8.5), (12 + dx, 2), (11 + dx * 1.6, 13)), 1.8, 2.6) for dx in (0, 3.4)]
        for tie in ties:
            cast(canvas, tie, panel)
            sew(canvas, tie, design.fabric, puff=0.5)
        band(canvas, belt, 3.2, trimming(design.colour, 0.18), depth=0.7)
    elif design.cut == "shirt":
        middle = line((0, -28.5), (0, frock.hem[1] + 1))
        seam(canvas, moved(middle, -1.6), moved(middle, 1.6), depth=0.3)
        buttons(canvas, [(0, -26 + 8 * i) for i in range(8)], (0.93, 0.9, 0.84), radius=0.9)
        band(canvas, belt, 3.4, plain(darker(design.accent, 0.1)), depth=0.7)
        wing = spline(((0.2, -29.4, 0), (7.2, -44.2, 0.3), (8.8, -41.5, 0.4), (6.8, -30.5, 0)))
        for outline in (wing, flipped(wing)):
            cast(canvas, outline, panel, reach=0.8)
            sew(canvas, outline, design.fabric, puff=0.7)
    elif design.cut in {"a-line", "skater"}:
        seam(canvas, belt, width=0.6, depth=0.35)
        neck = [(x, y, r) for x, y, r in _ROUND_NECK[:3]]
        path = spline([*((-x, y, r) for x, y, r in reversed(neck[1:])), *neck], closed=False)
        band(canvas, path, 1.5, trimming(design.colour), depth=0.5)
    else:
        seam(canvas, belt, width=0.5, depth=0.25)
        stitch(canvas, curve((-14, -26.5), (0, -25), (14, -26.5)), colour=thread_for(design.colour), opacity=0.3)
