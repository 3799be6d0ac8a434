"""The surface that products are drawn on: outlines become soft-edged masks, masks take colours and shades."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from app.core.arrays import Float32Array
from indexer.sample_catalogue.geometry import Points

Array = Float32Array
Colour = tuple[float, float, float]  # sRGB, 0..1

SIZE_PX = 480
UNITS = 104.0  # how many units the picture is wide
GRAIN: Array = np.random.default_rng(7).random((SIZE_PX, SIZE_PX), dtype=np.float32) - np.float32(0.5)
_SUPERSAMPLING = 3
_MARGIN_PX = 4  # around every mask, so that shading may look a few pixels beyond its edge


@dataclass(frozen=True, slots=True)
class Mask:
    """Coverage (0..1) inside a window of the picture; zero everywhere else."""

    left_px: int
    top_px: int
    coverage: Array

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns of the picture that the mask lies on."""
        height, width = self.coverage.shape
        return slice(self.top_px, self.top_px + height), slice(self.left_px, self.left_px + width)

    def within(self, other: "Mask") -> "Mask":
        """Keep only what `other` covers too."""
        return Mask(self.left_px, self.top_px, self.coverage * _spread(other)[self.window])

    def outside(self, other: "Mask") -> "Mask":
        """Keep only what `other` does not cover."""
        return Mask(self.left_px, self.top_px, self.coverage * (1 - _spread(other)[self.window]))


def _spread(mask: Mask) -> Array:
    whole = np.zeros((SIZE_PX, SIZE_PX), dtype=np.float32)
    whole[mask.window] = mask.coverage
    return whole


class Canvas:
    """
    A transparent square picture that is drawn in units.

    `view` is the 3x3 matrix from units to pixels: it turns, scales and tilts whatever is drawn.
    """

    def __init__(self, view: Points) -> None:
        self._view = view
        self.colours: Array = np.zeros((SIZE_PX, SIZE_PX, 3), dtype=np.float32)  # premultiplied
        self.coverage: Array = np.zeros((SIZE_PX, SIZE_PX), dtype=np.float32)
        self.px_per_unit = float(np.sqrt(abs(np.linalg.det(view[:2, :2]))))
        self._u, self._v = self._grid()

    def _grid(self) -> tuple[Array, Array]:
        inverse = np.linalg.inv(self._view).astype(np.float32)
        x = np.arange(SIZE_PX, dtype=np.float32)[None, :]
        y = np.arange(SIZE_PX, dtype=np.float32)[:, None]
        depth = 1 / (inverse[2, 0] * x + inverse[2, 1] * y + inverse[2, 2])
        u = (inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]) * depth
        v = (inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]) * depth
        return u, v

    def pixels(self, points: Points) -> Points:
        """Where points in units lie on the picture."""
        projected = np.column_stack([points, np.ones(len(points))]) @ self._view.T
        return np.asarray(projected[:, :2] / projected[:, 2:])

    def units(self, mask: Mask) -> tuple[Array, Array]:
        """The x and y in units of every pixel in the mask's window."""
        return self._u[mask.window], self._v[mask.window]

    def mask(self, *outlines: Points, holes: Sequence[Points] = (), blur: float = 0.0) -> Mask:
        """Cover the outlines, leave the holes free; `blur` (units) softens the edge."""
        shapes = [*outlines, *holes]
        corners = self.pixels(np.concatenate(shapes))
        polygons = np.split(corners, np.cumsum([len(shape) for shape in shapes])[:-1])
        blur_px = blur * self.px_per_unit
        margin_px = _MARGIN_PX + int(2.5 * blur_px)
        left, top = np.clip(np.floor(corners.min(axis=0)).astype(int) - margin_px, 0, SIZE_PX - 1).tolist()
        right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int) + margin_px, 1, SIZE_PX).tolist()
        factor = 1 if blur_px > 2 else _SUPERSAMPLING  # a soft edge needs no supersampling
        image = Image.new("L", (max(1, right - left) * factor, max(1, bottom - top) * factor))
        draw = ImageDraw.Draw(image)
        for number, polygon in enumerate(polygons):
            ink = 255 if number < len(outlines) else 0
            draw.polygon(((polygon - (left, top)) * factor).ravel().tolist(), fill=ink)
        if factor > 1:
            image = image.reduce(factor)
        if blur_px:
            image = image.filter(ImageFilter.GaussianBlur(blur_px))
        return Mask(left, top, np.asarray(image, dtype=np.float32) / np.float32(255))

    def paint(self, mask: Mask, colours: Array | Colour, opacity: float = 1.0) -> None:
        """Lay colours over what is there: one for all, or (height, width, 3) for the mask's window."""
        cover = mask.coverage * np.float32(opacity)
        keep = 1 - cover
        region = self.colours[mask.window]
        region *= keep[..., None]
        region += cover[..., None] * np.asarray(colours, dtype=np.float32)
        below = self.coverage[mask.window]
        below *= keep
        below += cover

    def shade(self, mask: Mask, amount: float) -> None:
        """Darken (amount < 0) or lighten (> 0) what is already drawn; nothing is added where nothing is."""
        region = self.colours[mask.window]
        if amount < 0:
            region *= 1 + np.float32(amount) * mask.coverage[..., None]
        else:
            cover = np.float32(amount) * mask.coverage
            region += (self.coverage[mask.window][..., None] - region) * cover[..., None]


def blurred(values: Array, sigma_px: float) -> Array:
    """Blur an array of 0..1; wide blurs are taken on a smaller copy, which looks the same and is quicker."""
    image = Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))
    shrink = max(1, int(sigma_px / 2.5))
    small = image.reduce(shrink) if shrink > 1 else image
    small = small.filter(ImageFilter.GaussianBlur(sigma_px / shrink))
    whole = small.resize(image.size, Image.Resampling.BILINEAR) if shrink > 1 else small
    return np.asarray(whole, dtype=np.float32) / np.float32(255)
