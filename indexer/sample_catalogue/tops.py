"""T-shirts, shirts and jumpers, and the cut of whatever covers the upper body."""

import math
from dataclasses import dataclass, replace

from indexer.sample_catalogue.canvas import Canvas, Mask
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
)
from indexer.sample_catalogue.materials import (
    band,
    buttons,
    fold,
    seam,
    sew,
    stitch,
    thread_for,
    trimming,
)
from indexer.sample_catalogue.patterns import WHITE, Fabric, darker, lighter, plain


@dataclass(frozen=True)
class Sleeve:
    """A right sleeve: shoulder, outer edge, cuff, inner edge, armpit; and how it hangs."""

    outline: tuple[Knot, ...]
    lean: float  # degrees from upright: the pattern follows the arm
    wrinkles: tuple[tuple[tuple[float, float], ...], ...] = (((23, -27), (28, -20), (30, -9)),)

    def cuff(self, up: float) -> Points:
        """Where the sleeve ends, moved up the arm."""
        corners = [(x, y) for x, y, roundness in self.outline if roundness == 0]
        angle = math.radians(self.lean)
        return moved(line(*corners[1:3]), -math.sin(angle) * up, -math.cos(angle) * up)


SLEEVES: dict[str, Sleeve] = {
    "short": Sleeve(((22, -35.5, 0), (31, -29.5, 0.8), (41, -12, 0), (32.5, -6.5, 0), (21, -14, 0)), 34),
    "half": Sleeve(((22, -35.5, 0), (32, -28, 1), (42, -1, 0), (34, 3.5, 0), (21, -14, 0)), 24),
    "long": Sleeve(
        ((22, -35.5, 0), (31.5, -28, 1), (37.5, -5, 1), (41, 29, 0), (34.5, 30.2, 0), (29, 2, 1), (21, -14, 0)),
        8,
        (
            ((23, -27), (28, -20), (30, -9)),
            ((35, -2), (31, 3), (30, 9)),
            ((38, 6), (34, 12), (33.5, 20)),
            ((29, -24), (33, -12), (34, 2)),
        ),
    ),
    "hanging": Sleeve(
        ((22, -35.5, 0), (29.5, -29, 1), (33, -8, 1), (33.5, 29, 0), (26, 29.6, 0), (25, 0, 1), (21, -14, 0)),
        2,
        (((23, -27), (27, -19), (28, -8)), ((31, -4), (28, 2), (27, 9)), ((32, 4), (29, 12), (28, 20))),
    ),
    "spread": Sleeve(
        ((22, -35.5, 0), (31, -29.5, 1), (41, -9, 1), (48.5, 14, 0), (42, 17, 0), (32, -2, 1), (21, -14, 0)),
        20,
        (((23, -27), (29, -20), (31, -9)), ((39, -7), (36, -1), (36, 5)), ((29, -25), (35, -14), (38, -2))),
    ),
}


@dataclass(frozen=True)
class Pieces:
    """The pattern that a top is cut from. Lengths in units from the middle of the picture, y down."""

    sleeve: str = "short"  # a key of SLEEVES, or "none"
    neck: str = "crew"  # crew, v, scoop, or "open" for what has a collar
    neck_width: float = 9.0
    neck_depth: float = -31.5
    waist: float = 22.0
    hem_width: float = 23.5
    hem: float = 39.0
    hem_curve: float = 0.8
    texture: str = ""
    puff: float = 2.6

    def neckline(self) -> list[Knot]:
        """The right half of the neckline, from its lowest point to the shoulder."""
        if self.neck == "v":
            return [(0, self.neck_depth, 0), (self.neck_width, -39.5, 0)]
        drop = self.neck_depth + 39.5
        return [(0, self.neck_depth, 1), (self.neck_width * 0.8, -39.5 + drop * 0.5, 1), (self.neck_width, -39.5, 0)]

    def body(self) -> Points:
        """The outline of the front."""
        return symmetric(
            [
                *self.neckline(),
                (22.5, -35.5, 0),
                (21.5, -22, 1),
                (22.6, -13, 0),
                (self.waist, 8, 1),
                (self.hem_width, self.hem, 0),
                (self.hem_width * 0.5, self.hem + self.hem_curve, 1),
                (0, self.hem + self.hem_curve, 1),
            ]
        )

    def neck_curve(self) -> Points:
        """The neckline of the front, from left to right."""
        half = self.neckline()
        return spline([*((-x, y, r) for x, y, r in reversed(half[1:])), *half], closed=False)


