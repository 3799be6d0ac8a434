"""Figures that can be worked out by hand."""

import numpy as np
import pytest

from indexer.training.figures import Share, measure
from indexer.training.report import may_be_chance, verdict

NAMES = ("a", "b")
LABELS = np.array([0, 0, 0, 1])
PROBABILITIES = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.45, 0.55]])


def test_accuracy_recall_and_precision() -> None:
    """Three of four are right; one a is taken for b."""
    figures = measure(LABELS, PROBABILITIES, NAMES)
    a, b = figures.categories
    assert (figures.accuracy.right, figures.accuracy.of) == (3, 4)
    assert figures.confusion.tolist() == [[2, 1], [0, 1]]
    assert figures.confused() == [("a", "b", 1)]
    assert (a.recall, a.precision) == (Share(2, 3), Share(2, 2))
    assert (b.recall, b.precision) == (Share(1, 1), Share(1, 2))


def test_the_calibration_error_is_the_mean_distance_of_said_and_right() -> None:
    """Four bins of one picture: 0.9, 0.8 and 0.55 are right, 0.7 is wrong."""
    figures = measure(LABELS, PROBABILITIES, NAMES)
    assert figures.calibration_error == pytest.approx((0.1 + 0.2 + 0.7 + 0.45) / 4)
    assert [(each.low, each.right.right) for each in figures.bins] == [(0.5, 1), (0.7, 0), (0.8, 1), (0.9, 1)]


def test_certainty_has_a_bin() -> None:
    """1 belongs to the last one."""
    figures = measure(np.array([0, 1]), np.array([[1.0, 0.0], [0.0, 1.0]]), NAMES)
    assert figures.calibration_error == 0
    assert [(each.low, each.high) for each in figures.bins] == [(0.9, 1.0)]


def test_the_interval_is_wilsons() -> None:
    """Ten of ten does not mean always, and nothing of nothing means nothing."""
    assert Share(10, 10).interval == pytest.approx((0.7225, 1.0), abs=1e-3)
    assert Share(50, 100).interval == pytest.approx((0.4038, 0.5962), abs=1e-3)
    assert Share(0, 0).interval == (0, 1)
    assert Share(0, 0).value == 0


def test_no_pictures_have_no_figures() -> None:
    """And no division by zero."""
    figures = measure(np.zeros(0, np.int64), np.zeros((0, 2)), NAMES)
    assert (figures.accuracy.of, figures.calibration_error, figures.bins) == (0, 0, ())


@pytest.mark.parametrize(("pictures", "right", "told"), [(20, 16, "Too few"), (2000, 1600, "does not fit well")])
def test_a_small_test_does_not_blame_the_probabilities(pictures: int, right: int, told: str) -> None:
    """Of 20 answers with 0.9, 16 that are right may be chance; of 2,000, 1,600 are not."""
    labels = np.arange(pictures) >= right
    figures = measure(labels.astype(np.int64), np.tile([0.9, 0.1], (pictures, 1)), NAMES)
    assert may_be_chance(figures) is (pictures == 20)
    assert told in verdict(figures)
