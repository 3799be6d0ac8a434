"""Looking at photos: decoded in child processes, embedded in batches, on the one path that all photos take."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from app.core.arrays import Float32Array
from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder
from app.core.errors import EmbeddingRefused
from app.core.explain import seen_part
from app.core.preprocessing import PreparedImage, Region, View
from app.core.proposals import OVERVIEW, Tile, is_pooled
from app.core.regions import Code, RegionCodes
from app.search.batcher import Batcher
from app.search.bounded_executor import BoundedExecutor
from app.search.queries import ClassProbability, Photo, Query, QueryPicture
from app.search.things import Overview

TOP_CLASSES = 5


class Look(NamedTuple):
    """
    What the network says of one photo: its embedding (d,), the class probabilities (c,), and its regions' code.

    `regions` is what the code is made of, shape (h, w, channels): for whoever needs it at once, as it is large.
    """

    embedding: Float32Array
    probabilities: Float32Array
    code: Code | None
    regions: Float32Array


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


@dataclass(slots=True)
class Trace:
    """Filled in while a request is answered, so that it is there even when the answer is an error."""

    timings: Timings = field(default_factory=Timings)
    photo: PhotoFacts | None = None


class _Seen(NamedTuple):
    """Views of a photo, what the network says of the first and of the others, and the SHA-256 of the photo."""

    prepared: list[PreparedImage]
    look: Look
    others: list[Look | EmbeddingRefused]
    sha256: str


class Looking:
    """
    Looks at photos. Its coroutines never block the loop: photos are decoded by `pool` in the threads of `decoding`, and
    embedded by `batcher`.
    """

    def __init__(
        self,
        *,
        embedder: Embedder,
        pool: DecodePool,
        decoding: BoundedExecutor,
        batcher: Batcher[PreparedImage, Look],
    ) -> None:
        self._embedder = embedder
        self._pool = pool
        self._decoding = decoding
        self._batcher = batcher

    async def at(self, data: bytes, region: Region | None, trace: Trace) -> Query:
        """
        Return what to search with for a photo, or a region of it.

        Raises:
            InvalidImage, EmbeddingRefused: The photo cannot be used.
            Overloaded: Not now.
        """
        seen = await self._see(data, [View(region)], trace)
        return self._query(seen.prepared[0], seen.look, region, seen.sha256)

    async def around(self, data: bytes, region: Region | None, trace: Trace) -> tuple[Query, Overview]:
        """Return what `at` does, and what the whole photo shows; raises as `at` does."""
        seen = await self._see(data, [View(region), *OVERVIEW], trace)
        first, *tiles = seen.prepared
        overview = Overview(
            tiles=tuple(
                Tile(image.arrays[0], None if isinstance(look, EmbeddingRefused) else look.regions)
                for image, look in zip(tiles, seen.others, strict=True)
            ),
            size_px=(first.width_px, first.height_px),
            is_uniform=all(image.is_uniform for image in tiles),
            is_pooled=is_pooled(seen.look.regions, seen.look.embedding),
        )
        return self._query(first, seen.look, region, seen.sha256), overview

    async def at_each(self, data: bytes, regions: Sequence[Region], trace: Trace) -> list[Query | None]:
        """Return what to search with for each region of a photo; None: nothing can be compared there."""
        prepared, _ = await self._prepare(data, [View(region) for region in regions], trace)
        looks = await self._look(prepared, trace)
        return [
            None if isinstance(look, EmbeddingRefused) else self._query(image, look, region)
            for image, look, region in zip(prepared, looks, regions, strict=True)
        ]

    async def _see(self, data: bytes, views: Sequence[View], trace: Trace) -> _Seen:
        """Decode and embed views of a photo, the first of which is what is searched with."""
        facts = trace.photo = PhotoFacts(len(data))
        prepared, sha256 = await self._prepare(data, views, trace)
        facts.format, facts.width_px, facts.height_px = prepared[0].format, prepared[0].width_px, prepared[0].height_px
        look, *others = await self._look(prepared, trace)
        if isinstance(look, EmbeddingRefused):
            raise look
        return _Seen(prepared, look, others, sha256)

    async def _prepare(self, data: bytes, views: Sequence[View], trace: Trace) -> tuple[list[PreparedImage], str]:
        """Decode the photo, once, and return what the network is to be given for each view, and its SHA-256."""
        started_s = time.perf_counter()

        def decode() -> tuple[list[PreparedImage], str]:
            sha256 = hashlib.sha256(data).hexdigest()
            if trace.photo is not None:
                trace.photo.sha256_prefix = sha256[:12]
            return self._pool.prepare_views(data, self._embedder.preprocessings, views), sha256

        try:
            return await self._decoding.run(decode)
        finally:
            trace.timings.decode_ms += milliseconds_since(started_s)

    async def _look(self, prepared: Sequence[PreparedImage], trace: Trace) -> list[Look | EmbeddingRefused]:
        """Return what the network says of each; those that it can say nothing of stand for themselves."""
        started_s = time.perf_counter()
        looks = await asyncio.gather(*(self._batcher.submit(image) for image in prepared), return_exceptions=True)
        trace.timings.embed_ms += milliseconds_since(started_s)
        for look in looks:
            if isinstance(look, BaseException) and not isinstance(look, EmbeddingRefused):
                raise look
        return [look for look in looks if isinstance(look, Look | EmbeddingRefused)]

    def _query(self, prepared: PreparedImage, look: Look, region: Region | None, sha256: str = "") -> Query:
        seen = seen_part(prepared.width_px, prepared.height_px, self._embedder.preprocessings, region)
        return Query(
            embeddings=look.embedding[np.newaxis],
            classes=top_classes(look.probabilities, self._embedder.class_labels),
            low_confidence=prepared.is_uniform,
            pictures=(QueryPicture(seen, look.code),),
            photo=Photo(prepared.signature, sha256 if region is None else ""),
        )


def embed_batch(
    embedder: Embedder, codes: RegionCodes, images: Sequence[PreparedImage]
) -> list[Look | EmbeddingRefused]:
    """Return what the network says of each image, or why that cannot be used; what the batcher runs."""
    embedded, refusals = embedder.embed_each(images)
    looks = zip(
        embedded.embeddings, embedded.probabilities, codes.encode(embedded.regions), embedded.regions, strict=True
    )
    return [_refused(refusal) if refusal else Look(*look) for look, refusal in zip(looks, refusals, strict=True)]


def _refused(refusal: EmbeddingRefused) -> EmbeddingRefused:
    """Say it without the position in a batch, which means nothing to the one who sent the photo."""
    return type(refusal)("The network's answer for this photo cannot be compared with others.")


def top_classes(probabilities: Float32Array, labels: Sequence[str]) -> tuple[ClassProbability, ...]:
    """Return the most probable classes, best first; none where the network knows no classes."""
    best = np.argsort(-probabilities, kind="stable")[:TOP_CLASSES]
    return tuple(ClassProbability(labels[i], float(probabilities[i])) for i in best)


def milliseconds_since(started_s: float) -> float:
    """Return the milliseconds since a moment of `time.perf_counter`."""
    return (time.perf_counter() - started_s) * 1000
