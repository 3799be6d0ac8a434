"""Photos of several things: products cut out of their pictures, put together on a plain ground or on another photo."""

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from app.core.arrays import BoolArray
from app.core.preprocessing import Region

SIZES: Final = ((640, 480), (480, 640), (800, 450))
GROUNDS: Final = ("#f0f0f0", "#ffffff", "#e8e4dd", "#c9d3da")
_SMALLEST, _LARGEST = 0.6, 0.95  # of its place, what a thing takes
_BACKGROUND_DIFFERENCE: Final = 14
_LEAST_SHARE: Final = 0.01  # of a row or column, so that a speck is no edge


@dataclass(frozen=True, slots=True)
class Placed:
    """A product in a scene: which one, and the smallest box around it."""

    product: str
    box: Region


@dataclass(frozen=True, slots=True)
class Scene:
    """A photo of several products."""

    photo: bytes
    placed: tuple[Placed, ...]


def compose(products: Sequence[tuple[str, bytes]], seed: int, ground: bytes | None = None) -> Scene:
    """
    Return a photo of some products side by side, or one above the other, at sizes and places drawn by the seed.

    Args:
        products: Of each, its name and its picture, on a plain background.
        seed: Decides everything else.
        ground: The photo behind them; None: one colour.
    """
    drawn = random.Random(seed)
    width_px, height_px = drawn.choice(SIZES)
    scene = Image.new("RGB", (width_px, height_px), drawn.choice(GROUNDS))
    if ground is not None:
        scene = Image.open(io.BytesIO(ground)).convert("RGB").resize((width_px, height_px))
    placed = []
    for number, (name, picture) in enumerate(products):
        share = number / len(products), (number + 1) / len(products)
        place = (share[0], 0.0, share[1], 1.0) if width_px >= height_px else (0.0, share[0], 1.0, share[1])
        placed.append(Placed(name, _paste(scene, picture, Region(*place), drawn)))
    out = io.BytesIO()
    scene.save(out, "JPEG", quality=92)
    return Scene(out.getvalue(), tuple(placed))


def _paste(scene: Image.Image, picture: bytes, place: Region, drawn: random.Random) -> Region:
    """Put what a picture shows somewhere in a part of the scene, and return where."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    mask = foreground(image)
    left, top, right, bottom = _box(mask)
    cut, stencil = image.crop((left, top, right, bottom)), Image.fromarray(mask[top:bottom, left:right])
    room_px = (place.x1 - place.x0) * scene.width, (place.y1 - place.y0) * scene.height
    scale = min(room_px[0] / cut.width, room_px[1] / cut.height) * drawn.uniform(_SMALLEST, _LARGEST)
    size_px = max(16, int(cut.width * scale)), max(16, int(cut.height * scale))
    x = int(place.x0 * scene.width + drawn.uniform(0, room_px[0] - size_px[0]))
    y = int(place.y0 * scene.height + drawn.uniform(0, room_px[1] - size_px[1]))
    scene.paste(cut.resize(size_px, Image.Resampling.BICUBIC), (x, y), stencil.convert("L").resize(size_px))
    ends = min(x + size_px[0], scene.width), min(y + size_px[1], scene.height)
    return Region(x / scene.width, y / scene.height, ends[0] / scene.width, ends[1] / scene.height)


def foreground(image: Image.Image) -> BoolArray:
    """Return what differs from the colour at the upper and left edge, shape (height, width)."""
    pixels = np.asarray(image, np.int16)
    edge = np.concatenate([pixels[:6].reshape(-1, 3), pixels[:, :6].reshape(-1, 3)])
    difference = np.abs(pixels - np.median(edge, axis=0)).max(axis=2)
    return np.asarray(difference > _BACKGROUND_DIFFERENCE)


def _box(mask: BoolArray) -> tuple[int, int, int, int]:
    """Return the smallest box around what is true; the whole where nothing is."""
    columns, rows = (np.flatnonzero(mask.mean(axis=axis) > _LEAST_SHARE) for axis in (0, 1))
    if not (len(columns) and len(rows)):
        return 0, 0, mask.shape[1], mask.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def overlap(one: Region, other: Region) -> float:
    """Return the area that two regions share, as a share of that which either covers."""
    both = shared(one, other)
    return both / (area(one) + area(other) - both)


def shared(one: Region, other: Region) -> float:
    """Return the area that two regions share."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(0.0, width) * max(0.0, height)


def area(region: Region) -> float:
    """Return the area of a region, as a share of the photo's."""
    return (region.x1 - region.x0) * (region.y1 - region.y0)
