"""Whether a database has the tables that this code needs, and how it gets them."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import migrations
from app.core.errors import DatabaseCorrupt, DatabaseTooNew, DatabaseTooOld, InternalError
from app.db.engines import MIGRATION_WAIT_S
from app.db.failures import DAMAGED

NO_CATALOGUE = "There is no catalogue yet. Make one with `lookalike index FOLDER`."

_MIGRATIONS = Path(migrations.__file__).parent
_ADVISORY_LOCK = 5_492_316_087_114_201  # any number that nobody else takes
_TABLE_LOCK_TIMEOUT_S = 4  # a migration that waits for a busy table makes every query behind it wait too
_STATEMENT_TIMEOUT_S = 300


def alembic_config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration: the installed `migrations` package, over this connection."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def check_schema(connection: Connection, *, reads_all: bool) -> None:
    """
    Refuse a database that this code cannot work with.

    Raises:
        DatabaseTooNew: It was upgraded by a newer version.
        DatabaseTooOld: It has no tables yet, or lacks migrations.
        DatabaseCorrupt: SQLite's own check, which `reads_all` of it, finds it damaged.
    """
    if reads_all and connection.dialect.name == "sqlite":
        _check_pages(connection)
    script = ScriptDirectory.from_config(alembic_config())
    current = _current_revision(connection)
    _refuse_newer(script, current)
    if current is None:
        raise DatabaseTooOld(NO_CATALOGUE)
    if current != script.get_current_head():
        raise DatabaseTooOld("The catalogue database is from an older version. Run `lookalike db upgrade`.")


def upgrade_schema(connection: Connection) -> None:
    """
    Bring the database to the newest migration, inside the transaction that `connection` is in.

    Raises:
        DatabaseTooNew: It was upgraded by a newer version; nothing is changed.
    """
    _refuse_newer(ScriptDirectory.from_config(alembic_config()), _current_revision(connection))
    command.upgrade(alembic_config(connection), "head")


def lock_for_migration(connection: Connection) -> None:
    """
    Wait until no other process migrates the database, and keep others out until the transaction ends.

    On SQLite, whose transaction began with the write lock, nothing is left to do.
    """
    if connection.dialect.name != "postgresql":
        return
    _set_timeout(connection, "lock_timeout", MIGRATION_WAIT_S)
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    _set_timeout(connection, "lock_timeout", _TABLE_LOCK_TIMEOUT_S)
    _set_timeout(connection, "statement_timeout", _STATEMENT_TIMEOUT_S)


def check_references(connection: Connection) -> None:
    """Refuse, on SQLite, a migration that left a reference to a row that is gone: its foreign keys were off."""
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise InternalError("A migration would have left images without their product; it was undone.")


def _set_timeout(connection: Connection, name: str, timeout_s: int) -> None:
    connection.execute(text("SELECT set_config(:name, :value, true)"), {"name": name, "value": f"{timeout_s}s"})


def _current_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(script: ScriptDirectory, current: str | None) -> None:
    known = {revision.revision for revision in script.walk_revisions()}
    if current is not None and current not in known:
        raise DatabaseTooNew(
            "The catalogue database was upgraded by a newer version of Lookalike. Install that version, "
            "or restore a backup from before the upgrade."
        )


def _check_pages(connection: Connection) -> None:
    if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one() != "ok":
        raise DatabaseCorrupt(DAMAGED)
