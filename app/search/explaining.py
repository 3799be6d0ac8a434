"""Why each hit is one, for searches that ask for it: from codes that are kept already, so no picture is read again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.core.explain import Explanation, explain, seen_part
from app.core.preprocessing import Preprocessing, Region
from app.core.regions import RegionCodes
from app.search.live_view import LiveView
from app.search.neighbours import Hit
from app.search.queries import Query


@dataclass(frozen=True, slots=True)
class ExplainedHit:
    """
    What made a hit and the query similar.

    Attributes:
        maps: Of either picture.
        query_image_id: The image of the product that was searched with; None: a photo.
        query_seen: The part of the upright query picture that its map covers.
        hit_seen: The same of the hit's image.
    """

    maps: Explanation
    query_image_id: str | None
    query_seen: Region
    hit_seen: Region


class Explainer:
    """Explains hits; `codes` are of the network's embeddings, whose pictures are prepared as `preprocessings` say."""

    def __init__(self, codes: RegionCodes, preprocessings: Sequence[Preprocessing]) -> None:
        self._codes = codes
        self._preprocessings = preprocessings

    def explain(self, view: LiveView, query: Query, hits: Sequence[Hit]) -> list[ExplainedHit | None]:
        """Return why each hit is one; None where the network, or the index, keeps nothing that tells."""
        return [self._explain(view, query, hit) for hit in hits]

    def _explain(self, view: LiveView, query: Query, hit: Hit) -> ExplainedHit | None:
        image, embedding = view.image(hit.image_id), view.embedding(hit.image_id)
        if image is None or embedding is None or not query.pictures:
            return None
        # The score is that of the nearest of a product's images.
        asked = query.pictures[int(np.argmax(query.embeddings @ embedding))]
        maps = explain(asked.code or self._codes.get(asked.image_sha256), self._codes.get(image.sha256))
        if maps is None:
            return None
        return ExplainedHit(
            maps=maps,
            query_image_id=asked.image_id,
            query_seen=asked.seen,
            hit_seen=seen_part(image.width_px, image.height_px, self._preprocessings),
        )
