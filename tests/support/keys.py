"""Keys for tests: as records, in a database, and in the headers of requests."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.core.keys import KeyRecord, KeyWanted, Scope
from app.core.settings import Settings
from app.db.database import Database

SHOP_ORIGIN = "https://shop.example"

RECORD = KeyRecord(
    id="0123456789ab",
    name="",
    scope="search",
    origins=(),
    digest="0" * 64,
    per_minute=0,
    created_at=datetime.now(UTC),
    expires_at=None,
    revoked_at=None,
    last_used_on=None,
)
PUBLISHABLE = replace(RECORD, origins=(SHOP_ORIGIN, "http://localhost:9000"))


def create_key(settings: Settings, scope: Scope, *origins: str, **fields: Any) -> tuple[KeyRecord, str]:  # noqa: ANN401  # fields of KeyWanted
    """Create a key as another process does, and return it with its text."""
    with closing(Database(settings.resolved_database_url)) as database, database.changing_keys() as keys:
        return keys.create(KeyWanted(scope=scope, origins=origins, **fields))


def revoke_key(settings: Settings, key_id: str) -> None:
    """Revoke a key as another process does."""
    with closing(Database(settings.resolved_database_url)) as database, database.changing_keys() as keys:
        keys.revoke(key_id)


def bearing(text: str, origin: str | None = None) -> dict[str, str]:
    """Return the headers of a request with a key, of a page of this origin."""
    return {"Authorization": f"Bearer {text}", **({"Origin": origin} if origin else {})}
