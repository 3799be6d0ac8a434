"""From what is nearest in each segment to the products that are shown."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.arrays import BoolArray, Float32Array
from app.core.products import ProductSummary
from app.search.rules import AppliedRule
from app.search.segment import Segment


@dataclass(frozen=True, slots=True)
class Hit:
    """A product as found: its best image and that image's score, and the rule that put it where it is, if one did."""

    score: float
    image_id: str
    product: ProductSummary
    rule: AppliedRule | None = None


def nearest_products(
    segments: Iterable[tuple[Segment, BoolArray | None]],
    embeddings: Float32Array,
    k: int,
    *,
    leave_out: frozenset[str] = frozenset(),
) -> list[Hit]:
    """
    Return the `k` nearest products, best first; fewer only when there are no more.

    A product counts with its best image, an image with its best score over the query's embeddings, shape (m, d).

    Args:
        segments: Each with those of its products that may be found, shape (products,); None: all of them.
        embeddings: Shape (m, d), unit-norm.
        k: At least 1.
        leave_out: Ids of products that are no hits.
    """
    hits: list[Hit] = []
    count = k + max(1, len(leave_out))
    for segment, allowed in segments:
        for product, row, score in segment.nearest(embeddings, count, allowed):
            record = segment.products.record(product)
            if record.id not in leave_out:
                hits.append(Hit(score, segment.image_ids[row], record))
    return sorted(hits, key=lambda hit: (-hit.score, hit.product.id))[:k]
