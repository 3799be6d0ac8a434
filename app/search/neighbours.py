"""From what is nearest in each segment to the products that are shown."""

from dataclasses import dataclass

from app.core.products import ProductSummary
from app.core.vector_index import Float32Array
from app.search.live_view import LiveView


@dataclass(frozen=True, slots=True)
class Hit:
    """A product as found: its best image and that image's score."""

    score: float
    image_id: str
    product: ProductSummary


def nearest_products(
    view: LiveView,
    embeddings: Float32Array,
    k: int,
    *,
    leave_out_product_id: str | None = None,
) -> list[Hit]:
    """
    Return the `k` nearest products, best first; fewer only when there are no more.

    A product counts with its best image, an image with its best score over the query's embeddings, shape (m, d).
    """
    hits: list[Hit] = []
    for segment, shown in view.segments():
        for product, row, score in segment.nearest(embeddings, k + 1, shown):  # one more: one may be left out
            record = segment.products.record(product)
            if record.id != leave_out_product_id:
                hits.append(Hit(score, segment.image_ids[row], record))
    return sorted(hits, key=lambda hit: (-hit.score, hit.product.id))[:k]
