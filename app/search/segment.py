"""Products in memory that can be searched: who they are, and a row of an exact index for each of their images."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from app.core.arrays import BoolArray, Float32Array, Int32Array
from app.core.image_ids import ImageIds
from app.core.products import ImageRecord
from app.core.vector_index import VectorIndex
from app.search.product_table import ProductTable

GROWTH = 4


class Nearest(NamedTuple):
    """A product's number, its best image's row, and that image's score."""

    product: int
    row: int
    score: float


@dataclass(frozen=True, eq=False, repr=False)
class Segment:
    """
    Some products with their images; immutable.

    Attributes:
        products: The products, by number.
        index: A row for each image, in the order of the products.
        image_ids: The image of each row.
        row_products: The product of each row, shape (n,), ascending.
    """

    products: ProductTable
    index: VectorIndex
    image_ids: ImageIds
    row_products: Int32Array

    def embeddings_of(self, product: int) -> Float32Array:
        """Return the embeddings of a product's images, shape (m, d)."""
        return np.stack([self.index.embedding(row) for row in self._rows_of(product)])

    def images_of(self, product: int) -> list[ImageRecord]:
        """Return the images of a product in the order of `embeddings_of`."""
        images = {image.id: image for image in self.products.record(product).images}
        return [images[self.image_ids[row]] for row in self._rows_of(product)]

    def _rows_of(self, product: int) -> range:
        first, last = np.searchsorted(self.row_products, [product, product + 1])
        return range(first, last)

    def nearest(self, embeddings: Float32Array, k: int, allowed: BoolArray | None = None) -> list[Nearest]:
        """
        Return the `k` nearest products, best first, or all there are; equal scores in the order of the products.

        A product counts with its best image, an image with its best score over the embeddings, shape (m, d). The index
        is asked for more and more images until they show k products. Where `allowed` is given, shape (products,), only
        products that it names are compared.
        """
        rows = None if allowed is None else allowed[self.row_products]
        size = len(self.index) if rows is None else int(rows.sum())
        count = min(size, 2 * k + len(embeddings))
        while count > 0:
            found: dict[int, Nearest] = {}
            for row, score in self._nearest_rows(embeddings, count, rows, size):
                product = int(self.row_products[row])
                found.setdefault(product, Nearest(product, row, score))
            if len(found) >= k or count >= size:
                return list(found.values())[:k]
            count = min(size, count * GROWTH)
        return []

    def _nearest_rows(
        self, embeddings: Float32Array, count: int, allowed: BoolArray | None, size: int
    ) -> list[tuple[int, float]]:
        """
        Return (row, score) of the nearest images, best first, as far as `count` neighbours of each embedding tell.

        An image missing from one embedding's list scores at most that list's last score there. So all images at or
        above the best of these last scores are known, with their true best score; those below are left for a larger
        count.
        """
        scores, rows = self.index.search(embeddings, count, allowed)  # (m, count) each
        best: dict[int, float] = {}
        for row, score in zip(rows.ravel().tolist(), scores.ravel().tolist(), strict=True):
            best[row] = max(score, best.get(row, score))
        known_above = -np.inf if count >= size else float(scores[:, -1].max())
        ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))
        return [(row, score) for row, score in ranked if score >= known_above]
