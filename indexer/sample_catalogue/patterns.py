"""Colours and patterns: what cloth, leather and glaze look like before the light falls on them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from indexer.sample_catalogue.canvas import Array, Colour

_SOFT = 0.3  # units over which one colour of a pattern gives way to the next: about a pixel


def _rgb(code: str) -> Colour:
    red, green, blue = bytes.fromhex(code)
    return red / 255, green / 255, blue / 255


COLOURS: dict[str, Colour] = {
    name: _rgb(code)
    for name, code in {
        "white": "f1efea",
        "cream": "e9dec6",
        "sand": "cdb391",
        "camel": "b98a54",
        "mustard": "d9a02c",
        "orange": "db7434",
        "rust": "a94f2c",
        "red": "b92b30",
        "burgundy": "6d1f33",
        "pink": "e0a3ab",
        "lilac": "ab9bc6",
        "sky-blue": "92b7d6",
        "blue": "2f63a8",
        "navy": "232f4e",
        "teal": "23747a",
        "mint": "a5cdb9",
        "sage": "8b9d7f",
        "green": "2f6b4a",
        "olive": "62653a",
        "brown": "61402c",
        "grey": "9a9b9c",
        "charcoal": "44474c",
        "black": "222225",
    }.items()
}
# What goes well on each colour, as a second and a third one.
COMPANIONS: dict[str, tuple[str, str]] = {
    "white": ("navy", "red"),
    "cream": ("rust", "green"),
    "sand": ("brown", "white"),
    "camel": ("cream", "navy"),
    "mustard": ("charcoal", "white"),
    "orange": ("cream", "brown"),
    "rust": ("cream", "mustard"),
    "red": ("white", "navy"),
    "burgundy": ("pink", "cream"),
    "pink": ("burgundy", "white"),
    "lilac": ("white", "navy"),
    "sky-blue": ("white", "navy"),
    "blue": ("white", "mustard"),
    "navy": ("white", "red"),
    "teal": ("cream", "orange"),
    "mint": ("white", "teal"),
    "sage": ("cream", "brown"),
    "green": ("cream", "mustard"),
    "olive": ("sand", "black"),
    "brown": ("cream", "orange"),
    "grey": ("charcoal", "white"),
    "charcoal": ("grey", "white"),
    "black": ("white", "grey"),
}
WHITE, BLACK = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """Blend two colours; `share` is how much of the second there is."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def darker(colour: Colour, amount: float) -> Colour:
    """Bring a colour nearer to black."""
    return mixed(colour, BLACK, amount)


def lighter(colour: Colour, amount: float) -> Colour:
    """Bring a colour nearer to white."""
    return mixed(colour, WHITE, amount)


def luminance(colour: Colour) -> float:
    """How bright a colour looks, 0..1."""
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


_PLACED = {"ombre", "colour-block", "dipped", "banded"}  # they belong at one height of the product


@dataclass(frozen=True)
class Fabric:
    """A patterned surface. `scale` stretches the pattern; `shift` (units) moves it, so that no two pieces match."""

    pattern: str
    base: Colour
    second: Colour
    third: Colour
    scale: float = 1.0
    shift: float = 0.0

    def colours(self, u: Array, v: Array) -> Array:
        """The colour at every (u, v), given in units on the cloth: shape (…, 3)."""
        surface = np.empty((*np.broadcast_shapes(u.shape, v.shape), 3), dtype=np.float32)
        surface[...] = self.base
        if self.pattern in PATTERNS:
            if self.pattern not in _PLACED:
                stretch = np.float32(1 / self.scale)
                u, v = (u + np.float32(self.shift)) * stretch, (v + np.float32(self.shift * 0.6)) * stretch
            for share, colour in zip(PATTERNS[self.pattern](u, v), (self.second, self.third), strict=False):
                surface += share[..., None] * (np.asarray(colour, dtype=np.float32) - surface)
        return surface


def plain(colour: Colour) -> Fabric:
    """Give a surface of one colour."""
    return Fabric("plain", colour, colour, colour)


def _edge(distance: Array) -> Array:
    """1 where the distance is positive, 0 where it is negative, and soft in between."""
    return np.asarray(np.clip(distance / np.float32(_SOFT) + np.float32(0.5), 0, 1), dtype=np.float32)


def _wave(x: Array, period: float) -> Array:
    """Distance from the nearest multiple of the period: 0..period/2."""
    return np.asarray(np.abs((x + np.float32(period / 2)) % np.float32(period) - np.float32(period / 2)))


