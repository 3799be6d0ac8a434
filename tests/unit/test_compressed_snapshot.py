"""A snapshot whose index is compressed: written, checked, served with changes and filters, and removed while served."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from app.core import compression
from app.core.arrays import Float32Array
from app.core.compressed_index import CompressedIndex
from app.core.errors import VerificationFailed
from app.core.flat_index import FlatIndex
from app.core.products import ProductRecord
from app.core.snapshot_check import verify_in_fresh_process, verify_snapshot
from app.core.snapshot_folder import SnapshotFolder
from app.core.snapshot_reader import LiveSnapshot
from app.core.vector_index import BLOCK_ROWS
from app.search.filters import parse_filter
from app.search.live_view import LiveView, view_of
from app.search.neighbours import nearest_products
from tests.support.catalogue import make_image, make_product
from tests.support.indexes import compressed, families
from tests.support.snapshots import folder, publish_small, random_embeddings, reseal, root, snapshot_facts

__all__ = ["folder", "root"]

PRODUCTS = 2000
DIMENSION = 64
COLOURS = ("red", "green", "blue")


@pytest.fixture(autouse=True)
def _compressing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compress small indexes too, and look for candidates among few rows."""
    monkeypatch.setattr(compression, "FLAT_BYTES", 100_000)
    monkeypatch.setattr(compression, "LEAST_GAIN", 0)
    monkeypatch.setattr("app.core.compressed_index.EXACT_ROWS", 20)


def products_of(count: int) -> list[ProductRecord]:
    """Return products of which every third has three images."""
    return [
        make_product(
            name := f"p{i:06d}",
            images=tuple(make_image(name, f"{name}-{view}", view) for view in range(1 if i % 3 else 3)),
            category=COLOURS[i % 7 % 3],
        )
        for i in range(count)
    ]


def publish(folder: SnapshotFolder, products: list[ProductRecord], embeddings: Float32Array) -> str:
    """Write, verify and publish a snapshot."""
    with folder.lock():
        temporary = folder.write(snapshot_facts(), products=products, embeddings=embeddings, probes=embeddings[:2])
        snapshot_id = folder.adopt(temporary, asdict(verify_snapshot(temporary)))
        folder.publish(snapshot_id)
    return snapshot_id


@pytest.fixture
def large(folder: SnapshotFolder) -> tuple[list[ProductRecord], Float32Array, str]:
    """Publish a large snapshot."""
    products = products_of(PRODUCTS)
    embeddings = families(sum(len(product.images) for product in products), DIMENSION, seed=1)
    return products, embeddings, publish(folder, products, embeddings)


def test_it_is_written_small_and_answers_like_a_flat_one(
    folder: SnapshotFolder, root: Path, large: tuple[list[ProductRecord], Float32Array, str]
) -> None:
    """Its effort and what it finds are in the manifest, no float32 on the disk, and a fresh process agrees."""
    products, embeddings, snapshot_id = large
    snapshot = folder.open(snapshot_id)
    assert isinstance(snapshot.index, CompressedIndex)
    assert snapshot.manifest.compressed is not None
    assert asdict(snapshot.index.effort) == snapshot.manifest.compressed.model_dump()
    assert snapshot.manifest.metrics["recall_at_10"] >= 0.98
    assert verify_in_fresh_process(root / snapshot_id).recall_at_10 == snapshot.manifest.metrics["recall_at_10"]
    assert (root / snapshot_id / "index.faiss").stat().st_size < embeddings.nbytes / 2
    exact = FlatIndex.build(embeddings.astype(np.float16))
    np.testing.assert_array_equal(snapshot.index.block(2048), exact.block(2048))
    np.testing.assert_array_equal(snapshot.index.embedding(BLOCK_ROWS + 5), exact.embedding(BLOCK_ROWS + 5))
    assert len(snapshot.image_ids) == len(embeddings)
    assert snapshot.image_ids.row(products[7].images[0].id) is not None


