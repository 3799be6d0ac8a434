"""Chairs and armchairs, built in the room and seen from a corner of it. World units: y is up, the floor is at 0."""

import numpy as np

from indexer.sample_catalogue.canvas import Canvas, Colour
from indexer.sample_catalogue.design import Design
from indexer.sample_catalogue.geometry import Points, curve
from indexer.sample_catalogue.patterns import darker, plain
from indexer.sample_catalogue.solids import Box, Camera, bent_rod, rod, slab, upholster

_WOODS: tuple[Colour, ...] = ((0.8, 0.62, 0.41), (0.58, 0.38, 0.23), (0.3, 0.2, 0.15), (0.17, 0.17, 0.18))


def _camera(design: Design, *, zoom: float, height: float) -> Camera:
    """Look from the right or the left, never straight on."""
    side = 1 if design.whim > 0.5 else -1
    yaw = side * (18 + 26 * abs(design.whim - 0.5) * 2)
    return Camera(yaw=yaw, pitch=13, zoom=zoom, centre=(0, height / 2, 0))


def _wood(design: Design) -> Colour:
    return _WOODS[int(design.whim * 7.999) % 4]


def draw_chair(canvas: Canvas, design: Design) -> None:
    """Draw a chair."""
    camera = _camera(design, zoom=0.86, height=88)
    wood = _wood(design)
    _CHAIRS[design.cut](canvas, camera, design, wood)


_Leg = tuple[float, float, float]


def _four_legs(
    canvas: Canvas,
    camera: Camera,
    seat_y: float,
    half: tuple[float, float],
    splay: float,
    widths: tuple[float, float],
    colour: Colour,
) -> None:
    """Draw the legs, the far ones first."""
    tops: list[_Leg] = [(x * half[0], seat_y, z * half[1]) for z in (-1, 1) for x in (-1, 1)]
    depth = camera.axes()[2]
    for x, y, z in sorted(tops, key=lambda top: float(np.dot(depth, top))):
        rod(canvas, camera, (x, y, z), (x * splay, 0, z * splay), widths=widths, colour=colour)


def _dining(canvas: Canvas, camera: Camera, design: Design, wood: Colour) -> None:
    """Draw a wooden chair: turned legs, a padded seat, slats in the back."""
    _four_legs(canvas, camera, 43, (18, 17), 1.06, (4.2, 2.8), wood)
    for x in (-18, 18):
        rod(canvas, camera, (x * 1.04, 17, -17.5), (x * 1.04, 17, 17.5), widths=(2, 2), colour=darker(wood, 0.08))
    _back_posts(canvas, camera, wood, 90)
    for y in (62, 72, 82):
        rail = Box((0, y, -19.5 - (y - 44) * 0.12), (35, 5.4, 1.8), 0.8, lean=-7)
        upholster(canvas, camera, rail, plain(wood))
    upholster(canvas, camera, Box((0, 43, 0), (42, 4, 40), 1.2), plain(wood))
    upholster(canvas, camera, Box((0, 47, 0.5), (39, 5.5, 36), 2.6), design.fabric)


def _back_posts(canvas: Canvas, camera: Camera, wood: Colour, height: float) -> None:
    for x in (-18.5, 18.5):
        rod(canvas, camera, (x, 43, -18), (x, height, -25), widths=(4.0, 3.0), colour=wood)


def _spindle(canvas: Canvas, camera: Camera, design: Design, wood: Colour) -> None:
    """Draw a chair with thin rods in a bowed back; its colour is lacquer."""
    lacquer = design.colour if design.fabric.pattern == "plain" else wood
    _four_legs(canvas, camera, 44, (13, 12), 1.5, (4.0, 2.4), lacquer)
    for z in (-14.5, 14.5):
        rod(canvas, camera, (-16, 20, z), (16, 20, z), widths=(2, 2), colour=darker(lacquer, 0.1))
    for i in range(7):
        x = -15.0 + 5 * i
        top = 84 - 0.035 * x * x * 2.2
        rod(canvas, camera, (x * 0.9, 46, -17), (x * 1.12, top, -25), widths=(1.7, 1.5), colour=lacquer)
    bow = np.array(
        [
            (-19, 46, -16),
            (-20.5, 66, -21.5),
            (-15, 82, -25),
            (0, 87, -26),
            (15, 82, -25),
            (20.5, 66, -21.5),
            (19, 46, -16),
        ],
        dtype=float,
    )
    bent_rod(canvas, camera, _smooth(bow), 3.2, lacquer)
    upholster(canvas, camera, Box((0, 45, 0), (42, 3.6, 39), 1.7), plain(lacquer))
    if design.fabric.pattern != "plain":
        upholster(canvas, camera, Box((0, 48, 1), (36, 4, 33), 2), design.fabric)


