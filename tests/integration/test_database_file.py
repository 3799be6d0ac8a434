"""What happens when SQLite's file, or its folder, is not as it should be."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from app.core.errors import (
    DatabaseCorrupt,
    DatabaseTooOld,
    DatabaseUnavailable,
    DataDirNotWritable,
    DiskFull,
    LookalikeError,
)
from app.core.settings import Settings
from app.db.database import Database
from tests.support.catalogue import connection_of, make_product, revision


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
        with pytest.raises(DatabaseTooOld, match=f"lookalike index FOLDER.*{path.parent}"):
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


def test_a_check_need_not_read_the_whole_file(sqlite_file: Path) -> None:
    """Whoever only looks at the jobs does not wait until a large catalogue was read; its tables are looked at."""
    content = bytearray(sqlite_file.read_bytes())
    content[-4096:] = b"\x5a" * 4096
    sqlite_file.write_bytes(content)
    with closing(Database(f"sqlite:///{sqlite_file}")) as database:
        database.check(reads_all=False)
        with database.changing_jobs() as jobs:
            jobs._connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        with pytest.raises(DatabaseTooOld, match="lookalike db upgrade"):
            database.check(reads_all=False)


def test_a_truncated_file_is_found_by_the_check(sqlite_file: Path) -> None:
    """As after a copy that broke off."""
    with sqlite_file.open("r+b") as file:
        file.truncate(sqlite_file.stat().st_size // 2)
    with closing(Database(f"sqlite:///{sqlite_file}")) as database, pytest.raises(DatabaseCorrupt, match="damaged"):
        database.check()


def test_sqlite_is_set_up_for_readers_beside_a_writer(sqlite_file: Path) -> None:
    """Write-ahead log, flushed with each commit (2: FULL), foreign keys, waiting for locks: on every connection."""
    with closing(Database(f"sqlite:///{sqlite_file}")) as database, database.reading() as catalogue:
        wanted = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 5000}
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
