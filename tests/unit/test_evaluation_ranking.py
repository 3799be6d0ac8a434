"""From embeddings to figures: what is left out, what counts as found, and that blocks change nothing."""

import numpy as np
import pytest

from app.core.arrays import Float32Array
from app.core.flat_index import FlatIndex
from indexer.evaluation import ranking
from indexer.evaluation.ranking import NO_CATEGORY, Asked, Searched, evaluate, evaluate_held_out, held_out, index_recall
from tests.support.snapshots import random_embeddings

EAST, NEAR_EAST, NORTH = (1.0, 0.0), (0.99, 0.141067), (0.0, 1.0)


def rows(*directions: tuple[float, float]) -> Float32Array:
    """Return embeddings of two values."""
    return np.array(directions, np.float32)


def random_catalogue(products: int = 40, seed: int = 0) -> Searched:
    """Return products with one to three pictures in four categories, some without one."""
    rng = np.random.default_rng(seed)
    row_products = np.repeat(np.arange(products, dtype=np.int32), rng.integers(1, 4, products))
    categories = rng.integers(NO_CATEGORY, 4, products).astype(np.int32)
    return Searched(random_embeddings(len(row_products), 8, seed), row_products, categories)


def test_by_category_the_own_product_is_left_out_with_all_its_pictures() -> None:
    """A product with two nearly equal pictures does not count as a hit for itself."""
    searched = Searched(rows(EAST, NEAR_EAST, NORTH), np.array([0, 0, 1]), np.array([0, 1]))

    evaluation = evaluate_held_out(searched, np.array([0]))

    assert evaluation.hits[0].tolist() == [1] + [-1] * 9
    assert not evaluation.by_category.is_defined.any()  # no other product has its category


def test_by_product_a_picture_finds_its_product_by_the_others() -> None:
    """The own picture is left out, the product's second one is near enough to bring it first."""
    searched = Searched(rows(EAST, NEAR_EAST, NORTH), np.array([0, 0, 1]), np.array([0, 1]))

    figures = evaluate_held_out(searched).by_product

    assert figures.is_defined.tolist() == [True, True, False]
    assert figures.recall[:2].tolist() == [1.0, 1.0]
    assert figures.average_precision[:2].tolist() == [1.0, 1.0]


def test_a_query_that_is_in_the_catalogue_is_left_out_there() -> None:
    """A picture from outside that products also have finds neither them by category nor itself by product."""
    searched = Searched(rows(EAST, EAST, NEAR_EAST), np.array([0, 1, 2]), np.array([0, 0, 0]))
    asked = Asked(rows(EAST), np.array([0]), [np.array([0, 1])], [np.array([0, 2])])

    evaluation = evaluate(asked, searched, k=2)

    assert evaluation.hits.tolist() == [[2, -1]]
    assert evaluation.by_product.recall.tolist() == [1.0]  # product 2 alone can be found
    assert evaluation.by_product.precision.tolist() == [1.0]


def test_products_without_a_category_are_neither_asked_for_nor_right() -> None:
    """Two products without a category are not of the same one."""
    searched = Searched(rows(EAST, EAST, NORTH), np.arange(3), np.array([NO_CATEGORY, NO_CATEGORY, 0]))

    assert not evaluate_held_out(searched).by_category.is_defined.any()


def test_figures_are_those_of_a_plain_search() -> None:
    """Each query compared with each picture in a loop gives the same figures."""
    searched = random_catalogue()
    evaluation = evaluate_held_out(searched, k=5)

    embeddings = np.asarray(searched.embeddings)
    scores = embeddings @ embeddings.T
    for row, product in enumerate(searched.row_products):
        best = {
            other: max(scores[row, searched.row_products == other])
            for other in range(len(searched.categories))
            if other != product
        }
        first = sorted(best, key=lambda other: (-best[other], other))[:5]
        assert evaluation.hits[row].tolist() == first
        category = searched.categories[product]
        wanted = [other for other in best if searched.categories[other] == category]
        if category == NO_CATEGORY or not wanted:
            assert np.isnan(evaluation.by_category.recall[row])
        else:
            found = sum(other in wanted for other in first)
            assert evaluation.by_category.precision[row] == pytest.approx(found / 5)
            assert evaluation.by_category.recall[row] == pytest.approx(found / len(wanted))


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a catalogue is compared at once or in the smallest pieces, the figures are the same."""
    searched = random_catalogue()
    whole = evaluate_held_out(searched)
    monkeypatch.setattr(ranking, "_SCORES_AT_ONCE", 3 * len(searched.row_products))
    monkeypatch.setattr(ranking, "_LEAST_AT_ONCE", 1)
    monkeypatch.setattr(ranking, "_SORTED_AT_ONCE", len(searched.categories))
    monkeypatch.setattr(ranking, "BLOCK_ROWS", 7)
    told: list[int] = []

    pieces = evaluate(held_out(searched, np.arange(len(searched.row_products))), searched, advance=told.append)

    assert (pieces.hits == whole.hits).all()
    for name, values in whole.by_category.named(10).items():
        np.testing.assert_allclose(pieces.by_category.named(10)[name], values)
    assert sum(told) == len(searched.row_products)
    assert max(told) == 1


def test_an_exact_index_finds_all() -> None:
    """The index of these very embeddings has recall 1, with queries that are in it and with others."""
    searched = random_catalogue()
    index = FlatIndex.build(np.asarray(searched.embeddings))

    assert index_recall(held_out(searched, np.arange(20)), searched, index).tolist() == [1.0] * 20


def test_an_index_of_something_else_is_noticed() -> None:
    """An index whose rows are mixed up finds about as much as chance does."""
    searched = random_catalogue()
    index = FlatIndex.build(searched.embeddings[::-1])

    assert index_recall(held_out(searched, np.arange(20)), searched, index).mean() < 0.5
