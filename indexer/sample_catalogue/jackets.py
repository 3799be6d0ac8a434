"""Jackets, lying flat."""

from indexer.sample_catalogue.canvas import Canvas, Mask
from indexer.sample_catalogue.design import Design
from indexer.sample_catalogue.geometry import curve, flipped, line, moved, ribbon, spline, symmetric
from indexer.sample_catalogue.hangers import draw_hanger
from indexer.sample_catalogue.materials import band, buttons, cast, seam, sew, stitch, trimming, zip_line
from indexer.sample_catalogue.patterns import darker, lighter, plain
from indexer.sample_catalogue.tops import Pieces, chest_pocket, cuff_path, draw_trunk, neckband, shirt_collar

JACKETS: dict[str, Pieces] = {
    "bomber-jacket": Pieces("hanging", neck_depth=-34, neck_width=9.5, waist=25, hem_width=22.5, hem=30, puff=3.8),
    "blazer": Pieces("hanging", "v", neck_depth=-4, neck_width=8.5, waist=20.5, hem_width=24.5, hem=38),
    "trucker-jacket": Pieces("hanging", "v", neck_depth=-31, neck_width=8.8, hem_width=21.5, hem=29, texture="twill"),
    "puffer-jacket": Pieces("hanging", neck_depth=-36, neck_width=9.5, waist=25.5, hem_width=25, hem=34, puff=4.5),
    "parka": Pieces("hanging", neck_depth=-33.5, neck_width=9.5, waist=24, hem_width=25.5, hem=40, puff=3.2),
}


def draw_jacket(canvas: Canvas, design: Design) -> None:
    """Draw a jacket lying flat."""
    pieces = JACKETS[design.cut]
    draw_hanger(canvas, 17, -38)
    front = draw_trunk(canvas, pieces, design.fabric)
    {
        "bomber-jacket": _bomber,
        "blazer": _blazer,
        "trucker-jacket": _trucker,
        "puffer-jacket": _puffer,
        "parka": _parka,
    }[design.cut](canvas, design, pieces, front)


def _bomber(canvas: Canvas, design: Design, pieces: Pieces, _front: Mask) -> None:
    rib = trimming(design.colour, 0.3) if design.whim > 0.4 else plain(design.accent)
    low = curve((-pieces.hem_width, pieces.hem + 0.5), (0, pieces.hem + 1.2), (pieces.hem_width, pieces.hem + 0.5))
    band(canvas, low, 6.5, rib, texture="rib", depth=0.9)
    for side in (1, -1):
        band(canvas, cuff_path(pieces, side, 1.6), 6.0, rib, texture="rib", depth=0.9)
        seam(canvas, line((9.5 * side, 12), (15.5 * side, 21)), width=0.8, depth=0.4)
    neckband(canvas, pieces, rib, width=4.4)
    zip_line(canvas, line((0, -33), (0, pieces.hem + 3)), design.colour)


def _blazer(canvas: Canvas, design: Design, pieces: Pieces, front: Mask) -> None:
    shirt = symmetric([(0, -36.5, 1), (8.2, -39.5, 0), (0, -4.5, 0)])
    sew(canvas, shirt, plain((0.93, 0.93, 0.93) if design.whim < 0.6 else (0.75, 0.8, 0.87)), puff=1, depth=0.5)
    seam(canvas, line((0, -35), (0, -5)), depth=0.15)
    edge = line((0.4, -4.5), (0, pieces.hem + 0.5))
    seam(canvas, edge, width=0.6, depth=0.5)
    lapel = spline(
        ((8.6, -40.6, 0.2), (12.6, -35, 0.3), (13.4, -26.2, 0), (10.6, -24.6, 0), (13.6, -20.5, 0.2), (0.3, -4.2, 0))
    )
    for outline in (flipped(lapel), lapel):
        cast(canvas, outline, front, reach=1.3, depth=0.35)
        sew(canvas, outline, design.fabric, turn=18 if outline is lapel else -18, puff=0.9, depth=0.5)
    notch = line((13.2, -26.2), (5.2, -27.4))
    seam(canvas, notch, flipped(notch), depth=0.4)
    buttons(canvas, [(0.9, -1.5), (0.9, 9.5)], darker(design.colour, 0.55), radius=1.25)
    for side in (1, -1):
        flap = spline(((8 * side, 14, 0), (18.5 * side, 13, 0), (18.5 * side, 17, 0.3), (8 * side, 18, 0.3)))
        cast(canvas, flap, front, reach=0.6)
        sew(canvas, flap, design.fabric, puff=0.5, depth=0.5)
    pocket = line((6.5, -17.5), (14.5, -18.8))
    band(canvas, pocket, 2.0, design.fabric, depth=0.6)


