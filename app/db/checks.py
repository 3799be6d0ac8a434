"""
What the catalogue accepts, checked before a statement is sent, so that every database refuses the same things.

PostgreSQL takes neither NUL nor lone surrogates, and indexes no key beyond 2,704 bytes; SQLite takes them all.
"""

import json
import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from pydantic import JsonValue

from app.core.errors import InvalidParameter
from app.core.products import AVAILABILITIES, ImageRecord, ProductRecord, image_id

MAX_ID_CHARS = 200
MAX_TITLE_CHARS = 1_000
MAX_NAME_CHARS = 200
MAX_URL_CHARS = 2_048
MAX_LOCATION_CHARS = 4_096
MAX_ADDRESS_BYTES = 2_048
MAX_ATTRIBUTES_BYTES = 65_536
MAX_ATTRIBUTES_DEPTH = 16
MAX_JSON_INTEGER = 2**53 - 1  # what every JSON reader keeps exactly (RFC 7493, section 2.2)
MAX_INTEGER = 2**31 - 1  # of an INTEGER column
MAX_PRICE = Decimal(10) ** 10
MAX_PRICE_DECIMALS = 4  # as many as any currency of ISO 4217 has
MAX_CLOCK_ERROR = timedelta(days=1)
"""A product that was stated farther in the future than this could not be changed again for that long."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FINEST_PRICE = Decimal(1).scaleb(-MAX_PRICE_DECIMALS)

_PRODUCT_ID = re.compile(rf"(?!\.{{1,2}}$)[A-Za-z0-9._~-]{{1,{MAX_ID_CHARS}}}")  # "." and ".." vanish from URLs
_IMAGE_ID = re.compile(r"[0-9a-f]{16}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_URL = re.compile(r"https?://[^\s\x00-\x1f\x7f]+")


def is_product_id(text: str) -> bool:
    """Whether a product could have this id."""
    return _PRODUCT_ID.fullmatch(text) is not None


def is_image_id(text: str) -> bool:
    """Whether an image could have this id."""
    return _IMAGE_ID.fullmatch(text) is not None


def is_storable(text: str) -> bool:
    """Whether every database can hold the text: no NUL, no half of a surrogate pair."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def is_address(text: str) -> bool:
    """Whether an image could have been fetched from this address."""
    return is_storable(text) and len(text.encode()) <= MAX_ADDRESS_BYTES and _URL.fullmatch(text) is not None


def check_product(product: ProductRecord) -> None:
    """
    Refuse a product that not every database could hold, or a page could not link to.

    Raises:
        InvalidParameter: Names the first field that is wrong, and the limit.
    """
    check_product_id(product.id)
    _check_text("title", product.title, MAX_TITLE_CHARS)
    if product.category is not None:
        _check_text("category", product.category, MAX_NAME_CHARS)
    if product.brand is not None:
        _check_text("brand", product.brand, MAX_NAME_CHARS)
    if product.price is not None:
        _check_price(product.price)
    if product.currency is not None and not _CURRENCY.fullmatch(product.currency):
        raise InvalidParameter("A product's currency is a code of three capital letters, such as EUR.")
    if product.url is not None:
        _check_text("url", product.url, MAX_URL_CHARS)
        if not _URL.fullmatch(product.url):
            raise InvalidParameter("A product's url begins with http:// or https:// and has no spaces.")
    if product.availability is not None and product.availability not in AVAILABILITIES:
        raise InvalidParameter(f"A product's availability is one of {', '.join(AVAILABILITIES)}.")
    check_stated_at(product.stated_at)
    _check_attributes(product.attributes)
    for image in product.images:
        _check_image(product.id, image)


def check_product_id(product_id: str) -> None:
    """
    Refuse an id that no product could have.

    Raises:
        InvalidParameter: Tells what an id is made of.
    """
    if not is_product_id(product_id):
        raise InvalidParameter(
            f"A product id has 1 to {MAX_ID_CHARS} letters (a to z), digits or characters of “._-~”, not only dots."
        )


