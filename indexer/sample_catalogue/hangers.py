"""What garments are photographed on: hangers for jackets and skirts, a tailor's bust for dresses."""

from indexer.sample_catalogue.canvas import Canvas
from indexer.sample_catalogue.geometry import curve, line, ribbon, rounded_box, symmetric
from indexer.sample_catalogue.materials import bar, metal, seam, sew
from indexer.sample_catalogue.patterns import plain

_WOOD = (0.72, 0.53, 0.34)
_LINEN = (0.87, 0.83, 0.75)
_CHROME = (0.72, 0.73, 0.75)


def _hook(canvas: Canvas, foot: float) -> None:
    hook = curve((0, foot), (0.2, foot - 4.2), (3, foot - 6.2), (4.6, foot - 9), (2, foot - 11.4), (-2.2, foot - 10))
    bar(canvas, hook, 1.1, colour=_CHROME, shine=0.5)


def draw_hanger(canvas: Canvas, shoulder: float, top: float) -> None:
    """Draw a wooden hanger whose arms end at ±`shoulder`; the collar begins at height `top`."""
    _hook(canvas, top - 1)
    wood = symmetric(
        [(0, top - 1.8, 0.8), (4, top - 0.6, 1), (shoulder, top + 5.5, 0.5), (shoulder, top + 8, 0.5), (0, top + 3, 1)]
    )
    sew(canvas, wood, plain(_WOOD), puff=0.8, depth=0.8)


def draw_clip_hanger(canvas: Canvas, waist: float, top: float) -> None:
    """Draw a bar with two clips that hold a waistband at height `top`; call it when the garment is drawn."""
    _hook(canvas, top - 4.6)
    bar(canvas, line((-waist - 3, top - 5), (waist + 3, top - 5)), 1.5, colour=_CHROME, shine=0.5)
    for x in (-waist * 0.72, waist * 0.72):
        metal(canvas, rounded_box(x - 1.7, top - 6, x + 1.7, top + 2.2, 0.8), _CHROME)
        canvas.shade(canvas.mask(ribbon(line((x - 1.2, top - 2), (x + 1.2, top - 2)), 0.5)), -0.4)


def draw_bust(canvas: Canvas) -> None:
    """Draw a tailor's bust for a dress to hang on: linen, a wooden cap on its neck, a pole that it stands on."""
    bar(canvas, line((0, 0), (0, 60)), 2.4, colour=_WOOD)
    torso = symmetric(
        [
            (0, -46.5, 1),
            (3.6, -46, 0.6),
            (4.4, -42.5, 1),
            (13.2, -38.5, 0.9),
            (12.2, -31, 1),
            (12.4, -24, 1),
            (10, -10, 0),
            (0, -8, 0),
        ]
    )
    sew(canvas, torso, plain(_LINEN), puff=3.2, depth=0.9, texture="twill")
    seam(canvas, line((0, -46), (0, -12)), width=0.35, depth=0.2)
    sew(
        canvas,
        symmetric([(0, -49.5, 1), (2.2, -48.6, 1), (4, -46, 0.4), (0, -45.2, 1)]),
        plain(_WOOD),
        puff=0.9,
        depth=0.9,
    )
