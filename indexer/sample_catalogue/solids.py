"""Hard and upholstered things with a volume: bodies turned on a wheel, and soft-edged boxes seen in perspective."""

import math
from dataclasses import dataclass

import numpy as np

from indexer.sample_catalogue.canvas import Array, Canvas, Colour, Mask
from indexer.sample_catalogue.geometry import Knot, Points, convex_hull, ellipse, flipped, spline
from indexer.sample_catalogue.materials import bar, relief
from indexer.sample_catalogue.patterns import Fabric

# Where light comes from, and where a glaze mirrors it: right, up, towards us.
_LAMP_TURNED = (-0.6, 0.42, 0.68)
_GLINT = (-0.44, 0.38, 0.81)


@dataclass(frozen=True)
class Turned:
    """
    A body of revolution: a mug, a vase, a lampshade.

    `profile` runs from top to bottom, (radius, y); `tilt` is how round its circles look: 0 from the side, 1 from above.
    """

    profile: Points
    tilt: float = 0.17

    @classmethod
    def shaped(cls, *knots: Knot, tilt: float = 0.17) -> "Turned":
        """Run a smooth profile through (radius, y, roundness)."""
        return cls(spline(knots, closed=False), tilt)

    @property
    def top(self) -> tuple[float, float]:
        """Radius and height of the upper rim."""
        return float(self.profile[0][0]), float(self.profile[0][1])

    def rim(self, inset: float = 0.0, below: float = 0.0) -> Points:
        """The ellipse of the opening, made smaller and lower for what is inside."""
        radius, y = self.top
        return ellipse(0, y + below, radius - inset, (radius - inset) * self.tilt)

    def outline(self) -> Points:
        """What the eye sees of it, the opening included."""
        (top_radius, top_y), (low_radius, low_y) = self.profile[0], self.profile[-1]
        foot = ellipse(0, low_y, low_radius, low_radius * self.tilt, 0, 180)
        back = ellipse(0, top_y, top_radius, top_radius * self.tilt, 180, 360)
        return np.concatenate([self.profile, foot, flipped(self.profile[::-1]), back])

    def around(self, u: Array, v: Array) -> tuple[Array, Array, Array]:
        """For each pixel: how far right on the body it is (-1..1), its height on the profile, the radius there."""
        ys = np.maximum.accumulate(self.profile[:, 1] + np.arange(len(self.profile)) * 1e-6)
        height: Array = v
        for _ in range(2):  # a circle's front lies lower on the picture than its sides: find the height by iterating
            radius = np.interp(height, ys, self.profile[:, 0]).astype(np.float32)
            across = np.clip(u / np.maximum(radius, np.float32(0.1)), -1, 1)
            height = np.asarray(v - np.float32(self.tilt) * radius * np.sqrt(1 - across * across), dtype=np.float32)
        return np.asarray(across, dtype=np.float32), height, radius


def turn(canvas: Canvas, body: Turned, fabric: Fabric, *, shine: float = 0.5, glow: float = 0.0) -> Mask:
    """Draw a turned body, its pattern wrapped around it. `shine` is for glazes, `glow` for a lit lampshade."""
    mask = canvas.mask(body.outline())
    across, height, radius = body.around(*canvas.units(mask))
    angle = np.arcsin(across)
    surface = fabric.colours(np.asarray(angle * np.float32(max(6.0, float(body.profile[:, 0].max())))), height)
    slope = np.gradient(body.profile[:, 0]) / np.maximum(np.gradient(body.profile[:, 1]), 0.05)
    tilt = np.interp(height, body.profile[:, 1], slope).astype(np.float32)
    outward = 1 / np.sqrt(1 + tilt * tilt)  # 1 on an upright wall, 0 where the wall lies flat
    normal = across * outward, tilt * outward, np.sqrt(1 - across * across) * outward
    light = 0.52 + 0.53 * _facing(normal, _LAMP_TURNED)
    light += 0.7 * np.clip(across - np.float32(0.86), 0, 1)  # light that the wall throws back
    if glow:
        light = light * (1 - glow) + glow * (1.12 - 0.28 * across**2)
    surface *= light[..., None].astype(np.float32)
    if shine:
        ray = np.exp(-(((across + np.float32(0.52)) / np.float32(0.09)) ** 2)) * np.float32(0.7)
        ray += np.exp(-(((across - np.float32(0.8)) / np.float32(0.05)) ** 2)) * np.float32(0.2)
        spot = _facing(normal, _GLINT) ** 70
        mirrored = np.float32(shine) * (ray * outward**6 * (radius > 1) + spot * np.float32(0.8))
        surface += (1 - surface) * mirrored[..., None]
    canvas.paint(mask, np.clip(surface, 0, 1))
    return mask


def _facing(normal: tuple[Array, Array, Array], direction: tuple[float, float, float]) -> Array:
    """How squarely a surface faces a direction: 1 fully, 0 from the side or from behind."""
    x, y, z = (part * np.float32(share) for part, share in zip(normal, direction, strict=True))
    return np.asarray(np.maximum(x + y + z, 0))


