"""Every query that reads the catalogue, except those about live changes alone (`app.db.live_changes`)."""

import base64
import binascii
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select

from app.core.errors import InvalidParameter
from app.core.products import ImageRecord, ProductRecord, ProductSummary
from app.db import live_changes
from app.db.checks import is_image_id, is_product_id, is_storable
from app.db.comparison import IMAGE_FIELDS, PRODUCT_FIELDS, Row, Stored
from app.db.live_changes import LiveChange
from app.db.records import CatalogueCounts, Comparison, FetchedPicture, ImageFacts, ProductPage
from app.db.tables import catalogue_state, fetched_pictures, product_images, products

_T = TypeVar("_T")

CHUNK_ROWS = 1_000
"""Ids in one statement; SQLite takes 32,766 parameters, PostgreSQL 65,535."""

SPREAD_IMAGES = 10_000
"""Images that a first look is chosen from, however many there are: it is shown to every visitor."""

_SUMMARY = tuple(products.c[name] for name in ("id", *PRODUCT_FIELDS))
_IMAGE = tuple(product_images.c[name] for name in ("id", *IMAGE_FIELDS))
_SUMMARY_NAMES = tuple(column.name for column in _SUMMARY)
_IMAGE_NAMES = tuple(column.name for column in _IMAGE)


