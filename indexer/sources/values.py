"""Single values of a feed: ids, texts, moments, whether there is any left."""

import hashlib
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal

from pydantic import JsonValue

from app.db.checks import MAX_ATTRIBUTES_DEPTH, MAX_ID_CHARS, is_product_id
from indexer.sources.records import Refusal, Refused, shown

STATED_AVAILABILITIES = {
    "in_stock": ("in stock", "available", "limited availability", "online only", "in store only"),
    "out_of_stock": ("out of stock", "sold out", "unavailable", "discontinued"),
    "preorder": ("preorder", "pre-sale"),
    "backorder": ("backorder", "back-ordered", "made to order"),
}
"""
How feeds say it, by what it becomes: Google's words and schema.org's (`https://schema.org/InStock`).

Only the letters count: “In Stock”, “in_stock” and “InStock” are the same.
"""

_NO_LETTERS = re.compile(r"[^a-z]")
_AVAILABILITY_OF = {
    _NO_LETTERS.sub("", stated): availability
    for availability, words in STATED_AVAILABILITIES.items()
    for stated in words
}
_NOT_FOR_IDS = re.compile(r"[^A-Za-z0-9._~-]+")
_ID_HASH_DIGITS = 16  # ten million ids of which nothing but the hash is left stay apart


def is_stated(value: object) -> bool:
    """Whether the value says anything: None, NaN (how pandas writes that nothing is there) and blank text do not."""
    if isinstance(value, str):
        return bool(value) and not value.isspace()
    return value is not None and value == value  # noqa: PLR0124  # NaN is what differs from itself


def text_of(value: object, field: str) -> str:
    """Return a stated value as text without space around it."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float | Decimal) and value == value // 1:
        return str(int(value))  # how a table tool writes the number 12 into a column that has gaps
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return str(value)
    raise Refused(Refusal.INVALID_VALUE, f"The {field} is {shown(value)}, which is no text.")


def attribute_of(value: object, name: str, depth_left: int = MAX_ATTRIBUTES_DEPTH) -> JsonValue:
    """Return a value as JSON has it, text without space around it."""
    if isinstance(value, str):
        return value.strip()
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value // 1 else float(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, list | tuple | dict) and depth_left > 0:
        if isinstance(value, dict):
            return {str(key): attribute_of(item, name, depth_left - 1) for key, item in value.items()}
        return [attribute_of(item, name, depth_left - 1) for item in value]
    what = "too many levels" if isinstance(value, list | tuple | dict) else f"{type(value).__name__}, which is no JSON"
    raise Refused(
        Refusal.INVALID_VALUE, f"The attribute {shown(name)} holds {what}; map its column to nothing to leave it out."
    )


def product_id_of(exact: str) -> str:
    """
    Return the id that a product has here.

    It is the shop's own where that has 1 to 200 letters (a to z), digits or characters of `._~-`. Anything else
    becomes `_`, and the beginning of a hash of the exact id tells products apart. So it depends on nothing but the
    shop's id, and stays the same from feed to feed.
    """
    if is_product_id(exact):
        return exact
    digest = hashlib.sha256(exact.encode("utf-8", "surrogatepass")).hexdigest()[:_ID_HASH_DIGITS]
    return f"{_NOT_FOR_IDS.sub('_', exact)[: MAX_ID_CHARS - 1 - _ID_HASH_DIGITS]}~{digest}"


def availability_of(text: str) -> str:
    """Return the one of the catalogue's four availabilities that the text means."""
    word = text.rsplit("/", 1)[-1] if "schema.org/" in text.lower() else text
    availability = _AVAILABILITY_OF.get(_NO_LETTERS.sub("", word.lower()))
    if availability is None:
        known = ", ".join(STATED_AVAILABILITIES)
        raise Refused(Refusal.INVALID_AVAILABILITY, f"The availability {shown(text)} is none of {known}.")
    return availability


def moment_of(value: object) -> datetime:
    """Return the moment of an ISO 8601 text, a date (its beginning) or a timestamp; without an offset, it is UTC."""
    moment: datetime | None = None
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime.combine(value, time())
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            moment = None
    if moment is None:
        raise Refused(
            Refusal.INVALID_UPDATED_AT, f"The moment {shown(value)} is not in ISO 8601, such as 2026-11-22T08:30:00Z."
        )
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise Refused(
            Refusal.INVALID_UPDATED_AT, f"The moment {shown(value)} is in no year that can be kept."
        ) from error
