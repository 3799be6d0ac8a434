"""The ids that a source states, in a scratch file: however many there are, in bounded memory."""

import errno
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Self

from app.core.errors import StorageError
from app.core.files import storage_error

_CHUNK = 1_000
_STATED, _YIELDED, _TAKEN = range(3)


class StatedIds:
    """
    Which product ids a source states; filled by a first reading, asked in the second and after it.

    An id is *stated* when a row names it, even one that cannot be used: its product is not to be removed for that.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Self]:
        """
        Open an empty one in a folder; its file goes when the block ends, or with the next one after a crash.

        Raises:
            DiskFull, DataDirNotWritable: The file cannot be written, also later in the block.
        """
        path = folder / "stated-ids.tmp"
        path.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                # Nothing to recover: the next run begins with an empty file.
                connection.executescript(
                    """
                    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
                    CREATE TABLE ids (id TEXT PRIMARY KEY, state INTEGER NOT NULL) WITHOUT ROWID;
                    """
                )
                yield cls(connection)
        except sqlite3.Error as error:  # those of the catalogue are ours by the time they get here
            raise _storage_error(error, folder) from error
        finally:
            path.unlink(missing_ok=True)

    def state(self, product_id: str) -> None:
        """Note that a row names the id."""
        self._connection.execute("INSERT OR IGNORE INTO ids VALUES (?, ?)", (product_id, _STATED))

    def state_product(self, product_id: str) -> bool:
        """Note that the source has a product of this id; false when it had one before."""
        return self._set(product_id, _YIELDED, below=_YIELDED)

    def take(self, product_id: str) -> bool:
        """In the second reading: whether this is the first product of its id."""
        return self._set(product_id, _TAKEN, below=_TAKEN)

    def unstated(self, product_ids: Iterable[str]) -> Iterator[str]:
        """Yield those of the ids that the source does not state."""
        iterator = iter(product_ids)
        while chunk := list(islice(iterator, _CHUNK)):
            rows = self._connection.execute(
                "SELECT value FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM ids WHERE id = value)",
                (json.dumps(chunk),),
            )
            yield from (row[0] for row in rows)

    def _set(self, product_id: str, state: int, *, below: int) -> bool:
        """Give the id a state, unless it has got so far already; whether it was given."""
        statement = "INSERT INTO ids VALUES (?1, ?2) ON CONFLICT DO UPDATE SET state = ?2 WHERE state < ?3"
        return self._connection.execute(statement, (product_id, state, below)).rowcount == 1


def _storage_error(error: sqlite3.Error, folder: Path) -> StorageError:
    """Return our error for one that SQLite gave about the scratch file; a limit on its size is one of writing."""
    is_full = getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}
    return storage_error(OSError(errno.ENOSPC if is_full else errno.EIO, str(error)), folder)
