"""A photo, a product or an earlier query in; classes, categories and the most similar products out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.core.embedder import Embedder
from app.core.errors import NotFound
from app.core.explain import seen_part
from app.core.preprocessing import Preprocessing, Region
from app.core.regions import RegionCodes
from app.core.signature_store import SignatureStore
from app.core.snapshot_reader import LiveSnapshot
from app.core.verdict import Match
from app.search.bounded_executor import BoundedExecutor
from app.search.categories import NEIGHBOURS
from app.search.explaining import ExplainedHit, Explainer
from app.search.facets import FacetValue
from app.search.finding import Found, Knowledge, Wanted, find
from app.search.live_head import LiveHead
from app.search.live_index import LiveIndex
from app.search.live_rules import LiveRules
from app.search.live_view import LiveView
from app.search.looking import Looking, Timings, Trace, milliseconds_since
from app.search.neighbours import Hit
from app.search.queries import ClassProbability, Query, QueryPicture, QueryStore
from app.search.refinement import Refinement
from app.search.things import Things


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What one search found, all of it in one snapshot.

    `explanations` are as many as hits; they and `regions` are None where they were not wanted, and `hidden_by_rules`
    where no rule acts.
    """

    live: LiveSnapshot
    query_id: str
    query: Query
    match: Match | None
    categories: list[ClassProbability]
    hits: list[Hit]
    explanations: list[ExplainedHit | None] | None
    facets: dict[str, list[FacetValue]]
    timings: Timings
    refinement: Refinement | None = None
    hidden_by_rules: int | None = None
    regions: "list[RegionAnswer] | None" = None


@dataclass(frozen=True, slots=True)
class RegionAnswer:
    """What a search for one thing in a photo found; `salience` tells how much it stands out there, 0 to 1."""

    region: Region
    salience: float
    answer: Answer


@dataclass(frozen=True, slots=True)
class Classification:
    """What is in a photo: ImageNet's classes, the shop's categories; `low_confidence` for one of a single colour."""

    classes: tuple[ClassProbability, ...]
    categories: list[ClassProbability]
    low_confidence: bool


@dataclass(frozen=True, slots=True)
class Aids:
    """
    What tells more than scores do.

    Attributes:
        head: Knows the shop's own categories.
        signatures: Tell the very picture from one that looks like it.
        codes: Tell why a hit is one.
        rules: Of the shop.
    """

    head: LiveHead
    signatures: SignatureStore
    codes: RegionCodes
    rules: LiveRules


class SearchService:
    """
    Answers searches. Its coroutines never block the loop: photos are looked at by `looking`, and products looked up in
    the threads of `lookups`.
    """

    def __init__(
        self,
        *,
        live_index: LiveIndex,
        embedder: Embedder,
        looking: Looking,
        lookups: BoundedExecutor,
        aids: Aids,
    ) -> None:
        self._live_index = live_index
        self._embedder = embedder
        self._looking = looking
        self._lookups = lookups
        self._aids = aids
        self._things = Things()
        self._explainer = Explainer(aids.codes, embedder.preprocessings)
        self._queries = QueryStore()

    async def search_photo(self, data: bytes, region: Region | None, wanted: Wanted, trace: Trace) -> Answer:
        """
        Find the products that look like a photo.

        Raises:
            InvalidImage, EmbeddingRefused: The photo cannot be used.
            Overloaded: Not now.
        """
        return await self._search(await self.look_at(data, region, trace), wanted, trace)

    async def search_things(self, data: bytes, region: Region | None, wanted: Wanted, trace: Trace) -> Answer:
        """
        Do what `search_photo` does, and also search for each of the things that stand out in the photo.

        Each is searched for as a region of the photo, facets left out; raises as `search_photo` does.
        """
        view = self._live_index.view
        query, overview = await self._looking.around(data, region, trace)
        proposals = await self._lookups.run(lambda: self._things.find(view, overview))
        queries = await self._looking.at_each(data, [each.region for each in proposals], trace) if proposals else []
        whole = await self._search(query, wanted, trace, view=view)
        regions = [
            RegionAnswer(
                proposal.region,
                proposal.salience,
                await self._search(each, replace(wanted, facets=()), trace, view=view),
            )
            for proposal, each in zip(proposals, queries, strict=True)
            if each is not None
        ]
        return replace(whole, regions=regions)

    async def search_again(self, query_id: str, wanted: Wanted, trace: Trace) -> Answer:
        """
        Ask an earlier query again, in the snapshot that is live now.

        Raises:
            NotFound: The query is not known, or no longer.
        """
        return await self._search(self._queries.get(query_id), wanted, trace, query_id=query_id)

    async def search_product(self, product_id: str, wanted: Wanted, trace: Trace) -> Answer:
        """
        Find the products that look like one of the catalogue's, by all of its images.

        Raises:
            NotFound: There is no such product, or it was imported and is not in the index yet.
        """
        view = self._live_index.view
        query = _product_query(view, product_id, self._embedder.preprocessings)
        return await self._search(query, wanted, trace, view=view)

    async def classify(self, data: bytes, region: Region | None, trace: Trace) -> Classification:
        """
        Tell what is in a photo.

        Raises:
            InvalidImage, EmbeddingRefused, Overloaded: As for `search_photo`.
        """
        query = await self.look_at(data, region, trace)
        found = await self._find(self._live_index.view, query, Wanted(NEIGHBOURS), trace)
        return Classification(query.classes, found.categories, query.low_confidence)

    async def look_at(self, data: bytes, region: Region | None, trace: Trace) -> Query:
        """Decode and embed a photo, on the one path that all photos take."""
        return await self._looking.at(data, region, trace)

    async def _search(
        self,
        query: Query,
        wanted: Wanted,
        trace: Trace,
        *,
        query_id: str | None = None,
        view: LiveView | None = None,
    ) -> Answer:
        view = view or self._live_index.view
        found = await self._find(view, query, wanted, trace)
        return Answer(
            live=view.live,
            query_id=query_id or self._queries.add(query),
            query=query,
            match=found.match,
            categories=found.categories,
            hits=found.hits,
            explanations=found.explanations,
            facets=found.facets,
            timings=trace.timings,
            refinement=wanted.refinement,
            hidden_by_rules=found.hidden_by_rules,
        )

    async def _find(self, view: LiveView, query: Query, wanted: Wanted, trace: Trace) -> Found:
        started_s = time.perf_counter()

        def look() -> Found:
            knowledge = Knowledge(self._aids.head.head, self._aids.signatures, self._aids.rules.rules)
            found = find(view, query, wanted, knowledge)
            if not wanted.explain:
                return found
            return replace(found, explanations=self._explainer.explain(view, query, found.hits))

        try:
            return await self._lookups.run(look)
        finally:
            trace.timings.search_ms += milliseconds_since(started_s)


def _product_query(view: LiveView, product_id: str, preprocessings: Sequence[Preprocessing]) -> Query:
    found = view.find(product_id)
    if found is None:
        raise NotFound("The index has no product of this id; one that was imported is in it when that is published.")
    segment, number = found
    pictures = tuple(
        QueryPicture(
            seen_part(image.width_px, image.height_px, preprocessings),
            image_id=image.id,
            image_sha256=image.sha256,
        )
        for image in segment.images_of(number)
    )
    return Query(segment.embeddings_of(number), leave_out_product_id=product_id, pictures=pictures)