def _bands(x: Array, period: float, width: float) -> Array:
    return _edge(np.float32(width / 2) - _wave(x, period))


def _cells(u: Array, v: Array, period: float) -> tuple[Array, Array, Array]:
    """Coordinates within the cells of a half-offset lattice, and a number 0..1 that is each cell's own."""
    row = np.floor(v / np.float32(period))
    across = u / np.float32(period) + (row % 2) * np.float32(0.5)
    column = np.floor(across)
    own = np.sin(row * np.float32(12.99) + column * np.float32(78.23)) * np.float32(437.5)
    x = (across - column - np.float32(0.5)) * np.float32(period)
    y = (v / np.float32(period) - row - np.float32(0.5)) * np.float32(period)
    return x, y, np.asarray(own - np.floor(own), dtype=np.float32)


def _pinstripes(u: Array, v: Array) -> list[Array]:
    return [_bands(u + 0 * v, 3.4, 0.55)]


def _stripes(u: Array, v: Array) -> list[Array]:
    return [_bands(v + 0 * u, 6.2, 2.5)]


def _wide_stripes(u: Array, v: Array) -> list[Array]:
    return [_bands(v + 0 * u, 17, 8.5)]


def _upright_stripes(u: Array, v: Array) -> list[Array]:
    return [_bands(u + 0 * v, 7, 3.2)]


def _gingham(u: Array, v: Array) -> list[Array]:
    across, down = _bands(u, 6.4, 3.2), _bands(v, 6.4, 3.2)
    return [np.asarray((across + down) * np.float32(0.48))]


def _checkerboard(u: Array, v: Array) -> list[Array]:
    across, down = _bands(u, 7, 3.5), _bands(v, 7, 3.5)
    return [np.asarray(np.abs(across - down))]


def _tartan(u: Array, v: Array) -> list[Array]:
    wide = np.maximum(_bands(u, 15, 6) * np.float32(0.5), _bands(v, 15, 6) * np.float32(0.5))
    both = _bands(u, 15, 6) * _bands(v, 15, 6)
    fine = np.maximum(_bands(u + np.float32(7.5), 15, 0.9), _bands(v + np.float32(7.5), 15, 0.9))
    return [np.asarray(np.maximum(wide, both * np.float32(0.95))), np.asarray(fine * np.float32(0.85))]


def _windowpane(u: Array, v: Array) -> list[Array]:
    return [np.maximum(_bands(u, 10, 0.7), _bands(v, 10, 0.7))]


def _dots(u: Array, v: Array) -> list[Array]:
    x, y, _ = _cells(u, v, 6.0)
    return [_edge(np.float32(1.55) - np.hypot(x, y))]


def _floral(u: Array, v: Array) -> list[Array]:
    x, y, own = _cells(u, v, 10.0)
    x, y = x + (own - np.float32(0.5)) * 3, y + (own * 7 % 1 - np.float32(0.5)) * 3
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    petals = np.float32(2.5) * (np.float32(0.72) + np.float32(0.28) * np.cos(5 * angle + 6 * own))
    leaf = _edge(np.float32(1.2) - np.hypot((x - np.float32(3.3)) * np.float32(0.55), y - np.float32(2.4)))
    heart = _edge(np.float32(0.85) - radius)
    return [_edge(petals - radius), np.asarray(np.maximum(heart, leaf))]


def _leaves(u: Array, v: Array) -> list[Array]:
    x, y, own = _cells(u, v, 9.0)
    tilt = (own - np.float32(0.5)) * np.float32(3)
    along = x * np.cos(tilt) + y * np.sin(tilt)
    across = y * np.cos(tilt) - x * np.sin(tilt)
    blade = np.float32(1.5) * np.sqrt(np.clip(1 - (along / np.float32(3.6)) ** 2, 0, 1))
    vein = _edge(np.float32(0.16) - np.abs(across)) * _edge(np.float32(3) - np.abs(along))
    return [_edge(blade - np.abs(across)) * (1 - vein)]


def _zigzag(u: Array, v: Array) -> list[Array]:
    return [_bands(v + _wave(u, 7) * np.float32(0.9), 7, 2.8)]