@dataclass(frozen=True)
class Camera:
    """Where furniture is seen from: `yaw` and `pitch` in degrees. World units: x right, y up, z towards us."""

    yaw: float
    pitch: float = 14.0
    distance: float = 260.0
    zoom: float = 1.0
    centre: tuple[float, float, float] = (0.0, 40.0, 0.0)

    def project(self, points: Points) -> Points:
        """From (n, 3) in the room to (n, 2) on the picture."""
        turned = (points - self.centre) @ self.axes().T
        return np.asarray(turned[:, :2] * (1, -1) * self.zoom / (1 - turned[:, 2:] / self.distance))

    def axes(self) -> Points:
        """The rotation from the room to what the camera sees."""
        yaw, pitch = math.radians(self.yaw), math.radians(self.pitch)
        about_y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
        about_x = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
        return np.asarray(about_x @ about_y)


@dataclass(frozen=True)
class Box:
    """A box with soft edges. `lean` tips it backwards (degrees) around its middle."""

    centre: tuple[float, float, float]
    size: tuple[float, float, float]
    radius: float = 2.0
    lean: float = 0.0

    def corners(self, inset: float) -> Points:
        """Its eight corners (8, 3), moved inwards; x varies fastest, then y, then z."""
        half = np.asarray(self.size) / 2 - inset
        signs = np.array([[x, y, z] for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)])
        return np.asarray((signs * half) @ self.rotation().T + self.centre)

    def rotation(self) -> Points:
        """From the box's own axes to the room's."""
        lean = math.radians(self.lean)
        return np.array([[1, 0, 0], [0, math.cos(lean), math.sin(lean)], [0, -math.sin(lean), math.cos(lean)]])


# A face: its outward axis and side, its corners in order, and the two edges that carry the pattern.
_FACES = (
    (1, 1, (2, 3, 7, 6)),  # top
    (0, 1, (3, 1, 5, 7)),  # right
    (0, -1, (0, 2, 6, 4)),  # left
    (2, 1, (6, 7, 5, 4)),  # front
)
_LAMP = np.array([-0.35, 0.8, 0.5])


def upholster(canvas: Canvas, camera: Camera, box: Box, fabric: Fabric) -> Mask:
    """Draw a soft-edged box: one silhouette, and on it each face with its own light, fading at the edges."""
    inner = camera.project(box.corners(box.radius))
    reach = box.radius * camera.zoom
    ball = ellipse(0, 0, reach, reach, 0, 340)[::3]
    silhouette = canvas.mask(convex_hull((inner[:, None] + ball).reshape(-1, 2)))
    u, v = canvas.units(silhouette)
    grey = 0.72 + 0.25 * (relief(canvas, silhouette, max(0.7, reach * 0.6), 1.0) - 1)
    canvas.paint(silhouette, np.clip(fabric.colours(u, v) * grey[..., None], 0, 1))
    corners = box.corners(box.radius * 0.35)
    screen = camera.project(corners)
    for axis, side, order in _FACES:
        normal = box.rotation()[:, axis] * side
        if (camera.axes() @ normal)[2] <= 0.03:
            continue
        light = 0.58 + 0.5 * max(0.0, float(normal @ _LAMP))
        face = canvas.mask(screen[list(order)], blur=max(0.25, reach * 0.45)).within(silhouette)
        across, down = _face_axes(canvas, face, screen[list(order)], box, axis)
        shine = light * (1.03 - 0.06 * np.clip(down / 20, -1, 1))
        canvas.paint(face, np.clip(fabric.colours(across, down) * shine[..., None].astype(np.float32), 0, 1))
    return silhouette


def _face_axes(canvas: Canvas, mask: Mask, quad: Points, box: Box, axis: int) -> tuple[Array, Array]:
    """Coordinates on a face, in world units, as if it were seen without perspective."""
    width = box.size[2] if axis == 0 else box.size[0]
    height = box.size[2] if axis == 1 else box.size[1]
    along, down = (quad[1] - quad[0]) / width, (quad[3] - quad[0]) / height
    if axis == 0:  # the side's first edge runs down, the second one forwards
        along, down = (quad[3] - quad[0]) / width, (quad[1] - quad[0]) / height
    inverse = np.linalg.inv(np.stack([along, down], axis=1)).astype(np.float32)
    u, v = canvas.units(mask)
    x, y = u - np.float32(quad[0][0]), v - np.float32(quad[0][1])
    return np.asarray(inverse[0, 0] * x + inverse[0, 1] * y), np.asarray(inverse[1, 0] * x + inverse[1, 1] * y)


def rod(
    canvas: Canvas,
    camera: Camera,
    start: tuple[float, float, float],
    stop: tuple[float, float, float],
    *,
    widths: tuple[float, float],
    colour: Colour,
) -> None:
    """Draw a straight round leg or stretcher between two points of the room."""
    ends = camera.project(np.asarray([start, stop]))
    first, last = (width * camera.zoom for width in widths)
    bar(canvas, ends, first, last, colour=colour, shine=0.22)


def bent_rod(canvas: Canvas, camera: Camera, path: Points, width: float, colour: Colour) -> None:
    """Draw a bent tube or wooden rail through points of the room (n, 3)."""
    bar(canvas, camera.project(path), width * camera.zoom, colour=colour, shine=0.22)


def slab(canvas: Canvas, camera: Camera, corners: Points, fabric: Fabric, light: float = 0.95) -> Mask:
    """Draw a flat thing in the room, from its outline (n, 3)."""
    outline = camera.project(corners)
    mask = canvas.mask(outline)
    surface = fabric.colours(*canvas.units(mask)) * (relief(canvas, mask, 0.5, 0.5) * np.float32(light))[..., None]
    canvas.paint(mask, np.clip(surface, 0, 1))
    return mask
