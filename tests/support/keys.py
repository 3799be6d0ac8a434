"""Keys for tests: as records, in a database, in the headers of requests, and a service that asks for them."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.core.keys import KeyRecord, KeyWanted, Scope
from app.core.settings import Settings
from app.db.database import Database
from app.main import create_app
from tests.support.services import copied_settings
from tests.support.shop import Shop
from tests.support.waiting import wait_until

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


@pytest.fixture(scope="module")
def keyed_settings(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a service on a copy of the shop's data, with one key in the environment."""
    return copied_settings(shop, tmp_path_factory.mktemp("keys"), keyless_search="local")


@pytest.fixture(scope="module")
def keyed_client(keyed_settings: Settings) -> Iterator[TestClient]:
    """A client of it on the same machine, without a key."""
    app = create_app(keyed_settings)
    with TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 5000)) as client:
        yield client


@pytest.fixture(scope="module")
def key_texts(keyed_settings: Settings, keyed_client: TestClient) -> dict[str, str]:
    """A key of each scope, and one that may be published; the service knows them."""
    texts = {
        "search": create_key(keyed_settings, "search")[1],
        "published": create_key(keyed_settings, "search", SHOP_ORIGIN, "http://localhost:9000")[1],
        "catalogue": create_key(keyed_settings, "catalogue")[1],
        "admin": create_key(keyed_settings, "admin")[1],
    }
    wait_until(lambda: keyed_client.get("/keys", headers=bearing(texts["admin"])).status_code == 200)
    return texts
