"""Records to fill a catalogue with, and what is asked of it again and again."""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Connection

from app.core.products import ImageRecord, ProductRecord, image_id
from app.db.catalogue import Catalogue
from app.db.database import Database
from app.db.records import UpsertCounts


def make_image(product_id: str, content: str = "front", position: int = 0, **fields: object) -> ImageRecord:
    """Return the record of an image whose bytes are `content`."""
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    values: dict[str, object] = {
        "id": image_id(product_id, sha256),
        "sha256": sha256,
        "location": f"/photos/{content}.jpg",
        "format": "JPEG",
        "width_px": 640,
        "height_px": 480,
        "size_bytes": 12_345,
        "position": position,
    }
    return ImageRecord(**{**values, **fields})  # type: ignore[arg-type]


def make_product(product_id: str, *contents: str, **fields: object) -> ProductRecord:
    """Return the record of a product with an image for each of `contents`, in that order."""
    images = tuple(make_image(product_id, content, position) for position, content in enumerate(contents))
    return ProductRecord(**{"id": product_id, "title": f"Product {product_id}", "images": images, **fields})  # type: ignore[arg-type]


SHIRT = make_product(
    "shirt-1",
    images=(make_image("shirt-1", "front", address="https://shop.example/front.jpg"), make_image("shirt-1", "back", 1)),
    title="A shirt",
    category="shirts",
    brand="Loom",
    price=Decimal("19.90"),
    currency="EUR",
    url="https://shop.example/shirt-1",
    availability="in_stock",
    attributes={"sizes": ["S", "M"], "weight_g": 180, "organic": True, "care": {"wash_c": 30.5, "iron": None}},
    stated_at=datetime(2026, 11, 1, 8, 30, 0, 250_000, tzinfo=UTC),
)
"""A product with every field."""


def upsert(database: Database, *records: ProductRecord) -> UpsertCounts:
    """Upsert in a transaction of its own."""
    with database.writing() as catalogue:
        return catalogue.upsert_products(records)


def delete(database: Database, *product_ids: str) -> int:
    """Delete in a transaction of its own."""
    with database.writing() as catalogue:
        return catalogue.delete_products(product_ids)


def revision(database: Database) -> int:
    """Return the catalogue's revision."""
    with database.reading() as catalogue:
        return catalogue.revision()


def stored(database: Database, product_id: str) -> ProductRecord | None:
    """Return what the catalogue holds."""
    with database.reading() as catalogue:
        return catalogue.get_product(product_id)


def connection_of(catalogue: Catalogue) -> Connection:
    """Return the connection behind a catalogue, to make trouble on it."""
    return catalogue._connection