class Catalogue:
    """
    The catalogue as one transaction sees it; given by `Database.reading` and valid until that block ends.

    Ids that nothing could have are simply not found.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def revision(self) -> int:
        """Return the number of the last change: 0 for a new catalogue. It is a snapshot's watermark."""
        revision: int = self._connection.execute(select(catalogue_state.c.revision)).scalar_one()
        return revision

    def live_revision(self) -> int:
        """Return the revision of the newest live change, 0 if there is none; cheap enough to ask all the time."""
        return live_changes.newest_revision(self._connection)

    def live_changes(self, after: int) -> list[LiveChange]:
        """Return the live changes since a revision, such as a snapshot's watermark, oldest first."""
        return live_changes.read_after(self._connection, after)

    def counts(self) -> CatalogueCounts:
        """Return how many products, images and different categories there are."""
        row = self._connection.execute(
            select(
                select(func.count()).select_from(products).scalar_subquery(),
                select(func.count()).select_from(product_images).scalar_subquery(),
                select(func.count(products.c.category.distinct())).scalar_subquery(),
            )
        ).one()
        return CatalogueCounts(products=row[0], images=row[1], categories=row[2])

    def iter_product_ids(self) -> Iterator[str]:
        """Yield every product's id in order. Memory is bounded, and products may be deleted meanwhile."""
        last = ""
        while True:
            statement = select(products.c.id).where(products.c.id > last).order_by(products.c.id)
            ids = self._connection.execute(statement.limit(5 * CHUNK_ROWS)).scalars().all()
            if not ids:
                return
            yield from ids
            last = ids[-1]

    def iter_products(self) -> Iterator[ProductRecord]:
        """Yield every product with its images, in the order of the ids. Memory is bounded."""
        last: str | None = None
        while page := self._next_products(last, CHUNK_ROWS):
            yield from page
            last = page[-1].id

    def compare(self, stated: Iterable[tuple[ProductSummary, Sequence[str]]]) -> dict[str, Comparison]:
        """
        Tell what an import of these products would do, without having looked at their pictures.

        Args:
            stated: Products that `check_product` accepts, each with the places of its pictures in their order: the
                address of one that is to be fetched, the path of a file otherwise. A picture whose place stays the
                same counts as the same; one that a product has twice, which is stored once, as changed.
        """
        found: dict[str, Comparison] = {}
        for chunk in chunks(stated, CHUNK_ROWS):
            stored = self._stored([product.id for product, _ in chunk])
            for product, places in chunk:
                found[product.id] = stored[product.id].compare(product, places)
        return found

    def image_facts(self, image_sha256s: Collection[str]) -> dict[str, ImageFacts]:
        """Return what is known of files with these contents, so that they need not be decoded again."""
        statement = select(
            product_images.c.sha256, product_images.c.format, product_images.c.width_px, product_images.c.height_px
        )
        found: dict[str, ImageFacts] = {}
        for chunk in chunks(image_sha256s, CHUNK_ROWS):
            for sha256, *facts in self._connection.execute(statement.where(product_images.c.sha256.in_(chunk))):
                found[sha256] = ImageFacts(*facts)
        return found

    def image_sha256s(self) -> set[str]:
        """Return the SHA-256 of every picture that the catalogue or a live change refers to."""
        return set(self._connection.execute(select(product_images.c.sha256)).scalars()) | {
            image.sha256
            for change in self.live_changes(after=0)
            if change.record is not None
            for image in change.record.images
        }

    def validators(self, addresses: Collection[str]) -> dict[str, FetchedPicture]:
        """Return what is known of those of these addresses that a picture was fetched from."""
        columns = [fetched_pictures.c[field.name] for field in fields(FetchedPicture)]
        statement = select(fetched_pictures.c.address, *columns)
        found: dict[str, FetchedPicture] = {}
        for chunk in chunks(filter(is_storable, addresses), CHUNK_ROWS):
            for address, *values in self._connection.execute(statement.where(fetched_pictures.c.address.in_(chunk))):
                found[address] = FetchedPicture(*values)
        return found

    def unused_addresses(self, before: datetime) -> list[str]:
        """Return the addresses that were last fetched from before this moment and that no picture has any more."""
        fetched = select(fetched_pictures.c.address).where(fetched_pictures.c.fetched_at < before)
        used = select(product_images.c.address).where(product_images.c.address.is_not(None))
        return list(self._connection.execute(fetched.except_(used)).scalars())

    def get_product(self, product_id: str) -> ProductRecord | None:
        """Return the product with its images in their order, or None."""
        if not is_product_id(product_id):
            return None
        row = self._connection.execute(select(*_SUMMARY).where(products.c.id == product_id)).first()
        return None if row is None else _record(row, self.images_of([product_id]))

    def get_image(self, image_id: str) -> ImageRecord | None:
        """Return the image, or None."""
        if not is_image_id(image_id):
            return None
        row = self._connection.execute(select(*_IMAGE).where(product_images.c.id == image_id)).first()
        return None if row is None else _image(row)

    def list_products(self, *, after: str | None = None, limit: int = 50, category: str | None = None) -> ProductPage:
        """
        Return the next `limit` products in the order of their ids.

        Products that are added or removed between two pages move no other one to another page.

        Args:
            after: `next_cursor` of the page before; None for the first page.
            limit: At least 1 and at most 1,000.
            category: Only products of exactly this category.

        Raises:
            InvalidParameter: The cursor is not one that a page gave, or the limit is out of range.
        """
        if not 1 <= limit <= CHUNK_ROWS:
            raise InvalidParameter(f"limit is {limit}; it is at least 1 and at most {CHUNK_ROWS}.")
        if category is not None and not is_storable(category):
            return ProductPage((), None)
        last = None if after is None else _decode_cursor(after)
        found = self._next_products(last, limit + 1, category)
        page = tuple(found[:limit])
        return ProductPage(page, _encode_cursor(page[-1].id) if len(found) > limit else None)

    def spread_products(self, limit: int) -> ProductPage:
        """
        Return `limit` products for a first look: one of each category, then another of each; a single page.

        Within a category they come by the ids of their images: as mixed as hashes are, and the same every time. Of a
        large catalogue, only the products of its first images by id are looked at: categories that are rarer than one
        product in thousands may be missing.
        """
        images = select(product_images.c.product_id, product_images.c.id).order_by(product_images.c.id)
        first = images.limit(SPREAD_IMAGES).subquery()
        mixed = select(first.c.product_id, func.min(first.c.id).label("hash"))
        mixed_ids = mixed.group_by(first.c.product_id).subquery()
        place = func.row_number().over(partition_by=products.c.category, order_by=mixed_ids.c.hash).label("place")
        statement = select(*_SUMMARY, place).join(mixed_ids, mixed_ids.c.product_id == products.c.id)
        statement = statement.order_by(place, products.c.category, products.c.id).limit(limit)
        rows = self._connection.execute(statement).all()
        shown = self.images_of([row.id for row in rows])
        return ProductPage(tuple(_record(row, shown) for row in rows), next_cursor=None)

    def _next_products(self, after: str | None, limit: int, category: str | None = None) -> list[ProductRecord]:
        """Return the next products by id, with their images; at most `CHUNK_ROWS` + 1."""
        statement = select(*_SUMMARY).order_by(products.c.id).limit(limit)
        if after is not None:
            statement = statement.where(products.c.id > after)
        if category is not None:
            statement = statement.where(products.c.category == category)
        rows = self._connection.execute(statement).all()
        images = self.images_of([row.id for row in rows])
        return [_record(row, images) for row in rows]

    def _stored(self, product_ids: Collection[str]) -> dict[str, Stored]:
        """Return what is known of each of these products, there or not; at most `CHUNK_ROWS` ids."""
        rows = self._connection.execute(select(*_SUMMARY).where(products.c.id.in_(product_ids)))
        own = {row.id: dict(zip(_SUMMARY_NAMES, row, strict=True)) for row in rows}
        statement = select(product_images.c.product_id, *_IMAGE).where(product_images.c.product_id.in_(product_ids))
        images: dict[str, dict[str, Row]] = {}
        for product_id, *values in self._connection.execute(statement):
            image = dict(zip(_IMAGE_NAMES, values, strict=True))
            images.setdefault(product_id, {})[image["id"]] = image
        live = live_changes.marks(self._connection, product_ids)
        return {name: Stored(own.get(name), images.get(name, {}), live.get(name)) for name in product_ids}

    def images_of(self, product_ids: Collection[str]) -> dict[str, list[ImageRecord]]:
        """Return the images of each of these products, in their order; at most `CHUNK_ROWS` ids."""
        statement = (
            select(product_images.c.product_id, *_IMAGE)
            .where(product_images.c.product_id.in_(product_ids))
            .order_by(product_images.c.product_id, product_images.c.position, product_images.c.id)
        )
        found: dict[str, list[ImageRecord]] = {}
        for product_id, *values in self._connection.execute(statement):
            found.setdefault(product_id, []).append(_image(values))
        return found


def chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Yield the items in lists of `size`, the last one shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _record(row: Sequence[Any], images: dict[str, list[ImageRecord]]) -> ProductRecord:
    """Return the product of a row that begins with the columns of `_SUMMARY`."""
    values = dict(zip(_SUMMARY_NAMES, row, strict=False))
    return ProductRecord(**values, images=tuple(images.get(values["id"], ())))


def _image(row: Sequence[Any]) -> ImageRecord:
    """Return the image of a row that has the columns of `_IMAGE`."""
    return ImageRecord(**dict(zip(_IMAGE_NAMES, row, strict=True)))


def _encode_cursor(product_id: str) -> str:
    return base64.urlsafe_b64encode(product_id.encode()).decode().rstrip("=")


def _decode_cursor(cursor: str) -> str:
    try:
        product_id = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        product_id = ""
    if not is_product_id(product_id):
        raise InvalidParameter("The cursor is not one that a page of products gave.")
    return product_id
