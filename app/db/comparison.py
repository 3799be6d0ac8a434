"""What a product would change in the catalogue: its rows, compared with those that are stored."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from app.core.products import ImageRecord, ProductRecord, ProductSummary
from app.db.live_changes import LiveMark
from app.db.records import Comparison, UpsertCounts

Row = dict[str, Any]

PRODUCT_FIELDS = tuple(field.name for field in fields(ProductSummary) if field.name != "id")
IMAGE_FIELDS = tuple(field.name for field in fields(ImageRecord) if field.name != "id")
"""Of the records: the columns have the same names."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the catalogue knows of one product id."""

    product: Row | None
    images: dict[str, Row]
    """By their ids."""
    live: LiveMark | None

    @property
    def stated_at(self) -> datetime | None:
        """The newest moment that the shop stated for this product, even if the product is gone."""
        moments = []
        if self.product is not None:
            moments.append(self.product["stated_at"])
        if self.live is not None:
            moments.append(self.live.stated_at)
        return max((moment for moment in moments if moment is not None), default=None)

    @property
    def places(self) -> list[str]:
        """Where the pictures came from, in their order: addresses, or paths of files."""
        rows = sorted(self.images.values(), key=lambda row: (row["position"], row["id"]))
        return [row["address"] or row["location"] for row in rows]

    def is_outdated(self, stated_at: datetime | None, read_at: int | None = None) -> bool:
        """
        Whether something newer is known than a product that the shop stated at this moment.

        Without a moment it is as new as its arrival; that of a source that was read from revision `read_at` on is
        older than the live changes since. Of a removal and a product of the same moment, the removal counts.
        """
        known = self.stated_at
        is_changed_since = self.live is not None and read_at is not None and self.live.revision > read_at
        if stated_at is None or known is None:
            return is_changed_since
        if stated_at == known:
            is_removed = self.product is None and self.live is not None and self.live.is_removal
            return is_changed_since or is_removed
        return stated_at < known

    def compare(self, product: ProductSummary, places: Sequence[str]) -> Comparison:
        """Tell what storing the product with pictures from these places would do."""
        if self.is_outdated(product.stated_at):
            return "outdated"
        if self.product is None:
            return "added"
        return "unchanged" if self.is_equal(product) and self.places == list(places) else "changed"

    def is_equal(self, product: ProductSummary) -> bool:
        """Whether the product's own row would stay as it is."""
        row = _product_row(product, self)
        return row == self.product and _same(product.attributes, self.product["attributes"])


@dataclass
class Changes:
    """The rows that some products differ in from what is stored."""

    new_products: list[Row] = field(default_factory=list)
    changed_products: list[Row] = field(default_factory=list)
    new_images: list[Row] = field(default_factory=list)
    changed_images: list[Row] = field(default_factory=list)
    gone_images: list[str] = field(default_factory=list)
    unchanged: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether everything is stored already."""
        return not (self.new_products or self.changed_products)

    def add(self, record: ProductRecord, stored: Stored) -> None:
        """Compare one product; one whose images alone differ counts as changed too."""
        wanted = _image_rows(record)
        new = [row for image_id, row in wanted.items() if image_id not in stored.images]
        changed = [row for image_id, row in wanted.items() if row != stored.images.get(image_id, row)]
        gone = stored.images.keys() - wanted.keys()
        if stored.product is None:
            self.new_products.append(_product_row(record, stored))
        elif new or changed or gone or not stored.is_equal(record):
            self.changed_products.append(_product_row(record, stored))
        else:
            self.unchanged += 1
        self.new_images += [{**row, "product_id": record.id} for row in new]
        self.changed_images += changed
        self.gone_images += gone

    def counts(self, outdated: int) -> UpsertCounts:
        """Return how many products there are of each kind."""
        return UpsertCounts(
            added=len(self.new_products),
            changed=len(self.changed_products),
            unchanged=self.unchanged,
            outdated=outdated,
        )


def accepted(
    records: Iterable[ProductRecord], stored: Mapping[str, Stored], read_at: int | None
) -> tuple[dict[str, ProductRecord], int]:
    """Return what counts of each id when the records come one after the other, and how many were outdated."""
    newest: dict[str, ProductRecord] = {}
    outdated = 0
    for record in records:
        before, earlier = stored[record.id], newest.get(record.id)
        if earlier is not None:
            before = replace(before, product=_product_row(earlier, before))
        if before.is_outdated(record.stated_at, read_at):
            outdated += 1
        elif earlier is not None and record.stated_at is None:
            newest[record.id] = replace(record, stated_at=before.stated_at)
        else:
            newest[record.id] = record
    return newest, outdated


def _product_row(product: ProductSummary, stored: Stored) -> Row:
    """Return the product's row; a product without a moment keeps the one that was stated before."""
    row = {name: getattr(product, name) for name in ("id", *PRODUCT_FIELDS)}
    return row if product.stated_at is not None else {**row, "stated_at": stored.stated_at}


def _image_rows(record: ProductRecord) -> dict[str, Row]:
    """Return a row for each image by its id; of images with the same bytes, the first."""
    rows: dict[str, Row] = {}
    for image in record.images:
        rows.setdefault(image.id, {name: getattr(image, name) for name in ("id", *IMAGE_FIELDS)})
    return rows


def _same(left: object, right: object) -> bool:
    """Whether the values are equal, with true and 1 told apart, which Python does not do."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right
