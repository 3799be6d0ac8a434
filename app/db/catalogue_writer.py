"""Every statement that changes the catalogue."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, text, update

from app.core.products import ProductRecord
from app.db import live_changes
from app.db.catalogue import CHUNK_ROWS, Catalogue, chunks
from app.db.checks import check_product, check_stated_at, is_address, is_product_id, is_storable
from app.db.comparison import Changes, Row, accepted
from app.db.engines import LOCK_TIMEOUT_S
from app.db.live_changes import LiveChange, LiveOutcome
from app.db.records import FetchedPicture, UpsertCounts
from app.db.tables import catalogue_state, fetched_pictures, product_images, products


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

    # -- many at once, shown when the next snapshot is published -------------------------------------------------

    def upsert_products(self, records: Iterable[ProductRecord], *, read_at: int | None = None) -> UpsertCounts:
        """
        Add these products, or make the stored ones equal to them, images included. What is equal is not touched.

        A record that the shop stated before what is known of its product is outdated, and left out: a newer product
        stays, and a removed one stays away. One without a moment is never outdated, and the moment that is known
        stays. Where an id comes twice, the later one counts; of two images with the same bytes in one product, the
        first.

        Args:
            records: The products.
            read_at: The revision at which the reading of their source began. Records of products that a live change
                touched since are outdated too, unless they were stated later than that change.

        Raises:
            InvalidParameter: A product could not be stored (see `check_product`).
        """
        added = changed = unchanged = outdated = 0
        for chunk in chunks(records, CHUNK_ROWS):
            counts = self._upsert_chunk(chunk, read_at)
            added += counts.added
            changed += counts.changed
            unchanged += counts.unchanged
            outdated += counts.outdated
        return UpsertCounts(added=added, changed=changed, unchanged=unchanged, outdated=outdated)

    def delete_products(self, product_ids: Iterable[str], *, read_at: int | None = None) -> int:
        """
        Delete these products with their images; return how many there were.

        Those that a live change touched after the revision `read_at` stay.
        """
        deleted = 0
        for chunk in chunks(filter(is_product_id, product_ids), CHUNK_ROWS):
            statement = delete(products).where(products.c.id.in_(chunk))
            if read_at is not None:
                statement = statement.where(products.c.id.not_in(live_changes.ids_after(read_at)))
            deleted += self._connection.execute(statement).rowcount
        if deleted:
            self._next_revision()
        return deleted

    def remember_fetched(self, pictures: Mapping[str, FetchedPicture]) -> None:
        """Keep what these addresses answered with; leave out what cannot be kept as text."""
        rows = [
            {
                "address": address,
                "etag": picture.etag if is_storable(picture.etag or "") else None,
                "last_modified": picture.last_modified if is_storable(picture.last_modified or "") else None,
                "sha256": picture.sha256,
                "size_bytes": picture.size_bytes,
            }
            for address, picture in pictures.items()
            if is_address(address)
        ]
        for chunk in chunks(rows, CHUNK_ROWS):
            addresses = [row["address"] for row in chunk]
            self._connection.execute(delete(fetched_pictures).where(fetched_pictures.c.address.in_(addresses)))
            self._insert(fetched_pictures, chunk, {"fetched_at": self._now})

    def forget_fetched(self, addresses: Iterable[str]) -> None:
        """Forget what these addresses answered with: they are asked for whatever they have when they come again."""
        for chunk in chunks(addresses, CHUNK_ROWS):
            self._connection.execute(delete(fetched_pictures).where(fetched_pictures.c.address.in_(chunk)))

    # -- one at a time, shown at once: laid over the snapshots (see `app.db.live_changes`) -------------------------

    def put_live(self, record: ProductRecord) -> LiveOutcome:
        """
        Add or change one product, as `upsert_products` does, to be shown before the next snapshot has it.

        Raises:
            InvalidParameter: The product could not be stored (see `check_product`).
        """
        counts = self.upsert_products([record])
        if counts.outdated:
            return "outdated"
        if counts.unchanged and self._is_shown(record.id):
            return "unchanged"
        self._write_live(record.id)
        return "added" if counts.added else "changed" if counts.changed else "unchanged"

    def remove_live(
        self, product_id: str, stated_at: datetime | None = None, *, newest_watermark: int | None = None
    ) -> LiveOutcome:
        """
        Remove one product, to be gone before the next snapshot is without it.

        That is written down even if the product is not there: a snapshot may still show it, and what the shop stated
        earlier may arrive later. Of a product and a removal of the same moment, the removal counts.

        Args:
            product_id: Whose.
            stated_at: When the shop removed it.
            newest_watermark: The highest of the snapshots on the disk, where it is known: a removal that already lies
                over all of them is then not written down again.

        Raises:
            InvalidParameter: The moment is one that `check_stated_at` refuses.
        """
        check_stated_at(stated_at)
        if not is_product_id(product_id):
            return "not_found"
        stored = self._stored([product_id])[product_id]
        known = stored.stated_at
        if stated_at is not None and known is not None and stated_at < known:
            return "outdated"
        if stored.product is None and stored.live is not None and stored.live.is_removal:
            lies_over_all = newest_watermark is not None and stored.live.revision > newest_watermark
            if lies_over_all and stated_at in (None, known):
                return "not_found"
        self._connection.execute(delete(products).where(products.c.id == product_id))
        self._write_live(product_id, stated_at or known)
        return "not_found" if stored.product is None else "removed"

    def forget_live(self, watermark: int) -> None:
        """
        Forget the live changes that every snapshot that is kept has folded in: their watermarks are at least this.

        Removals that the shop stated in the last 90 days stay, so that what it stated before does not undo them.
        """
        live_changes.forget(self._connection, watermark, self._now)
        self._connection.execute(update(catalogue_state).values(folded_revision=watermark))

    def raise_revision(self, watermark: int) -> None:
        """
        Let coming changes have higher revisions than a snapshot with this watermark.

        A database that was made anew counts from 0 again: live changes would seem older than snapshots from before.
        """
        lower = update(catalogue_state).where(catalogue_state.c.revision < watermark)
        self._connection.execute(lower.values(revision=watermark))

    def _is_shown(self, product_id: str) -> bool:
        """Whether the product, as it is now, is in every snapshot or laid over those that have it otherwise."""
        folded_revision = select(catalogue_state.c.folded_revision).scalar_subquery()
        product = select(products.c.revision, folded_revision).where(products.c.id == product_id)
        changed_at, folded = self._connection.execute(product).one()
        mark = live_changes.marks(self._connection, [product_id]).get(product_id)
        return changed_at <= folded or (mark is not None and mark.revision >= changed_at)

    def _write_live(self, product_id: str, removed_at: datetime | None = None) -> None:
        """Write the product down as it is now, or that it is gone, in the place of its last live change."""
        record = self.get_product(product_id)
        stated_at = removed_at if record is None else record.stated_at
        live_changes.write(self._connection, LiveChange(product_id, self._next_revision(), record), stated_at)

    # -- statements ----------------------------------------------------------------------------------------------

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

    def _upsert_chunk(self, records: Sequence[ProductRecord], read_at: int | None) -> UpsertCounts:
        for record in records:
            check_product(record)
        stored = self._stored({record.id for record in records})
        newest, outdated = accepted(records, stored, read_at)
        changes = Changes()
        for record in newest.values():
            changes.add(record, stored[record.id])
        if not changes.is_empty:
            self._apply(changes)
        return changes.counts(outdated)

    def _apply(self, changes: Changes) -> None:
        stamp = {"revision": self._next_revision()}
        updated = {**stamp, "updated_at": self._now}
        for ids in chunks(changes.gone_images, CHUNK_ROWS):
            self._connection.execute(delete(product_images).where(product_images.c.id.in_(ids)))
        self._insert(products, changes.new_products, {**updated, "created_at": self._now})
        self._update(products, changes.changed_products, updated)
        self._insert(product_images, changes.new_images, stamp)
        self._update(product_images, changes.changed_images, stamp)

    def _insert(self, table: Table, rows: list[Row], extra: Row) -> None:
        if rows:
            self._connection.execute(insert(table), [{**row, **extra} for row in rows])

    def _update(self, table: Table, rows: list[Row], extra: Row) -> None:
        if rows:
            fields = [name for name in (*rows[0], *extra) if name != "id"]
            statement = update(table).where(table.c.id == bindparam("row_id"))
            self._connection.execute(
                statement.values({name: bindparam(f"new_{name}") for name in fields}),
                [{"row_id": row["id"], **{f"new_{name}": {**row, **extra}[name] for name in fields}} for row in rows],
            )
