"""What the catalogue tells beside products and images: plain frozen records, free of SQLAlchemy."""

from dataclasses import dataclass
from typing import NamedTuple

from app.core.products import ImageRecord, ProductRecord, ProductSummary


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
