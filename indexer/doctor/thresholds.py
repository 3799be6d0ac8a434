"""From where on a picture is called tiny, blurred or blank, or its category wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from indexer.doctor.inspection import Inspection
from indexer.doctor.shown import ShownPicture

TINY_PX: Final = 100
"""A shorter side below this is half of what the networks look at, enlarged."""
BLUR: Final = 0.5
CONTRAST: Final = 4.0
WRONG_FROM: Final = 0.1
"""
Probability of a wrong label. Of 150 labels among 3,795 that were made wrong at random it finds 0.94; docs/doctor.md
tells how that was counted, and how many others are suspected with them.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What is held against a picture of this catalogue.

    Attributes:
        tiny_px: The shorter side has at least so many pixels.
        blur: `Quality.blur` is at most this.
        contrast: `Quality.contrast` is at least this.
    """

    tiny_px: int
    blur: float
    contrast: float


def limits_of(pictures: Sequence[ShownPicture], inspection: Inspection) -> Limits:
    """
    Return the limits for a catalogue.

    What most pictures of a shop are like is no fault of one of them: a shop with thumbnails only is not told so picture
    by picture.
    """
    shorter_px = float(np.median([min(picture.width_px, picture.height_px) for picture in pictures]))
    usable = inspection.blur[inspection.is_usable]
    blur = BLUR
    if len(usable):
        median = float(np.median(usable))
        blur = max(BLUR, median + 3.5 * 1.4826 * float(np.median(np.abs(usable - median))))
    return Limits(tiny_px=round(min(TINY_PX, shorter_px / 2)), blur=min(blur, 0.95), contrast=CONTRAST)
