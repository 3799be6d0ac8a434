"""One look into a view: the products that are wanted, in the order in which the query, the client and the shop want."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from app.core.arrays import BoolArray, Float32Array
from app.core.category_head import CategoryHead
from app.core.signature_store import SignatureStore
from app.core.verdict import Match
from app.search.categories import NEIGHBOURS, category_probabilities
from app.search.explaining import ExplainedHit
from app.search.facets import FacetValue, facet_counts
from app.search.filters import Filter
from app.search.live_view import LiveView
from app.search.neighbours import Hit, nearest_products
from app.search.product_table import ProductTable
from app.search.queries import ClassProbability, Query
from app.search.refinement import CANDIDATES_PER_HIT, Refinement, diversified, refined_embeddings
from app.search.rules import MAX_PINNED, ActingRules, AppliedRule, RuleProducts, RuleSet
from app.search.segment import Segment
from app.search.verdicts import exact_first, judge

Allowed = list[tuple[Segment, BoolArray | None]]
"""Each segment with which of its products may be found, shape (products,); None: all."""
Choice = Callable[[Segment], BoolArray]
"""Which products of a segment are meant, shape (products,)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What a search is to return.

    Attributes:
        k: Products.
        min_score: Lowest score of a hit.
        filter: Which products may be hits; None: all.
        facets: Fields whose values are counted, over all products that the filter wants.
        explain: Whether to tell why each hit is one.
        refinement: How it departs from the plain search; None: not at all.
    """

    k: int
    min_score: float | None = None
    filter: Filter | None = None
    facets: tuple[str, ...] = ()
    explain: bool = False
    refinement: Refinement | None = None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """
    What a search knows beside the view.

    Attributes:
        head: Knows the shop's own categories; None: nothing was trained.
        signatures: Tell the very picture from one that looks like it.
        rules: Of the shop.
    """

    head: CategoryHead | None
    signatures: SignatureStore
    rules: RuleSet


@dataclass(frozen=True, slots=True)
class Found:
    """What one look into a view tells; `hidden_by_rules` is None where no rule acts."""

    hits: list[Hit]
    match: Match | None
    categories: list[ClassProbability]
    facets: dict[str, list[FacetValue]]
    hidden_by_rules: int | None = None
    explanations: list[ExplainedHit | None] | None = None


def find(view: LiveView, query: Query, wanted: Wanted, knowledge: Knowledge) -> Found:
    """
    Return the nearest products that are wanted, and what the nearest of all tell of the photo, whatever is wanted.

    Raises:
        NotFound, InvalidParameter: The refinement names what is not there, or leaves nothing to search with.
    """
    search = _Search(view, query, wanted)
    # What the photo shows does not depend on which products are wanted.
    neighbours = search.neighbours()
    categories = category_probabilities(
        knowledge.head, query.embeddings, [(hit.product.category, hit.score) for hit in neighbours]
    )
    judged = judge(view, query.photo, neighbours, knowledge.signatures)
    acting = knowledge.rules.acting(categories[0].label if categories else None, datetime.now(UTC))
    hits = search.hits(acting, neighbours, judged.exact)
    return Found(
        hits=hits,
        match=judged.match,
        categories=categories,
        facets=facet_counts(search.findable(acting), wanted.facets) if wanted.facets else {},
        hidden_by_rules=None if acting is None else search.hidden(acting),
    )


class _Search:
    """What one query asks of a view, before and after rules."""

    def __init__(self, view: LiveView, query: Query, wanted: Wanted) -> None:
        self._view = view
        self._query = query
        self._wanted = wanted
        self._diversity = 0.0 if wanted.refinement is None else wanted.refinement.diversity
        self._count = wanted.k * CANDIDATES_PER_HIT if self._diversity else wanted.k
        self._embeddings = refined_embeddings(view, query.embeddings, wanted.refinement)
        self._allowed: Allowed = list(view.segments()) if wanted.filter is None else [*view.matching(wanted.filter)]
        left_out = () if wanted.refinement is None else wanted.refinement.less_like
        own = query.leave_out_product_id
        self._left_out = frozenset(left_out if own is None else (*left_out, own))
        self._is_plain = wanted.filter is None and not left_out and self._embeddings is query.embeddings
        self._asked = max(self._count, NEIGHBOURS) if self._is_plain else NEIGHBOURS

    def neighbours(self) -> list[Hit]:
        """Return the nearest products of all, whatever is wanted; where that is just what is wanted, as many."""
        own = self._query.leave_out_product_id
        left_out = frozenset[str]() if own is None else frozenset([own])
        return nearest_products(self._view.segments(), self._query.embeddings, self._asked, leave_out=left_out)

    def hits(self, acting: ActingRules | None, neighbours: Sequence[Hit], exact: Hit | None) -> list[Hit]:
        """Return what is shown, `exact` before all that no rule moved."""
        if acting is None:
            return self._regular(self._known(neighbours), None, exact)
        pinned = _Pinned(self._view, self._places(acting))

        def moved(segment: Segment) -> BoolArray:
            return acting.hidden(segment) | acting.buried(segment) | pinned.mask(segment)

        def buried(segment: Segment) -> BoolArray:
            return acting.buried(segment) & ~acting.hidden(segment) & ~pinned.mask(segment)

        known = self._known(neighbours, lambda hit: hit.product.id in pinned.ids or self._is_moved(acting, hit))
        hits = self._regular(known, moved, exact)
        missing = self._wanted.k - len(hits)
        if missing > 0 and acting.buries:
            found = self._above_least(self._nearest(missing, only=buried))
            hits += [replace(hit, rule=self._burying(acting, hit)) for hit in found]
        return pinned.among(hits, self._wanted.k)

    def findable(self, acting: ActingRules | None) -> list[tuple[ProductTable, BoolArray]]:
        """Return the products of each segment that may be found, shape (products,)."""
        allowed = self._allowed if acting is None else self._narrowed(but=acting.hidden)
        return [(segment.products, _all_of(segment, mask)) for segment, mask in allowed]

    def hidden(self, acting: ActingRules) -> int:
        """Return how many products could be found but for rules."""
        return sum(
            int(np.count_nonzero(_all_of(segment, allowed) & acting.hidden(segment)))
            for segment, allowed in self._allowed
        )

    def _known(
        self, neighbours: Sequence[Hit], is_moved: Callable[[Hit], bool] = lambda _hit: False
    ) -> list[Hit] | None:
        """Return the nearest products that no rule moves, if they are among the neighbours; None: they are not."""
        if not self._is_plain:
            return None
        known = [hit for hit in neighbours if not is_moved(hit)]
        is_all = len(neighbours) < self._asked
        return known[: self._count] if is_all or len(known) >= self._count else None

    def _regular(self, known: list[Hit] | None, moved: Choice | None, exact: Hit | None) -> list[Hit]:
        """Return the hits that no rule moves: those that are known, or the nearest."""
        nearest = self._nearest(self._count, but=moved) if known is None else known
        hits = exact_first(self._above_least(nearest), exact)
        if not (self._diversity and hits):
            return hits
        embeddings = np.stack([self._embedding(hit) for hit in hits])
        chosen = diversified([hit.score for hit in hits], embeddings, self._diversity, self._wanted.k)
        return [hits[place] for place in chosen]

    def _embedding(self, hit: Hit) -> Float32Array:
        embedding = self._view.embedding(hit.image_id)
        if embedding is None:
            raise IndexError(f"no image {hit.image_id} in the view that found it")
        return embedding

    def _places(self, acting: ActingRules) -> dict[int, Hit]:
        """Return the pinned products by their places, from 0; of two rules that want one place, the older has it."""
        places: dict[int, Hit] = {}
        for rule in acting.pins:
            place = (rule.rule.position or 1) - 1
            for hit in self._pinned(acting, rule, {hit.product.id for hit in places.values()}):
                while place in places:
                    place += 1
                places[place] = hit
        return places

    def _pinned(self, acting: ActingRules, rule: RuleProducts, but: set[str]) -> list[Hit]:
        """Return the products that a rule pins: the first of its ids that may be found, or the nearest."""

        def pinned(segment: Segment) -> BoolArray:
            return rule.mask(segment) & ~acting.hidden(segment)

        hits = self._above_least(self._nearest(max(MAX_PINNED, len(rule.ids)) + len(but), only=pinned))
        order = {product_id: place for place, product_id in enumerate(rule.ids)}
        hits = sorted(hits, key=lambda hit: order.get(hit.product.id, 0))
        return [replace(hit, rule=rule.applied) for hit in hits if hit.product.id not in but][:MAX_PINNED]

    def _is_moved(self, acting: ActingRules, hit: Hit) -> bool:
        place = self._view.find(hit.product.id)
        return place is None or acting.moves(*place)

    def _burying(self, acting: ActingRules, hit: Hit) -> AppliedRule | None:
        place = self._view.find(hit.product.id)
        return None if place is None else acting.burying(*place)

    def _nearest(self, k: int, *, but: Choice | None = None, only: Choice | None = None) -> list[Hit]:
        """Return the nearest k of the products that may be found, but for some, or only some."""
        return nearest_products(self._narrowed(but=but, only=only), self._embeddings, k, leave_out=self._left_out)

    def _narrowed(self, *, but: Choice | None = None, only: Choice | None = None) -> Allowed:
        allowed = self._allowed
        if but is not None:
            allowed = [(segment, _all_of(segment, mask) & ~but(segment)) for segment, mask in allowed]
        if only is not None:
            allowed = [(segment, _all_of(segment, mask) & only(segment)) for segment, mask in allowed]
        return allowed

    def _above_least(self, hits: Sequence[Hit]) -> list[Hit]:
        least = self._wanted.min_score
        return [hit for hit in hits if least is None or hit.score >= least]


class _Pinned:
    """Products that rules pin, and where."""

    def __init__(self, view: LiveView, places: dict[int, Hit]) -> None:
        self._places = places
        self.ids = frozenset(hit.product.id for hit in places.values())
        self._found = [found for each in self.ids if (found := view.find(each)) is not None]

    def mask(self, segment: Segment) -> BoolArray:
        """Return which products of a segment are pinned, shape (products,)."""
        mask = np.zeros(len(segment.products), np.bool_)
        mask[[number for each, number in self._found if each is segment]] = True
        return mask

    def among(self, hits: Sequence[Hit], k: int) -> list[Hit]:
        """Return the first k of the hits with each pinned product at its place, or as near as there are hits before."""
        places, others, shown = dict(self._places), iter(hits), list[Hit]()
        for place in range(k):
            hit = places.pop(place, None) or next(others, None)
            if hit is None and places:
                hit = places.pop(min(places))
            if hit is not None:
                shown.append(hit)
        return shown


def _all_of(segment: Segment, allowed: BoolArray | None) -> BoolArray:
    return np.ones(len(segment.products), np.bool_) if allowed is None else allowed
