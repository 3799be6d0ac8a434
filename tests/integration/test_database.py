"""Transactions, and what happens when the database does not do as it is told."""

import os
import sqlite3
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert, select

from app.core.errors import (
    DatabaseCorrupt,
    DatabaseTooOld,
    DatabaseUnavailable,
    DataDirNotWritable,
    DiskFull,
    InternalError,
    InvalidSetting,
    LookalikeError,
)
from app.core.products import ProductRecord
from app.core.settings import Settings
from app.db.catalogue import Catalogue
from app.db.database import Database
from app.db.tables import products
from tests.support.catalogue import make_product
from tests.support.postgres import PostgresTestServer

SECRET = "hunter2-do-not-tell"  # noqa: S105  # it is looked for in messages


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    """A catalogue with 500 products, in a file that nobody has open."""
    path = tmp_path / "catalogue.db"
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    with database.writing() as catalogue:
        catalogue.upsert_products(make_product(f"p-{number}", "1") for number in range(500))
    database.close()
    return path


@pytest.fixture
def own_server() -> Iterator[PostgresTestServer]:
    """A PostgreSQL server that the test may stop."""
    server = PostgresTestServer()
    server.start()
    yield server
    server.remove()


def revision(database: Database) -> int:
    """Return the catalogue's revision."""
    with database.reading() as catalogue:
        return catalogue.revision()


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Lay down root's rights, which no permission stops, for the time of the block."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def connection_of(catalogue: Catalogue) -> Connection:
    """Return the connection behind a catalogue, to make trouble on it."""
    return catalogue._connection


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
        assert (early.revision(), early.counts().products, len(list(early.iter_images()))) == (1, 1, 1)
    with database.reading() as late:
        assert (late.revision(), late.counts().products) == (2, 3)


def test_a_reader_that_streams_is_not_disturbed_by_a_writer(database: Database) -> None:
    """The images come from one state of the catalogue, however long it takes to read them."""
    with database.writing() as catalogue:
        catalogue.upsert_products(make_product(f"p-{number}", "1") for number in range(12_000))
    with database.reading() as reader:
        images = reader.iter_images()
        first = next(images)
        with database.writing() as catalogue:
            catalogue.delete_products_except(set())
        assert len({first, *images}) == 12_000


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


def test_a_statement_that_the_database_refuses_is_an_internal_error(database: Database) -> None:
    """Whose message, and whose causes that go to the log, hold nothing of what was to be stored."""
    twice = make_product("a", SECRET, title=SECRET)

    def insert_twice() -> None:
        with database.writing() as catalogue:
            catalogue.upsert_products([twice])
            row = connection_of(catalogue).execute(select(products)).mappings().one()
            connection_of(catalogue).execute(insert(products), dict(row))

    with pytest.raises(InternalError) as caught:
        insert_twice()
    logged = "".join(traceback.format_exception(caught.value))
    assert "INSERT" in logged
    assert SECRET not in logged
    assert revision(database) == 0


def test_a_stopped_server_is_told_and_a_started_one_is_used_again(own_server: PostgresTestServer) -> None:
    """Connections that the stop broke do not fail the requests after the start."""
    with closing(Database(own_server.url(own_server.create_database()))) as database:
        database.upgrade()
        with database.writing() as catalogue:
            catalogue.upsert_products([make_product("a")])
        own_server.stop()
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                revision(database)
        with pytest.raises(DatabaseUnavailable):
            database.check()
        own_server.start()
        assert revision(database) == 1
        database.check()


def test_a_connection_cut_in_mid_transaction_is_told(postgres: PostgresTestServer) -> None:
    """What the transaction did is undone, and the next one works."""
    with closing(Database(postgres.url(postgres.create_database()))) as database:
        database.upgrade()

        def write_and_be_cut_off() -> None:
            with database.writing() as catalogue:
                catalogue.upsert_products([make_product("a")])
                own = connection_of(catalogue).exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
                with database.reading() as other:
                    connection_of(other).exec_driver_sql(f"SELECT pg_terminate_backend({own}, 5000)")
                catalogue.counts()

        with pytest.raises(DatabaseUnavailable):
            write_and_be_cut_off()
        assert revision(database) == 0


