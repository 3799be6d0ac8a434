"""Which products every picture leads to, which turn up for everything, and which nothing leads to."""

import numpy as np
import pytest

from app.core.arrays import Float32Array, Int32Array
from app.core.flat_index import FlatIndex
from indexer.doctor.hubs import Hubness, find_hubs
from indexer.doctor.neighbours import NEIGHBOURS, Neighbours, find_neighbours
from tests.support.snapshots import random_embeddings

PRODUCTS = 400


def clustered(n: int, clusters: int = 8, seed: int = 1) -> Float32Array:
    """Return unit-norm embeddings without negative values, in clusters, as those of photos are."""
    generator = np.random.default_rng(seed)
    centres = generator.exponential(size=(clusters, 64))
    rows = centres[np.arange(n) % clusters] + 0.6 * generator.exponential(size=(n, 64))
    unit: Float32Array = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def examined(embeddings: Float32Array, row_products: Int32Array | None = None) -> tuple[Neighbours, Hubness]:
    """Return neighbours and hubs; one picture a product unless told otherwise."""
    index = FlatIndex.build(embeddings)
    products = np.arange(len(embeddings), dtype=np.int32) if row_products is None else row_products
    neighbours = find_neighbours(index, products)
    return neighbours, find_hubs(index, products, neighbours, [None] * len(embeddings))


@pytest.mark.parametrize("images", [1, 3])
def test_neighbours_are_the_best_pictures_of_the_best_other_products(images: int) -> None:
    """As somebody finds them who compares everything with everything."""
    embeddings = random_embeddings(40 * images, 16, seed=2)
    row_products = np.repeat(np.arange(40, dtype=np.int32), images)

    neighbours, _ = examined(embeddings, row_products)

    scores = embeddings @ embeddings.T
    for row in range(len(embeddings)):
        best = {
            product: max(np.flatnonzero(row_products == product), key=lambda other: scores[row, other])
            for product in set(row_products.tolist()) - {int(row_products[row])}
        }
        expected = sorted(best.values(), key=lambda other: -scores[row, other])[:NEIGHBOURS]
        assert neighbours.rows[row].tolist() == [int(other) for other in expected]
        np.testing.assert_allclose(neighbours.scores[row], scores[row, expected], atol=1e-6)


def test_a_product_with_very_many_pictures_hides_no_other() -> None:
    """More pictures are looked at until ten other products were found."""
    crowd = np.tile(random_embeddings(1, 16, seed=3), (60, 1))
    others = random_embeddings(30, 16, seed=4)
    row_products = np.concatenate([np.zeros(60, np.int32), np.arange(1, 31, dtype=np.int32)])

    neighbours, _ = examined(np.concatenate([crowd, others]), row_products)

    assert (neighbours.rows >= 0).all()
    assert (row_products[neighbours.rows[:60]] > 0).all()


def test_few_products_have_few_neighbours() -> None:
    """What is missing is marked."""
    neighbours, hubness = examined(random_embeddings(4, 16, seed=5))

    assert (neighbours.rows[:, :3] >= 0).all()
    assert (neighbours.rows[:, 3:] == -1).all()
    assert (neighbours.scores[:, 3:] == -2).all()
    assert hubness.hub_rows.size == hubness.unreached.size == 0


def test_a_planted_centroid_is_found() -> None:
    """A picture in the middle of all is told, whether or not it is a hub already."""
    embeddings = clustered(PRODUCTS)
    centre = embeddings.mean(axis=0)
    planted = np.concatenate([embeddings, (centre / np.linalg.norm(centre))[np.newaxis]])

    _, hubness = examined(planted)

    assert hubness.central_rows.tolist() == [PRODUCTS]


def test_the_centroid_of_a_category_is_found() -> None:
    """It is far from the middle of all, and in the middle of its own category."""
    embeddings = clustered(PRODUCTS)
    centre = embeddings[::8].mean(axis=0)
    planted = np.concatenate([embeddings, (centre / np.linalg.norm(centre))[np.newaxis]])
    index, products = FlatIndex.build(planted), np.arange(PRODUCTS + 1, dtype=np.int32)
    names = [f"cluster {row % 8}" for row in range(PRODUCTS)] + ["cluster 0"]

    hubness = find_hubs(index, products, find_neighbours(index, products), names)

    assert hubness.central_rows.tolist() == [PRODUCTS]


def test_a_picture_that_turns_up_for_everything_is_found() -> None:
    """The middle of one cluster is among the ten hits of most of its pictures."""
    embeddings = clustered(PRODUCTS, clusters=2)
    centre = embeddings[::2].mean(axis=0)
    planted = np.concatenate([embeddings, (centre / np.linalg.norm(centre))[np.newaxis]])

    _, hubness = examined(planted)

    assert hubness.hub_rows[0] == PRODUCTS
    assert hubness.occurrences[PRODUCTS] > 0.2 * PRODUCTS


def test_an_even_catalogue_has_no_hub() -> None:
    """Of random directions none is in the middle, and none turns up for everything."""
    _, hubness = examined(random_embeddings(PRODUCTS, 8, seed=6))

    assert hubness.hub_rows.size == 0
    assert hubness.central_rows.size == 0
    assert hubness.occurrences.sum() == PRODUCTS * NEIGHBOURS


def test_a_product_that_nothing_leads_to_is_found() -> None:
    """An outlier is in nobody's ten hits; with a second picture like the others it would be."""
    embeddings = clustered(PRODUCTS)
    stranger = np.zeros((1, 64), np.float32)
    stranger[0, 0] = 1
    row_products = np.arange(PRODUCTS + 1, dtype=np.int32)

    _, alone = examined(np.concatenate([embeddings, stranger]), row_products)
    second = np.concatenate([embeddings, stranger, embeddings[:1]])
    _, helped = examined(second, np.append(row_products, np.int32(PRODUCTS)))

    assert PRODUCTS in alone.unreached
    assert PRODUCTS not in helped.unreached
