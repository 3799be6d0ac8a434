"""What a search returns when it is refined and when rules act, compared with what must hold of any catalogue."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.arrays import Float32Array
from app.core.errors import InvalidParameter, NotFound
from app.core.products import ProductRecord
from app.core.rules import Rule
from app.core.signature_store import SignatureStore
from app.search.filters import parse_filter
from app.search.finding import Found, Knowledge, Wanted, find
from app.search.live_view import LiveView
from app.search.neighbours import Hit
from app.search.queries import Query
from app.search.refinement import Refinement
from app.search.rules import RuleSet
from tests.support.catalogue import make_product
from tests.support.snapshots import DIMENSION, random_embeddings
from tests.support.views import vectors_of, view_over

COLOURS = ("red", "green", "blue")
NOW = datetime.now(UTC)

numbers = st.integers(0, 39)
ids = st.lists(numbers.map("p{:03d}".format), min_size=1, max_size=6, unique=True)
seeds = st.integers(0, 1_000)


class Searching:
    """A view of some products, and what a search for some vectors finds in it."""

    def __init__(self, count: int, seed: int, signatures: SignatureStore) -> None:
        self.products = [
            make_product(
                f"p{i:03d}",
                *(f"{i}-{j}" for j in range(1 + i % 3)),
                category=f"kind-{i % 2}",
                attributes={"colour": COLOURS[i % 3]},
            )
            for i in range(count)
        ]
        self.vectors = vectors_of(self.products, seed)
        self.view: LiveView = view_over(self.products, self.vectors)
        self.query = Query(random_embeddings(1, DIMENSION, seed + 5_000))
        self._signatures = signatures

    def find(self, k: int = 10, rules: Sequence[Rule] = (), query: Query | None = None, **wanted: Any) -> Found:  # noqa: ANN401  # fields of Wanted
        """Return what a search finds."""
        knowledge = Knowledge(None, self._signatures, RuleSet(rules))
        return find(self.view, query or self.query, Wanted(k, **wanted), knowledge)

    def score(self, product: ProductRecord, embeddings: Float32Array) -> float:
        """Return a product's score, worked out plainly."""
        return max(float((embeddings @ self.vectors[image.sha256]).max()) for image in product.images)


