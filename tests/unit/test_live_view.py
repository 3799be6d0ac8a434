"""What searches see: a snapshot and the changes over it, compared with a search over everything there is."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.arrays import Float32Array
from app.core.products import ProductRecord
from app.core.vector_store import VectorStore
from app.db.live_changes import LiveChange
from app.search.live_view import with_changes
from app.search.neighbours import Hit, nearest_products
from tests.support.catalogue import make_product
from tests.support.live import open_store
from tests.support.snapshots import DIMENSION, random_embeddings
from tests.support.views import Vectors, vectors_of, view_over


def _expected(products: Sequence[ProductRecord], vectors: Vectors, queries: Float32Array) -> dict[str, float]:
    """Return each product's best score, over all its images and all queries."""
    return {
        each.id: max(float((queries @ vectors[image.sha256]).max()) for image in each.images)
        for each in products
        if each.images
    }


def _check(hits: list[Hit], products: Sequence[ProductRecord], vectors: Vectors, queries: Float32Array, k: int) -> None:
    """Compare hits with a search over everything: k products, best first, each as it is, with its best image."""
    expected = _expected(products, vectors, queries)
    by_id = {product.id: product for product in products}
    assert len(hits) == min(k, len(expected))
    assert [hit.score for hit in hits] == pytest.approx(sorted(expected.values(), reverse=True)[:k], abs=2e-3)
    assert len({hit.product.id for hit in hits}) == len(hits)
    for hit in hits:
        assert hit.score == pytest.approx(expected[hit.product.id], abs=2e-3)
        assert hit.product == by_id[hit.product.id]
        best = next(image for image in by_id[hit.product.id].images if image.id == hit.image_id)
        assert hit.score == pytest.approx(float((queries @ vectors[best.sha256]).max()), abs=2e-3)


_PRODUCTS = st.lists(st.integers(1, 6), min_size=1, max_size=40)
"""The number of images of each product."""


@settings(max_examples=60, deadline=None)
@given(images=_PRODUCTS, queries=st.integers(1, 4), k=st.integers(1, 30), seed=st.integers(0, 1_000))
def test_the_nearest_products_are_those_of_a_search_over_everything(
    images: list[int], queries: int, k: int, seed: int
) -> None:
    """However many images a product has: k products, best first, one hit each, and the one left out is not there."""
    products = [make_product(f"p{i:03d}", *(f"{i}-{j}" for j in range(n))) for i, n in enumerate(images)]
    vectors = vectors_of(products, seed)
    asked = random_embeddings(queries, DIMENSION, seed + 5_000)
    hits = nearest_products(view_over(products, vectors).segments(), asked, k, leave_out=frozenset(["p000"]))
    _check(hits, products[1:], vectors, asked, k)


def test_a_product_with_hundreds_of_near_images_leaves_room_for_others() -> None:
    """One hit is its; nine others follow, however far they are."""
    crowd = make_product("crowd", *(f"crowd-{i}" for i in range(300)))
    others = [make_product(f"p{i:03d}", f"other-{i}") for i in range(30)]
    vectors = vectors_of([crowd, *others], seed=1)
    near = vectors[crowd.images[0].sha256]
    for image in crowd.images[1:]:
        vector = near + 0.01 * vectors[image.sha256]
        vectors[image.sha256] = vector / np.linalg.norm(vector)
    hits = nearest_products(view_over([crowd, *others], vectors).segments(), near[np.newaxis], 10)
    assert [hit.product.id for hit in hits].count("crowd") == 1
    assert len(hits) == 10


@settings(max_examples=60, deadline=None)
@given(
    before=st.dictionaries(st.integers(0, 30), st.integers(1, 3), min_size=1),
    changes=st.dictionaries(st.integers(0, 40), st.integers(0, 3)),
    k=st.integers(1, 30),
    seed=st.integers(0, 1_000),
)
def test_changes_lie_over_the_snapshot_as_if_it_had_been_made_after_them(
    tmp_path_factory: pytest.TempPathFactory, before: dict[int, int], changes: dict[int, int], k: int, seed: int
) -> None:
    """Added, changed, given other images, left without any, removed: searches show what there is now."""
    drawn = np.random.default_rng(seed)

    def product(number: int, images: int, title: str) -> ProductRecord:
        contents = (f"{number}-{drawn.integers(4)}-{i}" for i in range(images))
        return make_product(f"p{number:03d}", *contents, title=title)

    stored = {number: product(number, images, "old") for number, images in sorted(before.items())}
    changed = {
        number: product(number, images, "new") if drawn.random() < 0.7 else None for number, images in changes.items()
    }
    now = [each for _, each in sorted((stored | changed).items()) if each is not None]
    vectors = vectors_of([*stored.values(), *now], seed)
    view = view_over(list(stored.values()), vectors)
    with open_store(tmp_path_factory.mktemp("data")) as store:
        store.append(list(vectors), np.stack(list(vectors.values())))
        live = [LiveChange(f"p{number:03d}", i, each) for i, (number, each) in enumerate(changed.items(), start=2)]
        view = with_changes(view, live, store)
    query = random_embeddings(1, DIMENSION, seed + 5_000)
    _check(nearest_products(view.segments(), query, k), now, vectors, query, k)
    for each in now:
        assert view.product(each.id) == (each if each.images else None)
        assert [view.image(image.id) for image in each.images] == list(each.images)
    removed = [number for number, record in changed.items() if record is None]
    assert not any(view.product(f"p{number:03d}") for number in removed)


def test_other_changes_take_the_place_of_those_before(tmp_path: Path) -> None:
    """A view is made of the snapshot and all that changed since, not of the view before."""
    products = [make_product("a", "front"), make_product("b", "side")]
    vectors = vectors_of(products, seed=1)
    with open_store(tmp_path) as store:
        without_a = with_changes(view_over(products, vectors), [LiveChange("a", 2, None)], store)
        again = with_changes(without_a, [], store)
    query = vectors[products[0].images[0].sha256][np.newaxis]
    assert [hit.product.id for hit in nearest_products(without_a.segments(), query, 10)] == ["b"]
    assert [hit.product.id for hit in nearest_products(again.segments(), query, 10)] == ["a", "b"]


def test_an_image_without_an_embedding_is_left_out(tmp_path: Path) -> None:
    """As when another network was in use when the product was put; its other images are found."""
    known = [make_product("a", "front")]
    vectors = vectors_of(known, seed=1)
    put = [make_product("b", "front", "strange"), make_product("c", "stranger")]
    with open_store(tmp_path) as store:
        _append(store, vectors)
        changes = [LiveChange(each.id, 2, each) for each in put]
        view = with_changes(view_over(known, vectors), changes, store)
    hits = nearest_products(view.segments(), next(iter(vectors.values()))[np.newaxis], 10)
    assert [(hit.product.id, len(view.product(hit.product.id).images)) for hit in hits] == [("a", 1), ("b", 1)]  # type: ignore[union-attr]
    assert view.product("c") is None


def _append(store: VectorStore, vectors: Vectors) -> None:
    store.append(list(vectors), np.stack(list(vectors.values())))
