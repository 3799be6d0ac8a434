"""Keys over HTTP: how they are created, listed and revoked, and what is logged of them."""

import json

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from app.core.settings import Settings
from app.main import create_app
from tests.support.keys import SHOP_ORIGIN, bearing, create_key
from tests.support.shop import Shop
from tests.support.waiting import wait_until

JSON = {"Content-Type": "application/json"}


def test_a_key_is_created_used_listed_and_revoked(keyed_client: TestClient, key_texts: dict[str, str]) -> None:
    """Its text is in the first answer only; what changed counts at once in the process that changed it."""
    admin = bearing(key_texts["admin"])
    asked = {"scope": "search", "origins": ["https://new.example/"], "name": "new", "expires_in_days": 7}
    reply = keyed_client.post("/keys", json=asked, headers=admin)
    assert (reply.status_code, reply.headers["cache-control"]) == (201, "no-store")
    created = reply.json()
    assert created["key"].startswith(f"lkp_{created['id']}_")
    assert (created["origins"], created["per_minute"], created["state"]) == (["https://new.example"], 600, "active")
    bearer = bearing(created.pop("key"), "https://new.example")
    assert keyed_client.get("/products", headers=bearer).status_code == 200

    listed = keyed_client.get("/keys", headers=admin)
    assert listed.headers["cache-control"] == "no-store"
    assert created in [{**key, "last_used_on": None} for key in listed.json()["keys"]]
    assert bearer["Authorization"][24:] not in listed.text

    for _ in range(2):
        revoked = keyed_client.delete(f"/keys/{created['id']}", headers=admin)
        assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    refused = keyed_client.get("/products", headers=bearer)
    assert (refused.status_code, refused.json()["detail"]) == (401, "This key was revoked.")


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 422, "scope"),
        ({"scope": "everything"}, 422, "scope"),
        ({"scope": "admin", "origins": [SHOP_ORIGIN]}, 422, "Only a search key"),
        ({"scope": "search", "origins": ["*"]}, 422, "An origin is"),
        ({"scope": "search", "origins": ["null"]}, 422, "An origin is"),
        ({"scope": "search", "origins": SHOP_ORIGIN}, 422, "origins"),
        ({"scope": "search", "origins": [f"https://{n}.example" for n in range(51)]}, 422, "origins"),
        ({"scope": "search", "origins": ["https://" + "a" * 300]}, 422, "origins"),
        ({"scope": "search", "name": 1}, 422, "name"),
        ({"scope": "search", "name": "x" * 101}, 422, "name"),
        ({"scope": "search", "name": "a\u0000b"}, 422, "can be seen"),
        ({"scope": "search", "per_minute": -1}, 422, "per_minute"),
        ({"scope": "search", "per_minute": "600"}, 422, "per_minute"),
        ({"scope": "search", "expires_in_days": 0}, 422, "expires_in_days"),
        ({"scope": "search", "expires_in_days": 10**9}, 422, "expires_in_days"),
        ({"scope": "search", "id": "000000000000"}, 422, "not known here"),
        ({"scope": "search", "name": "x" * 40_000}, 413, "bytes"),
        ([], 422, "not a JSON object"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_created(
    keyed_client: TestClient, key_texts: dict[str, str], body: object, status: int, message: str
) -> None:
    """And the answer says why."""
    admin = bearing(key_texts["admin"])
    before = len(keyed_client.get("/keys", headers=admin).json()["keys"])
    reply = keyed_client.post("/keys", content=json.dumps(body), headers={**admin, **JSON})
    assert (reply.status_code, message in reply.json()["detail"]) == (status, True), reply.text
    assert len(keyed_client.get("/keys", headers=admin).json()["keys"]) == before


@pytest.mark.parametrize("key_id", ["000000000000", "x", "%00", "a" * 10_000, "..%2fkeys", "'; DROP TABLE api_keys"])
def test_a_key_that_is_not_there_cannot_be_revoked(
    keyed_client: TestClient, key_texts: dict[str, str], key_id: str
) -> None:
    """Whatever its id looks like."""
    assert keyed_client.delete(f"/keys/{key_id}", headers=bearing(key_texts["admin"])).status_code == 404


def test_an_admin_key_may_revoke_itself(keyed_settings: Settings, keyed_client: TestClient) -> None:
    """The last one too: `lookalike keys create` makes another."""
    record, text = create_key(keyed_settings, "admin")
    wait_until(lambda: keyed_client.get("/keys", headers=bearing(text)).status_code == 200)
    assert keyed_client.delete(f"/keys/{record.id}", headers=bearing(text)).status_code == 200
    assert keyed_client.get("/keys", headers=bearing(text)).status_code == 401


def test_what_is_logged_names_the_key_and_not_its_secret(own_shop: Shop) -> None:
    """Its id, so that a noisy one can be found."""
    _, text = create_key(own_shop.settings, "search")
    with TestClient(create_app(own_shop.settings)) as client, capture_logs() as lines:
        client.get("/products", headers=bearing(text))
        client.get("/products", headers=bearing(text + "x"))
    requests = [line for line in lines if line["event"] == "request"]
    assert [line.get("key") for line in requests] == [text[4:16], None]
    assert text[17:] not in str(lines)
