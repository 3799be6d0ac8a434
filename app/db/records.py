"""What goes into the catalogue and comes out of it: plain frozen records, free of SQLAlchemy."""

import hashlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from pydantic import JsonValue


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
    """Where the service finds the file; never shown to anybody."""
    format: str
    width_px: int
    height_px: int
    size_bytes: int
    position: int = 0
    """Place among the product's images; the first is the one shown."""


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
    attributes: dict[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRecord(ProductSummary):
    """A product with its images, in their order."""

    images: tuple[ImageRecord, ...] = ()


class ImageKey(NamedTuple):
    """What indexing needs to know of an image."""

    image_id: str
    product_id: str
    sha256: str


class ImageFacts(NamedTuple):
    """What decoding a file told of it."""

    format: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class ImageHit:
    """An image with the product that it shows."""

    image: ImageRecord
    product: ProductSummary


@dataclass(frozen=True, slots=True)
class ProductPage:
    """Some products in the order of their ids, and where the next ones begin."""

    products: tuple[ProductRecord, ...]
    next_cursor: str | None
    """None on the last page."""


@dataclass(frozen=True, slots=True)
class CatalogueCounts:
    """How much the catalogue holds."""

    products: int
    images: int
    categories: int


@dataclass(frozen=True, slots=True)
class UpsertCounts:
    """What an upsert did to the products it was given."""

    added: int
    changed: int
    unchanged: int
