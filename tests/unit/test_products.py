"""A product and its line of JSON say the same."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from app.core.products import AVAILABILITIES, ImageRecord, ProductRecord, from_line, to_line
from tests.support.catalogue import make_image, make_product

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
time_zones = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(timezone)
images = st.builds(
    ImageRecord,
    id=texts,
    sha256=texts,
    location=texts,
    format=texts,
    width_px=st.integers(0),
    height_px=st.integers(0),
    size_bytes=st.integers(0),
    position=st.integers(0),
    address=st.none() | texts,
)
records = st.builds(
    ProductRecord,
    id=texts,
    title=texts,
    category=st.none() | texts,
    brand=st.none() | texts,
    price=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
    currency=st.none() | texts,
    url=st.none() | texts,
    availability=st.none() | st.sampled_from(AVAILABILITIES),
    attributes=st.dictionaries(texts, json_values, max_size=4),
    stated_at=st.none() | st.datetimes(datetime(1970, 1, 2), datetime(2999, 1, 1), timezones=time_zones),  # noqa: DTZ001  # hypothesis adds the zone
    images=st.lists(images, max_size=3).map(tuple),
)


@given(records)
@example(
    make_product("p", "front", price=Decimal("19.90"), attributes={"a": [1e23, -0.0, 5e-324, 2**70, 1.0, 1, True]})
)
def test_a_product_comes_back_from_its_line_as_it_was(record: ProductRecord) -> None:
    """To the type of every number, and the digits of the price."""
    found = from_line(to_line(record))
    assert found == record
    assert repr(found.attributes) == repr(record.attributes)
    assert str(found.price) == str(record.price)


@given(records)
def test_a_line_has_no_line_break_in_it(record: ProductRecord) -> None:
    """So that a file of lines can be cut at its line breaks, whatever the text holds."""
    assert len(to_line(record).splitlines()) == 1


def test_a_line_is_plain_json_with_what_is_known() -> None:
    """The price as text, the moment in UTC, and nothing for what nobody stated."""
    moment = datetime(2026, 11, 22, 12, 30, tzinfo=timezone(timedelta(hours=1)))
    image = make_image("p", address="https://shop.example/p.jpg")
    record = make_product("p", price=Decimal("19.90"), stated_at=moment, images=(image,))
    found: dict[str, Any] = json.loads(to_line(record))
    assert found.pop("images")[0]["address"] == "https://shop.example/p.jpg"
    assert found == {
        "id": "p",
        "title": "Product p",
        "price": "19.90",
        "attributes": {},
        "stated_at": "2026-11-22T11:30:00+00:00",
    }
    assert from_line(to_line(record)).stated_at == moment.astimezone(UTC)
