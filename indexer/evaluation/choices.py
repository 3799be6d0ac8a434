"""
How high the products that shoppers chose stand now, and how high they stood when they were chosen.

A search is asked again as it was: with the embedding of its photo, which only the network that made it understands, or
with the product's own pictures. Searches that were steered, such as by a filter, are left out: what stood first among
the products that were wanted need not stand first among all.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Final, Literal

import numpy as np

from app.core.arrays import Float32Array, Float64Array, Int64Array
from app.core.errors import SourceEmpty
from app.core.settings import Settings
from app.db.database import Database
from app.db.events import Event, EventQuery, EventType
from indexer.evaluation.bootstrap import Estimate, estimates
from indexer.evaluation.catalogues import EmbeddedCatalogue, open_catalogue
from indexer.evaluation.metrics import LEFT_OUT, best_first
from indexer.evaluation.ranking import NO_CATEGORY, Asked, picture_scores, product_scores
from indexer.progress import Progress

Chosen = Literal["any", EventType]
When = Literal["then", "now", "difference"]
LeftOut = Literal["steered", "another network", "gone"]

CHOSEN: Final[tuple[Chosen, ...]] = ("any", "select", "add_to_cart")
FALLEN_SHOWN: Final = 50
FIRST_SHOWN: Final = 3
_FLOAT16: Final = np.dtype("<f2")
_SCORES_AT_ONCE: Final = 8 * 1024 * 1024  # 32 MiB, twice


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """
    A search that something was chosen from, as it is asked again.

    Attributes:
        query: As it was kept.
        embeddings: Shape (m, d): of the photo, or of each picture of the product.
        own: The number of the product that was searched with; None: a photo.
        types: What was done with each product that was chosen, in the order of `products`.
        products: Their numbers in the catalogue.
        then: The place of each in the answer, from 1.
    """

    query: EventQuery
    embeddings: Float32Array
    own: int | None
    types: tuple[frozenset[EventType], ...]
    products: tuple[int, ...]
    then: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Where a search finds now what was chosen from it: the places from 1, and the numbers of the first products."""

    now: tuple[int, ...]
    first: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fallen:
    """A product that was chosen and stands further down now: in which search, which of its products, and where."""

    search: Search
    product: int
    then: int
    now: int
    first: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Choices:
    """What was chosen, and where it stands; `left_out` counts the events that tell nothing of this catalogue."""

    catalogue: EmbeddedCatalogue
    k: int
    seed: int
    events: int
    searches: tuple[Search, ...]
    ranked: tuple[Ranked, ...]
    left_out: Mapping[LeftOut, int]

    @cached_property
    def estimates(self) -> dict[Chosen, dict[When, dict[str, Estimate]]]:
        """MRR and recall@k of the searches by what was done, then and now, with intervals; only where there are any."""
        return {chosen: found for chosen in CHOSEN if (found := self._estimates(chosen))}

    @cached_property
    def fallen(self) -> list[Fallen]:
        """The products that stand further down now than they were shown, those that fell furthest first."""
        found = [
            Fallen(search, product, then, now, ranked.first)
            for search, ranked in zip(self.searches, self.ranked, strict=True)
            for product, then, now in zip(search.products, search.then, ranked.now, strict=True)
            if now > then
        ]
        return sorted(found, key=lambda each: (each.then - each.now, each.search.query.id))[:FALLEN_SHOWN]

    def _estimates(self, chosen: Chosen) -> dict[When, dict[str, Estimate]]:
        then, now, clusters = [], [], []
        numbers: dict[str | bytes, int] = {}  # the same photo or product, asked with again, is one piece of evidence
        for search, ranked in zip(self.searches, self.ranked, strict=True):
            those = [i for i, types in enumerate(search.types) if chosen == "any" or chosen in types]
            if those:
                then.append(_figures([search.then[i] for i in those], self.k))
                now.append(_figures([ranked.now[i] for i in those], self.k))
                asked_with = search.query.product_id or search.query.embedding or b""
                clusters.append(numbers.setdefault(asked_with, len(numbers)))
        if not clusters:
            return {}
        before, after = np.array(then).T, np.array(now).T
        names = ("mrr", f"recall_at_{self.k}")

        def estimated(figures: Float64Array) -> dict[str, Estimate]:
            return estimates(dict(zip(names, figures, strict=True)), np.array(clusters), seed=self.seed)

        return {"then": estimated(before), "now": estimated(after), "difference": estimated(after - before)}


def _figures(places: Sequence[int], k: int) -> tuple[float, float]:
    """Return one over the best place, and the share of the places that are among the first k."""
    return 1 / min(places), sum(place <= k for place in places) / len(places)


