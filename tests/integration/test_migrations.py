"""Migrations lead every database to the tables that the code expects, once, and all or nothing."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.types import TypeEngine

import migrations
from app.core.errors import DatabaseTooNew, DatabaseTooOld, InternalError
from app.db import schema
from app.db.database import Database
from app.db.tables import metadata
from tests.support.catalogue import make_product

NEXT_REVISION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "next", "{before}", None, None


def upgrade() -> None:
    with op.batch_alter_table("products") as table:
        table.alter_column("title", new_column_name="name", existing_type=sa.Text, existing_nullable=False)
    {then}


def downgrade() -> None:
    pass
"""


NEWEST = ScriptDirectory.from_config(schema.alembic_config()).get_current_head()


@pytest.fixture
def empty_database(empty_database_url: str) -> Iterator[Database]:
    """A database without tables."""
    with closing(Database(empty_database_url)) as database:
        yield database


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of one more migration, which renames a column, in a copy of the folder that replaces the real one."""
    folder = tmp_path / "migrations of the next version, 100%"
    shutil.copytree(Path(migrations.__file__).parent, folder)
    monkeypatch.setattr(schema, "_MIGRATIONS", folder)
    path = folder / "versions" / "next.py"
    path.write_text(next_revision())
    return path


def next_revision(then: str = "") -> str:
    """Return the code of a migration that follows the newest one."""
    return NEXT_REVISION.format(before=NEWEST, then=then)


def fill(database: Database) -> None:
    """Store two products with three images."""
    with database.writing() as catalogue:
        catalogue.upsert_products([make_product("a", "1", "2"), make_product("b", "1")])


def tables_of(database: Database) -> set[str]:
    """Return the names of the tables that are there."""
    with database.migrating() as connection:
        return set(inspect(connection).get_table_names())


def count(database: Database, table: str) -> int:
    """Return the number of rows."""
    with database.migrating() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608  # own names


def collation(column_type: TypeEngine[Any]) -> str | None:
    """Return how a column of this type compares text; None: as the database does."""
    return getattr(column_type, "collation", None)


def test_there_is_one_newest_migration() -> None:
    """Two branches would leave it to chance which one a database gets."""
    assert len(ScriptDirectory.from_config(schema.alembic_config()).get_heads()) == 1


def test_upgrading_an_empty_database_makes_the_tables_of_the_code(empty_database: Database) -> None:
    """Alembic finds no difference between what is there and what the code says."""
    empty_database.upgrade()
    empty_database.check()
    with empty_database.migrating() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_names_and_collations_are_those_that_the_code_expects(empty_database: Database) -> None:
    """Which Alembic does not compare: constraints without a name could not be changed later."""
    empty_database.upgrade()
    with empty_database.migrating() as connection:
        inspector = inspect(connection)
        for table in metadata.tables.values():
            assert inspector.get_pk_constraint(table.name)["name"] == f"pk_{table.name}"
            assert {key["name"] for key in inspector.get_foreign_keys(table.name)} == {
                key.name for key in table.foreign_key_constraints
            }
            assert {check["name"] for check in inspector.get_check_constraints(table.name)} == {
                constraint.name for constraint in table.constraints if type(constraint).__name__ == "CheckConstraint"
            }
            if connection.dialect.name == "postgresql":
                assert {column["name"]: collation(column["type"]) for column in inspector.get_columns(table.name)} == {
                    column.name: collation(column.type.dialect_impl(connection.dialect)) for column in table.columns
                }


def test_a_database_goes_down_to_nothing_and_up_again(database: Database) -> None:
    """With products in it, which the way down takes along; then it works as new."""
    fill(database)
    with database.migrating() as connection:
        command.downgrade(schema.alembic_config(connection), "base")
    assert tables_of(database) == {"alembic_version"}
    database.upgrade()
    with database.reading() as catalogue:
        assert (catalogue.revision(), catalogue.counts().products) == (0, 0)
    fill(database)
    with database.reading() as catalogue:
        assert (catalogue.revision(), catalogue.counts().images) == (1, 3)


def test_upgrading_again_changes_nothing(database: Database) -> None:
    """Every start of a service may do it."""
    fill(database)
    database.upgrade()
    with database.reading() as catalogue:
        assert (catalogue.revision(), catalogue.counts().images) == (1, 3)


def test_two_threads_may_upgrade_at_once(empty_database_url: str) -> None:
    """One does the work, the other one waits and finds it done."""

    def upgrade(_number: int) -> None:
        with closing(Database(empty_database_url)) as database:
            database.upgrade()
            database.check()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, range(4)))


def test_two_processes_may_upgrade_at_once(empty_database_url: str) -> None:
    """As when two containers start together."""
    code = (
        "import contextlib, sys; from app.db.database import Database\n"
        "with contextlib.closing(Database(sys.argv[1])) as database: database.upgrade(); database.check()"
    )

    def upgrade(_number: int) -> str:
        arguments = [sys.executable, "-W", "error", "-c", code, empty_database_url]
        return subprocess.run(arguments, check=False, capture_output=True, text=True).stderr

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(upgrade, range(2))) == ["", ""]


def test_a_database_without_tables_holds_no_catalogue_yet(empty_database: Database) -> None:
    """And says which command makes one."""
    with pytest.raises(DatabaseTooOld, match="lookalike index FOLDER"):
        empty_database.check()


def test_an_older_database_needs_an_upgrade_that_keeps_its_data(database: Database, next_version: Path) -> None:
    """On SQLite a table is rebuilt: the images that refer to it stay."""
    assert next_version.exists()
    fill(database)
    with pytest.raises(DatabaseTooOld, match="lookalike db upgrade"):
        database.check()
    database.upgrade()
    database.check()
    assert count(database, "product_images") == 3
    with database.migrating() as connection:
        names = connection.execute(text("SELECT name FROM products ORDER BY id")).scalars().all()
        assert names == ["Product a", "Product b"]


@pytest.mark.parametrize(
    "then",
    ["raise RuntimeError('half way')", "op.execute('DELETE FROM products WHERE no_such_column = 1')"],
    ids=["its own error", "the database's error"],
)
def test_a_migration_that_fails_leaves_the_database_as_it_was(
    database: Database, next_version: Path, then: str
) -> None:
    """On SQLite too, where Alembic by itself would leave half of it."""
    next_version.write_text(next_revision(then))
    fill(database)
    with pytest.raises((RuntimeError, DatabaseTooOld)):
        database.upgrade()
    with database.reading() as catalogue:
        assert catalogue.get_product("a") == make_product("a", "1", "2")
    with pytest.raises(DatabaseTooOld):
        database.check()


def test_a_migration_that_would_orphan_images_is_undone(database: Database, next_version: Path) -> None:
    """PostgreSQL deletes them along; SQLite, whose foreign keys are off meanwhile, refuses."""
    next_version.write_text(next_revision("op.execute(\"DELETE FROM products WHERE id = 'a'\")"))
    fill(database)
    with database.migrating() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        with pytest.raises(InternalError, match="undone"):
            database.upgrade()
        with database.reading() as catalogue:
            assert catalogue.counts().products == 2
    else:
        database.upgrade()
        assert count(database, "product_images") == 1


def test_a_newer_database_is_left_alone(database: Database) -> None:
    """Neither used nor upgraded; the message tells what to do."""
    fill(database)
    with database.migrating() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from the future'"))
    for use in (database.check, database.upgrade):
        with pytest.raises(DatabaseTooNew, match="newer version"):
            use()
    assert count(database, "products") == 2
    with database.migrating() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "from the future"


def test_alembic_finds_nothing_to_add_when_used_by_itself(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As whoever writes the next migration uses it, on the database of the settings."""
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", database_url)
    command.check(schema.alembic_config())


def test_a_migration_begun_from_the_template_runs(
    database_url: str, next_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`alembic revision` writes a file that needs nothing but its contents."""
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", database_url)
    next_version.unlink()
    command.revision(schema.alembic_config(), message="add a table", rev_id="next")
    with closing(Database(database_url)) as database:
        with pytest.raises(DatabaseTooOld):
            database.check()
        database.upgrade()
        database.check()


def test_upgrading_loads_neither_torch_nor_fastapi(tmp_path: Path) -> None:
    """A container that only migrates starts in a moment and needs little memory."""
    code = (
        "import json, sys; from app.db.database import Database; Database(sys.argv[1]).upgrade();"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    arguments = [sys.executable, "-c", code, f"sqlite:///{tmp_path / 'catalogue.db'}"]
    loaded = json.loads(subprocess.run(arguments, check=True, capture_output=True).stdout)
    assert "alembic" in loaded
    assert {"torch", "fastapi", "starlette", "faiss", "numpy", "PIL"}.isdisjoint(loaded)
