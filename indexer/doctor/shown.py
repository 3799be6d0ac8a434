"""The pictures of a snapshot, row by row, with what a report tells of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.core.products import from_line
from app.core.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class ShownProduct:
    """A product as the index shows it."""

    id: str
    title: str
    category: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture of the index: the row of its embedding, its product, and the file that it was made from."""

    row: int
    product: ShownProduct
    image_id: str
    location: str
    sha256: str
    width_px: int
    height_px: int


def shown_pictures(snapshot: Snapshot) -> list[ShownPicture]:
    """Return the pictures in the order of their rows."""
    return list(_pictures(snapshot))


def _pictures(snapshot: Snapshot) -> Iterator[ShownPicture]:
    row = 0
    for line in snapshot.products.splitlines():
        record = from_line(line)
        product = ShownProduct(record.id, record.title, record.category, record.url)
        for image in record.images:
            yield ShownPicture(row, product, image.id, image.location, image.sha256, image.width_px, image.height_px)
            row += 1
