"""The gate before publishing, and the figures that it judges by."""

import numpy as np
import pytest

from app.core.arrays import Float16Array
from app.core.products import ProductRecord
from indexer.evaluation.gate import PRECISION, PRODUCT_RECALL, Gate, hold_out_sample, relevance_metrics
from tests.support.catalogue import make_image, make_product
from tests.support.snapshots import random_embeddings

GOOD = {PRECISION: 0.9, PRODUCT_RECALL: 0.8}


def products_of(count: int, *, images: int = 1, categories: int = 2) -> list[ProductRecord]:
    """Return products with pictures, in categories by turns; none of them in any where there are no categories."""
    return [
        make_product(
            name := f"p{i:04d}",
            images=tuple(make_image(name, f"{name}-{view}", view) for view in range(images)),
            category=f"category {i % categories}" if categories else None,
        )
        for i in range(count)
    ]


def near_their_category(products: list[ProductRecord], noise: float) -> Float16Array:
    """Return embeddings that are those of the category with noise."""
    rng = np.random.default_rng(0)
    centres = {product.category: random_embeddings(1, 16, seed=i)[0] for i, product in enumerate(products[:2])}
    rows = np.stack([centres[product.category] for product in products for _ in product.images])
    rows += noise * rng.standard_normal(rows.shape).astype(np.float32)
    unit: Float16Array = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    return unit


def test_a_gate_that_asks_nothing_lets_everything_through() -> None:
    """Without a setting, also figures of nothing pass."""
    assert Gate().failures({}, GOOD) == []
    assert not Gate().is_set


@pytest.mark.parametrize("gate", [Gate(precision=0.9), Gate(product_recall=0.8), Gate(drop=0.0), Gate(0.9, 0.8, 0.0)])
def test_a_figure_that_is_just_good_enough_passes(gate: Gate) -> None:
    """The limit itself is allowed, and so is being as good as the live index."""
    assert gate.failures(GOOD, GOOD) == []


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        (Gate(precision=0.95), ("0.900", "0.95", "LOOKALIKE_GATE_PRECISION")),
        (Gate(product_recall=0.85), ("0.800", "0.85", "LOOKALIKE_GATE_PRODUCT_RECALL")),
    ],
)
def test_a_figure_below_its_limit_is_told_with_value_limit_and_setting(gate: Gate, told: tuple[str, ...]) -> None:
    """Whoever reads it knows what to change."""
    (failure,) = gate.failures(GOOD)

    assert all(word in failure for word in told)


def test_a_drop_is_measured_against_the_live_index() -> None:
    """A little less than before may be allowed; more is refused, for each figure by itself."""
    live = {PRECISION: 0.93, PRODUCT_RECALL: 0.81}

    assert Gate(drop=0.05).failures(GOOD, live) == []
    (failure,) = Gate(drop=0.02).failures(GOOD, live)
    assert "0.930" in failure
    assert "LOOKALIKE_GATE_DROP" in failure


def test_a_first_index_has_nothing_to_drop_from() -> None:
    """Neither has one whose live snapshot was made before figures were kept."""
    assert Gate(drop=0.0).failures(GOOD, None) == []
    assert Gate(drop=0.0).failures(GOOD, {"recall_at_10": 1.0}) == []


def test_a_figure_that_is_gone_does_not_pass() -> None:
    """A feed that lost its categories must not slip through because nothing can be measured."""
    assert "cannot be measured" in Gate(precision=0.5).failures({})[0]
    assert "cannot be measured any more" in Gate(drop=0.5).failures({}, {PRECISION: 0.9})[0]


def test_figures_of_a_catalogue_are_kept_by_category_and_by_product() -> None:
    """With categories and several pictures a product there are both, with intervals of the two that gates are about."""
    products = products_of(60, images=2)

    metrics = relevance_metrics(hold_out_sample(products, near_their_category(products, noise=0.05)))

    assert metrics[PRECISION] > 0.95
    assert metrics[f"{PRECISION}_low"] <= metrics[PRECISION] <= metrics[f"{PRECISION}_high"]
    assert metrics["category_queries"] == metrics["product_queries"] == 120
    assert {"category_map", "category_ndcg_at_10", "category_recall_at_10", PRODUCT_RECALL} < set(metrics)


def test_what_a_catalogue_tells_nothing_of_is_not_kept() -> None:
    """One picture a product: nothing by product. No categories: nothing by category."""
    products = products_of(30)
    metrics = relevance_metrics(hold_out_sample(products, _random(products)))
    assert not any(name.startswith("product_") for name in metrics)
    products = products_of(30, categories=0)
    assert relevance_metrics(hold_out_sample(products, _random(products))) == {}


def test_a_large_catalogue_is_asked_with_a_thousand_pictures() -> None:
    """So that a rebuild does not take long for the sake of its figures."""
    products = products_of(1_500)

    assert relevance_metrics(hold_out_sample(products, _random(products)))["category_queries"] == 1_000


def _random(products: list[ProductRecord]) -> Float16Array:
    return random_embeddings(sum(len(product.images) for product in products), 16, seed=1).astype(np.float16)
