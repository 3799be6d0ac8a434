"""Every statement that changes the catalogue."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, text, update

from app.core.products import ProductRecord
from app.db.catalogue import CHUNK_ROWS, Catalogue, chunks
from app.db.checks import check_product
from app.db.engines import LOCK_TIMEOUT_S
from app.db.records import UpsertCounts
from app.db.tables import catalogue_state, former_images, product_images, products

_Row = dict[str, Any]

_PRODUCT_FIELDS = ("title", "category", "brand", "price", "currency", "url", "attributes")
_IMAGE_FIELDS = ("product_id", "position", "sha256", "location", "format", "width_px", "height_px", "size_bytes")


class CatalogueWriter(Catalogue):
    """
    The catalogue inside the one transaction that may change it; given by `Database.writing`.

    The revision goes up by one with the first change, and every row that changes is stamped with it.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._now = datetime.now(UTC)
        self._stamp: int | None = None
        self._lock()

    def upsert_products(self, records: Iterable[ProductRecord]) -> UpsertCounts:
        """
        Add these products, or make the stored ones equal to them, images included. What is equal is not touched.

        Where an id comes twice, the last one counts; of two images with the same bytes in one product, the first.

        Raises:
            InvalidParameter: A product could not be stored (see `check_product`).
        """
        added = changed = unchanged = 0
        for chunk in chunks(records, CHUNK_ROWS):
            counts = self._upsert_chunk({record.id: record for record in chunk})
            added += counts.added
            changed += counts.changed
            unchanged += counts.unchanged
        return UpsertCounts(added=added, changed=changed, unchanged=unchanged)

    def delete_products_except(self, keep: AbstractSet[str]) -> int:
        """
        Delete every product whose id is not in `keep`, with its images; return how many there were.

        Snapshots that show them still find them by their images, until `forget_former`.
        """
        ids = self._connection.execute(select(products.c.id), execution_options={"yield_per": 5 * CHUNK_ROWS})
        gone = [product_id for product_id in ids.scalars() if product_id not in keep]
        if gone:
            self._next_revision()
        for chunk in chunks(gone, CHUNK_ROWS):
            images = select(product_images.c.id).where(product_images.c.product_id.in_(chunk))
            self._remember(self._connection.execute(images).scalars().all())
            self._connection.execute(delete(products).where(products.c.id.in_(chunk)))
        return len(gone)

    def forget_former(self, watermark: int) -> None:
        """Forget the removed and replaced images that no snapshot with at least this watermark shows."""
        self._connection.execute(delete(former_images).where(former_images.c.retired_revision <= watermark))

    def _lock(self) -> None:
        """Wait for other writers, so that revisions are in the order of the commits; SQLite's BEGIN did it already."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'"))
            self._connection.execute(select(catalogue_state.c.revision).with_for_update())

    def _next_revision(self) -> int:
        """Return this transaction's revision."""
        if self._stamp is None:
            statement = update(catalogue_state).values(revision=catalogue_state.c.revision + 1)
            self._stamp = self._connection.execute(statement.returning(catalogue_state.c.revision)).scalar_one()
        return self._stamp

    def _upsert_chunk(self, records: dict[str, ProductRecord]) -> UpsertCounts:
        for record in records.values():
            check_product(record)
        stored_products = self._stored_products(list(records))
        stored_images = self._stored_images(list(records))
        changes = _Changes()
        for record in records.values():
            changes.add(record, stored_products.get(record.id), stored_images.get(record.id, {}))
        if not changes.is_empty:
            self._apply(changes)
        return UpsertCounts(
            added=len(changes.new_products),
            changed=len(changes.changed_products),
            unchanged=len(records) - len(changes.new_products) - len(changes.changed_products),
        )

    def _stored_products(self, ids: list[str]) -> dict[str, _Row]:
        columns = [products.c[name] for name in ("id", *_PRODUCT_FIELDS)]
        rows = self._connection.execute(select(*columns).where(products.c.id.in_(ids))).mappings()
        return {row["id"]: dict(row) for row in rows}

    def _stored_images(self, product_ids: list[str]) -> dict[str, dict[str, _Row]]:
        """Return, for each product, its images by their ids."""
        columns = [product_images.c[name] for name in ("id", *_IMAGE_FIELDS)]
        rows = self._connection.execute(select(*columns).where(product_images.c.product_id.in_(product_ids))).mappings()
        found: dict[str, dict[str, _Row]] = {}
        for row in rows:
            found.setdefault(row["product_id"], {})[row["id"]] = dict(row)
        return found

    def _apply(self, changes: "_Changes") -> None:
        stamp = {"revision": self._next_revision()}
        updated = {**stamp, "updated_at": self._now}
        for ids in chunks(changes.gone_images, CHUNK_ROWS):
            self._remember(ids)
            self._connection.execute(delete(product_images).where(product_images.c.id.in_(ids)))
        self._insert(products, changes.new_products, {**updated, "created_at": self._now})
        self._update(products, changes.changed_products, updated)
        self._insert(product_images, changes.new_images, stamp)
        self._update(product_images, changes.changed_images, stamp)

    def _remember(self, image_ids: Sequence[str]) -> None:
        """Keep images that are about to go, with their products, for the snapshots that show them."""
        retired_revision = self._next_revision()
        rows = [
            {
                "id": image_id,
                "product_id": hit.product.id,
                "image": asdict(hit.image),
                "product": {
                    **asdict(hit.product),
                    "price": None if hit.product.price is None else str(hit.product.price),
                },
                "retired_revision": retired_revision,
            }
            for ids in chunks(image_ids, CHUNK_ROWS)
            for image_id, hit in self.hits(ids).items()
        ]
        for ids in chunks(image_ids, CHUNK_ROWS):
            self._connection.execute(delete(former_images).where(former_images.c.id.in_(ids)))
        self._insert(former_images, rows, {})

    def _insert(self, table: Table, rows: list[_Row], extra: _Row) -> None:
        if rows:
            self._connection.execute(insert(table), [{**row, **extra} for row in rows])

    def _update(self, table: Table, rows: list[_Row], extra: _Row) -> None:
        if rows:
            fields = [name for name in (*rows[0], *extra) if name != "id"]
            statement = update(table).where(table.c.id == bindparam("row_id"))
            self._connection.execute(
                statement.values({name: bindparam(f"new_{name}") for name in fields}),
                [{"row_id": row["id"], **{f"new_{name}": {**row, **extra}[name] for name in fields}} for row in rows],
            )


