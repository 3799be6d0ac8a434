"""Records to fill a catalogue with."""

import hashlib

from app.core.products import ImageRecord, ProductRecord, image_id


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
