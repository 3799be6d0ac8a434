"""From the first release's tables to the living catalogue's and back, with a shop's products in them."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, inspect, text

from app.core.errors import DatabaseTooOld, InternalError
from app.db import schema
from app.db.database import Database
from app.db.records import UpsertCounts
from tests.support.catalogue import SHIRT, make_image, make_product, upsert

PHOTOS = (make_image("shirt", "front"), make_image("shirt", "back", 1))
PRODUCTS = (
    make_product(
        "shirt",
        images=PHOTOS,
        title="A shirt, 'plain', “ü”",
        category="shirts",
        brand="Loom",
        price=Decimal("19.90"),
        currency="EUR",
        url="https://shop.example/shirt",
        attributes={"sizes": ["S", "M"], "care": {"wash_c": 30.5, "iron": None}},
    ),
    make_product("hat", "hat"),
    make_product("bare"),
)
MOMENT = datetime(2026, 10, 1, 12, tzinfo=UTC)
FIRST_TABLES = ("products", "product_images", "catalogue_state", "former_images")


@pytest.fixture
def first_release(empty_database_url: str) -> Iterator[Database]:
    """A database as the first release leaves it: with products, their images, and an image that went."""
    with closing(Database(empty_database_url)) as database:
        with database.migrating() as connection:
            command.upgrade(schema.alembic_config(connection), "0001")
            fill(connection)
        yield database


def fill(connection: Connection) -> None:
    """Store the products as the first release did, by its columns."""
    is_sqlite = connection.dialect.name == "sqlite"
    for record in PRODUCTS:
        price = None if record.price is None else int(record.price * 10_000) if is_sqlite else record.price
        insert(
            connection,
            "products",
            {
                "id": record.id,
                "title": record.title,
                "category": record.category,
                "brand": record.brand,
                "price": price,
                "currency": record.currency,
                "url": record.url,
                "attributes": json.dumps(record.attributes),
                "revision": 3,
                "created_at": "2026-10-01 12:00:00.000000" if is_sqlite else MOMENT,
                "updated_at": "2026-10-01 12:00:00.000000" if is_sqlite else MOMENT,
            },
        )
        for image in record.images:
            names = ("id", "position", "sha256", "location", "format", "width_px", "height_px", "size_bytes")
            values = {name: getattr(image, name) for name in names}
            insert(connection, "product_images", {**values, "product_id": record.id, "revision": 2})
    former = {"id": "0123456789abcdef", "product_id": "gone", "image": "{}", "product": "{}", "retired_revision": 3}
    insert(connection, "former_images", former)
    connection.execute(text("UPDATE catalogue_state SET revision = 3"))


def insert(connection: Connection, table: str, values: dict[str, Any]) -> None:
    """Insert a row without any of the code's own types."""
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)  # noqa: S608  # own names


def rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Return every row of the first release's tables, as the database holds it."""
    return {
        name: [
            dict(row)
            for row in connection.execute(text(f"SELECT * FROM {name} ORDER BY id")).mappings()  # noqa: S608  # own
        ]
        for name in FIRST_TABLES
    }


def structure(connection: Connection) -> dict[str, Any]:
    """Return all that the database tells about its tables."""
    inspector = inspect(connection)
    ask: tuple[Callable[[str], Any], ...] = (
        inspector.get_columns,
        inspector.get_pk_constraint,
        inspector.get_foreign_keys,
        inspector.get_unique_constraints,
        inspector.get_check_constraints,
        inspector.get_indexes,
    )
    return {name: repr([each(name) for each in ask]) for name in inspector.get_table_names()}


def test_products_of_the_first_release_are_kept(first_release: Database) -> None:
    """With all they had; what they could not have is empty, and the revision goes on from where it was."""
    with pytest.raises(DatabaseTooOld, match="lookalike db upgrade"):
        first_release.check()
    first_release.upgrade()
    first_release.check()
    with first_release.reading() as catalogue:
        assert list(catalogue.iter_products()) == sorted(PRODUCTS, key=lambda record: record.id)
        assert catalogue.revision() == 3
        assert catalogue.live_revision() == 0
    assert upsert(first_release, *PRODUCTS) == UpsertCounts(added=0, changed=0, unchanged=3)
    assert upsert(first_release, SHIRT).added == 1


def test_images_of_the_first_release_still_belong_to_their_products(first_release: Database) -> None:
    """The foreign key came through: images go with their product."""
    first_release.upgrade()
    with first_release.writing() as catalogue:
        assert catalogue.delete_products(["shirt"]) == 1
        assert catalogue.counts().images == 1


def test_the_way_back_leads_to_the_first_releases_tables(first_release: Database) -> None:
    """To the letter, and with the same rows, but for the images that went, whose table is empty."""
    with first_release.migrating() as connection:
        tables, before = structure(connection), rows(connection)
        command.upgrade(schema.alembic_config(connection), "0002")
        assert structure(connection) != tables
    upsert(first_release, SHIRT)
    with first_release.writing() as catalogue:
        catalogue.remove_live(SHIRT.id)
    with first_release.migrating() as connection:
        command.downgrade(schema.alembic_config(connection), "0001")
        assert structure(connection) == tables
        state = {"id": 1, "revision": 5}
        assert rows(connection) == {**before, "former_images": [], "catalogue_state": [state]}
    first_release.upgrade()
    with first_release.reading() as catalogue:
        assert catalogue.counts().products == len(PRODUCTS)


def test_a_kind_of_job_is_active_once(first_release: Database) -> None:
    """The database itself sees to it, whatever the code that inserts asks before."""
    first_release.upgrade()
    job = {
        "kind": "reindex",
        "params": "{}",
        "done": 0,
        "refused": "{}",
        "attempt": 0,
        "max_attempts": 3,
        "cancel_requested": False,
        "created_at": "2026-10-01 12:00:00.000000",
    }
    with first_release.migrating() as connection:
        insert(connection, "jobs", {**job, "id": "1", "state": "succeeded"})
        insert(connection, "jobs", {**job, "id": "2", "state": "running"})
        insert(connection, "jobs", {**job, "id": "3", "state": "queued", "kind": "another"})
    for state in ("queued", "running", "no-such-state"):
        with pytest.raises(InternalError), first_release.migrating() as connection:
            insert(connection, "jobs", {**job, "id": "4", "state": state})