def _trucker(canvas: Canvas, design: Design, pieces: Pieces, _front: Mask) -> None:
    thread = (0.83, 0.6, 0.3)
    low = line((-pieces.hem_width, pieces.hem), (pieces.hem_width, pieces.hem))
    band(canvas, low, 5.5, design.fabric, texture="twill", depth=0.8)
    for side in (1, -1):
        band(canvas, cuff_path(pieces, side, 2.0), 5.0, design.fabric, texture="twill", depth=0.8)
        yoke = line((1.5 * side, -19.5), (21.4 * side, -21))
        dart = curve((5 * side, -11), (6.5 * side, 8), (9 * side, 26))
        second = curve((16 * side, -11), (15 * side, 8), (15 * side, 26))
        seam(canvas, yoke, dart, second, depth=0.25)
        stitch(canvas, moved(yoke, 0, -1), moved(dart, 0.9), moved(second, 0.9), colour=thread)
        chest_pocket(canvas, design.fabric, side, flap=True, button=(0.72, 0.6, 0.42))
    front = line((0, -31), (0, pieces.hem + 2.5))
    seam(canvas, moved(front, -2.2), moved(front, 2.2), depth=0.25)
    stitch(canvas, moved(front, -1.6), moved(front, 1.6), moved(low, 0, -2), colour=thread)
    buttons(canvas, [(0, -27 + 11 * i) for i in range(6)], (0.74, 0.62, 0.45), radius=1.1)
    shirt_collar(canvas, design.fabric, 5.0)


def _puffer(canvas: Canvas, design: Design, pieces: Pieces, front: Mask) -> None:
    lines = [-27.0 + 8.2 * i for i in range(8)]
    quilts = [curve((-26, y), (-12, y + 1.1), (0, y), (12, y + 1.1), (26, y)) for y in lines]
    shadow = canvas.mask(*(ribbon(moved(path, 0, 0.6), 2.4) for path in quilts), blur=0.9).within(front)
    canvas.shade(shadow, -0.34)
    canvas.shade(canvas.mask(*(ribbon(moved(path, 0, 3.4), 2.4) for path in quilts), blur=1.1).within(front), 0.2)
    seam(canvas, *(path[2:-2] for path in quilts), depth=0.2)
    for side in (1, -1):
        for y in (-20, -11.5, -3, 5.5, 14, 22):
            middle = 28.8 + (y + 20) * 0.025
            across = curve(((middle - 5) * side, y + 1.5), (middle * side, y + 1.8), ((middle + 5) * side, y - 1))
            canvas.shade(canvas.mask(ribbon(across, 1.8, taper=True), blur=0.6), -0.3)
            canvas.shade(canvas.mask(ribbon(moved(across, 0, 2.2), 1.8, taper=True), blur=0.8), 0.16)
    collar = symmetric([(0, -44, 1), (9, -44, 0.6), (10.6, -37, 0.6), (0, -34.5, 1)])
    sew(canvas, collar, design.fabric, puff=2.5, depth=0.9)
    zip_line(canvas, line((0, -42), (0, pieces.hem + 0.6)), design.colour)


def _parka(canvas: Canvas, design: Design, pieces: Pieces, front: Mask) -> None:
    hood = symmetric([(0, -46, 1), (9.5, -44.5, 1), (13.5, -36, 1), (9.5, -29.5, 1), (0, -27.8, 0.6)])
    cast(canvas, hood, front, reach=1.5)
    sew(canvas, hood, design.fabric, puff=2.6, depth=0.8)
    opening = symmetric([(0, -43, 1), (7, -41.5, 1), (8.8, -36.5, 1), (0, -28.8, 0)])
    sew(
        canvas, opening, plain(darker(design.accent if design.whim > 0.5 else design.colour, 0.35)), puff=2.4, depth=1.0
    )
    zip_line(canvas, line((0, -28.5), (0, pieces.hem + 0.5)), design.colour)
    for side in (1, -1):
        pocket = spline(((6 * side, 12, 0), (18.5 * side, 12, 0), (18.5 * side, 27, 0.2), (6 * side, 27, 0.2)))
        sew(canvas, pocket, design.fabric, puff=0.8, depth=0.7)
        flap = spline(((5.5 * side, 11, 0), (19 * side, 11, 0), (19 * side, 16, 0.2), (5.5 * side, 16, 0.2)))
        cast(canvas, flap, front, reach=0.8)
        sew(canvas, flap, design.fabric, puff=0.8, depth=0.7)
        cord = curve((4.5 * side, -29.5), (5 * side, -23), (4.2 * side, -16))
        canvas.paint(canvas.mask(ribbon(cord, 0.8)), lighter(design.colour, 0.7))
    stitch(canvas, curve((-24, 5), (0, 6.5), (24, 5)))
