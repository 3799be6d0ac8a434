"""From a drawn product to its photograph: the angle it is seen at, the background, the shadow, the light, the JPEG."""

import functools
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageFilter

from indexer.sample_catalogue.canvas import GRAIN, SIZE_PX, UNITS, Array, Canvas
from indexer.sample_catalogue.geometry import Points

Pose = Literal["lying", "standing", "hanging"]

JPEG_QUALITY = 90
# White to warm and cool greys, as a shop's studio has them: the colour in the middle of the picture.
BACKGROUNDS = (
    (0.985, 0.985, 0.985),
    (0.965, 0.962, 0.957),
    (0.945, 0.940, 0.930),
    (0.955, 0.945, 0.930),
    (0.935, 0.940, 0.947),
    (0.960, 0.950, 0.948),
)


@dataclass(frozen=True)
class Shot:
    """How one photo is taken. Angles in degrees, offsets in units; `keystone` is how far one side recedes."""

    pose: Pose
    turn: float
    scale: float
    keystone: tuple[float, float]
    offset: tuple[float, float]
    mirrored: bool
    background: int
    brightness: float

    @classmethod
    def taken(cls, pose: Pose, rng: np.random.Generator, *, may_mirror: bool) -> "Shot":
        """Choose an angle and a light: what lies flat may be turned, what stands stays upright."""
        tilt = {"lying": 4.0, "standing": 0.7, "hanging": 1.0}[pose]
        return cls(
            pose=pose,
            turn=float(rng.uniform(-tilt, tilt)),
            scale=float(rng.uniform(0.9, 1.02)),
            keystone=(float(rng.uniform(-0.0011, 0.0011)), float(rng.uniform(-0.0008, 0.0008))),
            offset=(float(rng.uniform(-2, 2)), float(rng.uniform(-1.5, 1.5))),
            mirrored=may_mirror and bool(rng.random() < 0.3),
            background=int(rng.integers(len(BACKGROUNDS))),
            brightness=float(rng.uniform(0.97, 1.03)),
        )

    def view(self) -> Points:
        """The matrix from units to pixels."""
        to_px = SIZE_PX / UNITS
        angle = math.radians(self.turn)
        size_x, size_y = self.scale * (-1 if self.mirrored else 1), self.scale
        placed = np.array(
            [
                [math.cos(angle) * size_x, -math.sin(angle) * size_y, self.offset[0]],
                [math.sin(angle) * size_x, math.cos(angle) * size_y, self.offset[1]],
                [self.keystone[0], self.keystone[1], 1.0],
            ]
        )
        centred = np.array([[to_px, 0, SIZE_PX / 2], [0, to_px, SIZE_PX / 2], [0, 0, 1]])
        return np.asarray(centred @ placed)


def photograph(draw: Callable[[Canvas], None], shot: Shot, rng: np.random.Generator) -> bytes:
    """Draw a product and take its picture: the bytes of a JPEG."""
    canvas = Canvas(shot.view())
    draw(canvas)
    picture = _background(shot.background, standing=shot.pose == "standing").copy()
    picture *= 1 - _shadow(canvas.coverage, shot.pose)[..., None]
    picture *= 1 - canvas.coverage[..., None]
    picture += canvas.colours
    # The grain of a sensor: without it smooth gradients break into steps.
    grain = np.roll(GRAIN, tuple(rng.integers(SIZE_PX, size=2).tolist()), axis=(0, 1))
    picture *= (grain * np.float32(0.016) + np.float32(shot.brightness))[..., None] * np.float32(255)
    np.clip(picture, 0, 255, out=picture)
    jpeg = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(jpeg, "JPEG", quality=JPEG_QUALITY)
    return jpeg.getvalue()


@functools.cache
def _background(paper: int, *, standing: bool) -> Array:
    """Light paper: a little brighter towards the lamp; what stands has a floor that runs up into the wall."""
    y, x = np.mgrid[0:1:64j, 0:1:64j].astype(np.float32)
    light = 1.012 - 0.055 * ((x - 0.38) ** 2 + (y - 0.32) ** 2)
    if standing:
        light -= 0.035 / (1 + np.exp((y - 0.70) * -22)) * (1.5 - y)
    small = Image.fromarray(light.astype(np.float32)).resize((SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC)
    return np.asarray(np.asarray(small)[..., None] * np.asarray(BACKGROUNDS[paper], dtype=np.float32))


def _shadow(coverage: Array, pose: Pose) -> Array:
    """How much light the product takes from the ground behind it: 0..1."""
    half = Image.fromarray((np.clip(coverage, 0, 1) * 255).astype(np.uint8)).reduce(2)
    layers = {"lying": _lying_shadow, "standing": _standing_shadow, "hanging": _hanging_shadow}[pose](half)
    total = sum(
        (np.asarray(image.filter(ImageFilter.GaussianBlur(sigma)), dtype=np.float32) * np.float32(strength / 255))
        for image, sigma, strength in layers
    )
    whole = Image.fromarray(np.asarray(total, dtype=np.float32)).resize((SIZE_PX, SIZE_PX), Image.Resampling.BILINEAR)
    return np.minimum(np.asarray(whole, dtype=np.float32), np.float32(0.75))


_Layer = tuple[Image.Image, float, float]  # a silhouette at half size, the blur (half-size pixels), the darkness


def _shifted(image: Image.Image, dx_px: float, dy_px: float) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, (1, 0, -dx_px, 0, 1, -dy_px))


def _lying_shadow(half: Image.Image) -> list[_Layer]:
    return [(_shifted(half, 4, 7), 7, 0.26), (_shifted(half, 1, 2), 1.6, 0.3)]


def _hanging_shadow(half: Image.Image) -> list[_Layer]:
    return [(_shifted(half, 9, 8), 9, 0.16)]


def _standing_shadow(half: Image.Image) -> list[_Layer]:
    """Fold the silhouette down onto the floor, at the height where the product touches it."""
    box = half.getbbox()
    if box is None:
        return []
    floor = box[3] - 1
    layers = []
    for flatten, lean, sigma, strength in ((0.16, 0.5, 7, 0.34), (0.05, 0.1, 2.2, 0.5)):
        lift = floor - 2 + (box[3] - box[1]) * flatten * 0.1
        # Output (x, y) looks at the silhouette at height floor - (lift - y) / flatten.
        coefficients = (1, lean / flatten * 0.1, -lean / flatten * 0.1 * lift, 0, 1 / flatten, floor - lift / flatten)
        layers.append((half.transform(half.size, Image.Transform.AFFINE, coefficients), sigma, strength))
    return layers
