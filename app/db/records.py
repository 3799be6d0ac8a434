"""What the catalogue tells beside products and images: plain frozen records, free of SQLAlchemy."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from app.core.products import ProductRecord


class ImageFacts(NamedTuple):
    """What decoding a file told of it."""

    format: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class ProductPage:
    """Some products in the order of their ids, and where the next ones begin."""

    products: tuple[ProductRecord, ...]
    next_cursor: str | None
    """None on the last page."""


@dataclass(frozen=True, slots=True)
class FetchedPicture:
    """What an address answered with when its picture was last fetched, so that it can be asked whether it changed."""

    etag: str | None
    last_modified: str | None
    """The text of the header."""
    sha256: str
    size_bytes: int


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
    outdated: int = 0
    """Not stored: the shop stated something newer before."""


Comparison = Literal["added", "changed", "unchanged", "outdated"]
"""What an upsert would do to a product."""