@pytest.fixture(scope="module")
def signatures(tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401  # a generator
    """Nothing that tells copies."""
    with closing(SignatureStore(tmp_path_factory.mktemp("signatures"))) as store:
        yield store


def rule(action: Any, products: dict[str, Any], number: int = 0, **fields: Any) -> Rule:  # noqa: ANN401  # fields of Rule
    """Return a rule; a later number is a later rule."""
    position = fields.pop("position", 1) if action == "pin" else None
    return Rule(id=f"{number:016x}", action=action, products=products, position=position, created_at=NOW, **fields)


def names(hits: Sequence[Hit]) -> list[str]:
    """Return the products of hits."""
    return [hit.product.id for hit in hits]


class TestRefined:
    """More of this, less of that, and not all the same."""

    @settings(max_examples=40, deadline=None)
    @given(count=st.integers(1, 40), k=st.integers(1, 30), seed=seeds, named=ids)
    def test_weights_and_a_diversity_of_0_change_nothing(
        self, signatures: SignatureStore, count: int, k: int, seed: int, named: list[str]
    ) -> None:
        """Not a score, not an order; but what is liked less is no hit."""
        shop = Searching(count, seed, signatures)
        there = tuple(each for each in named if each < f"p{count:03d}")
        plain = shop.find(k)
        assert shop.find(k, refinement=Refinement(more_like=there, more_weight=0)) == plain
        without = shop.find(k, refinement=Refinement(less_like=there, less_weight=0))
        assert without.hits == [hit for hit in shop.find(count).hits if hit.product.id not in there][:k]
        assert without.categories == plain.categories

    @settings(max_examples=40, deadline=None)
    @given(
        count=st.integers(1, 40),
        k=st.integers(1, 30),
        seed=seeds,
        more=ids,
        less=ids,
        diversity=st.sampled_from([0.0, 0.3, 1.0]),
        filtered=st.booleans(),
    )
    def test_k_hits_come_back_with_their_scores_for_the_moved_query(
        self,
        signatures: SignatureStore,
        count: int,
        k: int,
        seed: int,
        more: list[str],
        less: list[str],
        diversity: float,
        filtered: bool,  # noqa: FBT001  # drawn
    ) -> None:
        """As many as match and are not liked less; one a product; best first where no diversity is asked for."""
        shop = Searching(count, seed, signatures)
        liked = tuple(each for each in more if each < f"p{count:03d}" and each not in less)
        disliked = tuple(each for each in less if each < f"p{count:03d}")
        refinement = Refinement(liked, disliked, diversity=diversity)
        wanted = parse_filter('{"attributes.colour": "red"}') if filtered else None
        hits = shop.find(k, refinement=refinement, filter=wanted).hits
        matching = [
            each
            for each in shop.products
            if each.id not in disliked and (not filtered or each.attributes["colour"] == "red")
        ]
        assert len(set(names(hits))) == len(hits) == min(k, len(matching))
        moved = _moved(shop, liked, disliked)
        expected = {each.id: shop.score(each, moved) for each in matching}
        assert [hit.score for hit in hits] == pytest.approx([expected[hit.product.id] for hit in hits], abs=2e-3)
        best = sorted(expected.values(), reverse=True)
        if diversity == 0:
            assert [hit.score for hit in hits] == pytest.approx(best[:k], abs=2e-3)
        elif hits:
            assert hits[0].score == pytest.approx(best[0], abs=2e-3)

    def test_an_earlier_product_is_refined_as_a_photo_is(self, signatures: SignatureStore) -> None:
        """All of its images are moved; it stays left out."""
        shop = Searching(30, 1, signatures)
        own = shop.products[5]
        rows = np.stack([shop.vectors[image.sha256] for image in own.images])
        found = shop.find(
            29, query=Query(rows, leave_out_product_id=own.id), refinement=Refinement(less_like=("p006",))
        )
        assert len(found.hits) == 28
        assert not {own.id, "p006"} & set(names(found.hits))

    @pytest.mark.parametrize("field", ["more_like", "less_like"])
    @pytest.mark.parametrize("missing", ["p999", "\0", "..", "a b", "x" * 300])
    def test_what_is_not_there_is_told(self, signatures: SignatureStore, field: str, missing: str) -> None:
        """By the field and the place in it, without repeating it."""
        shop = Searching(5, 1, signatures)
        named: dict[str, Any] = {field: ("p001", missing)}
        with pytest.raises(NotFound, match=rf"^{field}: .*the 2\. of its 2") as caught:
            shop.find(refinement=replace(Refinement(), **named))
        assert missing not in caught.value.message

    def test_taking_away_what_is_searched_with_is_refused(self, signatures: SignatureStore) -> None:
        """A product less itself is nothing."""
        shop = Searching(5, 1, signatures)
        own = shop.products[0]  # of one image
        query = Query(shop.vectors[own.images[0].sha256][np.newaxis])
        with pytest.raises(InvalidParameter, match="less_weight"):
            shop.find(query=query, refinement=Refinement(less_like=(own.id,), less_weight=1.0))


class TestRules:
    """What the shop wants first, last and not at all."""

    @settings(max_examples=60, deadline=None)
    @given(
        size=st.tuples(st.integers(1, 40), st.integers(1, 30)),
        seed=seeds,
        pinned=ids,
        position=st.integers(1, 12),
        buried=ids,
        hidden=ids,
        asked=st.tuples(st.sampled_from([0.0, 0.4]), st.booleans()),
    )
    def test_what_must_hold_of_any_rules(
        self,
        signatures: SignatureStore,
        size: tuple[int, int],
        seed: int,
        pinned: list[str],
        position: int,
        buried: list[str],
        hidden: list[str],
        asked: tuple[float, bool],
    ) -> None:
        """As many hits as there can be, hidden ones never, pinned at their places, buried behind the others."""
        (count, k), (diversity, filtered) = size, asked
        shop = Searching(count, seed, signatures)
        rules = [
            rule("pin", {"id": pinned}, 1, position=position),
            rule("bury", {"id": buried}, 2),
            rule("hide", {"id": hidden}, 3),
        ]
        found = shop.find(
            k,
            rules,
            filter=parse_filter('{"attributes.colour": {"not": "red"}}') if filtered else None,
            refinement=Refinement(diversity=diversity) if diversity else None,
        )
        matching = [each.id for each in shop.products if not filtered or each.attributes["colour"] != "red"]
        findable = [each for each in matching if each not in hidden]
        shown = names(found.hits)
        assert found.hidden_by_rules == len(matching) - len(findable)
        assert set(shown) <= set(findable)
        _check_places(found.hits, k, position, [each for each in pinned if each in findable], findable)
        expected_rules = {"pin": set(pinned), "bury": set(buried) - set(pinned)}
        for hit in found.hits:
            action = next((name for name, about in expected_rules.items() if hit.product.id in about), None)
            assert (hit.rule and hit.rule.action) == action
        unpinned = [hit for hit in found.hits if hit.product.id not in pinned]
        assert [hit.rule is not None for hit in unpinned] == sorted(hit.rule is not None for hit in unpinned)

    @settings(max_examples=40, deadline=None)
    @given(count=st.integers(1, 40), k=st.integers(1, 30), seed=seeds, buried=ids, hidden=ids)
    def test_what_no_rule_is_about_keeps_order_and_scores(
        self, signatures: SignatureStore, count: int, k: int, seed: int, buried: list[str], hidden: list[str]
    ) -> None:
        """Just as in the plain search, bit by bit."""
        shop = Searching(count, seed, signatures)
        found = shop.find(k, [rule("bury", {"id": buried}), rule("hide", {"id": hidden}, 1)])
        others = [hit for hit in shop.find(count).hits if hit.product.id not in {*buried, *hidden}]
        assert [hit for hit in found.hits if hit.rule is None] == others[:k]

    def test_rules_that_do_not_act_change_nothing(self, signatures: SignatureStore) -> None:
        """Of another category, not yet, or no more: the answer is the plain one, and does not count what is hidden."""
        shop = Searching(20, 1, signatures)
        every = {"id": [each.id for each in shop.products]}
        plain = shop.find()
        hour = timedelta(hours=1)
        likeliest = plain.categories[0].label
        other = next(f"kind-{i}" for i in range(2) if f"kind-{i}" != likeliest)
        for fields in ({"category": other}, {"starts_at": NOW + hour}, {"ends_at": NOW - hour}):
            assert shop.find(rules=[rule("hide", every, **fields)]) == plain
        for fields in ({"category": likeliest}, {"starts_at": NOW - hour}, {"ends_at": NOW + hour}):
            assert shop.find(rules=[rule("hide", every, **fields)]).hits == []

    def test_a_filter_says_which_products_a_rule_is_about(self, signatures: SignatureStore) -> None:
        """The ten nearest of them are pinned, nearest first, and no other."""
        shop = Searching(40, 3, signatures)
        hits = shop.find(40, [rule("pin", {"attributes.colour": "red"}, position=3)]).hits
        pinned = [hit for hit in hits if hit.rule]
        assert (len(hits), len(pinned)) == (40, 10)
        assert pinned == hits[2:12]
        assert [hit.score for hit in pinned] == sorted((hit.score for hit in pinned), reverse=True)

    def test_ids_are_pinned_in_their_order(self, signatures: SignatureStore) -> None:
        """The shop wrote it so; those of an older rule come first where two want one place."""
        shop = Searching(20, 1, signatures)
        rules = [
            rule("pin", {"id": ["p009", "p002"]}, 1, position=2),
            rule("pin", {"id": ["p011"]}, 2, position=2),
            rule("pin", {"id": ["p015", "p009"]}, 3, position=1),
        ]
        pinned = ["p015", "p009", "p002", "p011"]
        others = [name for name in names(shop.find(20).hits) if name not in pinned]
        assert names(shop.find(rules=rules).hits) == [*pinned, *others[:6]]

    def test_of_many_ids_the_first_that_may_be_found_are_pinned(self, signatures: SignatureStore) -> None:
        """Ten of them, however far they are."""
        shop = Searching(30, 1, signatures)
        far = [name for name in reversed(names(shop.find(30).hits)) if name != "p004"]
        rules = [rule("pin", {"id": ["gone", "p004", *far]}), rule("hide", {"id": ["p004"]}, 1)]
        assert names(shop.find(30, rules).hits)[:11] == [*far[:10], next(n for n in reversed(far) if n not in far[:10])]

    def test_a_lowest_score_holds_for_pinned_products(self, signatures: SignatureStore) -> None:
        """Whoever asks for nothing below it gets nothing below it."""
        shop = Searching(20, 1, signatures)
        everything = shop.find(20).hits
        last = everything[-1]
        rules = [rule("pin", {"id": [last.product.id]})]
        assert names(shop.find(rules=rules).hits)[0] == last.product.id
        least = everything[4].score - 1e-6
        assert shop.find(rules=rules, min_score=least).hits == everything[:5]

    def test_hidden_products_are_not_counted_by_facets(self, signatures: SignatureStore) -> None:
        """They cannot be found."""
        shop = Searching(12, 1, signatures)
        found = shop.find(rules=[rule("hide", {"attributes.colour": "red"})], facets=("attributes.colour",))
        assert {value.value: value.count for value in found.facets["attributes.colour"]} == {"green": 4, "blue": 4}
        assert found.hidden_by_rules == 4


def _moved(shop: Searching, more: Sequence[str], less: Sequence[str]) -> Float32Array:
    """Return the query after Rocchio, worked out plainly."""
    by_id = {each.id: each for each in shop.products}

    def mean(named: Sequence[str]) -> Any:  # noqa: ANN401  # an array, or 0
        means = [np.mean([shop.vectors[image.sha256] for image in by_id[each].images], axis=0) for each in named]
        return np.mean(means, axis=0) if means else 0

    moved = shop.query.embeddings + 0.75 * mean(more) - 0.25 * mean(less)
    return np.asarray(moved / np.linalg.norm(moved), np.float32)


def _check_places(hits: Sequence[Hit], k: int, position: int, pinned: Sequence[str], findable: Sequence[str]) -> None:
    """Check that the pinned products stand from their position on, or as near to it as there are hits before them."""
    others = len(findable) - len(pinned)
    assert len(hits) == min(k, len(findable))
    first = min(position - 1, others)
    expected = dict(enumerate(pinned, start=first))
    for place, name in expected.items():
        if place < k:
            assert hits[place].product.id == name
