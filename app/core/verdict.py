"""
The verdict on a photo: the very picture, something alike, or nothing in this catalogue; and how sure that is.

What the scores of a network mean differs from catalogue to catalogue. So each snapshot carries a calibration, made from
its own pictures when it was built (`indexer.calibration`):

- nearness, the mean score of a photo's first hits, as the catalogue's own pictures have it when each is left out with
  its product: a photo that is less near than nearly all of those shows nothing that is in the catalogue;
- how probable it is at a nearness that the first hit is of the right category;
- a logistic regression that tells copies of a picture, shrunk or cropped, from other pictures that look like it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from app.core.arrays import Float64Array
from app.core.signature import Sameness

Cosines = Sequence[float] | npt.NDArray[np.floating]
VerdictName = Literal["exact", "similar", "none"]

NEIGHBOURS: Final = 5
"""Hits whose mean score is the nearness: one alone is what a single odd product makes of it."""
STRANGE_SHARE: Final = 0.02
"""Share of the catalogue's own pictures, left out, that are as far away as a photo of nothing in it."""
CANDIDATES: Final = 8
"""Hits that are looked at for the very picture: a half-size copy is among the first eight of 3,795 photos."""

_CERTAIN: Final = 1 - 1e-4  # of two pictures, however alike, nobody knows
_SHARP: Final = 5e-4


@dataclass(frozen=True, slots=True)
class Match:
    """A verdict, and the probability that it is right."""

    verdict: VerdictName
    confidence: float


class CopyDetector(BaseModel):
    """
    Tells the very picture, perhaps shrunk, cropped or encoded anew, from one that looks like it.

    A logistic regression on what `copy_features` returns.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    cosine: float
    correlation: float
    colour: float
    bias: float
    pictures: int = Field(ge=0, description="Pictures whose copies it was learned from; 0: as it comes.")

    def logits(self, cosines: Cosines, sameness: Sameness) -> Float64Array:
        """Return the logit of the probability that each of m pictures is the one that was asked with, shape (m,)."""
        logits: Float64Array = copy_features(cosines, sameness) @ [self.cosine, self.correlation, self.colour]
        return logits + self.bias


def copy_features(cosines: Cosines, sameness: Sameness) -> Float64Array:
    """Return cosine, sharpened correlation and colour distance of m pictures, shape (m, 3)."""
    sharpened = -np.log(1 + _SHARP - np.asarray(sameness.correlation, np.float64))
    return np.column_stack([np.asarray(cosines, np.float64), sharpened, sameness.colour_distance])


class Calibration(BaseModel):
    """What a snapshot knows about its own scores."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    nearness: Annotated[tuple[float, ...], Field(min_length=2)] = Field(
        description="Nearness of the catalogue's own pictures, left out: quantiles at equal steps from 0 to 1, rising."
    )
    right_slope: float | None = Field(
        description="With right_bias: logit of the first hit's category being right, by nearness."
    )
    right_bias: float | None
    copies: CopyDetector

    @property
    def none_below(self) -> float:
        """The nearness under which a photo shows nothing that is in the catalogue."""
        return float(np.quantile(self.nearness, STRANGE_SHARE))

    def rank(self, nearness: float) -> float:
        """Return the share of the catalogue's own pictures that are less near, 0 to 1."""
        return float(np.interp(nearness, self.nearness, np.linspace(0, 1, len(self.nearness))))

    def judge(self, nearness: float, exact: float = -math.inf) -> Match:
        """
        Return the verdict on a photo.

        Its confidence is, for the very picture, the probability that it is that; for something alike, the probability
        that the first hit is of the right category, or where there are no categories the share of the catalogue's own
        pictures that are less near; for nothing, the share of those that are nearer.

        Args:
            nearness: As `nearness_of` returns it.
            exact: Logit of the probability that one of the hits is the very picture.
        """
        if exact > 0:
            return Match("exact", min(_probability(exact), _CERTAIN) if exact < math.inf else 1.0)
        rank = self.rank(nearness)
        if nearness < self.none_below:
            return Match("none", 1 - rank)
        if self.right_slope is None or self.right_bias is None:
            return Match("similar", rank)
        return Match("similar", _probability(self.right_slope * nearness + self.right_bias))


def _probability(logit: float) -> float:
    return (1 + math.tanh(logit / 2)) / 2  # exp would overflow


def nearness_of(scores: Sequence[float]) -> float:
    """Return the nearness of a photo from the scores of its first hits, best first; at least one."""
    return float(np.mean(scores[:NEIGHBOURS]))
