"""Which pictures are in the wrong category, as judged from embeddings alone."""

import numpy as np
import pytest

from app.core.arrays import Float32Array
from app.core.flat_index import FlatIndex
from indexer.doctor.discriminant import NO_LABEL, folds_of
from indexer.doctor.labels import Judgement, judge_labels
from indexer.doctor.neighbours import find_neighbours

CATEGORIES = ("bags", "lamps", "mugs", "shoes")
PICTURES = 600


def drawn(overlap: float = 0.5, seed: int = 1) -> tuple[Float32Array, list[str | None]]:
    """Return embeddings of four categories and their right names; they overlap the more, the larger `overlap`."""
    generator = np.random.default_rng(seed)
    centres = generator.exponential(size=(len(CATEGORIES), 48))
    labels = np.arange(PICTURES) % len(CATEGORIES)
    rows = centres[labels] + overlap * generator.exponential(size=(PICTURES, 48))
    unit: Float32Array = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit, [CATEGORIES[label] for label in labels]


def judged(embeddings: Float32Array, names: list[str | None]) -> Judgement:
    """Judge pictures of a product each."""
    index, products = FlatIndex.build(embeddings), np.arange(len(embeddings), dtype=np.int32)
    judgement = judge_labels(index, names, products, find_neighbours(index, products))
    assert judgement is not None
    return judgement


def test_wrong_labels_are_found_with_the_right_ones() -> None:
    """One label in 21 was changed: those are the suspects, and what they were is suggested."""
    embeddings, right = drawn()
    names = list(right)
    wrong = list(range(0, PICTURES, 21))
    for number, row in enumerate(wrong):
        names[row] = CATEGORIES[(CATEGORIES.index(str(right[row])) + 1 + number % 3) % len(CATEGORIES)]

    judgement = judged(embeddings, names)

    found = np.flatnonzero(judgement.wrong >= 0.5).tolist()
    assert len(set(found) & set(wrong)) >= 0.95 * len(wrong)
    assert len(set(found) & set(wrong)) >= 0.95 * len(found)
    assert [judgement.categories[judgement.suggested[row]] for row in found if row in wrong] == [
        right[row] for row in found if row in wrong
    ]
    assert judgement.wrong_share == pytest.approx(1 / 21, abs=0.015)


def test_a_tidy_catalogue_has_no_suspects() -> None:
    """Pictures that are hard to tell apart are not held against their labels."""
    embeddings, names = drawn(overlap=4.0)

    judgement = judged(embeddings, names)

    assert judgement.accuracy < 1
    assert int((judgement.wrong >= 0.2).sum()) <= 3


def test_pictures_without_a_category_or_in_a_tiny_one_are_not_judged() -> None:
    """Nobody suspects what nobody stated, nor what there are three of."""
    embeddings, names = drawn()
    names[0] = None
    names[1:4] = ["rarities"] * 3

    judgement = judged(embeddings, names)

    assert judgement.categories == CATEGORIES
    assert judgement.labels[:4].tolist() == [NO_LABEL] * 4
    assert (judgement.wrong[:4] == 0).all()


@pytest.mark.parametrize("names", [[None] * 50, ["shoes"] * 50])
def test_one_category_is_no_choice(names: list[str | None]) -> None:
    """With none or one, there is nothing to confuse."""
    index = FlatIndex.build(drawn()[0][:50])
    products = np.arange(50, dtype=np.int32)

    assert judge_labels(index, names, products, find_neighbours(index, products)) is None


def test_pictures_of_a_product_do_not_vouch_for_each_other() -> None:
    """They are in one fold, so that nothing is learned from a product about itself."""
    row_products = np.repeat(np.arange(50, dtype=np.int32), 4)

    folds = folds_of(row_products, seed=3).reshape(50, 4)

    assert (folds == folds[:, :1]).all()
    assert len(np.unique(folds)) == 5


def test_the_same_catalogue_is_judged_alike() -> None:
    """Nothing is left to chance between two runs."""
    embeddings, names = drawn(overlap=4.0)

    np.testing.assert_array_equal(judged(embeddings, names).wrong, judged(embeddings, names).wrong)
