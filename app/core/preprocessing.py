"""What a network wants of a picture, and how the upright one becomes that: resize, centre crop, or squeeze."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from PIL import Image

from app.core.arrays import UInt8Array
from app.core.errors import InvalidParameter
from app.core.image_headers import ImageFormat

_RESAMPLING: Final = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """
    How a network wants its pictures: from the weights' own metadata, and part of the fingerprint.

    `resize_px` is the shorter side after resizing, `crop_px` (at most that) the side of the square cut from the centre.
    `mean` and `std` are for pixels / 255; the runtime applies them.
    """

    resize_px: int
    crop_px: int
    interpolation: Literal["bilinear", "bicubic"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the upright picture, in fractions of its width and height: 0 <= x0 < x1 <= 1, and so for y."""

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        if not (0 <= self.x0 < self.x1 <= 1 and 0 <= self.y0 < self.y1 <= 1):
            raise InvalidParameter("The region must satisfy 0 ≤ x0 < x1 ≤ 1 and 0 ≤ y0 < y1 ≤ 1.")


@dataclass(frozen=True, slots=True)
class View:
    """
    What of a photo is prepared.

    Attributes:
        region: The part; None: all of it.
        is_whole: Whether all of the part is squeezed into the network's square, for an overview of where things are.
            Embeddings are made of the centre square of a part that is not distorted.
    """

    region: Region | None = None
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """
    A decoded picture, ready for the networks.

    `arrays` holds one (crop_px, crop_px, 3) uint8 RGB array for each preprocessing, C-contiguous and writable.
    The size is that of the upright original, before any region. `is_uniform`: (nearly) one colour, so hits mean little.
    `signature` tells the same picture from a similar one, see `app.core.signature`.
    """

    arrays: tuple[UInt8Array, ...]
    width_px: int
    height_px: int
    format: ImageFormat
    is_uniform: bool
    signature: UInt8Array


def resize_and_crop(picture: Image.Image, preprocessing: Preprocessing) -> UInt8Array:
    """Resize and crop with the roundings of torchvision's `Resize(int)` and `CenterCrop`."""
    width_px, height_px = picture.size
    resize_px, crop_px = preprocessing.resize_px, preprocessing.crop_px
    if width_px <= height_px:
        size = (resize_px, int(resize_px * height_px / width_px))
    else:
        size = (int(resize_px * width_px / height_px), resize_px)
    resized = picture.resize(size, _RESAMPLING[preprocessing.interpolation])
    left, top = round((size[0] - crop_px) / 2.0), round((size[1] - crop_px) / 2.0)
    return np.array(resized.crop((left, top, left + crop_px, top + crop_px)))


def squeeze(picture: Image.Image, preprocessing: Preprocessing) -> UInt8Array:
    """Resize to the square that the network takes, whatever the shape."""
    size_px = (preprocessing.crop_px, preprocessing.crop_px)
    return np.array(picture.resize(size_px, _RESAMPLING[preprocessing.interpolation]))
