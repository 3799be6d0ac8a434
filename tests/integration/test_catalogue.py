"""What is put into the catalogue comes out of it, the same way from SQLite and from PostgreSQL."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.core.errors import InvalidParameter
from app.core.products import ProductRecord
from app.db.catalogue_writer import CatalogueWriter
from app.db.checks import MAX_JSON_INTEGER
from app.db.database import Database
from app.db.records import CatalogueCounts, UpsertCounts
from app.db.tables import product_images, products
from tests.support.catalogue import SHIRT, delete, make_image, make_product, revision, stored, upsert


def test_a_product_comes_back_with_every_field_and_its_images_in_order(database: Database) -> None:
    """Nothing is lost or changed on the way through the database."""
    assert upsert(database, SHIRT) == UpsertCounts(added=1, changed=0, unchanged=0)
    assert stored(database, "shirt-1") == SHIRT


def test_images_come_back_by_position_not_by_the_order_given(database: Database) -> None:
    """The shop decides which image is shown first."""
    images = (make_image("p", "b", 7), make_image("p", "a", 2))
    upsert(database, make_product("p", images=images))
    found = stored(database, "p")
    assert found is not None
    assert found.images == images[::-1]


def test_upserting_an_equal_product_changes_nothing(database: Database) -> None:
    """A reindex of an unchanged catalogue leaves the watermark where it was."""
    upsert(database, SHIRT)
    assert upsert(database, SHIRT) == UpsertCounts(added=0, changed=0, unchanged=1)
    assert revision(database) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Another shirt"},
        {"category": None},
        {"brand": "Weft"},
        {"price": Decimal("19.91")},
        {"price": None},
        {"currency": "CHF"},
        {"url": None},
        {"availability": "backorder"},
        {"availability": None},
        {"stated_at": datetime(2026, 11, 1, 8, 30, 0, 250_001, tzinfo=UTC)},
        {"attributes": {}},
        {"attributes": {**SHIRT.attributes, "organic": 1}},
        {"attributes": {**SHIRT.attributes, "sizes": ["M", "S"]}},
        {"images": SHIRT.images[:1]},
        {"images": ()},
        {"images": (*SHIRT.images, make_image("shirt-1", "side", 2))},
        {"images": (make_image("shirt-1", "front", 5), SHIRT.images[1])},
        {"images": (make_image("shirt-1", "front", location="/moved/front.jpg"), SHIRT.images[1])},
        {"images": (make_image("shirt-1", "front", address="https://cdn.example/front.jpg"), SHIRT.images[1])},
    ],
    ids=str,
)
def test_every_difference_is_stored_and_raises_the_revision_by_one(database: Database, change: dict[str, Any]) -> None:
    """No field is forgotten in the comparison; true is not taken for 1."""
    upsert(database, SHIRT)
    fields = {name: getattr(SHIRT, name) for name in SHIRT.__dataclass_fields__}
    changed = ProductRecord(**{**fields, **change})
    assert upsert(database, changed) == UpsertCounts(added=0, changed=1, unchanged=0)
    assert revision(database) == 2
    found = stored(database, "shirt-1")
    assert found is not None
    assert sorted(found.images, key=str) == sorted(changed.images, key=str)
    assert json.dumps(found.attributes, sort_keys=True) == json.dumps(changed.attributes, sort_keys=True)
    assert upsert(database, changed).unchanged == 1


def test_one_transaction_raises_the_revision_once_and_stamps_only_what_changed(database: Database) -> None:
    """Rows say in which revision they changed last."""
    upsert(database, make_product("a", "1", "2"), make_product("b", "1"))
    with database.writing() as catalogue:
        catalogue.upsert_products([make_product("a", "1", "2", "3"), make_product("b", "1")])
        catalogue.upsert_products([make_product("c", "1")])
        assert catalogue.revision() == 2
    assert revision(database) == 2
    columns = (products.c.id, products.c.revision, products.c.created_at, products.c.updated_at)
    with database._engine.connect() as connection:
        rows = {row.id: row for row in connection.execute(select(*columns))}
        images = connection.execute(
            select(product_images.c.product_id, product_images.c.position, product_images.c.revision)
        )
        image_stamps = {(row[0], row[1]): row[2] for row in images}
    assert {product_id: row.revision for product_id, row in rows.items()} == {"a": 2, "b": 1, "c": 2}
    assert image_stamps == {("a", 0): 1, ("a", 1): 1, ("a", 2): 2, ("b", 0): 1, ("c", 0): 2}
    assert rows["a"].created_at == rows["b"].updated_at < rows["a"].updated_at == rows["c"].created_at
    assert rows["a"].updated_at.utcoffset() is not None


def test_the_last_of_equal_ids_and_the_first_of_equal_images_count(database: Database) -> None:
    """A source that repeats itself is no error."""
    twin = make_image("a", "same", 1, location="/photos/twin.jpg")
    images = (make_image("a", "same", 0), twin)
    upsert(database, make_product("a", title="old"), make_product("a", images=images, title="new"))
    assert stored(database, "a") == make_product("a", images=images[:1], title="new")


def test_thousands_of_products_go_in_at_once(database: Database) -> None:
    """More rows than one statement takes."""
    many = [make_product(f"p-{number:05}", f"image {number}", category=f"c{number % 7}") for number in range(2_345)]
    assert upsert(database, *many).added == 2_345
    with database.reading() as catalogue:
        assert catalogue.counts() == CatalogueCounts(products=2_345, images=2_345, categories=7)
        assert list(catalogue.iter_products()) == many
    assert delete(database, *(record.id for record in many[1:])) == 2_344
    assert revision(database) == 2


def test_deleting_some_takes_their_images_along(database: Database) -> None:
    """What a source no longer has disappears, images included, and the count is told."""
    upsert(database, make_product("a", "1"), make_product("b", "1", "2"), make_product("c", "1"))
    with database.writing() as catalogue:
        assert catalogue.delete_products(["c", "never-there", "b", "b", "\0"]) == 2
        assert catalogue.counts() == CatalogueCounts(products=1, images=1, categories=0)
    assert stored(database, "b") is None
    assert revision(database) == 2


def test_deleting_nothing_changes_nothing(database: Database) -> None:
    """The revision stays where it was."""
    upsert(database, make_product("a"))
    assert delete(database, "never-there") == delete(database) == 0
    assert revision(database) == 1


HOSTILE_BUT_TEXT = [
    "'; DROP TABLE products;--",
    "%",
    "_",
    '"',
    "\\",
    "%(title)s :title ?",
    "{} {0}",
    "x" * 1_000,
    "\u202eright to left",
    "שלום عليكم",
    "🧥👗",
    "e\u0301 is not é",
    "line\nbreak\ttab\x1b[31m",
    "\ufeff byte order mark",
    "\uffff",
]


def test_hostile_text_is_kept_to_the_letter(database: Database) -> None:
    """Nothing is run, stripped or normalised."""
    wanted = {
        f"p{number:02}": make_product(
            f"p{number:02}", "1", title=text, category=text[:200], brand=text[:200], attributes={text: [text]}
        )
        for number, text in enumerate(HOSTILE_BUT_TEXT)
    }
    upsert(database, *wanted.values())
    assert upsert(database, *wanted.values()).unchanged == len(wanted)
    with database.reading() as catalogue:
        assert catalogue.list_products().products == tuple(wanted.values())
        for record in wanted.values():
            assert catalogue.list_products(category=record.category).products == (record,)


@pytest.mark.parametrize("bad", [{"title": "\0"}, {"attributes": {"a": "\ud800"}}], ids=ascii)
def test_a_product_that_cannot_be_stored_is_refused_with_all_that_came_with_it(
    database: Database, bad: dict[str, Any]
) -> None:
    """The same on SQLite, which would take it, as on PostgreSQL, which would not."""
    with pytest.raises(InvalidParameter):
        upsert(database, make_product("fine"), make_product("p", **bad))
    assert stored(database, "fine") is None
    assert revision(database) == 0


def test_asking_for_what_nothing_could_be_called_finds_nothing(database: Database) -> None:
    """Neither an error nor a row more or less."""
    upsert(database, SHIRT)
    with database.reading() as catalogue:
        for text in [*HOSTILE_BUT_TEXT, "\0", "\ud800", "", "..", "x" * 10_000, "-1"]:
            assert catalogue.get_product(text) is None
            assert catalogue.get_image(text) is None
            assert catalogue.validators([text]) == {}
            assert catalogue.list_products(category=text).products == ()
        assert catalogue.counts().products == 1


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_JSON_INTEGER, MAX_JSON_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(attributes={"a": [1e23, 2.0**62, -0.0, 5e-324, 1e5]}, price=Decimal("0.0001"))
@given(
    attributes=st.dictionaries(st.text("abc", max_size=3), json_values, max_size=4),
    price=st.none() | st.decimals(0, Decimal("9999999999.9999"), places=4),
)
def test_any_json_and_any_price_come_back_equal(
    database: Database, attributes: dict[str, Any], price: Decimal | None
) -> None:
    """JSONB rewrites numbers and SQLite has no decimals: neither shows, and a second upsert sees no difference."""
    record = make_product("p", attributes=attributes, price=price)
    upsert(database, record)
    assert stored(database, "p") == record
    assert upsert(database, record).unchanged == 1


ids = st.sampled_from(["a", "b", "c", "d", "e"])


contents = st.lists(st.sampled_from(["1", "2", "3"]), unique=True, max_size=3)


records = st.builds(
    lambda name, images, title: make_product(name, *images, title=title), ids, contents, st.sampled_from("xyz")
)


operations = st.lists(
    st.tuples(st.just("upsert"), st.lists(records, max_size=4)) | st.tuples(st.just("delete"), st.sets(ids)), max_size=3
)


def apply(catalogue: CatalogueWriter, reference: dict[str, ProductRecord], name: str, argument: Any) -> None:  # noqa: ANN401
    """Do one operation on the catalogue and on a plain dictionary, and compare what they report."""
    if name == "delete":
        gone = reference.keys() & argument
        assert catalogue.delete_products(argument) == len(gone)
        for product_id in gone:
            del reference[product_id]
        return
    wanted = {record.id: record for record in argument}
    counts = catalogue.upsert_products(argument)
    assert counts.added == len(wanted.keys() - reference.keys())
    assert counts.unchanged == sum(reference.get(product_id) == record for product_id, record in wanted.items())
    reference.update(wanted)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(transactions=st.lists(operations, max_size=6))
def test_the_catalogue_behaves_like_a_dictionary(database: Database, transactions: list[list[tuple[str, Any]]]) -> None:
    """After any transactions it holds what a dictionary would, and the revision counts those that changed it."""
    with database.writing() as catalogue:
        catalogue.delete_products(list(catalogue.iter_product_ids()))
    reference: dict[str, ProductRecord] = {}
    for transaction in transactions:
        before, before_revision = dict(reference), revision(database)
        with database.writing() as catalogue:
            for name, argument in transaction:
                apply(catalogue, reference, name, argument)
        with database.reading() as reader:
            assert tuple(reader.iter_products()) == reader.list_products().products
            assert reader.list_products().products == tuple(reference[name] for name in sorted(reference))
            assert reader.counts().images == sum(len(record.images) for record in reference.values())
            grown = reader.revision() - before_revision
        assert grown in (0, 1)
        if before != reference:
            assert grown == 1
        elif len(transaction) <= 1:
            assert grown == 0
