"""Rules, a filter, refinement and live changes over a compressed index, all at once, compared with doing it plainly."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from app.core.arrays import Float32Array
from app.core.compressed_index import CompressedIndex
from app.core.compression import compress
from app.core.products import ProductRecord
from app.core.rules import Rule
from app.core.signature_store import SignatureStore
from app.db.live_changes import LiveChange
from app.search.filters import parse_filter
from app.search.finding import Found, Knowledge, Wanted, find
from app.search.live_view import LiveView, with_changes
from app.search.queries import Query
from app.search.refinement import CANDIDATES_PER_HIT, Refinement
from app.search.rules import RuleSet
from tests.support.catalogue import make_product
from tests.support.indexes import families, vector_file
from tests.support.live import open_store
from tests.support.snapshots import DIMENSION
from tests.support.views import Vectors, view_over

STORED, QUERIES = 3_000, 12
COLOURS = ("red", "green", "blue", "black")
NOW = datetime.now(UTC)
WANTED_FILTER = parse_filter('{"price": {"lt": 60}}')
RULES = [
    Rule(id="1", action="pin", products={"id": ["new-3", "p0007", "p0011"]}, position=2, created_at=NOW),
    Rule(id="2", action="bury", products={"attributes.colour": "red"}, created_at=NOW),
    Rule(id="3", action="hide", products={"attributes.colour": "green"}, created_at=NOW),
]


def _product(product_id: str, number: int, version: str) -> ProductRecord:
    return make_product(
        product_id,
        f"{product_id}-{version}",
        price=Decimal(number % 100),
        currency="EUR",
        attributes={"colour": COLOURS[number % 4]},
    )


@dataclass(frozen=True, slots=True)
class _Shop:
    view: LiveView
    products: dict[str, ProductRecord]
    vectors: Vectors
    queries: Float32Array
    signatures: SignatureStore

    def find(self, query: Float32Array, wanted: Wanted) -> Found:
        """Return what a search finds."""
        return find(self.view, Query(query[np.newaxis]), wanted, Knowledge(None, self.signatures, RuleSet(RULES)))

    def embedding(self, product_id: str) -> Float32Array:
        """Return the embedding of a product's one image."""
        return self.vectors[self.products[product_id].images[0].sha256]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Shop]:
    """Three thousand products behind a compressed index; of them 100 were changed since and 20 removed; 50 are new."""
    stored = {f"p{i:04d}": _product(f"p{i:04d}", i, "old") for i in range(STORED)}
    changed = {f"p{i:04d}": _product(f"p{i:04d}", i + 2, "new") for i in range(0, 2_000, 20)}
    added = {f"new-{i}": _product(f"new-{i}", i, "new") for i in range(50)}
    removed = [f"p{i:04d}" for i in range(5, 2_000, 100)]
    images = [each.images[0].sha256 for each in (*stored.values(), *changed.values(), *added.values())]
    rows = families(len(images) + QUERIES, DIMENSION, seed=1)
    vectors = dict(zip(images, rows, strict=False))

    def compressed(embeddings: Float32Array) -> CompressedIndex:
        index = compress(vector_file(embeddings))
        assert index is not None
        return index

    with open_store(tmp_path_factory.mktemp("data")) as store:
        store.append(images, rows[: len(images)])
        changes = [
            *(LiveChange(each.id, number, each) for number, each in enumerate([*changed.values(), *added.values()], 2)),
            *(LiveChange(name, number, None) for number, name in enumerate(removed, 1_000)),
        ]
        view = with_changes(view_over(list(stored.values()), vectors, compressed), changes, store)
    now = {name: each for name, each in (stored | changed | added).items() if name not in removed}
    with closing(SignatureStore(tmp_path_factory.mktemp("signatures"))) as signatures:
        yield _Shop(view, now, vectors, rows[len(images) :], signatures)


@pytest.mark.parametrize("diversity", [0.0, 0.3])
@pytest.mark.parametrize("k", [10, 25])
def test_all_at_once_is_what_doing_it_plainly_gives(shop: _Shop, diversity: float, k: int) -> None:
    """The same products at the same places, but for the few that a compressed index may miss."""
    same, shown = 0, 0
    for query in shop.queries:
        liked, disliked = ("p0100", "new-7"), ("p0301",)
        found = shop.find(
            query, Wanted(k, filter=WANTED_FILTER, refinement=Refinement(liked, disliked, 0.5, 0.25, diversity))
        )
        expected = _plainly(shop, query, liked, disliked, diversity, k)
        ids = [hit.product.id for hit in found.hits]
        assert len(set(ids)) == len(ids) == k
        assert not {*disliked, "p0005"} & set(ids)
        assert all(
            _is_wanted(shop.products[name]) and shop.products[name] == hit.product
            for name, hit in zip(ids, found.hits, strict=True)
        )
        assert ids[1:4] == ["new-3", "p0007", "p0011"]
        assert [hit.rule and hit.rule.id for hit in found.hits] == [_rule_of(shop.products[name]) for name in ids]
        assert found.hidden_by_rules == sum(
            _cheap(each) and each.attributes["colour"] == "green" for each in shop.products.values()
        )
        same += sum(a == b for a, b in zip(ids, expected, strict=True))
        shown += k
    assert same / shown > 0.97


def _cheap(product: ProductRecord) -> bool:
    return product.price is not None and product.price < 60


def _is_wanted(product: ProductRecord) -> bool:
    return _cheap(product) and product.attributes["colour"] != "green"


def _rule_of(product: ProductRecord) -> str | None:
    if product.id in ("new-3", "p0007", "p0011"):
        return "1"
    return "2" if product.attributes["colour"] == "red" else None


def _plainly(
    shop: _Shop, query: Float32Array, liked: Sequence[str], disliked: Sequence[str], diversity: float, k: int
) -> list[str]:
    """Return the products to show: one thing after the other, over lists."""

    def mean(names: Sequence[str]) -> Float32Array:
        return np.asarray(np.mean([shop.embedding(name) for name in names], axis=0))

    moved = query + 0.5 * mean(liked) - 0.25 * mean(disliked)
    moved /= np.linalg.norm(moved)
    findable = [each for each in shop.products.values() if _is_wanted(each) and each.id not in disliked]
    score = {each.id: float(moved @ shop.embedding(each.id)) for each in findable}
    ranked = sorted(score, key=lambda name: -score[name])
    regular = [name for name in ranked if _rule_of(shop.products[name]) is None]
    if diversity:
        candidates, regular = regular[: k * CANDIDATES_PER_HIT], []
        likeness = dict.fromkeys(candidates, 0.0)
        while candidates and len(regular) < k:
            gain = {name: (1 - diversity) * score[name] - diversity * likeness[name] for name in candidates}
            regular.append(max(candidates, key=gain.__getitem__))
            candidates.remove(regular[-1])
            last = shop.embedding(regular[-1])
            near = {name: float(last @ shop.embedding(name)) for name in candidates}
            likeness = near if len(regular) == 1 else {name: max(near[name], likeness[name]) for name in candidates}
    buried = [name for name in ranked if _rule_of(shop.products[name]) == "2"]
    shown = [*regular, *buried][: k - 3]
    return [shown[0], "new-3", "p0007", "p0011", *shown[1:]]