def _arms(canvas: Canvas, pieces: Pieces, fabric: Fabric) -> None:
    if pieces.sleeve == "none":
        return
    sleeve = SLEEVES[pieces.sleeve]
    right = spline(sleeve.outline)
    wrinkles = [curve(*points) for points in sleeve.wrinkles]
    for side, outline in ((1, right), (-1, flipped(right))):
        panel = sew(canvas, outline, fabric, turn=sleeve.lean * side, puff=pieces.puff, texture=pieces.texture)
        fold(canvas, panel, [path if side > 0 else flipped(path) for path in wrinkles], depth=0.13)


def cuff_path(pieces: Pieces, side: int, up: float) -> Points:
    """Where the right (side 1) or left (-1) sleeve ends, moved up the arm."""
    path = SLEEVES[pieces.sleeve].cuff(up)
    return path if side > 0 else flipped(path)


def draw_trunk(canvas: Canvas, pieces: Pieces, fabric: Fabric) -> Mask:
    """Draw sleeves, the inside of the back and the front, without trimmings."""
    inside = ellipse(0, -39.6, pieces.neck_width, 2.6)
    _arms(canvas, pieces, fabric)
    back = symmetric(
        [
            (0, -37.6, 1),
            (pieces.neck_width + 0.4, -39.8, 0),
            (pieces.neck_width, -36, 0),
            (0, max(-20.0, pieces.neck_depth + 1), 0),
        ]
    )
    sew(canvas, back, plain(darker(fabric.base, 0.38)), depth=0.4, texture=pieces.texture)
    canvas.shade(canvas.mask(inside, blur=1.2), -0.15)
    outline = pieces.body()
    front = sew(canvas, outline, fabric, puff=pieces.puff, texture=pieces.texture)
    _body_folds(canvas, front, pieces)
    if pieces.sleeve != "none":
        armhole = curve((22.4, -35.3), (21.4, -24), (22.4, -13.5))
        seam(canvas, armhole, flipped(armhole))
    return front


def _body_folds(canvas: Canvas, front: Mask, pieces: Pieces) -> None:
    low = pieces.hem
    paths = [
        curve((21, -12), (15, -4), (12, 6)),
        curve((22, -6), (18, 6), (17.5, low * 0.62)),
        curve((-21, -11), (-14, -3), (-13, 9)),
        curve((-22, 2), (-17, 12), (-16, low * 0.72)),
        curve((6, low - 3), (8, low * 0.5), (5, low * 0.2)),
        curve((-7, low - 2), (-6, low * 0.6), (-8, low * 0.35)),
    ]
    fold(canvas, front, paths, width=2.8, depth=0.12)


def neckband(canvas: Canvas, pieces: Pieces, fabric: Fabric, width: float = 2.3) -> None:
    """Draw the rib around the neck: its back part, then its front part."""
    back = curve((-pieces.neck_width, -39.6), (0, -38.2), (pieces.neck_width, -39.6))
    sew(canvas, ribbon(back, width), plain(darker(fabric.base, 0.22)), puff=0.6)
    band(canvas, pieces.neck_curve(), width, fabric, texture="rib", depth=0.6)


TEES: dict[str, Pieces] = {
    "crew-neck": Pieces(),
    "v-neck": Pieces(neck="v", neck_depth=-25.0, neck_width=8.5),
    "long-sleeve": Pieces(sleeve="long", neck_depth=-32.0),
    "loose": Pieces(sleeve="half", waist=25.5, hem_width=27.0, hem=36.0),
    "sleeveless": Pieces(sleeve="none", neck="scoop", neck_depth=-24.0, neck_width=10.5),
}


def draw_tee(canvas: Canvas, design: Design) -> None:
    """Draw a T-shirt lying flat."""
    pieces = TEES[design.cut]
    pieces = replace(pieces, hem=pieces.hem + design.between(-2.5, 2.5))
    draw_trunk(canvas, pieces, design.fabric)
    trim = plain(design.accent) if design.fabric.pattern == "colour-block" else trimming(design.colour, 0.1)
    neckband(canvas, pieces, trim)
    hem = curve((-pieces.hem_width, pieces.hem - 2), (0, pieces.hem - 1.2), (pieces.hem_width, pieces.hem - 2))
    stitch(canvas, hem)
    if pieces.sleeve != "none":
        stitch(canvas, cuff_path(pieces, 1, 1.8), cuff_path(pieces, -1, 1.8))
    if design.fabric.pattern == "printed":
        _chest_print(canvas, design)
    elif design.cut == "crew-neck" and design.whim > 0.5:
        pocket = rounded_box(6, -19, 15, -8, 1)
        sew(canvas, pocket, design.fabric, puff=0.5, depth=0.5)
        stitch(canvas, pocket)


