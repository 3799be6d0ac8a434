"""What tells one product from another: its kind, cut, pattern and colours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.sample_catalogue.canvas import Canvas, Colour
from indexer.sample_catalogue.patterns import COLOURS, COMPANIONS, Fabric, darker, mixed
from indexer.sample_catalogue.photo import Pose

_TONAL = {"camouflage", "tortoiseshell"}  # patterns in shades of their own colour


@dataclass(frozen=True)
class Design:
    """One product as its maker decided it. `whim` (0..1) moves the small things: a sleeve's length, a handle's size."""

    cut: str
    fabric: Fabric
    whim: float

    @property
    def colour(self) -> Colour:
        """The colour that gives the product its name."""
        return self.fabric.base

    @property
    def accent(self) -> Colour:
        """What goes with it."""
        return self.fabric.second

    def between(self, low: float, high: float) -> float:
        """Turn the whim into a measure."""
        return low + (high - low) * self.whim


@dataclass(frozen=True)
class Kind:
    """
    One kind of product: its category in the shop, its name, and all that it comes in.

    A cut says what it is ("fedora") where there is no noun or it is in `standalone`; cuts in `plain_cuts` have no
    pattern.
    """

    category: str
    noun: str
    draw: Callable[[Canvas, Design], None]
    cuts: Sequence[str]
    patterns: Sequence[str]
    colours: Sequence[str]
    pose: Pose = "lying"
    may_mirror: bool = False
    pattern_scale: float = 1.0
    standalone: Sequence[str] = ()
    plain_cuts: Sequence[str] = ()

    def title(self, cut: str, pattern: str, colour: str) -> str:
        """Name a product, words joined by hyphens."""
        words = [colour, "" if pattern == "plain" else pattern, cut, "" if cut in self.standalone else self.noun]
        return "-".join(word for word in words if word)

    def design(self, cut: str, pattern: str, colour: str, rng: np.random.Generator) -> Design:
        """Decide on one product."""
        base = COLOURS[colour]
        second, third = (COLOURS[name] for name in COMPANIONS[colour])
        if pattern in _TONAL:
            second, third = darker(base, 0.5), mixed(base, COLOURS["sand"], 0.55)
        fabric = Fabric(
            pattern,
            base,
            second,
            third,
            scale=self.pattern_scale * float(rng.uniform(0.85, 1.2)),
            shift=float(rng.uniform(0, 9)),
        )
        return Design(cut, fabric, float(rng.random()))
