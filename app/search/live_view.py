"""
What searches see: the products of one snapshot, and over them what the shop changed since it was made.

A live change with a revision above the snapshot's watermark hides the product in the snapshot and, unless it was a
removal, shows the new one in a second, small segment. The next snapshot has it folded in; after a roll back to an older
one, what changed since that one applies again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.core.arrays import BoolArray, Float32Array
from app.core.flat_index import FlatIndex
from app.core.image_ids import ImageIds
from app.core.products import ImageRecord, ProductRecord, to_line
from app.core.snapshot import Snapshot
from app.core.snapshot_reader import LiveSnapshot
from app.core.vector_store import VectorStore
from app.db.live_changes import LiveChange
from app.search.filters import Filter, matching
from app.search.product_table import ProductTable
from app.search.segment import Segment


@dataclass(frozen=True, eq=False, repr=False)
class LiveView:
    """
    One state of what can be found; immutable, so that an answer that was begun with it ends with it.

    Attributes:
        live: The snapshot.
        base: Its products.
        shown: Which of them are still as the snapshot has them, shape (products,); None: all.
        changed: The products that were changed or added since; None: there are none.
    """

    live: LiveSnapshot
    base: Segment
    shown: BoolArray | None = None
    changed: Segment | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that answers name."""
        return self.live.snapshot

    def segments(self) -> Iterator[tuple[Segment, BoolArray | None]]:
        """Yield each segment with which of its products are shown."""
        yield self.base, self.shown
        if self.changed is not None:
            yield self.changed, None

    def matching(self, wanted: Filter) -> list[tuple[Segment, BoolArray]]:
        """Return each segment with which of its shown products a filter wants, shape (products,)."""
        found = []
        for segment, shown in self.segments():
            mask = matching(segment.products, wanted)
            found.append((segment, mask if shown is None else mask & shown))
        return found

    def find(self, product_id: str) -> tuple[Segment, int] | None:
        """Return where a product is; None when it cannot be found by searching."""
        for segment, shown in self.segments():
            number = segment.products.index_of(product_id)
            if number is not None and (shown is None or shown[number]):
                return segment, number
        return None

    def product(self, product_id: str) -> ProductRecord | None:
        """Return a product as searches show it."""
        found = self.find(product_id)
        return None if found is None else found[0].products.record(found[1])

    def embedding(self, image_id: str) -> Float32Array | None:
        """Return the embedding of an image that searches show, unit-norm, shape (d,)."""
        for segment, shown in self.segments():
            row = segment.image_ids.row(image_id)
            if row is not None and (shown is None or shown[segment.row_products[row]]):
                return segment.index.embedding(row)
        return None

    def image(self, image_id: str) -> ImageRecord | None:
        """Return an image of a product that searches show."""
        for segment, shown in self.segments():
            row = segment.image_ids.row(image_id)
            number = None if row is None else int(segment.row_products[row])
            if number is not None and (shown is None or shown[number]):
                images = segment.products.record(number).images
                return next(image for image in images if image.id == image_id)
        return None


def view_of(live: LiveSnapshot) -> LiveView:
    """Return a view of a snapshot without any later change; takes seconds for a million products."""
    snapshot = live.snapshot
    products = ProductTable(snapshot.products)
    return LiveView(live, Segment(products, snapshot.index, snapshot.image_ids, snapshot.row_products))


def with_changes(view: LiveView, changes: Sequence[LiveChange], store: VectorStore) -> LiveView:
    """
    Return a view of the same snapshot with these changes, and no others, laid over it.

    Images whose embeddings are not stored, such as those of another network, are left out.
    """
    shown = np.ones(len(view.base.products), np.bool_)
    for change in changes:
        number = view.base.products.index_of(change.product_id)
        if number is not None:
            shown[number] = False
    records = sorted((change.record for change in changes if change.record is not None), key=lambda record: record.id)
    return replace(view, shown=shown if changes else None, changed=_segment(records, view, store))


def _segment(records: Iterable[ProductRecord], before: LiveView, store: VectorStore) -> Segment | None:
    """Return the products with those of their images that can be searched; None without any."""
    lines: list[bytes] = []
    images_of: list[int] = []
    embeddings: dict[str, Float32Array] = {}
    for record in records:
        found = {
            image.id: embedding
            for image in record.images
            if (embedding := _embedding(image, before, store)) is not None
        }
        if found:
            lines.append(to_line(replace(record, images=tuple(image for image in record.images if image.id in found))))
            images_of.append(len(found))
            embeddings |= found
    if not lines:
        return None
    return Segment(
        products=ProductTable(lines),
        index=FlatIndex.build(np.stack(list(embeddings.values()))),
        image_ids=ImageIds.of(tuple(embeddings)),
        row_products=np.repeat(np.arange(len(lines), dtype=np.int32), images_of),
    )


def _embedding(image: ImageRecord, before: LiveView, store: VectorStore) -> Float32Array | None:
    """Return the embedding of an image, unit-norm, shape (d,); from memory, where the view before has it."""
    for segment, _ in before.segments():
        row = segment.image_ids.row(image.id)
        if row is not None:
            return segment.index.embedding(row)
    if image.sha256 not in store:
        return None
    embedding: Float32Array = store.get([image.sha256])[0].astype(np.float32)
    return embedding
