"""Intervals by resampling queries."""

import numpy as np
import pytest

from indexer.evaluation.bootstrap import estimates

NAN = float("nan")


def test_the_same_seed_gives_the_same_interval() -> None:
    """A report can be made again, and another seed changes the bounds a little."""
    values = {"precision": np.random.default_rng(1).random(300)}
    clusters = np.arange(300)

    first, again, other = (estimates(values, clusters, seed=seed)["precision"] for seed in (7, 7, 8))

    assert first == again
    assert first.low != other.low
    assert first.low < first.value < first.high


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says() -> None:
    """Drawn 300 times from a coin that falls right 8 times in 10, the interval misses 0.8 about once in twenty."""
    rng = np.random.default_rng(2)
    clusters = np.arange(100)
    held = 0
    for _ in range(300):
        found = estimates({"right": (rng.random(100) < 0.8).astype(float)}, clusters)["right"]
        held += found.low <= 0.8 <= found.high

    assert 0.90 <= held / 300 <= 0.99


def test_pictures_of_one_product_are_no_independent_evidence() -> None:
    """Each value five times over, as pictures of one product, leaves the interval as wide as it was."""
    values = np.random.default_rng(3).random(60)

    once = estimates({"x": values}, np.arange(60))["x"]
    alike = estimates({"x": np.repeat(values, 5)}, np.repeat(np.arange(60), 5))["x"]

    assert alike.queries == 300
    assert alike.high - alike.low == pytest.approx(once.high - once.low, rel=0.01)


def test_queries_without_figures_are_left_out() -> None:
    """The mean is over the others, and where there are none, there is no estimate."""
    values = np.array([0.25, NAN, 0.75])

    assert estimates({"x": values}, np.arange(3))["x"].value == 0.5
    assert estimates({"x": values}, np.arange(3))["x"].queries == 2
    assert estimates({"x": np.full(3, NAN)}, np.arange(3)) == {}


def test_the_difference_of_pairs_is_sharper_than_two_intervals() -> None:
    """Two that are nearly always equally right differ by little, and certainly, where their intervals overlap."""
    rng = np.random.default_rng(4)
    before = rng.random(400)
    after = before + rng.normal(0.01, 0.01, 400)

    found = estimates({"x": after - before}, np.arange(400))["x"]

    assert 0 < found.low < 0.01 < found.high < 0.02
    assert estimates({"x": before}, np.arange(400))["x"].high > after.mean()
