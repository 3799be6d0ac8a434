"""The tables, in types that mean the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

# Named from the first migration on: Alembic's batch mode cannot drop a constraint without a name.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_PRICE_SCALE = Decimal(10_000)
_CENT = Decimal("0.01")


class Price(TypeDecorator[Decimal]):
    """An exact amount with up to four decimals; SQLite, which has no decimals, counts ten-thousandths."""

    impl = Numeric(14, 4)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column's type."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(Numeric(14, 4))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | int | None:
        """Return what the column holds."""
        if value is None or dialect.name != "sqlite":
            return value
        return int(value * _PRICE_SCALE)

    def process_result_value(self, value: Decimal | int | None, dialect: Dialect) -> Decimal | None:
        """Return the amount with two decimals, or with more where it has more."""
        if value is None:
            return None
        exact = Decimal(value) / _PRICE_SCALE if dialect.name == "sqlite" else Decimal(value)
        in_cents = exact.quantize(_CENT)
        return in_cents if in_cents == exact else exact.normalize()


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, always with its time zone; SQLite, which has none, keeps it as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return what the column holds."""
        if value is None:
            return None
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


# Ids are compared byte by byte, as SQLite and Python do: pages and streams rely on that order.
_Id = Text().with_variant(Text(collation="C"), "postgresql")
_ImageId = String(16).with_variant(String(16, collation="C"), "postgresql")
_Json = JSON().with_variant(JSONB(), "postgresql")
_OptionalJson = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

products = Table(
    "products",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("title", Text, nullable=False),
    Column("category", Text),
    Column("brand", Text),
    Column("price", Price),
    Column("currency", String(3)),
    Column("url", Text),
    Column("attributes", _Json, nullable=False),
    Column("availability", Text),
    Column("stated_at", UtcDateTime, doc="When the shop last changed it, as the shop says."),
    Column("revision", BigInteger, nullable=False, doc="Revision in which the product or its images last changed."),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index(None, "category", "id"),
)

product_images = Table(
    "product_images",
    metadata,
    Column("id", _ImageId, primary_key=True),
    Column("product_id", _Id, ForeignKey("products.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("location", Text, nullable=False, doc="File path on the server; never leaves it."),
    Column("format", Text, nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("address", Text, doc="Where it was fetched from; null for a file of the shop's, or one that was sent."),
    Column("revision", BigInteger, nullable=False),
    Index(None, "product_id", "position"),
    Index(None, "sha256"),
)

catalogue_state = Table(
    "catalogue_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False, doc="Goes up by one with every transaction that changes anything."),
    Column(
        "folded_revision",
        BigInteger,
        nullable=False,
        server_default="0",
        doc="Every snapshot that is kept shows the catalogue of this revision or of a later one.",
    ),
    CheckConstraint("id = 1", name="one_row"),
)

live_changes = Table(
    "live_changes",
    metadata,
    Column("product_id", _Id, primary_key=True),
    Column("revision", BigInteger, nullable=False, doc="Laid over every snapshot whose watermark is lower."),
    Column("record", _OptionalJson, doc="The product as it became; null: it was removed."),
    Column("stated_at", UtcDateTime, doc="Statements of the shop's from before it are outdated."),
    Index(None, "revision"),
)

fetched_pictures = Table(
    "fetched_pictures",
    metadata,
    Column("address", _Id, primary_key=True),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("fetched_at", UtcDateTime, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("params", _Json, nullable=False),
    Column("state", Text, nullable=False),
    Column("phase", Text),
    Column("total", BigInteger),
    Column("done", BigInteger, nullable=False),
    Column("refused", _Json, nullable=False, doc="How many of what was to be done were refused, by reason."),
    Column("rate", Double, doc="Done a second."),
    Column("attempt", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("lease_owner", Text),
    Column("lease_until", UtcDateTime),
    Column("heartbeat_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("error", _OptionalJson, doc="Slug and message of what it failed of."),
    Column("result", _OptionalJson),
    CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="state"),
)

import_reports = Table(
    "import_reports",
    metadata,
    Column("run", Text, primary_key=True, doc="What looked at the pictures last: import or reindex."),
    Column("finished_at", UtcDateTime, nullable=False),
    Column("refused", _Json, nullable=False, doc="How many rows and pictures were refused, by reason."),
    CheckConstraint("run IN ('import', 'reindex')", name="run"),
)

refused_pictures = Table(
    "refused_pictures",
    metadata,
    Column("run", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("place", Text, nullable=False, doc="File path on the server, address, or row of the source."),
    Column("product_id", Text, doc="As the source states it; null where it states none."),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("kept", Boolean, nullable=False, doc="Whether the picture stays that the catalogue has from this place."),
)

_active = text("state IN ('queued', 'running')")
Index("uq_jobs_active_kind", jobs.c.kind, unique=True, sqlite_where=_active, postgresql_where=_active)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("origins", _Json, nullable=False),
    Column("digest", String(64), nullable=False, doc="SHA-256 of the key's text, in hex."),
    Column("per_minute", Integer, nullable=False, doc="0: no limit."),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("last_used_on", Date, doc="In UTC."),
    CheckConstraint("scope IN ('search', 'catalogue', 'admin')", name="scope"),
)

event_queries = Table(
    "event_queries",
    metadata,
    Column("id", _Id, primary_key=True, doc="Drawn at random: no request and no answer ever named it."),
    Column("day", Date, nullable=False, doc="In UTC; the moment is nobody's business."),
    Column(
        "is_steered",
        Boolean,
        nullable=False,
        doc="Whether something besides likeness decided what was shown, such as a filter.",
    ),
    Column("product_id", _Id, doc="What was searched with; null: a photo."),
    Column("fingerprint", String(64), doc="Of the network that embedded the photo."),
    Column("embedding", LargeBinary, doc="Of the photo: float16, the lower byte first."),
    CheckConstraint(
        "(product_id IS NULL) = (embedding IS NOT NULL) AND (fingerprint IS NULL) = (embedding IS NULL)",
        name="asked_with",
    ),
    Index(None, "day", "id"),
)

events = Table(
    "events",
    metadata,
    Column("query_id", _Id, ForeignKey("event_queries.id", ondelete="CASCADE"), primary_key=True),
    Column("type", Text, primary_key=True),
    Column("product_id", _Id, primary_key=True, doc="What was chosen; it may be gone from the catalogue since."),
    Column("place", Integer, nullable=False, doc="Where the answer showed it, from 1."),
    CheckConstraint("type IN ('select', 'add_to_cart')", name="type"),
)

rules = Table(
    "rules",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("action", Text, nullable=False),
    Column("products", _Json, nullable=False, doc="A filter, or the ids of products."),
    Column("category", Text, doc="Of what is searched with; null: any."),
    Column("position", Integer, doc="Where the first pinned product stands, from 1."),
    Column("starts_at", UtcDateTime),
    Column("ends_at", UtcDateTime),
    Column("note", Text),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("action IN ('pin', 'bury', 'hide')", name="action"),
)