def _smooth(path: Points) -> Points:
    """Run a curve through points of the room."""
    flat = curve(*[(float(x), float(y)) for x, y, _ in path])
    depth = curve(*[(float(i * 10), float(z)) for i, (_, _, z) in enumerate(path)])
    return np.column_stack([flat, depth[:, 1]])


def _shell(canvas: Canvas, camera: Camera, design: Design, wood: Colour) -> None:
    """Draw a moulded shell on four splayed wooden legs."""
    _four_legs(canvas, camera, 40, (11, 11), 1.85, (4.2, 2.2), wood)
    for z in (-11, 11):
        rod(canvas, camera, (-13, 32, z * 1.2), (13, 32, -z * 1.2), widths=(1.2, 1.2), colour=(0.15, 0.15, 0.16))
    upholster(canvas, camera, Box((0, 64, -20), (42, 40, 4.5), 2.2, lean=-14), design.fabric)
    upholster(canvas, camera, Box((0, 46, -17), (40, 14, 8), 3.8, lean=-24), design.fabric)
    upholster(canvas, camera, Box((0, 43, 1), (43, 5.5, 38), 2.7, lean=4), design.fabric)
    for x in (-21.5, 21.5):
        upholster(canvas, camera, Box((x, 46.5, -2), (4, 9, 30), 1.9, lean=2), design.fabric)


def _bar_stool(canvas: Canvas, camera: Camera, design: Design, wood: Colour) -> None:
    """Draw a high stool with a low back."""
    _four_legs(canvas, camera, 64, (12, 12), 1.4, (3.4, 2.6), wood)
    ring = [(-15.2, 24, -15.2), (15.2, 24, -15.2), (15.2, 24, 15.2), (-15.2, 24, 15.2)]
    for start, stop in zip(ring, ring[1:] + ring[:1], strict=True):
        rod(canvas, camera, start, stop, widths=(1.9, 1.9), colour=darker(wood, 0.12))
    for x in (-13, 13):
        rod(canvas, camera, (x, 66, -14), (x, 82, -18), widths=(2.2, 2.2), colour=wood)
    upholster(canvas, camera, Box((0, 83, -18), (36, 13, 4), 1.9, lean=-10), design.fabric)
    upholster(canvas, camera, Box((0, 67, 0), (36, 6.5, 34), 3), design.fabric)


def _folding(canvas: Canvas, camera: Camera, design: Design, wood: Colour) -> None:
    """Draw a folding chair: crossed legs, a cloth seat and back."""
    for x in (-19, 19):
        rod(canvas, camera, (x, 0, 18), (x, 86, -22), widths=(3.2, 3.0), colour=wood)
        rod(canvas, camera, (x * 0.9, 0, -20), (x * 0.9, 46, 18), widths=(3.0, 3.0), colour=darker(wood, 0.1))
    rod(canvas, camera, (-19, 8, 14), (19, 8, 14), widths=(2, 2), colour=wood)
    back = np.array([(-18, 82, -20.5), (18, 82, -20.5), (18, 62, -11.5), (-18, 62, -11.5)], dtype=float)
    slab(canvas, camera, back, design.fabric)
    upholster(canvas, camera, Box((0, 45, 1), (38, 3.4, 36), 1.5, lean=3), design.fabric)
    rod(canvas, camera, (-20, 84, -21), (20, 84, -21), widths=(3, 3), colour=wood)


_CHAIRS = {
    "dining-chair": _dining,
    "spindle-back-chair": _spindle,
    "shell-chair": _shell,
    "bar-stool": _bar_stool,
    "folding-chair": _folding,
}
CHAIRS = tuple(_CHAIRS)


