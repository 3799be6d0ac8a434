"""Engines: how a connection to SQLite or PostgreSQL is made, and nothing about what is asked over it."""

import errno
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from app.core.errors import DataDirNotWritable, DiskFull, InvalidSetting
from app.db.checks import MAX_JSON_INTEGER

LOCK_TIMEOUT_S = 5
MIGRATION_WAIT_S = 60
"""How long an upgrade waits for another one to finish."""

_CONNECT_TIMEOUT_S = 5
_DEAD_PEER_TIMEOUT_MS = 10_000
_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
# At most 20 connections of one process: PostgreSQL by default has 100 for all its clients.
_POOL: dict[str, Any] = {"pool_size": 5, "max_overflow": 15, "pool_timeout": LOCK_TIMEOUT_S}
_WRITES = "lookalike_writes"


def parse_url(url: str) -> URL:
    """
    Return the address with the one driver that is used for its kind of database.

    Raises:
        InvalidSetting: It is no address, or one of another kind; the message repeats nothing of it.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in _DRIVERS:
        raise InvalidSetting(
            "LOOKALIKE_DATABASE_URL is not an address of the form "
            "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE or sqlite:////PATH."
        )
    parsed = parsed.set(drivername=_DRIVERS[parsed.drivername])
    if is_sqlite(parsed) and (parsed.database in (None, "", ":memory:") or parsed.query or parsed.host):
        raise InvalidSetting("LOOKALIKE_DATABASE_URL: SQLite needs a file (sqlite:////PATH) and takes no options.")
    return parsed


def is_sqlite(url: URL) -> bool:
    """Whether the address names a SQLite file."""
    return url.drivername.startswith("sqlite")


def sqlite_path(url: URL) -> Path:
    """The file that a SQLite address names."""
    return Path(url.database or "").absolute()


def sqlite_file_exists(path: Path) -> bool:
    """
    Whether the file is there.

    Raises:
        DataDirNotWritable: Its folder cannot even be looked into.
    """
    with _translated_file_errors():
        return path.exists()


def create_sqlite_file(path: Path) -> None:
    """
    Create the file, empty, and its folder; leave them alone where they exist.

    Raises:
        DataDirNotWritable, DiskFull: As their names say.
    """
    with _translated_file_errors():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch()


@contextmanager
def _translated_file_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("The disk is full: the catalogue database cannot be created.") from error
        raise DataDirNotWritable(
            "The catalogue database cannot be opened or created: check the folder that LOOKALIKE_DATA_DIR names."
        ) from error


def service_engine(url: URL) -> Engine:
    """Return the engine that reads and writes the catalogue; it connects when it is first used."""
    if is_sqlite(url):
        return _sqlite_engine(url, lock_timeout_s=LOCK_TIMEOUT_S, foreign_keys=True, **_POOL)
    return _postgresql_engine(url, pool_pre_ping=True, **_POOL)


def migration_engine(url: URL) -> Engine:
    """Return an engine for one migration run; it keeps no connection."""
    if is_sqlite(url):
        # With foreign keys on, rebuilding a table (which is how SQLite alters one) deletes what refers to it.
        return _sqlite_engine(url, lock_timeout_s=MIGRATION_WAIT_S, foreign_keys=False, poolclass=NullPool)
    return _postgresql_engine(url, poolclass=NullPool)


def for_reading(engine: Engine) -> Engine:
    """Return the engine with transactions that see one state of the database throughout, as SQLite's always do."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def for_writing(engine: Engine) -> Engine:
    """Return the engine with transactions that take SQLite's write lock at their start, not in their middle."""
    return engine.execution_options(**{_WRITES: True})


def _common() -> dict[str, Any]:
    return {"json_serializer": _dump_json, "json_deserializer": _load_json, "hide_parameters": True}


def _postgresql_engine(url: URL, **options: Any) -> Engine:  # noqa: ANN401  # create_engine's own
    connect_args = {
        "connect_timeout": _CONNECT_TIMEOUT_S,
        "tcp_user_timeout": _DEAD_PEER_TIMEOUT_MS,
        "application_name": "lookalike",
    }
    return create_engine(url, connect_args=connect_args, **_common(), **options)


def _use_write_ahead_log(cursor: DBAPICursor, patience_s: float) -> None:
    """Switch a new file to WAL; SQLite does not wait for the lock that takes, whatever its busy_timeout is."""
    give_up_s = time.monotonic() + patience_s
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_s:
                raise
            time.sleep(0.01)
        else:
            return


def _sqlite_engine(url: URL, *, lock_timeout_s: float, foreign_keys: bool, **options: Any) -> Engine:  # noqa: ANN401  # create_engine's own
    # mode=rw: a missing file is an error, not a new and empty database. Only an upgrade creates it.
    uri = URL.create(url.drivername, database=sqlite_path(url).as_uri(), query={"mode": "rw", "uri": "true"})
    engine = create_engine(uri, connect_args={"timeout": lock_timeout_s}, **_common(), **options)

    # Source: SQLAlchemy's documentation of pysqlite, "Serializable isolation / Savepoints / Transactional DDL".
    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself; `begin` below does
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(lock_timeout_s * 1000)}")
        _use_write_ahead_log(cursor, lock_timeout_s)
        # With NORMAL, a power cut could take back commits that somebody was told of.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _dump_json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _load_json(text: str | bytes) -> JsonValue:
    """Undo what JSONB does to large floats: it keeps 1e+23 as the whole number 100000000000000000000000."""
    loaded: JsonValue = _JSON_DECODER.decode(text if isinstance(text, str) else text.decode())
    return loaded


def _integer_or_float(digits: str) -> int | float:
    number = int(digits)
    return number if abs(number) <= MAX_JSON_INTEGER else float(digits)


_JSON_DECODER = json.JSONDecoder(parse_int=_integer_or_float)