@pytest.mark.parametrize(
    ("sqlstate", "leaf", "told"),
    [
        ("53100", DiskFull, "full"),
        ("55P03", DatabaseUnavailable, "another process"),
        ("22P05", DatabaseUnavailable, "UTF8"),
        ("25006", DatabaseUnavailable, "read-only"),
        ("28P01", DatabaseUnavailable, "password"),
        ("42501", DatabaseUnavailable, "rights"),
        ("42P01", DatabaseTooOld, "db upgrade"),
        ("53300", DatabaseUnavailable, "does not answer"),
        ("57014", DatabaseUnavailable, "does not answer"),
        ("XX001", DatabaseCorrupt, "damaged"),
        ("22012", InternalError, "log"),
    ],
)
def test_each_of_postgresqls_states_becomes_one_error_of_ours(
    postgres: PostgresTestServer, sqlstate: str, leaf: type[LookalikeError], told: str
) -> None:
    """The server itself raises the state; the message is a sentence of ours."""
    with (
        closing(Database(postgres.url("postgres"))) as database,
        pytest.raises(leaf, match=told),
        database.reading() as catalogue,
    ):
        connection_of(catalogue).exec_driver_sql(f"DO $$ BEGIN RAISE SQLSTATE '{sqlstate}'; END $$")


@pytest.mark.parametrize(
    ("pragma", "leaf", "told"),
    [
        ("max_page_count = 1", DiskFull, "nothing was changed"),  # SQLite raises it to the present size
        ("query_only = ON", DataDirNotWritable, "LOOKALIKE_DATA_DIR"),
    ],
)
def test_a_file_that_takes_no_more_is_told(
    sqlite_file: Path, pragma: str, leaf: type[LookalikeError], told: str
) -> None:
    """SQLite's own limits stand in for the disk's end and for permissions; what was there stays."""
    with closing(Database(f"sqlite:///{sqlite_file}")) as database:
        event.listen(database._engine, "begin", lambda connection: connection.exec_driver_sql(f"PRAGMA {pragma}"))
        with pytest.raises(leaf, match=told), database.writing() as catalogue:
            catalogue.upsert_products(make_product(f"q-{number}", "1") for number in range(500))
        with database.reading() as reader:
            assert (reader.counts().products, reader.revision()) == (500, 1)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """With the setting that names it."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataDirNotWritable, match="LOOKALIKE_DATA_DIR"):
        Database(f"sqlite:///{tmp_path / 'file' / 'data' / 'catalogue.db'}").upgrade()


@pytest.mark.parametrize("mode", [0o500, 0])
def test_a_folder_without_permission_is_told(tmp_path: Path, mode: int) -> None:
    """As an ordinary user meets it; whether it may be read makes no difference."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(mode)
    with closing(Database(f"sqlite:///{folder / 'catalogue.db'}")) as database, as_ordinary_user():
        with pytest.raises(DataDirNotWritable, match="LOOKALIKE_DATA_DIR"):
            database.upgrade()
        with pytest.raises((DatabaseTooOld, DataDirNotWritable)):
            database.check()
    folder.chmod(0o700)


def test_reading_a_catalogue_that_is_not_there_creates_none(tmp_path: Path) -> None:
    """Only an upgrade makes a file."""
    path = tmp_path / "data" / "catalogue.db"
    with closing(Database(f"sqlite:///{path}")) as database:
        with pytest.raises(DatabaseTooOld, match="lookalike db upgrade"):
            database.check()
        with pytest.raises(DatabaseUnavailable, match="missing"):
            revision(database)
    assert not path.parent.exists()


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_file_that_is_no_database_is_told(tmp_path: Path, content: bytes) -> None:
    """By check, by use and by upgrade; the file stays as it is."""
    path = tmp_path / "catalogue.db"
    path.write_bytes(content)
    with closing(Database(f"sqlite:///{path}")) as database:
        for use in (database.check, database.upgrade, lambda: revision(database)):
            with pytest.raises(DatabaseCorrupt, match="damaged"):
                use()
    assert path.read_bytes() == content


@pytest.mark.parametrize("page", [3, 5, 9, -1])
def test_a_damaged_page_is_found_by_the_check(sqlite_file: Path, page: int) -> None:
    """Before anything is served from it."""
    content = bytearray(sqlite_file.read_bytes())
    start = (page * 4096) % len(content)
    content[start : start + 4096] = b"\x5a" * 4096
    sqlite_file.write_bytes(content)
    with closing(Database(f"sqlite:///{sqlite_file}")) as database, pytest.raises(DatabaseCorrupt, match="damaged"):
        database.check()


