"""From nearest images to distinct products, compared with a search over everything."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.manifest import DATA_FILES, FileFacts, Manifest
from app.core.products import ProductSummary
from app.core.snapshot import Snapshot
from app.core.vector_index import Float32Array, VectorIndex
from app.db.catalogue import Catalogue
from app.db.records import ImageHit
from app.search.neighbours import nearest_products
from tests.support.catalogue import make_image
from tests.support.snapshots import image_ids, random_embeddings, snapshot_facts

DIMENSION = 8


@dataclass
class Shelf:
    """Says which product each image shows, and counts how often it was asked; it stands in for the database."""

    product_of: dict[str, str]
    questions: list[set[str]] = field(default_factory=list)

    def hits(self, ids: Collection[str]) -> dict[str, ImageHit]:
        """Return the images that still have a product."""
        self.questions.append(set(ids))
        return {
            each: ImageHit(make_image("x", each), ProductSummary(id=self.product_of[each], title="x"))
            for each in ids
            if each in self.product_of
        }


def _snapshot(embeddings: Float32Array) -> Snapshot:
    ids = tuple(image_ids(len(embeddings)))
    manifest = Manifest(
        **snapshot_facts().model_dump(),
        created_at=datetime.now(UTC),
        dimension=embeddings.shape[1],
        images=len(ids),
        versions={},
        files={name: FileFacts(size_bytes=1, sha256="0") for name in DATA_FILES},
    )
    rows = {each: row for row, each in enumerate(ids)}
    return Snapshot("000001-00000000", manifest, VectorIndex.build(embeddings), ids, embeddings[:1], rows)


def _expected(snapshot: Snapshot, shelf: Shelf, queries: Float32Array, left_out: str | None) -> dict[str, float]:
    """Return each product's best score, over all images and all queries."""
    vectors = np.stack([snapshot.index.embedding(row) for row in range(len(snapshot.index))])
    best: dict[str, float] = {}
    for image, score in zip(snapshot.image_ids, (vectors @ queries.T).max(axis=1).tolist(), strict=True):
        product = shelf.product_of.get(image)
        if product is not None and product != left_out:
            best[product] = max(score, best.get(product, -2.0))
    return best


@settings(max_examples=60, deadline=None)
@given(
    images=st.integers(1, 120),
    products=st.integers(1, 40),
    queries=st.integers(1, 4),
    k=st.integers(1, 30),
    deleted=st.sampled_from([0.0, 0.3, 0.95]),
    seed=st.integers(0, 1_000),
)
def test_the_nearest_products_are_those_of_a_search_over_everything(
    images: int, products: int, queries: int, k: int, deleted: float, seed: int
) -> None:
    """Whatever the number of images a product has and however many are gone: k products, best first, best image."""
    drawn = np.random.default_rng(seed)
    snapshot = _snapshot(random_embeddings(images, DIMENSION, seed))
    shelf = Shelf({each: f"p{drawn.integers(products)}" for each in snapshot.image_ids if drawn.random() >= deleted})
    vectors = random_embeddings(queries, DIMENSION, seed + 5_000)
    hits = nearest_products(snapshot, cast("Catalogue", shelf), vectors, k, leave_out_product_id="p0")
    expected = _expected(snapshot, shelf, vectors, "p0")
    assert len(hits) == min(k, len(expected))
    assert [hit.score for hit in hits] == pytest.approx(sorted(expected.values(), reverse=True)[:k], abs=1e-5)
    for hit in hits:
        assert hit.score == pytest.approx(expected[hit.product.id], abs=1e-5)
        assert shelf.product_of[hit.image_id] == hit.product.id
    assert len({hit.product.id for hit in hits}) == len(hits)


def test_each_step_asks_the_database_once_and_for_new_images_only() -> None:
    """A product with a hundred near images costs a few steps, not a hundred queries."""
    snapshot = _snapshot(random_embeddings(400, DIMENSION, seed=1))
    order = snapshot.index.search(snapshot.index.embedding(0)[np.newaxis], 400)[1][0]
    shelf = Shelf({each: f"p{each}" for each in snapshot.image_ids})
    shelf.product_of.update({snapshot.image_ids[row]: "crowd" for row in order[:200]})
    hits = nearest_products(snapshot, cast("Catalogue", shelf), snapshot.index.embedding(0)[np.newaxis], 10)
    assert len(hits) == 10
    assert hits[0].product.id == "crowd"
    assert hits[0].score == pytest.approx(1)
    assert len(shelf.questions) <= 4
    assert sum(map(len, shelf.questions)) == len(set().union(*shelf.questions))