def _chest_print(canvas: Canvas, design: Design) -> None:
    """Print a picture on the chest: a sun that goes down over waves, rings, or peaks."""
    y, ink = -11.0, design.accent
    motif = int(design.whim * 2.999)
    if motif == 0:
        canvas.paint(canvas.mask(ellipse(0, y, 9, 9, 180, 360)), ink)
        waves = [
            ribbon(curve((-10, y + d), (-5, y + d - 1.2), (0, y + d), (5, y + d - 1.2), (10, y + d)), 1.3)
            for d in (3, 6, 9)
        ]
        canvas.paint(canvas.mask(*waves), design.fabric.third)
    elif motif == 1:
        for radius, colour in ((10.5, ink), (8, design.colour), (5.8, design.fabric.third), (3.2, design.colour)):
            canvas.paint(canvas.mask(ellipse(0, y, radius, radius)), colour, 0.95)
    else:
        canvas.paint(canvas.mask(ellipse(4.5, y - 6, 3.6, 3.6)), design.fabric.third)
        canvas.paint(canvas.mask(line((-12, y + 8), (-3, y - 9), (3, y + 1), (6, y - 3), (12, y + 8))), ink)
        canvas.paint(canvas.mask(line((-5.6, y - 4), (-3, y - 9), (0.1, y - 4), (-2, y - 5.4), (-3.6, y - 3.4))), WHITE)


def shirt_collar(canvas: Canvas, fabric: Fabric, spread: float) -> None:
    """Draw a turned-down collar; `spread` moves its points apart."""
    stand = curve((-8.6, -40), (0, -37.5), (8.6, -40))
    band(canvas, stand, 3.6, plain(darker(fabric.base, 0.25)), depth=0.4)
    wing = spline(((0.2, -33.4, 0), (8.8, -41.6, 0.3), (10.4, -38.4, 0.4), (6.5 + spread, -28.8, 0), (1.6, -32.6, 0)))
    for outline in (wing, flipped(wing)):
        canvas.shade(canvas.mask(moved(outline, 0.3, 1.0), blur=0.8), -0.22)
        sew(canvas, outline, fabric, turn=30 if outline is wing else -30, puff=0.8, depth=0.5)
        stitch(canvas, line((8.4, -37.6), (5.9 + spread, -30)) * (1 if outline is wing else -1, 1))


def _placket(canvas: Canvas, top: float, bottom: float, button: tuple[float, float, float]) -> None:
    front = line((0, top), (0, bottom))
    seam(canvas, moved(front, -2), moved(front, 2), depth=0.22)
    stitch(canvas, moved(front, -1.5), moved(front, 1.5))
    count = 6
    buttons(canvas, [(0, top + 3 + (bottom - top - 8) * i / (count - 1)) for i in range(count)], button, radius=0.95)


SHIRTS: dict[str, Pieces] = {
    "classic": Pieces(sleeve="long", neck="v", neck_depth=-31.5, neck_width=8.6, hem=36.0, hem_curve=4.5),
    "short-sleeve": Pieces(sleeve="short", neck="v", neck_depth=-31.5, neck_width=8.6, hem=37.0, hem_curve=1.0),
    "work": Pieces(
        sleeve="long", neck="v", neck_depth=-31.5, neck_width=8.6, waist=24.0, hem_width=25.0, hem_curve=2.0
    ),
}


