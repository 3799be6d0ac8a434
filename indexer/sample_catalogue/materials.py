"""How light falls on things: soft panels of cloth and leather, hems, folds, seams, buttons, metal bars."""

from collections.abc import Sequence

import numpy as np

from indexer.sample_catalogue.canvas import GRAIN, Array, Canvas, Colour, Mask, blurred
from indexer.sample_catalogue.geometry import Points, dashes, ellipse, line, moved, ribbon
from indexer.sample_catalogue.patterns import Fabric, darker, lighter, luminance, plain

_LIGHT_FROM = (-0.6, -0.8)  # upper left, as on every picture
_CREASES = np.random.default_rng(11).random((16, 16), dtype=np.float32)


def relief(canvas: Canvas, mask: Mask, puff: float, depth: float) -> Array:
    """How bright each pixel of a cushion of this shape is (around 1); `puff` is the width of its edge in units."""
    sigma_px = max(1.0, puff * canvas.px_per_unit)
    height = blurred(mask.coverage, sigma_px)
    step_px = max(1, round(sigma_px * 0.7))
    across = np.roll(height, step_px, axis=1) - np.roll(height, -step_px, axis=1)
    down = np.roll(height, step_px, axis=0) - np.roll(height, -step_px, axis=0)
    slope = across * np.float32(_LIGHT_FROM[0]) + down * np.float32(_LIGHT_FROM[1])
    return np.asarray(1 - np.float32(depth) * (slope * np.float32(0.42) + (1 - height) * np.float32(0.3)))


def _turned_axes(u: Array, v: Array, degrees: float) -> tuple[Array, Array]:
    if not degrees:
        return u, v
    cosine, sine = np.float32(np.cos(np.radians(degrees))), np.float32(np.sin(np.radians(degrees)))
    return u * cosine + v * sine, v * cosine - u * sine


def _texture(name: str, u: Array, v: Array) -> Array | float:
    """How the weave itself catches the light: a factor around 1."""
    if name == "knit":
        lean = np.abs((u * np.float32(0.8)) % np.float32(1) - np.float32(0.5)) * 2
        return np.asarray(
            1 + np.float32(0.09) * np.cos((v * np.float32(0.9) + lean * np.float32(0.55)) * np.float32(6.283))
        )
    if name == "cable":
        twist = np.cos((v + np.abs((u % 9) - np.float32(4.5)) * np.float32(1.2)) * np.float32(0.9))
        return np.asarray(1 + np.float32(0.13) * twist * (np.abs((u % 9) - np.float32(4.5)) < 3.2))
    if name == "rib":
        return np.asarray(1 + np.float32(0.14) * np.cos(u * np.float32(4.6)))
    if name == "twill":
        return np.asarray(1 + np.float32(0.05) * np.cos((u + v) * np.float32(9)))
    return 1.0


def sew(
    canvas: Canvas,
    outline: Points,
    fabric: Fabric,
    *,
    turn: float = 0.0,
    puff: float = 2.4,
    depth: float = 0.6,
    texture: str = "",
) -> Mask:
    """Lay one soft panel: its fabric (turned by degrees), the weave, creases, and the shading of its edge."""
    mask = canvas.mask(outline)
    u, v = _turned_axes(*canvas.units(mask), turn)
    light = relief(canvas, mask, puff, depth) * _texture(texture, u, v)
    light += GRAIN[mask.window] * np.float32(0.07 if texture else 0.035)
    light += _creases(mask) * np.float32(0.1 * depth)
    canvas.paint(mask, np.clip(fabric.colours(u, v) * light[..., None], 0, 1))
    return mask


def _creases(mask: Mask) -> Array:
    """Broad, faint unevenness: cloth is never quite flat."""
    height, width = mask.coverage.shape
    rows = np.linspace(mask.top_px / 36, (mask.top_px + height) / 36, height) % 15
    columns = np.linspace(mask.left_px / 60, (mask.left_px + width) / 60, width) % 15
    row, column = rows.astype(int), columns.astype(int)
    down, across = (rows - row).astype(np.float32)[:, None], (columns - column).astype(np.float32)[None, :]
    down, across = down * down * (3 - 2 * down), across * across * (3 - 2 * across)
    top = _CREASES[row][:, column] * (1 - across) + _CREASES[row][:, column + 1] * across
    low = _CREASES[row + 1][:, column] * (1 - across) + _CREASES[row + 1][:, column + 1] * across
    return np.asarray(top * (1 - down) + low * down - np.float32(0.5))


def fold(canvas: Canvas, panel: Mask, paths: Sequence[Points], *, width: float = 2.2, depth: float = 0.16) -> None:
    """Let folds run along paths: a soft shadow with a soft light beside it, on this panel only."""
    ribbons = [ribbon(path, width, taper=True) for path in paths]
    canvas.shade(canvas.mask(*ribbons, blur=0.8).within(panel), -depth)
    lights = [moved(outline, width * 0.8, -width * 0.15) for outline in ribbons]
    canvas.shade(canvas.mask(*lights, blur=0.8).within(panel), depth * 0.55)


def cast(canvas: Canvas, outline: Points, onto: Mask, *, reach: float = 1.2, depth: float = 0.3) -> None:
    """Drop the soft shadow of something that lies on a panel; call it before drawing that something."""
    shadow = canvas.mask(moved(outline, reach * 0.5, reach), blur=reach)
    canvas.shade(shadow.within(onto), -depth)