def _herringbone(u: Array, v: Array) -> list[Array]:
    lean = np.where((u // np.float32(5)) % 2 == 0, v + u, v - u)
    return [_bands(np.asarray(lean), 2.4, 1.1) * np.float32(0.6)]


def _argyle(u: Array, v: Array) -> list[Array]:
    a, b = u / np.float32(9) + v / np.float32(13), u / np.float32(9) - v / np.float32(13)
    checks = (np.floor(a) + np.floor(b)) % 2
    lines = np.maximum(_bands((a + np.float32(0.5)) * 9, 9, 0.5), _bands((b + np.float32(0.5)) * 9, 9, 0.5))
    return [np.asarray(checks * np.float32(0.9), dtype=np.float32), lines]


def _gradient(u: Array, v: Array) -> list[Array]:
    fade = np.clip((v + np.float32(22)) / np.float32(50) + 0 * u, 0, 1)
    return [np.asarray(fade * fade * (3 - 2 * fade))]


def _colour_block(u: Array, v: Array) -> list[Array]:
    return [_edge(np.asarray(v - np.float32(2) + 0 * u)), _bands(v - np.float32(1.2) + 0 * u, 300, 2.6)]


def _camouflage(u: Array, v: Array) -> list[Array]:
    first = np.sin(u / 4 + 2 * np.sin(v / 5)) + np.sin(v / np.float32(3.2) + 2 * np.sin(u / 6 + 1))
    second = np.sin(u / 5 + 4 + 2 * np.sin(v / 4 + 2)) + np.sin(v / 4 + 2 * np.sin(u / 5 + 3))
    return [_edge((first - np.float32(0.35)) * 2), _edge((second - np.float32(0.8)) * 2)]


def _tortoiseshell(u: Array, v: Array) -> list[Array]:
    amber = np.sin(u / 2 + 2 * np.sin(v / 3)) + np.sin(v / 2 + 2 * np.sin(u / 3 + 1))
    return [np.asarray(np.clip(amber * np.float32(0.9) - np.float32(0.2), 0, 1) * np.float32(0.55))]


def _terrazzo(u: Array, v: Array) -> list[Array]:
    shares = []
    for period, shift in ((4.6, 0.0), (6.1, 3.0)):
        x, y, own = _cells(u + np.float32(shift), v, period)
        x, y = x + (own - np.float32(0.5)) * 2, y + (own * 5 % 1 - np.float32(0.5)) * 2
        lean = np.abs(x) + np.abs(y * (np.float32(0.6) + own)) + np.float32(0.5) * np.abs(x + y)
        shares.append(_edge(np.float32(0.5) + own * np.float32(1.2) - lean))
    return shares


def _triangles(u: Array, v: Array) -> list[Array]:
    x, y, own = _cells(u, v, 7.0)
    shape = np.minimum(np.float32(2) - y, y + np.float32(2.6) - np.abs(x) * np.float32(1.7))
    return [_edge(shape) * (own < np.float32(0.62)), _edge(shape) * (own >= np.float32(0.62))]


def _speckled(u: Array, v: Array) -> list[Array]:
    x, y, own = _cells(u, v, 2.3)
    x, y = x + (own - np.float32(0.5)) * 2, y + (own * 9 % 1 - np.float32(0.5)) * 2
    return [_edge((own * own) * np.float32(0.5) - np.hypot(x, y))]


def _dipped(u: Array, v: Array) -> list[Array]:
    return [_edge(np.asarray(v - np.float32(3) + np.sin(u / 6) * np.float32(0.8)))]


def _banded(u: Array, v: Array) -> list[Array]:
    return [_bands(v - np.float32(6) + 0 * u, 300, 9), _bands(v - np.float32(6) + 0 * u, 300, 3)]


PATTERNS: dict[str, Callable[[Array, Array], list[Array]]] = {
    "pinstriped": _pinstripes,
    "striped": _stripes,
    "wide-striped": _wide_stripes,
    "upright-striped": _upright_stripes,
    "gingham": _gingham,
    "tartan": _tartan,
    "windowpane": _windowpane,
    "checked": _checkerboard,
    "tortoiseshell": _tortoiseshell,
    "dotted": _dots,
    "floral": _floral,
    "leafy": _leaves,
    "zigzag": _zigzag,
    "herringbone": _herringbone,
    "argyle": _argyle,
    "ombre": _gradient,
    "colour-block": _colour_block,
    "camouflage": _camouflage,
    "terrazzo": _terrazzo,
    "geometric": _triangles,
    "speckled": _speckled,
    "dipped": _dipped,
    "banded": _banded,
}
