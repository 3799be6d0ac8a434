"""From what is nearest in each segment to the products that are shown."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.arrays import BoolArray, Float32Array
from app.core.products import ProductSummary
from app.search.segment import Segment


@dataclass(frozen=True, slots=True)
class Hit:
    """A product as found: its best image and that image's score."""

    score: float
    image_id: str
    product: ProductSummary


def nearest_products(
    segments: Iterable[tuple[Segment, BoolArray | None]],
    embeddings: Float32Array,
    k: int,
    *,
    leave_out_product_id: str | None = None,
) -> list[Hit]:
    """
    Return the `k` nearest products, best first; fewer only when there are no more.

    A product counts with its best image, an image with its best score over the query's embeddings, shape (m, d).

    Args:
        segments: Each with those of its products that may be found, shape (products,); None: all of them.
        embeddings: Shape (m, d), unit-norm.
        k: At least 1.
        leave_out_product_id: A product that is no hit.
    """
    hits: list[Hit] = []
    for segment, allowed in segments:
        for product, row, score in segment.nearest(embeddings, k + 1, allowed):  # one more: one may be left out
            record = segment.products.record(product)
            if record.id != leave_out_product_id:
                hits.append(Hit(score, segment.image_ids[row], record))
    return sorted(hits, key=lambda hit: (-hit.score, hit.product.id))[:k]
