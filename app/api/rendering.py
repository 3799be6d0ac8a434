"""From what the service found to the JSON that is sent; without FastAPI, for the command line shows it too."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.api.schemas import (
    Explanation,
    FacetValue,
    ImageLink,
    LabelProbability,
    Match,
    Product,
    ProductPut,
    ProductSummary,
    Refined,
    RegionFound,
    RegionMap,
    RuleApplied,
    SearchResponse,
    SearchResult,
    SearchTimings,
    SnapshotListed,
    SnapshotUsed,
)
from app.core.arrays import Float32Array
from app.core.preprocessing import Region
from app.core.products import ProductRecord
from app.core.snapshot_reader import SnapshotInfo
from app.search.changes import Changed
from app.search.explaining import ExplainedHit
from app.search.looking import Timings
from app.search.neighbours import Hit
from app.search.service import Answer, RegionAnswer


def search_response(request_id: str, answer: Answer, started_s: float) -> SearchResponse:
    """
    Return the answer to a search that began at `started_s` of `time.perf_counter`.

    What was not asked for is unset in it, and to be left out where it is sent.
    """
    manifest = answer.live.snapshot.manifest
    asked_for: dict[str, Any] = {}
    if answer.regions is not None:
        asked_for["regions"] = [_region_found(found) for found in answer.regions]
    if answer.refinement is not None:
        asked_for["refined"] = Refined(**asdict(answer.refinement))
    if answer.hidden_by_rules is not None:
        asked_for["hidden_by_rules"] = answer.hidden_by_rules
    return SearchResponse(
        request_id=request_id,
        query_id=answer.query_id,
        snapshot=SnapshotUsed(
            id=answer.live.snapshot.id,
            network=manifest.network,
            products=manifest.products,
            images=manifest.images,
            published_at=answer.live.published_at,
        ),
        low_confidence=answer.query.low_confidence,
        match=None if answer.match is None else Match.model_validate(answer.match),
        classes=[LabelProbability.model_validate(label) for label in answer.query.classes],
        categories=[LabelProbability.model_validate(label) for label in answer.categories],
        results=_results(answer.hits, answer.explanations),
        facets={name: [FacetValue.model_validate(value) for value in values] for name, values in answer.facets.items()},
        **asked_for,
        timings_ms=timings_ms(answer.timings, started_s),
    )


def _region_found(found: RegionAnswer) -> RegionFound:
    box = found.region
    return RegionFound(
        region=(box.x0, box.y0, box.x1, box.y1),
        salience=round(found.salience, 4),
        query_id=found.answer.query_id,
        categories=[LabelProbability.model_validate(label) for label in found.answer.categories],
        results=_results(found.answer.hits, found.answer.explanations),
    )


def _results(hits: Sequence[Hit], explanations: Sequence[ExplainedHit | None] | None) -> list[SearchResult]:
    results = []
    for rank, hit in enumerate(hits, start=1):
        asked_for: dict[str, Any] = {}
        if explanations is not None:
            found = explanations[rank - 1]
            asked_for["explanation"] = found and _explanation(found)
        if hit.rule is not None:
            asked_for["rule"] = RuleApplied.model_validate(hit.rule)
        results.append(
            SearchResult(
                rank=rank,
                score=round(hit.score, 6),
                image=image_link(hit.image_id),
                product=ProductSummary.model_validate(hit.product),
                **asked_for,
            )
        )
    return results


def _explanation(found: ExplainedHit) -> Explanation:
    return Explanation(
        query_image=None if found.query_image_id is None else image_link(found.query_image_id),
        query=_region_map(found.query_seen, found.maps.query),
        hit=_region_map(found.hit_seen, found.maps.hit),
    )


def _region_map(seen: Region, values: Float32Array) -> RegionMap:
    left, top, right, bottom = (round(side, 4) for side in (seen.x0, seen.y0, seen.x1, seen.y1))
    return RegionMap(seen=(left, top, right, bottom), values=values.astype(float).round(3).tolist())


def timings_ms(timings: Timings, started_s: float) -> SearchTimings:
    """Return the stages' times; `total` counts from `started_s`, when the whole request had arrived."""
    return SearchTimings(
        decode=round(timings.decode_ms, 2),
        embed=round(timings.embed_ms, 2),
        search=round(timings.search_ms, 2),
        total=round((time.perf_counter() - started_s) * 1000, 2),
    )


def product(record: ProductRecord) -> Product:
    """Return a product with the addresses of its images."""
    summary = ProductSummary.model_validate(record)
    return Product(**summary.model_dump(), images=[image_link(image.id) for image in record.images])


def product_put(changed: Changed) -> ProductPut:
    """Return what putting a product did."""
    images = [image_link(image.id) for image in changed.images]
    return ProductPut.model_validate(
        {"id": changed.id, "outcome": changed.outcome, "revision": changed.revision, "images": images}
    )


def image_link(image_id: str) -> ImageLink:
    """Return where an image is served."""
    return ImageLink(id=image_id, url=f"/images/{image_id}")


def snapshot_listed(info: SnapshotInfo) -> SnapshotListed:
    """Return a snapshot as it is listed."""
    manifest = info.manifest
    return SnapshotListed(
        id=info.id,
        live=info.is_live,
        network=manifest and manifest.network,
        products=manifest and manifest.products,
        images=manifest and manifest.images,
        created_at=manifest and manifest.created_at,
        published_at=info.published_at,
        size_bytes=info.size_bytes,
        metrics=manifest.metrics if manifest else {},
        problem=info.problem,
    )