@dataclass
class _Changes:
    """The rows that some products differ in from what is stored."""

    new_products: list[_Row] = field(default_factory=list)
    changed_products: list[_Row] = field(default_factory=list)
    new_images: list[_Row] = field(default_factory=list)
    changed_images: list[_Row] = field(default_factory=list)
    gone_images: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.new_products or self.changed_products)

    def add(self, record: ProductRecord, stored: _Row | None, stored_images: dict[str, _Row]) -> None:
        """Compare one product; one whose images alone differ counts as changed too."""
        wanted = _image_rows(record)
        new = [row for image_id, row in wanted.items() if image_id not in stored_images]
        changed = [row for image_id, row in wanted.items() if row != stored_images.get(image_id, row)]
        gone = stored_images.keys() - wanted.keys()
        row = _product_row(record)
        if stored is None:
            self.new_products.append(row)
        elif new or changed or gone or not _same(row, stored):
            self.changed_products.append(row)
        self.new_images += new
        self.changed_images += changed
        self.gone_images += gone


def _product_row(record: ProductRecord) -> _Row:
    return {name: getattr(record, name) for name in ("id", *_PRODUCT_FIELDS)}


def _image_rows(record: ProductRecord) -> dict[str, _Row]:
    """Return a row for each image by its id; of images with the same bytes, the first."""
    rows: dict[str, _Row] = {}
    for image in record.images:
        row = {name: getattr(image, name) for name in ("id", *_IMAGE_FIELDS) if name != "product_id"}
        rows.setdefault(image.id, {**row, "product_id": record.id})
    return rows


def _same(left: object, right: object) -> bool:
    """Whether the values are equal, with true and 1 told apart, which Python does not do."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right