def check_stated_at(moment: datetime | None) -> None:
    """
    Refuse a moment at which a shop cannot have stated anything.

    Raises:
        InvalidParameter: It has no time zone, or lies before 1970 or in the future.
    """
    if moment is None:
        return
    if moment.utcoffset() is None:
        raise InvalidParameter("A product's updated_at has a time zone.")
    if not _EPOCH <= moment <= datetime.now(UTC) + MAX_CLOCK_ERROR:
        raise InvalidParameter("A product's updated_at is not before 1970, and not in the future.")


def _check_text(name: str, text: str, limit_chars: int) -> None:
    if len(text) > limit_chars:
        raise InvalidParameter(f"A product's {name} has at most {limit_chars} characters; this one has {len(text)}.")
    if not text.strip():
        raise InvalidParameter(f"A product's {name} is empty.")
    if not is_storable(text):
        raise InvalidParameter(f"A product's {name} holds a character that is not text (NUL or broken Unicode).")


def _check_price(price: Decimal) -> None:
    if not price.is_finite() or not 0 <= price < MAX_PRICE or price.quantize(_FINEST_PRICE) != price:
        raise InvalidParameter(
            f"A product's price is at least 0, below {MAX_PRICE} and has at most {MAX_PRICE_DECIMALS} decimals."
        )


def _check_attributes(attributes: dict[str, JsonValue]) -> None:
    if not isinstance(attributes, dict):
        raise InvalidParameter("A product's attributes are an object of names and values.")
    _check_json(attributes, MAX_ATTRIBUTES_DEPTH)
    size_bytes = len(json.dumps(attributes, ensure_ascii=False).encode())
    if size_bytes > MAX_ATTRIBUTES_BYTES:
        raise InvalidParameter(
            f"A product's attributes have at most {MAX_ATTRIBUTES_BYTES} bytes as JSON; these have {size_bytes}."
        )


def _check_json(value: object, depth_left: int) -> None:
    """Refuse what does not come back equal from every database."""
    if depth_left < 0:
        raise InvalidParameter(f"A product's attributes are nested at most {MAX_ATTRIBUTES_DEPTH} levels deep.")
    if isinstance(value, list):
        for item in value:
            _check_json(item, depth_left - 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidParameter("A name in a product's attributes is text.")
            _check_json_scalar(key)
            _check_json(item, depth_left - 1)
    else:
        _check_json_scalar(value)


def _check_json_scalar(value: object) -> None:
    if not isinstance(value, str | int | float | None):
        raise InvalidParameter("A product's attributes hold something that is not JSON.")
    if isinstance(value, str) and not is_storable(value):
        raise InvalidParameter("A product's attributes hold a character that is not text (NUL or broken Unicode).")
    if isinstance(value, int) and abs(value) > MAX_JSON_INTEGER:
        raise InvalidParameter(f"A whole number in a product's attributes is at most {MAX_JSON_INTEGER}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidParameter("A number in a product's attributes is finite.")


def _check_image(product_id: str, image: ImageRecord) -> None:
    if not _SHA256.fullmatch(image.sha256) or image.id != image_id(product_id, image.sha256):
        raise InvalidParameter("An image's sha256 is 64 hex digits, and its id follows from it and the product's id.")
    _check_text("image location", image.location, MAX_LOCATION_CHARS)
    if image.address is not None and not is_address(image.address):
        raise InvalidParameter(
            f"An image's address begins with http:// or https://, has no spaces and at most {MAX_ADDRESS_BYTES} bytes."
        )
    _check_text("image format", image.format, MAX_NAME_CHARS)
    if not all(1 <= size <= MAX_INTEGER for size in (image.width_px, image.height_px, image.size_bytes)):
        raise InvalidParameter(f"An image's width, height and bytes are between 1 and {MAX_INTEGER}.")
    if not 0 <= image.position <= MAX_INTEGER:
        raise InvalidParameter(f"An image's position is between 0 and {MAX_INTEGER}.")
