"""Precision, recall, average precision and nDCG of rankings, and the order that they are of."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.evaluation.metrics import LEFT_OUT, Figures, best_first, figures_of


def of_one(relevant: list[bool], k: int, candidates: int | None = None) -> Figures:
    """Return the figures of one ranking."""
    places = len(relevant) if candidates is None else candidates
    return figures_of(np.array([relevant]), np.array([places]), k)


def test_figures_of_a_ranking_are_those_of_the_textbook() -> None:
    """Right at places 1, 3 and 6 of six, with three places looked at."""
    figures = of_one([True, False, True, False, False, True], k=3)

    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert figures.precision[0] == pytest.approx(2 / 3)
    assert figures.recall[0] == pytest.approx(2 / 3)
    assert figures.average_precision[0] == pytest.approx((1 / 1 + 2 / 3 + 3 / 6) / 3)
    assert figures.ndcg[0] == pytest.approx((1 + 1 / math.log2(4)) / ideal)


def test_a_perfect_ranking_has_no_figure_below_one() -> None:
    """Everything relevant comes first, and all of it is looked at."""
    figures = of_one([True, True, False, False], k=2)

    for values in figures.named(2).values():
        assert values.tolist() == pytest.approx([1.0])


def test_where_fewer_products_exist_than_places_precision_is_of_those_that_are_shown() -> None:
    """Three products are there, two of them right: two thirds of what a shopper sees."""
    assert of_one([True, False, True, False], k=10, candidates=3).precision[0] == pytest.approx(2 / 3)


def test_a_query_without_anything_relevant_has_no_figures() -> None:
    """Neither good nor bad: NaN, which means leave out."""
    figures = figures_of(np.array([[False, False], [True, False]]), np.array([2, 2]), 1)

    assert figures.is_defined.tolist() == [False, True]
    assert all(np.isnan(values[0]) and values[1] == 1 for values in figures.named(1).values())


@given(
    relevant=st.lists(st.booleans(), min_size=1, max_size=30).filter(any),
    k=st.integers(min_value=1, max_value=40),
)
def test_figures_are_those_of_their_definitions(relevant: list[bool], k: int) -> None:
    """Counted place by place, every figure comes out the same."""
    figures = of_one(relevant, k)

    total, first = sum(relevant), relevant[:k]
    precisions = [sum(relevant[: place + 1]) / (place + 1) for place, is_right in enumerate(relevant) if is_right]
    gain = sum(1 / math.log2(place + 2) for place, is_right in enumerate(first) if is_right)
    best = sum(1 / math.log2(place + 2) for place in range(min(total, k)))
    assert figures.precision[0] == pytest.approx(sum(first) / min(k, len(relevant)))
    assert figures.recall[0] == pytest.approx(sum(first) / total)
    assert figures.average_precision[0] == pytest.approx(sum(precisions) / total)
    assert figures.ndcg[0] == pytest.approx(gain / best)


def test_equal_scores_stay_in_the_order_of_the_products() -> None:
    """As in a search; and what is left out comes last."""
    scores = np.array([[0.5, 0.9, 0.5, LEFT_OUT, 0.5, -0.2]], np.float32)

    assert best_first(scores).tolist() == [[1, 0, 2, 4, 5, 3]]


def test_the_order_is_that_of_the_scores() -> None:
    """For any cosines, also negative ones, and 1 a little exceeded by rounding."""
    scores = np.random.default_rng(3).uniform(-1, 1.0001, (20, 500)).astype(np.float32)

    ordered = np.take_along_axis(scores, best_first(scores), axis=1)

    assert (np.diff(ordered, axis=1) <= 2e-4).all()
    assert (np.sort(best_first(scores), axis=1) == np.arange(500)).all()


def test_figures_of_parts_are_joined_and_spread() -> None:
    """Blocks of queries become one, and queries without figures keep their place."""
    part = of_one([True], k=1)

    joined = Figures.joined([part, part]).spread(np.array([True, False, True]))

    assert joined.is_defined.tolist() == [True, False, True]
    assert len(Figures.joined([]).precision) == 0