def test_a_truncated_file_is_found_by_the_check(sqlite_file: Path) -> None:
    """As after a copy that broke off."""
    with sqlite_file.open("r+b") as file:
        file.truncate(sqlite_file.stat().st_size // 2)
    with closing(Database(f"sqlite:///{sqlite_file}")) as database, pytest.raises(DatabaseCorrupt, match="damaged"):
        database.check()


def test_sqlite_is_set_up_for_readers_beside_a_writer(sqlite_file: Path) -> None:
    """Write-ahead log, foreign keys, waiting for locks: on every connection."""
    with closing(Database(f"sqlite:///{sqlite_file}")) as database, database.reading() as catalogue:
        wanted = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 5000}
        found = {name: connection_of(catalogue).exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}
    assert found == wanted


def test_a_file_in_another_journal_mode_is_brought_back(sqlite_file: Path) -> None:
    """A restored backup has it, and would make readers wait for writers."""
    with closing(sqlite3.connect(sqlite_file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    with closing(Database(f"sqlite:///{sqlite_file}")) as database:
        assert revision(database) == 1
    with closing(sqlite3.connect(sqlite_file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(
    "name", ["with space", "100%41", "what?", "a@b:1", "a#b", "é שלום", "a&mode=memory", "it's", "[b]"]
)
def test_any_name_of_a_folder_will_do(tmp_path: Path, name: str) -> None:
    """Characters that mean something in an address are only characters in a path."""
    settings = Settings(data_dir=tmp_path / name)
    with closing(Database(settings.resolved_database_url)) as database:
        database.upgrade()
        assert revision(database) == 0
    assert (tmp_path / name / "catalogue.db").is_file()
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_each_way_to_write_postgresql_is_understood(postgres: PostgresTestServer, scheme: str) -> None:
    """Hosting companies write postgres://, older manuals postgresql://."""
    url = postgres.url(postgres.create_database())
    with closing(Database(url.replace("postgresql://", f"{scheme}://"))) as database:
        database.upgrade()
        assert revision(database) == 0


@pytest.mark.parametrize(
    "url",
    [
        "",
        "catalogue.db",
        f"mysql://shop:{SECRET}@127.0.0.1/shop",
        f"postgresql+psycopg2://shop:{SECRET}@127.0.0.1/shop",
        f"postgresql://shop:{SECRET}@127.0.0.1:port/shop",
        f"postgresql:/shop:{SECRET}@127.0.0.1/shop",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///catalogue.db?mode=ro",
        "sqlite://host/catalogue.db",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(url: str) -> None:
    """A mistyped address still holds a password."""
    with pytest.raises(InvalidSetting, match="LOOKALIKE_DATABASE_URL") as caught:
        Database(url)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://shop:{SECRET}@127.0.0.1:1/shop",
        f"postgresql://shop:{SECRET}@/shop?host=/nowhere",
        f"postgresql://shop:{SECRET}@127.0.0.1:1/shop?no_such_option=1",
        f"postgresql://shop:{SECRET}@127.0.0.1:1/shop?sslmode=nonsense",
    ],
)
def test_a_server_that_is_not_there_is_told_without_the_password(url: str) -> None:
    """Neither the message nor the traceback that goes to the log shows it."""
    with closing(Database(url)) as database:
        for use in (database.check, database.upgrade, lambda: revision(database)):
            with pytest.raises(DatabaseUnavailable, match="LOOKALIKE_DATABASE_URL") as caught:
                use()
            assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_database_that_the_server_does_not_have_is_told(postgres: PostgresTestServer) -> None:
    """It is not created: whoever runs the server decides on that."""
    with closing(Database(postgres.url("nowhere"))) as database, pytest.raises(DatabaseUnavailable):
        database.check()


def test_closing_ends_the_connections(database_url: str) -> None:
    """No thread and no lock is left; the next use opens a new connection."""
    threads = threading.active_count()
    database = Database(database_url)
    revision(database)
    database.close()
    assert threading.active_count() == threads
    assert database._engine.pool.status().count("Connections in pool: 0") == 1
