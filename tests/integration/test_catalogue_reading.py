"""Products come by pages, as a stream, or one by one, in the same order from every database."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from app.core.errors import InvalidParameter
from app.core.products import ProductRecord
from app.db import catalogue as catalogue_module
from app.db.database import Database
from app.db.records import Comparison
from tests.support.catalogue import SHIRT, make_product, revision, upsert


def test_an_image_is_found_by_its_id(database: Database) -> None:
    """With its location, which the service opens."""
    upsert(database, SHIRT)
    with database.reading() as catalogue:
        assert catalogue.get_image(SHIRT.images[1].id) == SHIRT.images[1]
        assert catalogue.get_image("0123456789abcdef") is None


def pages(database: Database, category: str | None = None, limit: int = 3) -> Iterator[list[str]]:
    """Yield the ids of page after page."""
    cursor = None
    while True:
        with database.reading() as catalogue:
            page = catalogue.list_products(after=cursor, limit=limit, category=category)
        yield [product.id for product in page.products]
        cursor = page.next_cursor
        if cursor is None:
            return


def test_pages_cover_everything_once_while_products_come_and_go(database: Database) -> None:
    """Rows that were there all the time are neither skipped nor repeated."""
    steady = [f"m-{number:02}" for number in range(20)]
    upsert(database, *(make_product(product_id, category="c") for product_id in steady))
    seen: list[str] = []
    for number, page in enumerate(pages(database)):
        seen += page
        upsert(
            database, make_product(f"a-{number}"), make_product(f"z-{number}") if number < 5 else make_product("z-0")
        )
        with database.writing() as catalogue:
            catalogue.delete_products([f"a-{number}"])
    assert [product_id for product_id in seen if product_id in steady] == steady
    assert len(seen) == len(set(seen))


def test_pages_are_in_the_order_of_bytes_on_every_database(database: Database) -> None:
    """A database's own collation does not move a page's border."""
    ids = ["_x", "-x", "a", "A", "B", "b", "a-1", "a.1", "a1", "~"]
    upsert(database, *(make_product(product_id) for product_id in ids))
    assert [product_id for page in pages(database) for product_id in page] == sorted(ids)


def test_pages_can_be_of_one_category_with_images(database: Database) -> None:
    """Exactly that category: no prefix, no pattern, no other case."""
    upsert(database, SHIRT, make_product("b", category="Shirts"), make_product("c", category="shirts%"))
    with database.reading() as catalogue:
        assert catalogue.list_products(category="shirts").products == (SHIRT,)
        assert catalogue.list_products(category="%").products == ()
        assert catalogue.list_products(category="shirt_").products == ()


def test_a_cursor_that_no_page_gave_is_refused(database: Database) -> None:
    """By name, not with a wrong page."""
    for cursor in ["", "?", "é", "JTAw", "Lg", "a" * 10_000, "'; DROP TABLE products;--", "YQ==YQ", "AA", "\0"]:
        with pytest.raises(InvalidParameter, match="cursor"), database.reading() as catalogue:
            catalogue.list_products(after=cursor)


def test_a_page_has_a_sensible_size(database: Database) -> None:
    """The message names the limits."""
    for limit in [0, -1, 1_001]:
        with pytest.raises(InvalidParameter, match="at most 1000"), database.reading() as catalogue:
            catalogue.list_products(limit=limit)


def test_a_spread_shows_every_category_before_it_repeats_one(database: Database) -> None:
    """A first look at a catalogue is not twelve chairs; products without a category take their turn too."""
    records = [make_product(f"{category}-{n}", "front", category=category) for category in ("a", "b") for n in range(3)]
    with database.writing() as catalogue:
        catalogue.upsert_products([*records, make_product("none", "front", category=None)])

    with database.reading() as catalogue:
        page = catalogue.spread_products(5)

    assert {product.category for product in page.products[:3]} == {"a", "b", None}
    assert sorted(product.id[0] for product in page.products) == ["a", "a", "b", "b", "n"]
    assert len({product.id for product in page.products}) == 5
    assert all(product.images for product in page.products)
    assert page.next_cursor is None


def test_a_spread_looks_at_part_of_a_large_catalogue(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every visitor asks for it; it is chosen from the first images, which are mixed, and the same every time."""
    monkeypatch.setattr(catalogue_module, "SPREAD_IMAGES", 4)
    records = [make_product(f"p-{n}", "front", category="a" if n % 2 else "b") for n in range(50)]
    with database.writing() as catalogue:
        catalogue.upsert_products(records)

    with database.reading() as catalogue:
        first, again = catalogue.spread_products(10), catalogue.spread_products(10)

    by_image = sorted(records, key=lambda record: record.images[0].id)
    assert {product.id for product in first.products} == {record.id for record in by_image[:4]}
    assert first == again


