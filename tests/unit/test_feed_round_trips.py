"""Whatever a shop's products are, a feed states them as they are."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.products import AVAILABILITIES
from indexer.sources import SourceImage, SourceProduct, open_source
from tests.support.feeds import Record, delimited, json_lines, outcomes, parquet

_CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")
_TEXTS = st.text(_CHARACTERS, min_size=1, max_size=30).map(str.strip).filter(bool)
_SCALARS = (
    st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS
)
_JSON = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3))
_MOMENTS = st.integers(0, 1_700_000_000_000_000).map(lambda us: datetime.fromtimestamp(us / 1e6, UTC))
_IMAGES = st.integers(0, 10**6).map(lambda number: SourceImage(address=f"https://i.example/{number}.jpg?a=1,2"))


def _products(attributes: st.SearchStrategy[object]) -> st.SearchStrategy[list[SourceProduct]]:
    product = st.builds(
        SourceProduct,
        id=st.from_regex(r"[A-Za-z0-9_~-]{1,20}", fullmatch=True),
        title=_TEXTS,
        category=st.none() | _TEXTS,
        brand=st.none() | _TEXTS,
        price=st.none() | st.decimals(0, 10**9, places=2),
        currency=st.none() | st.sampled_from(["EUR", "USD", "JPY"]),
        url=st.none() | st.just("https://shop.example/p/1?a=1&b=“2”"),
        availability=st.none() | st.sampled_from(AVAILABILITIES),
        attributes=st.dictionaries(st.sampled_from(["colour", "size", "größe", "a,b", "x y"]), attributes, max_size=3),
        stated_at=st.none() | _MOMENTS,
        images=st.lists(_IMAGES, min_size=1, max_size=4, unique=True).map(tuple),
    )
    return st.lists(product, min_size=1, max_size=5, unique_by=lambda product: product.id)


def _record(product: SourceProduct) -> Record:
    stated = {
        "id": product.id,
        "title": product.title,
        "category": product.category,
        "brand": product.brand,
        "price": None if product.price is None else str(product.price),
        "currency": product.currency,
        "url": product.url,
        "availability": product.availability,
        "updated_at": None if product.stated_at is None else product.stated_at.isoformat(),
        "images": [image.place for image in product.images],
    }
    return {**{name: value for name, value in stated.items() if value is not None}, **product.attributes}


def _read(path: Path, data: bytes) -> list[SourceProduct]:
    path.write_bytes(data)
    products, refused = outcomes(open_source(str(path)))
    assert refused == []
    return products


_EACH_FOLDER_FOR_ALL = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_EACH_FOLDER_FOR_ALL
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@given(products=_products(_TEXTS))
def test_products_come_through_csv_as_they_are(tmp_path: Path, delimiter: str, products: list[SourceProduct]) -> None:
    """Whatever texts hold: separators, quotation marks, line breaks, any script."""
    data = delimited([_record(product) for product in products], delimiter)

    assert _read(tmp_path / "feed.csv", data) == products


@_EACH_FOLDER_FOR_ALL
@given(products=_products(_JSON))
def test_products_come_through_jsonl_as_they_are(tmp_path: Path, products: list[SourceProduct]) -> None:
    """Attributes keep their types, however they are nested."""
    assert _read(tmp_path / "feed.jsonl", json_lines([_record(product) for product in products])) == products


@_EACH_FOLDER_FOR_ALL
@given(
    products=_products(_TEXTS), numbers=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=5)
)
def test_products_come_through_parquet_as_they_are(
    tmp_path: Path, products: list[SourceProduct], numbers: list[float]
) -> None:
    """Text stays text and numbers stay numbers; prices may be decimal numbers."""
    records = [
        {**_record(product), "weight": numbers[index], "price": product.price} for index, product in enumerate(products)
    ]

    found = _read(tmp_path / "feed.parquet", parquet(records))

    weights = [product.attributes.pop("weight") for product in found]
    assert weights == numbers[: len(products)]
    assert found == products
    assert [str(product.price) for product in found] == [str(product.price) for product in products]


@_EACH_FOLDER_FOR_ALL
@given(amount=st.decimals(0, 10**9, places=2))
def test_a_price_comes_through_every_number_type(tmp_path: Path, amount: Decimal) -> None:
    """JSON and Parquet have binary numbers; the shortest decimal one that reads as them is the price that was meant."""
    record = {"id": "1", "image": "https://i.example/a.jpg", "price": float(amount)}

    assert _read(tmp_path / "feed.jsonl", json_lines([record]))[0].price == amount
    assert _read(tmp_path / "feed.parquet", parquet([record]))[0].price == amount
