"""What the catalogue refuses, before a database sees it."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from app.core.errors import InvalidParameter
from app.core.products import image_id
from app.db.checks import MAX_JSON_INTEGER, check_product, is_image_id, is_product_id
from tests.support.catalogue import make_image, make_product


def nested(levels: int) -> dict[str, Any]:
    """Return an object in an object in an object, so many levels deep."""
    return {"a": nested(levels - 1)} if levels else {}


@pytest.mark.parametrize(
    "text", ["\0", "a\0b", "\ud800", "a\udfff", "", " \t", "x" * 10_000], ids=lambda t: ascii(t)[:9]
)
@pytest.mark.parametrize("name", ["title", "category", "brand", "url"])
def test_text_that_not_every_database_holds_is_refused_by_name(name: str, text: str) -> None:
    """NUL, halves of characters, nothing at all, and more than the limit."""
    with pytest.raises(InvalidParameter, match=name):
        check_product(make_product("p", **{name: text}))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"id": ""}, "product id"),
        ({"id": "."}, "product id"),
        ({"id": ".."}, "product id"),
        ({"id": "a/b"}, "product id"),
        ({"id": "a b"}, "product id"),
        ({"id": "a\n"}, "product id"),
        ({"id": "ä"}, "product id"),
        ({"id": "\u0663"}, "product id"),
        ({"id": "\0"}, "product id"),
        ({"id": "x" * 201}, "product id"),
        ({"price": Decimal(-1)}, "price"),
        ({"price": Decimal("NaN")}, "price"),
        ({"price": Decimal("sNaN")}, "price"),
        ({"price": Decimal("Infinity")}, "price"),
        ({"price": Decimal("1E10")}, "price"),
        ({"price": Decimal("0.00001")}, "price"),
        ({"price": Decimal("1." + "0" * 40 + "1")}, "price"),
        ({"currency": "eur"}, "currency"),
        ({"currency": "EURO"}, "currency"),
        ({"currency": "EU\n"}, "currency"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "//shop.example"}, "url"),
        ({"url": "https://shop.example/a b"}, "url"),
        ({"url": "https://shop.example/\n"}, "url"),
        ({"availability": "in stock"}, "in_stock, out_of_stock"),
        ({"availability": ""}, "availability"),
        ({"stated_at": datetime(2026, 11, 1)}, "time zone"),  # noqa: DTZ001  # none: the mistake
        ({"stated_at": datetime(1969, 12, 31, tzinfo=UTC)}, "1970"),
        ({"stated_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))}, "1970"),
        ({"stated_at": datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))}, "future"),
        ({"stated_at": datetime.now(UTC) + timedelta(days=2)}, "future"),
        ({"attributes": {"a": "\0"}}, "NUL"),
        ({"attributes": {"a\0": 1}}, "NUL"),
        ({"attributes": {"a": ["\ud800"]}}, "Unicode"),
        ({"attributes": {"a": float("nan")}}, "finite"),
        ({"attributes": {"a": float("inf")}}, "finite"),
        ({"attributes": {"a": MAX_JSON_INTEGER + 1}}, str(MAX_JSON_INTEGER)),
        ({"attributes": {1: "a"}}, "name"),
        ({"attributes": {"a": object()}}, "not JSON"),
        ({"attributes": {"a": (1, 2)}}, "not JSON"),
        ({"attributes": ["a"]}, "attributes"),
        ({"attributes": {"a": "x" * 65_536}}, "65536 bytes"),
        ({"attributes": nested(17)}, "nested at most 16"),
        ({"attributes": nested(900)}, "nested at most 16"),
        ({"images": (make_image("another", "1"),)}, "id follows"),
        ({"images": (make_image("p", "1", sha256="F" * 64),)}, "64 hex digits"),
        ({"images": (make_image("p", "1", location="/a\0b"),)}, "location"),
        ({"images": (make_image("p", "1", location="/caf\udce9.jpg"),)}, "location"),
        ({"images": (make_image("p", "1", address="ftp://shop.example/1.jpg"),)}, "address"),
        ({"images": (make_image("p", "1", address="https://shop.example/a b"),)}, "address"),
        ({"images": (make_image("p", "1", address="https://shop.example/\ud800"),)}, "address"),
        ({"images": (make_image("p", "1", address="https://shop.example/".ljust(2_049, "x")),)}, "2048 bytes"),
        ({"images": (make_image("p", "1", format=""),)}, "format"),
        ({"images": (make_image("p", "1", width_px=0),)}, "width"),
        ({"images": (make_image("p", "1", size_bytes=2**31),)}, "bytes"),
        ({"images": (make_image("p", "1", -1),)}, "position"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_product_that_cannot_be_stored_is_refused_by_name(fields: dict[str, Any], told: str) -> None:
    """The message says which field it is, or what the limit is."""
    with pytest.raises(InvalidParameter, match=told):
        check_product(make_product(**{"product_id": "p", **fields}))


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "x" * 200},
        {"id": "..."},
        {"id": "Az09._~-"},
        {"price": Decimal(0), "currency": "JPY"},
        {"price": Decimal("9999999999.9999")},
        {"price": Decimal("1E+9")},
        {"price": Decimal("1.500000")},
        {"url": "http://shop.example/é?a=b#c"},
        {"availability": "backorder"},
        {"stated_at": datetime(1970, 1, 1, 14, tzinfo=timezone(timedelta(hours=14)))},
        {"stated_at": datetime.now(UTC) + timedelta(hours=23)},
        {"images": (make_image("p", "1", address="https://shop.example/é".ljust(2_047, "x")),)},
        {"attributes": nested(16)},
        {"attributes": {"": [None, True, -MAX_JSON_INTEGER, 1e308, "é", [], {}]}},
    ],
    ids=lambda fields: ascii(fields)[:40],
)
def test_what_is_just_within_the_limits_is_accepted(fields: dict[str, Any]) -> None:
    """The limits are where the messages say they are."""
    check_product(make_product(**{"product_id": "p", **fields}))


def test_image_ids_depend_on_product_and_content_alone() -> None:
    """They are part of published addresses: this value never changes."""
    assert image_id("shirt-1", "ab" * 32) == "1fbffe55a46f5c41"
    assert image_id("shirt-2", "ab" * 32) != image_id("shirt-1", "ab" * 32)
    assert is_image_id(image_id("shirt-1", "ab" * 32))


@pytest.mark.parametrize(
    "text", ["", "0123456789ABCDEF", "0123456789abcde", "0123456789abcdef\n", "../etc/passwd", "-1"]
)
def test_other_texts_are_no_image_ids(text: str) -> None:
    """Sixteen small hex digits, and nothing else."""
    assert not is_image_id(text)


def test_product_ids_are_told_apart_from_other_texts() -> None:
    """The service asks before it asks the database."""
    assert is_product_id("shirts-0001.b~c_d")
    assert not is_product_id("'; DROP TABLE products;--")
