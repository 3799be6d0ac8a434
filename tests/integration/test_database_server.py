"""What happens when the database's server, its address or a statement is not as it should be."""

import traceback
from contextlib import closing

import pytest
from sqlalchemy import insert, select

from app.core.errors import (
    DatabaseCorrupt,
    DatabaseTooOld,
    DatabaseUnavailable,
    DiskFull,
    InternalError,
    InvalidSetting,
    LookalikeError,
)
from app.db.database import Database
from app.db.tables import products
from tests.support.catalogue import connection_of, make_product, revision
from tests.support.postgres import PostgresTestServer

SECRET = "hunter2-do-not-tell"  # noqa: S105  # it is looked for in messages


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
