"""A photo, a product or an earlier query in; classes, categories and the most similar products out."""

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from app.core.arrays import BoolArray, Float32Array
from app.core.category_head import CategoryHead
from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder
from app.core.errors import EmbeddingRefused, NotFound
from app.core.explain import seen_part
from app.core.images import PreparedImage, Preprocessing, Region
from app.core.regions import Code, RegionCodes
from app.core.signature_store import SignatureStore
from app.core.snapshot_reader import LiveSnapshot
from app.core.verdict import Match
from app.search.batcher import Batcher
from app.search.bounded_executor import BoundedExecutor
from app.search.categories import NEIGHBOURS, category_probabilities
from app.search.explaining import ExplainedHit, Explainer
from app.search.facets import FacetValue, facet_counts
from app.search.filters import Filter
from app.search.live_head import LiveHead
from app.search.live_index import LiveIndex
from app.search.live_view import LiveView
from app.search.neighbours import Hit, nearest_products
from app.search.queries import ClassProbability, Photo, Query, QueryPicture, QueryStore
from app.search.segment import Segment
from app.search.verdicts import exact_first, judge

TOP_CLASSES = 5


class Look(NamedTuple):
    """What the network says of one photo: its embedding (d,), the class probabilities (c,), and its regions' code."""

    embedding: Float32Array
    probabilities: Float32Array
    code: Code | None


@dataclass(slots=True)
class Timings:
    """Milliseconds that the stages of one answer took, waiting included."""

    decode_ms: float = 0.0
    embed_ms: float = 0.0
    search_ms: float = 0.0


@dataclass(slots=True)
class PhotoFacts:
    """What may be said about a photo in a log: never its bytes, its name or its metadata."""

    size_bytes: int
    sha256_prefix: str = ""
    format: str = ""
    width_px: int = 0
    height_px: int = 0


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
    """

    k: int
    min_score: float | None = None
    filter: Filter | None = None
    facets: tuple[str, ...] = ()
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What one search found, all of it in one snapshot; `explanations` as many as hits, or None where not wanted."""

    live: LiveSnapshot
    query_id: str
    query: Query
    match: Match | None
    categories: list[ClassProbability]
    hits: list[Hit]
    explanations: list[ExplainedHit | None] | None
    facets: dict[str, list[FacetValue]]
    timings: Timings


@dataclass(frozen=True, slots=True)
class Classification:
    """What is in a photo: ImageNet's classes, the shop's categories; `low_confidence` for one of a single colour."""

    classes: tuple[ClassProbability, ...]
    categories: list[ClassProbability]
    low_confidence: bool


@dataclass(slots=True)
class Trace:
    """Filled in while a request is answered, so that it is there even when the answer is an error."""

    timings: Timings = field(default_factory=Timings)
    photo: PhotoFacts | None = None


@dataclass(frozen=True, slots=True)
class Aids:
    """
    What tells more than scores do.

    Attributes:
        head: Knows the shop's own categories.
        signatures: Tell the very picture from one that looks like it.
        codes: Tell why a hit is one.
    """

    head: LiveHead
    signatures: SignatureStore
    codes: RegionCodes


