"""Filtered search through the view that the service uses, against comparing everything with numpy."""

import json
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from app.core.arrays import BoolArray, Float32Array
from app.core.snapshot_folder import SnapshotFolder
from app.search.filters import Filter, parse_filter
from app.search.live_view import LiveView, view_of
from app.search.neighbours import Hit, nearest_products
from app.search.segment import Segment
from tests.benchmarks.large_shop import NETWORK, SHARES, LargeShop, draw_embeddings, publish_large_shop
from tests.benchmarks.living import Living
from tests.benchmarks.rows import Row

K = 10
QUERIES = 100
REMOVED_SHARE = 0.01  # of the products, as live changes mask them
LEAST_RECALL = 0.99


def measure_filters(living: Living) -> Iterator[Row]:
    """Yield recall and time of a search without a filter, and with one at each selectivity."""
    settings = living.settings("filters", NETWORK)
    shop = publish_large_shop(settings, living.products)
    shown = np.random.default_rng(2).random(len(shop.products)) >= REMOVED_SHARE
    view = replace(view_of(SnapshotFolder(settings.snapshots_dir).open_live_or_previous()), shown=shown)
    queries = draw_embeddings(QUERIES, shop.embeddings.shape[1], seed=3)
    scores = _product_scores(shop, queries)
    yield _row(shop, view, queries, np.where(shown[:, np.newaxis], scores, -np.inf), None)
    for category in SHARES:
        allowed = shown & np.array([product.category == category for product in shop.products])
        yield _row(shop, view, queries, np.where(allowed[:, np.newaxis], scores, -np.inf), category)


def _product_scores(shop: LargeShop, queries: Float32Array) -> Float32Array:
    """Return each product's best score for each query, shape (products, queries), without any of the service's code."""
    images = [len(product.images) for product in shop.products]
    scores: Float32Array = np.maximum.reduceat(shop.embeddings @ queries.T, np.cumsum([0, *images[:-1]]), axis=0)
    return scores


def _row(shop: LargeShop, view: LiveView, queries: Float32Array, scores: Float32Array, category: str | None) -> Row:
    wanted = None if category is None else parse_filter(json.dumps({"category": category}))
    matching = int(np.isfinite(scores[:, 0]).sum())
    expected_count = min(K, matching)
    _search(view, queries[:1], wanted)
    recalls, times_ms, is_filled = [], [], True
    for number in range(QUERIES):
        began_s = time.perf_counter()
        hits = _search(view, queries[number : number + 1], wanted)
        times_ms.append((time.perf_counter() - began_s) * 1000)
        best = np.argsort(-scores[:, number], kind="stable")[:expected_count]
        expected = {shop.products[product].id for product in best}
        recalls.append(len(expected & {hit.product.id for hit in hits}) / max(1, expected_count))
        is_filled &= len(hits) == expected_count
    recall = statistics.fmean(recalls)
    filtered = "without a filter" if category is None else f"filter that {SHARES[category]:.1%} match"
    return Row(
        NETWORK,
        f"search among {len(shop.products):,} products ({len(shop.embeddings):,} images), {filtered}: recall@{K} "
        f"against brute force, {QUERIES} queries",
        f"{recall:.3f}, k {'always' if is_filled else 'NOT always'} filled, {statistics.median(times_ms):.1f} ms "
        f"({matching:,} products)",
        f"at least {LEAST_RECALL}, always filled",
        recall >= LEAST_RECALL and is_filled,
    )


def _search(view: LiveView, query: Float32Array, wanted: Filter | None) -> list[Hit]:
    """Search as the service does."""
    segments: Iterable[tuple[Segment, BoolArray | None]] = view.segments() if wanted is None else view.matching(wanted)
    return nearest_products(segments, query, K)