def seam(canvas: Canvas, *paths: Points, width: float = 0.45, depth: float = 0.3) -> None:
    """Draw fine dark lines where panels meet."""
    canvas.shade(canvas.mask(*(ribbon(path, width) for path in paths)), -depth)


def stitch(canvas: Canvas, *paths: Points, colour: Colour | None = None, opacity: float = 0.75) -> None:
    """Sew dashed lines: of a thread colour, or in the shade of the cloth."""
    stitches = canvas.mask(*(outline for path in paths for outline in dashes(path)))
    if colour is None:
        canvas.shade(stitches, -0.3)
    else:
        canvas.paint(stitches, colour, opacity)


def band(canvas: Canvas, path: Points, width: float, fabric: Fabric, *, texture: str = "", depth: float = 0.5) -> Mask:
    """Sew a hem, cuff or binding along a path."""
    outline = ribbon(path, width)
    direction = np.degrees(np.arctan2(*(path[-1] - path[0])[::-1]))
    return sew(canvas, outline, fabric, turn=float(direction), puff=width / 4, depth=depth, texture=texture)


def buttons(canvas: Canvas, places: Sequence[tuple[float, float]], colour: Colour, radius: float = 1.15) -> None:
    """Sew on buttons: a shadow, a disc with a rim, four holes."""
    discs = [ellipse(x, y, radius, radius) for x, y in places]
    canvas.shade(canvas.mask(*(moved(disc, 0.25, 0.45) for disc in discs), blur=0.4), -0.4)
    canvas.paint(canvas.mask(*discs), darker(colour, 0.18))
    canvas.paint(canvas.mask(*(ellipse(x - 0.1, y - 0.12, radius * 0.78, radius * 0.78) for x, y in places)), colour)
    off = radius * 0.27
    holes = [ellipse(x + dx, y + dy, 0.2, 0.2) for x, y in places for dx in (-off, off) for dy in (-off, off)]
    canvas.paint(canvas.mask(*holes), darker(colour, 0.6))


def bar(
    canvas: Canvas,
    path: Points,
    start_width: float,
    stop_width: float | None = None,
    *,
    colour: Colour,
    shine: float = 0.35,
) -> Mask:
    """Draw a round bar, tube or cord along a path: dark at its edges, with a line of light on it."""
    outline = ribbon(path, start_width, stop_width)
    mask = canvas.mask(outline)
    width = (start_width + (start_width if stop_width is None else stop_width)) / 2
    light = relief(canvas, mask, width * 0.3, 1.1)
    canvas.paint(mask, np.clip(np.asarray(colour, dtype=np.float32) * light[..., None], 0, 1))
    ray = ribbon(moved(path, -width * 0.14, -width * 0.14), start_width * 0.2, width * 0.2)
    canvas.shade(canvas.mask(ray, blur=width * 0.1).within(mask), shine)
    return mask


def gloss(canvas: Canvas, *outlines: Points, onto: Mask, blur: float = 0.8, strength: float = 0.5) -> None:
    """Put soft reflections on a shiny surface."""
    canvas.shade(canvas.mask(*outlines, blur=blur).within(onto), strength)


def metal(canvas: Canvas, outline: Points, colour: Colour, *, holes: Sequence[Points] = ()) -> Mask:
    """Draw polished metal: bands of light and dark along the diagonal."""
    mask = canvas.mask(outline, holes=holes)
    u, v = canvas.units(mask)
    sheen = 0.82 + 0.26 * np.cos((u * np.float32(0.8) + v) * np.float32(0.42)) + (relief(canvas, mask, 0.6, 0.7) - 1)
    canvas.paint(mask, np.clip(np.asarray(colour, dtype=np.float32) * sheen[..., None].astype(np.float32), 0, 1))
    return mask


def zip_line(canvas: Canvas, path: Points, tape: Colour, metal_colour: Colour = (0.78, 0.76, 0.7)) -> None:
    """Sew in a zip: tape, teeth and a puller at its start."""
    canvas.paint(canvas.mask(ribbon(path, 1.9)), darker(tape, 0.35))
    canvas.paint(canvas.mask(*dashes(path, dash=0.55, gap=0.45, width=0.9)), metal_colour)
    x, y = float(path[0][0]), float(path[0][1])
    canvas.paint(canvas.mask(ribbon(line((x, y), (x, y + 3.2)), 1.3, 0.8)), darker(metal_colour, 0.15))


def thread_for(colour: Colour) -> Colour:
    """Choose a stitching colour that shows on a surface, quietly."""
    return lighter(colour, 0.45) if luminance(colour) < 0.45 else darker(colour, 0.3)


def trimming(colour: Colour, amount: float = 0.14) -> Fabric:
    """Choose plain cloth a shade away from a colour, for collars, cuffs and linings."""
    return plain(darker(colour, amount) if luminance(colour) > 0.12 else lighter(colour, amount * 0.7))


def panel_shade(colour: Colour) -> Colour:
    """Choose the shade of a panel on the same colour of leather."""
    return lighter(colour, 0.14) if luminance(colour) < 0.6 else darker(colour, 0.07)