class SearchService:
    """
    Answers searches. Its coroutines never block the loop: photos are decoded by `pool` in the threads of `decoding`,
    embedded by `batcher`, and looked up in the threads of `lookups`.
    """

    def __init__(
        self,
        *,
        live_index: LiveIndex,
        embedder: Embedder,
        pool: DecodePool,
        decoding: BoundedExecutor,
        batcher: Batcher[PreparedImage, Look],
        lookups: BoundedExecutor,
        aids: Aids,
    ) -> None:
        self._live_index = live_index
        self._embedder = embedder
        self._pool = pool
        self._decoding = decoding
        self._batcher = batcher
        self._lookups = lookups
        self._aids = aids
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
        facts = trace.photo = PhotoFacts(len(data))
        started_s = time.perf_counter()

        def decode() -> tuple[PreparedImage, str]:
            sha256 = hashlib.sha256(data).hexdigest()
            facts.sha256_prefix = sha256[:12]
            return self._pool.prepare(data, self._embedder.preprocessings, region), sha256

        try:
            prepared, sha256 = await self._decoding.run(decode)
        finally:
            trace.timings.decode_ms = _milliseconds_since(started_s)
        facts.format, facts.width_px, facts.height_px = prepared.format, prepared.width_px, prepared.height_px
        started_s = time.perf_counter()
        look = await self._batcher.submit(prepared)
        trace.timings.embed_ms = _milliseconds_since(started_s)
        classes = top_classes(look.probabilities, self._embedder.class_labels)
        seen = seen_part(prepared.width_px, prepared.height_px, self._embedder.preprocessings, region)
        return Query(
            embeddings=look.embedding[np.newaxis],
            classes=classes,
            low_confidence=prepared.is_uniform,
            pictures=(QueryPicture(seen, look.code),),
            photo=Photo(prepared.signature, sha256 if region is None else ""),
        )

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
        )

    async def _find(self, view: LiveView, query: Query, wanted: Wanted, trace: Trace) -> "_Found":
        started_s = time.perf_counter()

        def find() -> "_Found":
            found = _find(view, query, wanted, self._aids.head.head, self._aids.signatures)
            if not wanted.explain:
                return found
            return replace(found, explanations=self._explainer.explain(view, query, found.hits))

        try:
            return await self._lookups.run(find)
        finally:
            trace.timings.search_ms += _milliseconds_since(started_s)


@dataclass(frozen=True, slots=True)
class _Found:
    """What one look into a view tells."""

    hits: list[Hit]
    match: Match | None
    categories: list[ClassProbability]
    facets: dict[str, list[FacetValue]]
    explanations: list[ExplainedHit | None] | None = None


def _find(
    view: LiveView, query: Query, wanted: Wanted, head: CategoryHead | None, signatures: SignatureStore
) -> _Found:
    """Return the nearest products that are wanted, and what the nearest of all tell of the photo, whatever k is."""

    def nearest(segments: Iterable[tuple[Segment, BoolArray | None]], k: int) -> list[Hit]:
        return nearest_products(segments, query.embeddings, k, leave_out_product_id=query.leave_out_product_id)

    matching = None if wanted.filter is None else view.matching(wanted.filter)
    if matching is None:
        neighbours = nearest(view.segments(), max(wanted.k, NEIGHBOURS))
        hits = neighbours[: wanted.k]
    else:
        # What the photo shows does not depend on which products are wanted.
        neighbours = nearest(view.segments(), NEIGHBOURS)
        hits = nearest(matching, wanted.k)
    judged = judge(view, query.photo, neighbours, signatures)
    counted = matching or [(segment, _all_of(segment, shown)) for segment, shown in view.segments()]
    return _Found(
        hits=[
            hit for hit in exact_first(hits, judged.exact) if wanted.min_score is None or hit.score >= wanted.min_score
        ],
        match=judged.match,
        categories=category_probabilities(
            head, query.embeddings, [(hit.product.category, hit.score) for hit in neighbours]
        ),
        facets=facet_counts([(segment.products, mask) for segment, mask in counted], wanted.facets),
    )


def _all_of(segment: Segment, shown: BoolArray | None) -> BoolArray:
    return np.ones(len(segment.products), np.bool_) if shown is None else shown


def embed_batch(
    embedder: Embedder, codes: RegionCodes, images: Sequence[PreparedImage]
) -> list[Look | EmbeddingRefused]:
    """Return what the network says of each image, or why that cannot be used; what the batcher runs."""
    embedded, refusals = embedder.embed_each(images)
    looks = zip(embedded.embeddings, embedded.probabilities, codes.encode(embedded.regions), strict=True)
    return [_refused(refusal) if refusal else Look(*look) for look, refusal in zip(looks, refusals, strict=True)]


def _refused(refusal: EmbeddingRefused) -> EmbeddingRefused:
    """Say it without the position in a batch, which means nothing to the one who sent the photo."""
    return type(refusal)("The network's answer for this photo cannot be compared with others.")


def top_classes(probabilities: Float32Array, labels: Sequence[str]) -> tuple[ClassProbability, ...]:
    """Return the most probable classes, best first; none where the network knows no classes."""
    best = np.argsort(-probabilities, kind="stable")[:TOP_CLASSES]
    return tuple(ClassProbability(labels[i], float(probabilities[i])) for i in best)


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


def _milliseconds_since(started_s: float) -> float:
    return (time.perf_counter() - started_s) * 1000
