"""The verdict on a photo, from a calibration."""

import math

import numpy as np
import pytest

from app.core.signature import Sameness
from app.core.verdict import Calibration, CopyDetector, nearness_of

COPIES = CopyDetector(cosine=30.0, correlation=2.0, colour=-0.4, bias=-33.5, pictures=96)
CALIBRATION = Calibration(
    nearness=tuple(np.linspace(0.6, 0.9, 101).tolist()), right_slope=20.0, right_bias=-13.0, copies=COPIES
)


@pytest.mark.parametrize(
    ("nearness", "exact", "verdict"),
    [
        (0.3, -9.0, "none"),
        (0.6, -0.1, "none"),
        (0.607, -math.inf, "similar"),
        (0.95, 0.0, "similar"),
        (0.95, 0.1, "exact"),
        (0.3, math.inf, "exact"),
    ],
)
def test_a_verdict_follows_nearness_and_sameness(nearness: float, exact: float, verdict: str) -> None:
    """Less near than 98 % of the catalogue's own pictures is nothing; the very picture is that, however near."""
    match = CALIBRATION.judge(nearness, exact)
    assert match.verdict == verdict
    assert 0 <= match.confidence <= 1


def test_only_the_same_file_is_certainly_the_very_picture() -> None:
    """Of two pictures, however alike, nobody knows."""
    assert CALIBRATION.judge(0.95, math.inf).confidence == 1
    assert 0.999 < CALIBRATION.judge(0.95, 1e6).confidence < 1


def test_none_is_surer_the_farther_away_a_photo_is() -> None:
    """At the edge, two in a hundred of the catalogue's own pictures are as far away; beyond all of them, none is."""
    assert CALIBRATION.judge(0.6059).confidence == pytest.approx(0.98, abs=0.001)
    assert CALIBRATION.judge(0.5).confidence == 1


def test_similar_is_as_sure_as_first_hits_were_right() -> None:
    """The nearer, the surer."""
    confidences = [CALIBRATION.judge(nearness).confidence for nearness in (0.65, 0.75, 0.85)]
    assert confidences == pytest.approx([0.5, 0.8808, 0.982], abs=0.001)


def test_without_categories_similar_is_a_rank() -> None:
    """The share of the catalogue's own pictures that are less near."""
    plain = CALIBRATION.model_copy(update={"right_slope": None, "right_bias": None})
    assert plain.judge(0.75).confidence == pytest.approx(0.5)


def test_a_copy_is_told_from_something_alike() -> None:
    """By what the pictures are, although the other one has the better cosine."""
    sameness = Sameness(np.array([0.998, 0.93], np.float32), np.array([0.2, 3.0], np.float32))
    copy, alike = COPIES.logits([0.86, 0.88], sameness)
    assert copy > 0 > alike


def test_nearness_is_that_of_the_first_five() -> None:
    """Or of fewer, where there are no more."""
    assert nearness_of([0.9, 0.8, 0.7, 0.6, 0.5, 0.1]) == pytest.approx(0.7)
    assert nearness_of([0.9]) == pytest.approx(0.9)
