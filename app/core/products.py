"""Products and their images: plain frozen records, and the one JSON form in which they are stored and published."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from pydantic import JsonValue
from pydantic_core import from_json, to_json


def image_id(product_id: str, image_sha256: str) -> str:
    """
    Return the id of a product's image: 16 hex digits.

    It depends on nothing but its arguments, so that it stays the same when a database is rebuilt.
    """
    return hashlib.sha256(f"{product_id}\0{image_sha256}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """One image of a product."""

    id: str
    """16 hex digits, as `image_id` gives them."""
    sha256: str
    """Of the file's bytes; 64 hex digits."""
    location: str
    """Path of the file on the server; never shown to anybody."""
    format: str
    width_px: int
    height_px: int
    size_bytes: int
    position: int = 0
    """Place among the product's images; the first is the one shown."""
    address: str | None = None
    """The https address that it was fetched from; None for a file of the shop's, or one that was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductSummary:
    """A product without its images."""

    id: str
    title: str
    category: str | None = None
    brand: str | None = None
    price: Decimal | None = None
    currency: str | None = None
    url: str | None = None
    availability: str | None = None
    """One of `AVAILABILITIES`."""
    attributes: dict[str, JsonValue] = field(default_factory=dict)
    stated_at: datetime | None = None
    """When the shop last changed it, as the shop says (`updated_at` in feeds and over HTTP); with a time zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRecord(ProductSummary):
    """A product with its images, in their order."""

    images: tuple[ImageRecord, ...] = ()


AVAILABILITIES = ("in_stock", "out_of_stock", "preorder", "backorder")


def to_line(record: ProductRecord) -> bytes:
    """Return the product as one line of JSON, without a newline at its end; `from_line` makes it an equal record."""
    return to_json(to_object(record))


def from_line(line: bytes) -> ProductRecord:
    """Return the product of a line that `to_line` wrote."""
    return from_object(from_json(line))


def to_object(record: ProductRecord) -> dict[str, JsonValue]:
    """
    Return the product as a JSON object with the names of the record's fields; those that are None are left out.

    The price is text, so that no reader rounds it; the moment is ISO 8601 in UTC.
    """
    json_object: dict[str, JsonValue] = {
        "id": record.id,
        "title": record.title,
        "category": record.category,
        "brand": record.brand,
        "price": None if record.price is None else str(record.price),
        "currency": record.currency,
        "url": record.url,
        "availability": record.availability,
        "attributes": record.attributes,
        "stated_at": None if record.stated_at is None else record.stated_at.astimezone(UTC).isoformat(),
        "images": [_image_object(image) for image in record.images],
    }
    return {name: value for name, value in json_object.items() if value is not None}


def from_object(json_object: dict[str, JsonValue]) -> ProductRecord:
    """Return the product of an object that `to_object` made."""
    fields: dict[str, object] = dict(json_object)
    price, stated_at, images = json_object.get("price"), json_object.get("stated_at"), json_object["images"]
    if isinstance(price, str):
        fields["price"] = Decimal(price)
    if isinstance(stated_at, str):
        fields["stated_at"] = datetime.fromisoformat(stated_at)
    fields["images"] = tuple([ImageRecord(**image) for image in images])  # type: ignore[arg-type,union-attr]
    return ProductRecord(**fields)  # type: ignore[arg-type]


def _image_object(image: ImageRecord) -> JsonValue:
    json_object: dict[str, JsonValue] = {
        "id": image.id,
        "sha256": image.sha256,
        "location": image.location,
        "format": image.format,
        "width_px": image.width_px,
        "height_px": image.height_px,
        "size_bytes": image.size_bytes,
        "position": image.position,
    }
    if image.address is not None:
        json_object["address"] = image.address
    return json_object
