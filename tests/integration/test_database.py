"""Transactions: what readers see, and how writers take turns."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from app.core.errors import (
    DatabaseUnavailable,
)
from app.core.products import ProductRecord
from app.db.database import Database
from tests.support.catalogue import connection_of, delete, make_product, revision


def test_a_block_that_raises_leaves_nothing_behind(database: Database) -> None:
    """Neither rows nor a revision, and the error is the caller's own."""

    def products() -> Iterator[ProductRecord]:
        yield from (make_product(f"p-{number}", "1") for number in range(1_500))
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"), database.writing() as catalogue:
        catalogue.upsert_products(products())
    with database.reading() as reader:
        assert reader.counts().products == 0
        assert reader.revision() == 0


def test_a_reader_sees_no_half_of_a_transaction(database: Database) -> None:
    """Neither what is not yet committed, nor what is committed after it began; and it waits for nobody."""
    with database.writing() as catalogue:
        catalogue.upsert_products([make_product("a", "1")])
    with database.reading() as early:
        assert early.revision() == 1
        with database.writing() as catalogue:
            catalogue.upsert_products([make_product("b", "1"), make_product("c", "1")])
            with database.reading() as between:
                assert (between.revision(), between.counts().products) == (1, 1)
        assert (early.revision(), early.counts().products, len(list(early.iter_products()))) == (1, 1, 1)
    with database.reading() as late:
        assert (late.revision(), late.counts().products) == (2, 3)


def test_a_reader_that_streams_is_not_disturbed_by_a_writer(database: Database) -> None:
    """The products come from one state of the catalogue, however long it takes to read them."""
    with database.writing() as catalogue:
        catalogue.upsert_products(make_product(f"p-{number}", "1") for number in range(12_000))
    with database.reading() as reader:
        stream = reader.iter_products()
        first = next(stream)
        delete(database, *(f"p-{number}" for number in range(12_000)))
        assert len({record.id for record in (first, *stream)}) == 12_000


def test_writers_in_many_threads_take_turns(database: Database) -> None:
    """No change is lost, and every transaction has a revision of its own."""

    def write(worker: int) -> list[int]:
        revisions = []
        for number in range(5):
            with database.writing() as catalogue:
                catalogue.upsert_products([make_product(f"p-{worker}-{number}", "1")])
                revisions.append(catalogue.revision())
        return revisions

    with ThreadPoolExecutor(6) as pool:
        revisions = [revision for mine in pool.map(write, range(6)) for revision in mine]
    assert sorted(revisions) == list(range(1, 31))
    assert revision(database) == 30


def test_waiting_too_long_for_another_writer_is_told(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time limit, not for ever; and the next attempt succeeds."""
    monkeypatch.setattr("app.db.engines.LOCK_TIMEOUT_S", 0.2)
    monkeypatch.setattr("app.db.catalogue_writer.LOCK_TIMEOUT_S", 0.2)
    with closing(Database(database_url)) as database:
        with (
            database.writing(),
            pytest.raises(DatabaseUnavailable, match="another process is writing"),
            database.writing(),
        ):
            pytest.fail("two writers at once")
        with database.writing() as catalogue:
            catalogue.upsert_products([make_product("a")])
        assert revision(database) == 1


def test_more_readers_than_connections_are_told_to_come_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Instead of waiting for ever."""
    monkeypatch.setattr("app.db.engines._POOL", {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.1})
    with (
        closing(Database(database_url)) as database,
        database.reading(),
        pytest.raises(DatabaseUnavailable, match="in use"),
        database.reading(),
    ):
        pytest.fail("more connections than the pool has")


def test_a_reader_cannot_write(database_url: str) -> None:
    """On PostgreSQL the server sees to it; SQLite's readers have no method that would."""
    with closing(Database(database_url)) as database:
        if database_url.startswith("sqlite"):
            with database.reading() as catalogue:
                assert not hasattr(catalogue, "upsert_products")
            return
        with pytest.raises(DatabaseUnavailable, match="read-only"), database.reading() as catalogue:
            connection_of(catalogue).exec_driver_sql("DELETE FROM products")


def test_closing_ends_the_connections(database_url: str) -> None:
    """No thread and no lock is left; the next use opens a new connection."""
    threads = threading.active_count()
    database = Database(database_url)
    revision(database)
    database.close()
    assert threading.active_count() == threads
    assert database._engine.pool.status().count("Connections in pool: 0") == 1
