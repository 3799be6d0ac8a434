"""The door to the catalogue: one transaction at a time, and errors that are ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from app.core.errors import DatabaseCorrupt, DatabaseTooOld
from app.db.catalogue import Catalogue
from app.db.catalogue_writer import CatalogueWriter
from app.db.engines import (
    create_sqlite_file,
    for_reading,
    for_writing,
    is_sqlite,
    migration_engine,
    parse_url,
    service_engine,
    sqlite_file_exists,
    sqlite_path,
)
from app.db.events import Events
from app.db.failures import translated
from app.db.jobs import Jobs
from app.db.keys import Keys
from app.db.refusals import Refusals
from app.db.rules import Rules
from app.db.schema import NO_CATALOGUE, check_references, check_schema, lock_for_migration, upgrade_schema


class Database:
    """
    The catalogue database, SQLite or PostgreSQL. May be used from several threads; blocks.

    Every method raises `DatabaseUnavailable`, `DatabaseCorrupt`, `DiskFull` or `DataDirNotWritable` as
    `app.db.failures` tells, and nothing of SQLAlchemy's.
    """

    def __init__(self, url: str) -> None:
        """
        Prepare for the database at this address, without connecting.

        Raises:
            InvalidSetting: The address is neither of SQLite nor of PostgreSQL.
        """
        self._url = parse_url(url)
        self._engine = service_engine(self._url)
        self._readers = for_reading(self._engine)
        self._writers = for_writing(self._engine)

    def check(self, *, reads_all: bool = True) -> None:
        """
        Refuse to go on with a database that this code cannot work with. Changes and creates nothing.

        With `reads_all`, every page of a SQLite file is looked at, for whoever is going to rely on it for long: that
        takes seconds for a large catalogue.

        Raises:
            DatabaseTooOld: It does not exist yet, or needs `lookalike db upgrade`.
            DatabaseTooNew: It was upgraded by a newer version.
            DatabaseCorrupt: It is damaged.
        """
        if is_sqlite(self._url) and not sqlite_file_exists(sqlite_path(self._url)):
            raise DatabaseTooOld(f"{NO_CATALOGUE} It would be in {sqlite_path(self._url).parent}.")
        with self._placed(), translated(), self._readers.connect() as connection:
            check_schema(connection, reads_all=reads_all)

    def upgrade(self) -> None:
        """
        Create the tables, or bring them up to date: all or nothing. May run twice, or in two processes at once.

        Raises:
            DatabaseTooNew: It was upgraded by a newer version; nothing is changed.
        """
        with self.migrating() as connection:
            upgrade_schema(connection)

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Give a connection for migrations, in one transaction that keeps other migrations out."""
        if is_sqlite(self._url):
            create_sqlite_file(sqlite_path(self._url))
        engine = for_writing(migration_engine(self._url))
        with self._placed(), translated(), engine.begin() as connection:
            lock_for_migration(connection)
            yield connection
            check_references(connection)

    @contextmanager
    def reading(self) -> Iterator[Catalogue]:
        """
        Give the catalogue as it is now: later changes of others do not show in it. Waits for no writer.

        Keep it short: SQLite's log grows, and PostgreSQL cleans up nothing, while one is open.
        """
        with translated(), self._readers.begin() as connection:
            yield Catalogue(connection)

    @contextmanager
    def writing(self) -> Iterator[CatalogueWriter]:
        """
        Give the catalogue for changing: all that the block does is kept when it ends, nothing when it raises.

        One writer at a time: another one waits, 5 s at most. If anything changed, the revision goes up by one.
        """
        with translated(), self._writers.begin() as connection:
            yield CatalogueWriter(connection)

    @contextmanager
    def reading_jobs(self) -> Iterator[Jobs]:
        """Give the jobs as they are now, for reading."""
        with translated(), self._readers.begin() as connection:
            yield Jobs(connection)

    @contextmanager
    def changing_jobs(self) -> Iterator[Jobs]:
        """Give the jobs for changing. On PostgreSQL this waits for no writer of the catalogue."""
        with translated(), self._writers.begin() as connection:
            yield Jobs(connection)

    @contextmanager
    def reading_events(self) -> Iterator[Events]:
        """Give the events of shoppers as they are now, for reading."""
        with translated(), self._readers.begin() as connection:
            yield Events(connection)

    @contextmanager
    def changing_events(self) -> Iterator[Events]:
        """Give the events for changing. On PostgreSQL this waits for no writer of the catalogue."""
        with translated(), self._writers.begin() as connection:
            yield Events(connection)

    @contextmanager
    def reading_keys(self) -> Iterator[Keys]:
        """Give the keys as they are now, for reading."""
        with translated(), self._readers.begin() as connection:
            yield Keys(connection)

    @contextmanager
    def changing_keys(self) -> Iterator[Keys]:
        """Give the keys for changing. On PostgreSQL this waits for no writer of the catalogue."""
        with translated(), self._writers.begin() as connection:
            yield Keys(connection)

    @contextmanager
    def reading_rules(self) -> Iterator[Rules]:
        """Give the rules as they are now, for reading."""
        with translated(), self._readers.begin() as connection:
            yield Rules(connection)

    @contextmanager
    def changing_rules(self) -> Iterator[Rules]:
        """Give the rules for changing. On PostgreSQL this waits for no writer of the catalogue."""
        with translated(), self._writers.begin() as connection:
            yield Rules(connection)

    @contextmanager
    def reading_refusals(self) -> Iterator[Refusals]:
        """Give what was refused as it is now, for reading."""
        with translated(), self._readers.begin() as connection:
            yield Refusals(connection)

    @contextmanager
    def changing_refusals(self) -> Iterator[Refusals]:
        """Give what was refused for changing; the catalogue's revision stays as it is."""
        with translated(), self._writers.begin() as connection:
            yield Refusals(connection)

    @contextmanager
    def _placed(self) -> Iterator[None]:
        """Say which file is damaged: to whoever opens a database, who runs the shop; never in an answer over HTTP."""
        try:
            yield
        except DatabaseCorrupt as error:
            where = f" It is the file {sqlite_path(self._url)}." if is_sqlite(self._url) else ""
            raise DatabaseCorrupt(error.message + where) from error

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._engine.dispose()
