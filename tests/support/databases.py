"""
Fixtures that give a test a database of its own, once on SQLite and once on PostgreSQL.

A conftest.py imports all of them: they use one another.
"""

import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pytest

from app.db.database import Database
from tests.support.postgres import PostgresTestServer

KINDS = ("sqlite", "postgresql")


class _Prepared:
    """What is made once in a test process, when it is first needed."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @cached_property
    def server(self) -> PostgresTestServer:
        server = PostgresTestServer()
        self._config.add_cleanup(server.remove)
        server.start()
        return server

    @cached_property
    def postgresql_template(self) -> str:
        """The name of a database with all tables."""
        name = self.server.create_database()
        _upgrade(self.server.url(name))
        return name

    @cached_property
    def sqlite_template(self) -> bytes:
        """The content of a file with all tables."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "template.db"
            _upgrade(f"sqlite:///{path}")
            return path.read_bytes()


_PREPARED = pytest.StashKey[_Prepared]()


def _prepared(config: pytest.Config) -> _Prepared:
    return config.stash.setdefault(_PREPARED, _Prepared(config))


def _upgrade(url: str) -> None:
    database = Database(url)
    database.upgrade()
    database.close()


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> PostgresTestServer:
    """The PostgreSQL server of this test process."""
    return _prepared(request.config).server


@pytest.fixture
def own_server() -> Iterator[PostgresTestServer]:
    """A PostgreSQL server that the test may stop."""
    server = PostgresTestServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture(params=KINDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables; on SQLite, without file or folder."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'catalogue.db'}"
        return
    server = _prepared(request.config).server
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with all tables and no products."""
    prepared = _prepared(request.config)
    if request.param == "sqlite":
        path = tmp_path / "catalogue.db"
        path.write_bytes(prepared.sqlite_template)
        yield f"sqlite:///{path}"
        return
    name = prepared.server.create_database(prepared.postgresql_template)
    yield prepared.server.url(name)
    prepared.server.drop_database(name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with all tables and no products."""
    opened = Database(database_url)
    yield opened
    opened.close()