def draw_shirt(canvas: Canvas, design: Design) -> None:
    """Draw a buttoned shirt lying flat."""
    pieces = SHIRTS[design.cut]
    draw_trunk(canvas, pieces, design.fabric)
    thread = thread_for(design.colour)
    button = lighter(design.colour, 0.75) if design.whim > 0.4 else darker(design.colour, 0.45)
    _placket(canvas, pieces.neck_depth + 0.5, pieces.hem + pieces.hem_curve - 1, button)
    if pieces.sleeve == "long":
        for side in (1, -1):
            band(canvas, cuff_path(pieces, side, 2.4), 5.0, design.fabric, depth=0.6)
            seam(canvas, cuff_path(pieces, side, 4.9))
    else:
        stitch(canvas, cuff_path(pieces, 1, 2.2), cuff_path(pieces, -1, 2.2))
    shirt_collar(canvas, design.fabric, design.between(1.5, 5.0))
    pockets = {"work": (1, -1), "short-sleeve": (1,), "classic": (1,) if design.whim > 0.5 else ()}
    for side in pockets.get(design.cut, ()):
        chest_pocket(canvas, design.fabric, side, flap=design.cut == "work", button=button)
    stitch(canvas, line((-20, -33), (-9.5, -36.8)), line((20, -33), (9.5, -36.8)), colour=thread, opacity=0.4)


def chest_pocket(canvas: Canvas, fabric: Fabric, side: int, *, flap: bool, button: tuple[float, float, float]) -> None:
    """Sew a pocket on the right (side 1) or left (-1) of the chest."""
    pocket = spline(((6.2, -19, 0), (15.6, -19, 0), (15.6, -8.5, 0), (10.9, -6.2, 0), (6.2, -8.5, 0))) * (side, 1)
    sew(canvas, pocket, fabric, puff=0.5, depth=0.6)
    stitch(canvas, pocket)
    if flap:
        lid = spline(((5.8, -20.4, 0), (16, -20.4, 0), (16, -17, 0), (10.9, -14.6, 0), (5.8, -17, 0))) * (side, 1)
        canvas.shade(canvas.mask(moved(lid, 0.2, 0.8), blur=0.5), -0.25)
        sew(canvas, lid, fabric, puff=0.6, depth=0.6)
        buttons(canvas, [(10.9 * side, -16.4)], button, radius=0.8)


JUMPERS: dict[str, Pieces] = {
    "crew-neck": Pieces(
        sleeve="spread", neck_depth=-31.5, hem=34.0, hem_width=22.5, waist=23.0, texture="knit", puff=3.4
    ),
    "v-neck": Pieces(
        sleeve="spread", neck="v", neck_depth=-20.0, hem=34.0, hem_width=22.5, waist=23, texture="knit", puff=3.4
    ),
    "roll-neck": Pieces(
        sleeve="spread", neck_depth=-35, neck_width=8.8, hem=34.0, hem_width=22.5, waist=23, texture="knit", puff=3.6
    ),
    "cable": Pieces(sleeve="spread", neck_depth=-31.5, hem=34.0, hem_width=23.0, waist=24.0, texture="cable", puff=3.8),
    "cardigan": Pieces(
        sleeve="spread", neck="v", neck_depth=-12.0, hem=34.0, hem_width=22.5, waist=23, texture="knit", puff=3.2
    ),
}


def draw_jumper(canvas: Canvas, design: Design) -> None:
    """Draw a knitted jumper or cardigan lying flat."""
    pieces = JUMPERS[design.cut]
    draw_trunk(canvas, pieces, design.fabric)
    rib = plain(design.accent) if design.fabric.pattern in {"colour-block", "banded"} else trimming(design.colour, 0.08)
    low = curve((-pieces.hem_width, pieces.hem), (0, pieces.hem + 0.8), (pieces.hem_width, pieces.hem))
    band(canvas, low, 6.0, rib, texture="rib", depth=0.9)
    for side in (1, -1):
        band(canvas, cuff_path(pieces, side, 1.6), 6.0, rib, texture="rib", depth=0.9)
    if design.cut == "roll-neck":
        collar = symmetric([(0, -45.5, 1), (8.2, -45.2, 0.6), (9.6, -36, 0.8), (0, -33.2, 1)])
        sew(canvas, collar, rib, puff=2.0, texture="rib", depth=0.9)
        fold(canvas, canvas.mask(collar), [curve((-9, -39.5), (0, -37.6), (9, -39.5))], width=1.6, depth=0.25)
        return
    neckband(canvas, pieces, rib, width=3.0)
    if design.cut == "cardigan":
        band(canvas, line((0, -12.5), (0, pieces.hem + 2.5)), 4.0, rib, texture="rib", depth=0.7)
        colour = darker(design.colour, 0.5) if design.whim > 0.5 else (0.72, 0.6, 0.42)
        buttons(canvas, [(0, -9.5 + 9.6 * i) for i in range(5)], colour, radius=1.3)