def evaluate_choices(
    settings: Settings, progress: Progress, *, snapshot_id: str | None = None, k: int, seed: int
) -> Choices:
    """
    Ask again what shoppers chose something from.

    Args:
        settings: Where everything is.
        progress: Told what takes long.
        snapshot_id: What is searched; None: the live snapshot.
        k: Hits that a shopper sees.
        seed: Of the intervals.

    Raises:
        SourceEmpty: Nothing was ever chosen.
        DatabaseError, SnapshotError: They cannot be read.
    """
    progress.phase("Reading what shoppers chose")
    with closing(Database(settings.resolved_database_url)) as database:
        database.check(reads_all=False)
        with database.reading_events() as table:
            events = table.read()
    if not events:
        raise SourceEmpty(
            "No shopper has chosen anything yet, as far as this catalogue was told: POST /events, which the search "
            "element does by itself (docs/events.md)."
        )
    catalogue = open_catalogue(settings, progress, snapshot_id=snapshot_id)
    searches, left_out = searches_of(events, catalogue)
    progress.phase(f"Asking {catalogue.name} again", len(searches))
    ranked = tuple(_rank(searches, catalogue, progress.advance))
    return Choices(catalogue, k, seed, len(events), searches, ranked, left_out)


def searches_of(
    events: Sequence[Event], catalogue: EmbeddedCatalogue
) -> tuple[tuple[Search, ...], Mapping[LeftOut, int]]:
    """Return the searches that can be asked again; and how many events belong to none, by the reason."""
    numbers = {product.id: number for number, product in enumerate(catalogue.products)}
    searches, left_out = [], Counter[LeftOut]()
    for query, group in groupby(events, key=lambda event: event.query):
        of_query = list(group)
        found = _asked_with(query, numbers, catalogue)
        if isinstance(found, str):
            left_out[found] += len(of_query)
            continue
        kept = [event for event in of_query if event.product_id in numbers]
        left_out["gone"] += len(of_query) - len(kept)
        if kept:
            searches.append(_search(query, *found, kept, numbers))
    return tuple(searches), {reason: count for reason, count in left_out.items() if count}


def _asked_with(
    query: EventQuery, numbers: Mapping[str, int], catalogue: EmbeddedCatalogue
) -> tuple[Float32Array, int | None] | LeftOut:
    """Return the embeddings of a search and the number of its product, or why it cannot be asked again."""
    searched = catalogue.searched
    if query.is_steered:
        return "steered"
    if query.product_id is not None:
        number = numbers.get(query.product_id)
        if number is None:
            return "gone"
        first, last = np.searchsorted(searched.row_products, [number, number + 1])
        return np.asarray(searched.embeddings[first:last], np.float32), number
    stored, manifest = query.embedding or b"", catalogue.manifest
    if query.fingerprint != manifest.fingerprint_sha256 or len(stored) != manifest.dimension * _FLOAT16.itemsize:
        return "another network"
    return np.frombuffer(stored, _FLOAT16)[np.newaxis].astype(np.float32), None


def _search(
    query: EventQuery, embeddings: Float32Array, own: int | None, events: Sequence[Event], numbers: Mapping[str, int]
) -> Search:
    by_product: dict[str, list[Event]] = {}
    for event in events:
        by_product.setdefault(event.product_id, []).append(event)
    return Search(
        query=query,
        embeddings=embeddings,
        own=own,
        types=tuple(frozenset(event.type for event in each) for each in by_product.values()),
        products=tuple(numbers[product_id] for product_id in by_product),
        then=tuple(each[0].place for each in by_product.values()),
    )


def _rank(searches: Sequence[Search], catalogue: EmbeddedCatalogue, advance: Callable[[int], None]) -> Iterator[Ranked]:
    """Yield where each search finds now what was chosen from it; equal scores count as not before it."""
    searched = catalogue.searched
    for some in _blocks(searches, max(16, _SCORES_AT_ONCE // len(searched.row_products))):
        rows = np.concatenate([search.embeddings for search in some])
        nothing: list[Int64Array] = [np.empty(0, np.int64)] * len(rows)
        asked = Asked(rows, np.full(len(rows), NO_CATEGORY), nothing, nothing)
        starts = np.cumsum([0, *(len(search.embeddings) for search in some[:-1])])
        by_product = product_scores(picture_scores(asked, searched), searched)
        scores: Float32Array = np.maximum.reduceat(by_product, starts, axis=0)
        for own_scores, search in zip(scores, some, strict=True):
            if search.own is not None:
                own_scores[search.own] = LEFT_OUT
            now = tuple(1 + int(np.count_nonzero(own_scores > own_scores[number])) for number in search.products)
            yield Ranked(now, tuple(best_first(own_scores[np.newaxis])[0, :FIRST_SHOWN].tolist()))
        advance(len(some))


def _blocks(searches: Sequence[Search], rows: int) -> Iterator[list[Search]]:
    """Yield the searches in their order, so many at once that they have about so many embeddings together."""
    some: list[Search] = []
    for search in searches:
        some.append(search)
        if sum(len(each.embeddings) for each in some) >= rows:
            yield some
            some = []
    if some:
        yield some
