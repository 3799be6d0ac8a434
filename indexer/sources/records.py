"""What a source states: products with their pictures, and rows that cannot be used."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path

from app.core.products import ImageRecord, ProductRecord, ProductSummary


@dataclass(frozen=True, slots=True)
class SourceImage:
    """One picture as it is stated: a file of the shop's, or an http(s) address that nobody has checked yet."""

    path: Path | None = None
    address: str | None = None

    @property
    def place(self) -> str:
        """Where the picture is, as the catalogue remembers it: an address, or the absolute path of a file."""
        return self.address or os.path.abspath(self.path or "")  # noqa: PTH100  # Path.absolute() would keep ".."


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceProduct(ProductSummary):
    """
    One product as its source states it; `images` are in the order in which they are shown, none of them twice.

    One from a feed is what `app.db.checks.check_product` accepts, and has an image.
    """

    images: tuple[SourceImage, ...] = ()

    @classmethod
    def of(cls, record: ProductRecord) -> "SourceProduct":
        """Return what a product of the catalogue would be stated as."""
        stated = {name.name: getattr(record, name.name) for name in fields(ProductSummary)}
        return cls(**stated, images=tuple(_image(image) for image in record.images))

    def record(self, images: Iterable[ImageRecord] = ()) -> ProductRecord:
        """Return the product as the catalogue holds it, with what its pictures turned out to be."""
        stated = {name.name: getattr(self, name.name) for name in fields(ProductSummary)}
        return ProductRecord(**stated, images=tuple(images))


def _image(image: ImageRecord) -> SourceImage:
    return SourceImage(address=image.address) if image.address else SourceImage(path=Path(image.location))


class Refusal(StrEnum):
    """Why a row, or one picture of it, is not used."""

    MISSING_ID = "missing-id"
    MISSING_IMAGE = "missing-image"
    INVALID_PRICE = "invalid-price"
    INVALID_CURRENCY = "invalid-currency"
    INVALID_AVAILABILITY = "invalid-availability"
    INVALID_UPDATED_AT = "invalid-updated-at"
    INVALID_VALUE = "invalid-value"
    AMBIGUOUS_COLUMNS = "ambiguous-columns"
    URL_NOT_ALLOWED = "url-not-allowed"
    PATH_NOT_ALLOWED = "path-not-allowed"
    TOO_MANY_IMAGES = "too-many-images"
    WRONG_COLUMNS = "wrong-columns"
    MALFORMED_ROW = "malformed-row"
    NOT_TEXT = "not-text"
    TOO_LONG = "too-long"


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """
    A row, or one picture of it, that is not used.

    After a picture was refused, its product still comes with the pictures that are left; it is refused as well when
    none is. Where `product_id` is known, the source does state this product.
    """

    row: int
    """Counted from 1: as a spreadsheet counts (the header is row 1), or the line, or the item."""
    product_id: str | None
    reason: str
    """The slug of a `Refusal`."""
    message: str


class Refused(Exception):
    """Something in a row cannot be used. Never leaves this package: where row and product are known, a `RefusedRow`."""

    def __init__(self, reason: Refusal, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a feed, before anything is made of its values."""

    number: int
    values: Mapping[str, object]
    """By column. As far as they could be read, when the row is refused."""
    refused: Refused | None = None


_SHOWN_CHARS = 60


def shown(value: object) -> str:
    """Return a value of a feed as it is shown in a message: short, on one line, in quotation marks."""
    beginning = str(value)[: _SHOWN_CHARS + 1]
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in beginning)
    return f"“{text}”" if len(text) <= _SHOWN_CHARS else f"“{text[:_SHOWN_CHARS]}…”"