def draw_armchair(canvas: Canvas, design: Design) -> None:
    """Draw an armchair or a small sofa."""
    wide = 1.75 if design.cut == "two-seater-sofa" else 1.0
    camera = _camera(design, zoom=0.66 if wide > 1 else 0.8, height=84)
    _ARMCHAIRS[design.cut](canvas, camera, design, _wood(design), wide)


def _club(canvas: Canvas, camera: Camera, design: Design, wood: Colour, wide: float) -> None:
    """Draw a deep seat between two round arms."""
    half = 34 * wide
    _four_legs(canvas, camera, 14, (half - 4, 28), 1.02, (4.6, 2.8), wood)
    upholster(canvas, camera, Box((0, 52, -27), (2 * half - 8, 62, 15), 6, lean=-9), design.fabric)
    upholster(canvas, camera, Box((0, 21, 0), (2 * half - 2, 18, 64), 3.5), design.fabric)
    arms = [Box((x * (half - 3), 34, 1), (14, 40, 66), 6) for x in (-1, 1)]
    far, near = (arms[0], arms[1]) if camera.yaw < 0 else (arms[1], arms[0])
    upholster(canvas, camera, far, design.fabric)
    seats = [0.0] if wide < 1.2 else [-half * 0.41, half * 0.41]
    width = (2 * half - 21) / len(seats)
    for x in sorted(seats, reverse=camera.yaw > 0):
        upholster(canvas, camera, Box((x, 55, -18), (width, 36, 12), 5.4, lean=-11), design.fabric)
    for x in sorted(seats, reverse=camera.yaw > 0):
        upholster(canvas, camera, Box((x, 36, 5), (width, 13, 54), 5), design.fabric)
    upholster(canvas, camera, near, design.fabric)


def _wooden(canvas: Canvas, camera: Camera, design: Design, wood: Colour, _wide: float) -> None:
    """Draw cushions in an open wooden frame."""
    side = 1 if camera.yaw < 0 else -1
    _arm_frame(canvas, camera, wood, -side)
    upholster(canvas, camera, Box((0, 27, 0), (56, 4, 56), 1), plain(wood))
    upholster(canvas, camera, Box((0, 58, -25), (52, 52, 11), 5, lean=-15), design.fabric)
    upholster(canvas, camera, Box((0, 35, 3), (54, 12, 54), 5), design.fabric)
    _arm_frame(canvas, camera, wood, side)


def _arm_frame(canvas: Canvas, camera: Camera, wood: Colour, side: int) -> None:
    x = 31.0 * side
    rod(canvas, camera, (x, 0, -28), (x, 70, -34), widths=(3.2, 3.6), colour=wood)
    rod(canvas, camera, (x, 0, 30), (x, 52, 26), widths=(3.0, 4.0), colour=wood)
    rod(canvas, camera, (x, 24, -30), (x, 26, 28), widths=(3.4, 3.4), colour=wood)
    upholster(canvas, camera, Box((x, 54, -1), (7, 3.4, 64), 1.4, lean=3), plain(wood))


def _wing(canvas: Canvas, camera: Camera, design: Design, wood: Colour, _wide: float) -> None:
    """Draw a high back with wings."""
    _four_legs(canvas, camera, 15, (26, 25), 1.08, (4.6, 2.6), wood)
    upholster(canvas, camera, Box((0, 62, -26), (58, 74, 13), 6, lean=-8), design.fabric)
    upholster(canvas, camera, Box((0, 22, 0), (60, 16, 58), 3), design.fabric)
    order = (-1, 1) if camera.yaw < 0 else (1, -1)
    for side in order:
        if side == order[1]:
            upholster(canvas, camera, Box((0, 35, 4), (50, 12, 50), 4.8), design.fabric)
        upholster(canvas, camera, Box((side * 30, 76, -19), (9, 42, 22), 4.4, lean=-8), design.fabric)
        upholster(canvas, camera, Box((side * 31, 38, 3), (10, 32, 56), 4.6), design.fabric)


_ARMCHAIRS = {"club-armchair": _club, "lounge-chair": _wooden, "wing-chair": _wing, "two-seater-sofa": _club}
ARMCHAIRS = tuple(_ARMCHAIRS)
