"""Which pictures can be learned from, and how they are divided."""

import numpy as np
import pytest

from app.core.errors import TooFewExamples
from indexer.training.examples import MIN_PRODUCTS, Examples, LabelledPicture, drawn, pictures_of
from indexer.training.split import folds, hold_out
from tests.support.catalogue import make_product
from tests.support.training import labelled, made_up


def _products(category: str | None, count: int) -> list[LabelledPicture]:
    return [labelled(f"{category}-{number}", category) for number in range(count)]


def test_pictures_follow_the_rows_of_a_snapshot() -> None:
    """One for each image of each product, in their order, with the product's category."""
    products = [make_product("a", "front", "back", category="mugs"), make_product("b", "one", category=None)]
    pictures = pictures_of(products)
    assert [(picture.product_id, picture.category) for picture in pictures] == [("a", "mugs")] * 2 + [("b", None)]
    assert pictures[0].sha256 == products[0].images[0].sha256


def test_small_categories_and_products_without_one_are_left_out() -> None:
    """And said; the rows tell which pictures stayed."""
    pictures = [*_products("rare", MIN_PRODUCTS - 1), *_products("bags", 5), *_products(None, 3), *_products("mugs", 6)]

    examples = Examples.of(pictures)

    assert examples.categories == ("bags", "mugs")
    assert examples.left_out == {"rare": MIN_PRODUCTS - 1}
    assert examples.without_category == 3
    assert [pictures[row] for row in examples.rows] == list(examples.pictures)
    assert np.bincount(examples.labels).tolist() == [5, 6]


@pytest.mark.parametrize(
    ("pictures", "told"),
    [
        ([], "None of the 0 pictures has a category"),
        (_products(None, 7), "None of the 7 pictures has a category"),
        (_products("mugs", 30), "Every product is of one category, “mugs”"),
        ([labelled(str(i), f"category {i}") for i in range(9)], "there is none; the others have too few"),
        ([*_products("mugs", 30), *_products("bags", 1)], "there is one; the others have too few .“bags” 1"),
    ],
    ids=["nothing", "no categories", "one category", "a category for each picture", "all but one too small"],
)
def test_what_cannot_be_learned_from_is_refused_by_name(pictures: list[LabelledPicture], told: str) -> None:
    """The message says what is missing."""
    with pytest.raises(TooFewExamples, match=told):
        Examples.of(pictures)


def test_products_that_share_a_picture_are_one_group() -> None:
    """Directly or through a third: what one is tested with, the others must not have been learned from."""
    shared = [
        LabelledPicture(name, name, "mugs", sha256, labelled("x", None).path)
        for name, sha256 in [("a", "1"), ("b", "1"), ("b", "2"), ("c", "2"), ("d", "3")]
    ]
    examples = Examples.of([*shared, *_products("mugs", 5), *_products("bags", 5)])
    groups = dict(zip((picture.product_id for picture in examples.pictures), examples.groups.tolist(), strict=True))
    assert groups["a"] == groups["b"] == groups["c"] != groups["d"]


def test_a_tenth_of_each_category_is_held_out() -> None:
    """Of a small category at least one product, and never all."""
    examples, _ = made_up({"large": 200, "middle": 50, "small": 5})
    held = hold_out(examples.labels, examples.groups, seed=0)
    assert np.bincount(examples.labels[held]).tolist() == [20, 5, 1]


def test_the_pictures_of_a_product_stay_together() -> None:
    """In the held-out part and in every fold."""
    examples, _ = made_up({"a": 40, "b": 30}, pictures=3)
    held = hold_out(examples.labels, examples.groups, seed=0)
    fold_of = folds(examples.labels, examples.groups, seed=0)
    for group in np.unique(examples.groups):
        assert len(set(held[examples.groups == group].tolist())) == 1
        assert len(set(fold_of[examples.groups == group].tolist())) == 1


def test_each_fold_has_its_part_of_each_category() -> None:
    """No fold has two products more of a category than another."""
    examples, _ = made_up({"a": 43, "b": 17, "c": 5})
    fold_of = folds(examples.labels, examples.groups, seed=0)
    for label in range(3):
        counts = np.bincount(fold_of[examples.labels == label], minlength=5)
        assert counts.max() - counts.min() <= 1


def test_the_seed_decides() -> None:
    """The same one divides alike, another one otherwise."""
    examples, _ = made_up({"a": 40, "b": 30})
    first, again, other = (hold_out(examples.labels, examples.groups, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_of_a_large_catalogue_some_are_drawn_by_lot() -> None:
    """Whole products, each category alike, and of a small one enough to learn from."""
    examples, _ = made_up({"large": 200, "small": 6}, pictures=2)
    some = drawn(examples, seed=0, count=100)
    assert np.bincount(some.labels).tolist() == [2 * 49, 2 * MIN_PRODUCTS]
    assert some.drawn_from == 412
    assert [examples.pictures[row] for row in some.rows] == list(some.pictures)
    assert all((some.groups == group).sum() == 2 for group in set(some.groups.tolist()))


def test_a_catalogue_that_is_not_too_large_is_learned_from_whole() -> None:
    """As it is."""
    examples, _ = made_up({"a": 10, "b": 10})
    assert drawn(examples, seed=0, count=20) is examples
