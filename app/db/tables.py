"""The tables, in types that mean the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
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
    Column("revision", BigInteger, nullable=False),
    Index(None, "product_id", "position"),
    Index(None, "sha256"),
)

former_images = Table(
    "former_images",
    metadata,
    Column("id", _ImageId, primary_key=True),
    Column("product_id", _Id, nullable=False),
    Column("image", _Json, nullable=False, doc="The image's row as it was."),
    Column("product", _Json, nullable=False, doc="The product's row as it was, its price as text."),
    Column("retired_revision", BigInteger, nullable=False, doc="Revision from which on the image is not shown."),
    Index(None, "product_id"),
)

catalogue_state = Table(
    "catalogue_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False, doc="Goes up by one with every transaction that changes anything."),
    CheckConstraint("id = 1", name="one_row"),
)
