"""
Queries about live changes: products that were put or removed one by one, in use before the next snapshot has them.

A snapshot with watermark W shows the catalogue of revision W, however that came about. The live change of a product
has the revision of its transaction, and is laid over every snapshot with W below it. So it is not over one that was
made later: there, a bulk import may have changed the product again.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, Select, and_, delete, func, insert, not_, select, update

from app.core.products import ProductRecord, from_object, to_object
from app.db.tables import live_changes

LiveOutcome = Literal["added", "changed", "unchanged", "outdated", "removed", "not_found"]
"""What a live change did. “outdated”: nothing, because the shop stated something newer before."""

TOMBSTONE_AGE = timedelta(days=90)
"""For so long an old statement does not bring a removed product back."""


@dataclass(frozen=True, slots=True)
class LiveChange:
    """A product as its last live change left it."""

    product_id: str
    revision: int
    record: ProductRecord | None
    """None: it was removed."""


@dataclass(frozen=True, slots=True)
class LiveMark:
    """When a product's last live change was made and stated."""

    revision: int
    stated_at: datetime | None
    is_removal: bool


def newest_revision(connection: Connection) -> int:
    """Return the revision of the newest live change; 0 if there is none."""
    return connection.execute(select(func.max(live_changes.c.revision))).scalar_one() or 0


def read_after(connection: Connection, revision: int) -> list[LiveChange]:
    """Return the live changes with a higher revision, oldest first."""
    columns = (live_changes.c.product_id, live_changes.c.revision, live_changes.c.record)
    statement = select(*columns).where(live_changes.c.revision > revision)
    rows = connection.execute(statement.order_by(live_changes.c.revision, live_changes.c.product_id))
    return [LiveChange(row[0], row[1], None if row[2] is None else from_object(row[2])) for row in rows]


def ids_after(revision: int) -> Select[tuple[str]]:
    """Return a query of the ids of the products with a live change of a higher revision."""
    return select(live_changes.c.product_id).where(live_changes.c.revision > revision)


def marks(connection: Connection, product_ids: Collection[str]) -> dict[str, LiveMark]:
    """Return the marks of those of these products that have a live change."""
    is_removal = live_changes.c.record.is_(None)
    columns = (live_changes.c.product_id, live_changes.c.revision, live_changes.c.stated_at, is_removal)
    rows = connection.execute(select(*columns).where(live_changes.c.product_id.in_(product_ids)))
    return {row[0]: LiveMark(*row[1:]) for row in rows}


def write(connection: Connection, change: LiveChange, stated_at: datetime | None) -> None:
    """Write the change down, in the place of an earlier one of the same product."""
    values = {
        "revision": change.revision,
        "record": None if change.record is None else to_object(change.record),
        "stated_at": stated_at,
    }
    of_product = update(live_changes).where(live_changes.c.product_id == change.product_id)
    if not connection.execute(of_product.values(values)).rowcount:
        connection.execute(insert(live_changes).values(product_id=change.product_id, **values))


def forget(connection: Connection, watermark: int, now: datetime) -> None:
    """Forget the changes up to this revision, but not removals that were stated in the last 90 days."""
    is_tombstone = and_(live_changes.c.record.is_(None), live_changes.c.stated_at > now - TOMBSTONE_AGE)
    # A comparison with a moment that is null is neither true nor false, and so would be its negation.
    is_kept = func.coalesce(is_tombstone, False)
    connection.execute(delete(live_changes).where(live_changes.c.revision <= watermark, not_(is_kept)))