def test_a_stream_has_every_product_once_in_the_order_of_ids(database: Database) -> None:
    """With its images in their order, however many there are."""
    many = [make_product(f"p-{number:05}", "x", f"image {number}"[::-1]) for number in range(1_234)]
    upsert(database, *reversed(many), SHIRT)
    with database.reading() as catalogue:
        assert list(catalogue.iter_products()) == [*many, SHIRT]
        assert list(catalogue.iter_product_ids()) == [record.id for record in [*many, SHIRT]]


def test_an_empty_catalogue_streams_nothing(database: Database) -> None:
    """As before the first import."""
    with database.reading() as catalogue:
        assert list(catalogue.iter_products()) == []
        assert list(catalogue.iter_product_ids()) == []


def test_products_may_be_deleted_while_their_ids_stream(database: Database) -> None:
    """In the same transaction: no id is skipped or repeated."""
    ids = [f"p-{number:05}" for number in range(12_000)]
    upsert(database, *map(make_product, ids))
    seen: list[str] = []
    with database.writing() as catalogue:
        for product_id in catalogue.iter_product_ids():
            seen.append(product_id)
            if len(seen) % 1_000 == 0:
                catalogue.delete_products(seen[-1_000:])
        assert catalogue.counts().products == 0
    assert seen == ids


def compare(database: Database, record: ProductRecord, *places: str) -> Comparison:
    """Compare one product, as it is stated, with what is stored."""
    with database.reading() as catalogue:
        (outcome,) = catalogue.compare([(record, places)]).values()
    return outcome


def test_a_dry_run_tells_what_would_change(database: Database) -> None:
    """By the fields and by where the pictures are: a picture that was fetched by its address, a file by its path."""
    places = ("https://shop.example/front.jpg", "/photos/back.jpg")
    assert compare(database, SHIRT, *places) == "added"
    upsert(database, SHIRT)
    assert compare(database, SHIRT, *places) == "unchanged"
    assert compare(database, replace(SHIRT, stated_at=None), *places) == "unchanged"
    assert compare(database, replace(SHIRT, price=Decimal("19.91")), *places) == "changed"
    assert compare(database, SHIRT, *reversed(places)) == "changed"
    assert compare(database, SHIRT, places[0]) == "changed"
    assert compare(database, SHIRT, "/photos/front.jpg", "/photos/back.jpg") == "changed"
    assert SHIRT.stated_at is not None
    assert compare(database, replace(SHIRT, stated_at=SHIRT.stated_at - timedelta(seconds=1)), *places) == "outdated"


def test_a_dry_run_takes_thousands_of_products(database: Database) -> None:
    """More than one statement takes; and it stores nothing."""
    many = [make_product(f"p-{number:05}", "front") for number in range(2_345)]
    upsert(database, *many[1_000:])
    with database.reading() as catalogue:
        found = catalogue.compare((record, ["/photos/front.jpg"]) for record in many)
    assert list(found) == [record.id for record in many]
    assert Counter(found.values()) == {"added": 1_000, "unchanged": 1_345}
    assert revision(database) == 1
