"""
Run by Alembic: `Database.upgrade` hands it a connection.

From a shell, `alembic revision --autogenerate -m "…"` works on the database of LOOKALIKE_DATABASE_URL.
"""

from alembic import context
from sqlalchemy import Connection

from app.core.settings import Settings
from app.db.database import Database
from app.db.tables import metadata


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _migrate(given)
else:
    with Database(Settings.load().resolved_database_url).migrating() as own:
        _migrate(own)
