"""From the images nearest to a query to distinct products."""

from dataclasses import dataclass, field

import numpy as np

from app.core.snapshot import Snapshot
from app.core.vector_index import Float32Array
from app.db.catalogue import Catalogue
from app.db.records import ImageHit, ProductSummary

GROWTH = 4


@dataclass(frozen=True, slots=True)
class Hit:
    """A product as found: its best image and that image's score."""

    score: float
    image_id: str
    product: ProductSummary


@dataclass(slots=True)
class _Found:
    """Products in the order of their best images, while the neighbourhood grows."""

    leave_out_product_id: str | None
    hits: dict[str, Hit] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def add(self, neighbours: list[tuple[str, float]], catalogue: Catalogue) -> None:
        """Add neighbours that are farther than those before, best first; images whose product is gone are dropped."""
        new = [(image_id, score) for image_id, score in neighbours if image_id not in self.seen]
        found: dict[str, ImageHit] = catalogue.hits([image_id for image_id, _ in new])
        for image_id, score in new:
            self.seen.add(image_id)
            hit = found.get(image_id)
            if hit is not None and hit.product.id != self.leave_out_product_id:
                self.hits.setdefault(hit.product.id, Hit(score, image_id, hit.product))


def nearest_products(
    snapshot: Snapshot,
    catalogue: Catalogue,
    embeddings: Float32Array,
    k: int,
    *,
    leave_out_product_id: str | None = None,
) -> list[Hit]:
    """
    Return the `k` nearest products that still exist, best first; fewer only when the index has no more.

    A product counts with its best image, an image with its best score over the query's embeddings, shape (m, d).
    The index is asked for more and more images until they show k products, with one database query each time.
    """
    found = _Found(leave_out_product_id)
    size = len(snapshot.index)
    count = min(size, 2 * k + len(embeddings))
    while True:
        found.add(_nearest_images(snapshot, embeddings, count), catalogue)
        if len(found.hits) >= k or count >= size:
            return list(found.hits.values())[:k]
        count = min(size, count * GROWTH)


def _nearest_images(snapshot: Snapshot, embeddings: Float32Array, count: int) -> list[tuple[str, float]]:
    """
    Return (image id, score) of the nearest images, best first, as far as `count` neighbours of each embedding tell.

    An image missing from one embedding's list scores at most that list's last score there. So all images at or above
    the best of these last scores are known, with their true best score; those below are left for a larger count.
    """
    scores, rows = snapshot.index.search(embeddings, count)  # (m, count) each
    best: dict[int, float] = {}
    for row, score in zip(rows.ravel().tolist(), scores.ravel().tolist(), strict=True):
        best[row] = max(score, best.get(row, score))
    known_above = -np.inf if count >= len(snapshot.index) else float(scores[:, -1].max())
    ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    return [(snapshot.image_ids[row], score) for row, score in ranked if score >= known_above]