def test_it_answers_after_it_was_removed(
    folder: SnapshotFolder, root: Path, large: tuple[list[ProductRecord], Float32Array, str]
) -> None:
    """A service goes on with an old snapshot for a moment after the indexer has pruned it."""
    _, embeddings, snapshot_id = large
    snapshot = folder.open(snapshot_id)
    before = snapshot.index.search(embeddings[:20], 10)
    publish_small(folder, 2)
    publish_small(folder, 3)
    with folder.lock():
        folder.prune(2)
    assert not (root / snapshot_id).exists()
    for ours, theirs in zip(before, snapshot.index.search(embeddings[:20], 10), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("colour", [None, *COLOURS])
def test_filters_removals_and_grouping_hold(
    folder: SnapshotFolder, large: tuple[list[ProductRecord], Float32Array, str], colour: str | None
) -> None:
    """Ten different products, none that is hidden or of another category, nearly those of an exact index."""
    _, embeddings, _ = large
    live = folder.open_live_or_previous()
    shown = np.random.default_rng(2).random(PRODUCTS) < 0.9
    view = replace(view_of(live), shown=shown)
    flat = FlatIndex.build(embeddings.astype(np.float16))
    exact = replace(
        view_of(LiveSnapshot(replace(live.snapshot, index=flat), datetime.now(UTC))),
        shown=shown,
    )
    found_all = wanted_all = 0
    for query in families(60, DIMENSION, seed=3):
        found, wanted = (_nearest(each, query, colour) for each in (view, exact))
        assert len(found) == len({*found}) == 10
        for product_id, score in found.items():
            place = view.find(product_id)
            assert place is not None
            assert colour in (None, place[0].products.record(place[1]).category)
            assert score == pytest.approx(max(query @ row for row in place[0].embeddings_of(place[1])), abs=1e-5)
        found_all += len({*found} & {*wanted})
        wanted_all += len(wanted)
    assert found_all >= 0.98 * wanted_all


def _nearest(view: LiveView, query: Float32Array, colour: str | None) -> dict[str, float]:
    """Return the ten nearest products and their scores."""
    segments = view.segments() if colour is None else view.matching(parse_filter(json.dumps({"category": colour})))
    return {hit.product.id: hit.score for hit in nearest_products(segments, query[np.newaxis], 10)}


def test_codes_of_other_rows_do_not_pass_the_check(
    root: Path, large: tuple[list[ProductRecord], Float32Array, str], tmp_path: Path
) -> None:
    """Every search would look in the wrong place, though each hash is right."""
    _, embeddings, snapshot_id = large
    compressed(np.roll(embeddings, 1000, axis=0)).save(tmp_path / "other")
    resealed = reseal(root, snapshot_id, replace={"index.faiss": (tmp_path / "other").read_bytes()})
    with pytest.raises(VerificationFailed, match="not published"):
        verify_snapshot(root / resealed)


def test_snapshots_from_before_there_was_compression_are_read(folder: SnapshotFolder, root: Path) -> None:
    """They are flat, and say nothing about it."""

    def as_it_was(manifest: dict[str, object]) -> None:
        manifest["format_version"] = 2
        del manifest["compressed"]

    snapshot = folder.open(reseal(root, publish_small(folder), as_it_was))
    assert isinstance(snapshot.index, FlatIndex)


def test_vectors_without_structure_are_compared_all(folder: SnapshotFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no effort finds enough, the snapshot has a flat index."""
    monkeypatch.setattr(compression, "DIMENSIONS", 2)
    monkeypatch.setattr(compression, "_MOST_CANDIDATES", 128)
    products = products_of(1000)
    rows = sum(len(product.images) for product in products)
    snapshot_id = publish(folder, products, random_embeddings(rows, 48, seed=1))
    assert isinstance(folder.open(snapshot_id).index, FlatIndex)
