"""The one place where errors of SQLAlchemy and of the drivers become ours. No address, no password, no statement."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.errors import (
    DatabaseCorrupt,
    DatabaseTooOld,
    DatabaseUnavailable,
    DataDirNotWritable,
    DiskFull,
    InternalError,
    LookalikeError,
)

DAMAGED = "The catalogue database is damaged. Restore it from a backup, or move it away and index the catalogue again."

_Failure = tuple[type[LookalikeError], str]

_LOCKED: _Failure = (
    DatabaseUnavailable,
    "The catalogue database is locked: another process is writing to it. Try again in a moment.",
)
_FULL: _Failure = (DiskFull, "The disk of the catalogue database is full; nothing was changed.")
_CORRUPT: _Failure = (DatabaseCorrupt, DAMAGED)
_OUTDATED: _Failure = (
    DatabaseTooOld,
    "The catalogue database lacks tables that this version needs. Run `lookalike db upgrade`.",
)
_NO_ACCESS: _Failure = (
    DatabaseUnavailable,
    "The catalogue database refused the user or the password of LOOKALIKE_DATABASE_URL.",
)
_NO_CONNECTION: _Failure = (
    DatabaseUnavailable,
    "The catalogue database accepts no connection. Check that it runs and that LOOKALIKE_DATABASE_URL is right.",
)
_NO_ANSWER: _Failure = (
    DatabaseUnavailable,
    "The catalogue database does not answer. Check that it runs, and try again.",
)
_BUSY: _Failure = (DatabaseUnavailable, "Every connection to the catalogue database is in use. Try again in a moment.")
_UNFORESEEN: _Failure = (InternalError, "The catalogue database refused a statement; the cause is in the log.")

# https://www.sqlite.org/rescode.html, primary codes
_SQLITE: dict[int, _Failure] = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_CORRUPT: _CORRUPT,
    sqlite3.SQLITE_NOTADB: _CORRUPT,
    sqlite3.SQLITE_READONLY: (
        DataDirNotWritable,
        "The catalogue database cannot be written: check the permissions of LOOKALIKE_DATA_DIR and of the files in it.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        DatabaseUnavailable,
        "The catalogue database cannot be opened: it is missing, or its folder may not be written.",
    ),
}

# What SQLite says of a write beyond a quota, or beyond the process's own limit (ulimit -f): only ENOSPC is FULL to it.
_SQLITE_WRITES = frozenset(
    {
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_SHMOPEN,
        sqlite3.SQLITE_IOERR_SHMSIZE,
        sqlite3.SQLITE_IOERR_SHMMAP,
    }
)

# https://www.postgresql.org/docs/18/errcodes-appendix.html; a code of two characters stands for its class
_POSTGRESQL: dict[str, _Failure] = {
    "22P05": (
        DatabaseUnavailable,
        "The catalogue database cannot hold all characters: create it with ENCODING 'UTF8'.",
    ),
    "25006": (DatabaseUnavailable, "The catalogue database takes no changes at the moment: it is read-only."),
    "28": _NO_ACCESS,
    "3D": (DatabaseUnavailable, "The server has no database of the name in LOOKALIKE_DATABASE_URL. Create it first."),
    "42501": (DatabaseUnavailable, "The user of LOOKALIKE_DATABASE_URL lacks rights in the catalogue database."),
    "42P01": _OUTDATED,
    "42703": _OUTDATED,
    "53100": _FULL,
    "55P03": _LOCKED,
    "XX001": _CORRUPT,
    "XX002": _CORRUPT,
}


@contextmanager
def translated() -> Iterator[None]:
    """
    Turn whatever the database raises inside the block into an error of ours, with the original as its cause.

    Raises:
        DatabaseUnavailable: No connection, no answer, or locked for too long.
        DatabaseCorrupt, DatabaseTooOld, DataDirNotWritable, DiskFull: As their names say.
        InternalError: Anything that should not happen.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        leaf, message = _failure_of(error)
        raise leaf(message) from error


def _failure_of(error: SQLAlchemyError | sqlite3.Error) -> _Failure:
    if isinstance(error, PoolTimeout):
        return _BUSY
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return _sqlite_failure(cause)
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str) and (known := _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])):
        return known
    if isinstance(error, DBAPIError) and error.statement is None:
        return _NO_CONNECTION
    return _NO_ANSWER if isinstance(error, OperationalError) else _UNFORESEEN


def _sqlite_failure(error: sqlite3.Error) -> _Failure:
    extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)
    if extended in _SQLITE_WRITES:
        return _FULL
    code = extended & 0xFF  # the low byte is the primary code
    if code == sqlite3.SQLITE_ERROR and str(error).startswith(("no such table", "no such column")):
        return _OUTDATED
    return _SQLITE.get(code, _NO_ANSWER if isinstance(error, sqlite3.OperationalError) else _UNFORESEEN)
