"""Keys over HTTP: which key may do what, who needs none, and how they are created and revoked."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from app.core.errors import KeysMissing
from app.core.settings import Settings
from app.main import create_app
from tests.support.keys import SHOP_ORIGIN, bearing, create_key, revoke_key
from tests.support.services import ADMIN_KEY, copied_settings
from tests.support.shop import Shop
from tests.support.waiting import wait_until

HERE = ("127.0.0.1", 5000)
SIMILAR = "/products/mugs-00/similar?k=1"
JSON = {"Content-Type": "application/json"}

# What each scope opens: method, path, and the status of a right request without a body.
SEARCH = [
    ("POST", "/search", 422),
    ("POST", "/classify", 422),
    ("GET", "/products", 200),
    ("GET", "/products/mugs-00", 200),
    ("GET", SIMILAR, 200),
]
CATALOGUE = [
    ("PUT", "/products/x", 415),
    ("POST", "/products:batch", 422),
    ("GET", "/jobs", 200),
    ("GET", "/jobs/x", 404),
    ("POST", "/jobs/x/cancel", 404),
    ("POST", "/jobs/x/retry", 404),
    ("GET", "/snapshots", 200),
    ("GET", "/rules", 200),
    ("POST", "/rules", 422),
    ("DELETE", "/rules/x", 404),
    ("GET", "/snapshots/figures", 200),
    ("GET", "/catalogue", 200),
    ("GET", "/catalogue/refused", 200),
    ("DELETE", "/products/nothing", 200),
]
ADMIN = [
    ("POST", "/snapshots/rollback", 404),
    ("POST", "/snapshots/000099-00000000/publish", 404),
    ("GET", "/keys", 200),
    ("POST", "/keys", 422),
    ("DELETE", "/keys/000000000000", 404),
]
OPEN = [
    ("GET", "/", 200),
    ("GET", "/admin", 200),
    ("GET", "/docs", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/livez", 200),
    ("GET", "/readyz", 200),
    ("GET", "/images/0000000000000000", 404),
]


def slug(reply: httpx2.Response) -> str:
    """Return the kind of problem that an answer tells."""
    return str(reply.json()["type"]).removeprefix("/problems/")


@pytest.fixture(scope="module")
def settings(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a service on a copy of the shop's data, with one key in the environment."""
    return copied_settings(shop, tmp_path_factory.mktemp("keys"), keyless_search="local")


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[TestClient]:
    """A client on the same machine, without a key."""
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000", client=HERE) as client:
        yield client


@pytest.fixture(scope="module")
def texts(settings: Settings, client: TestClient) -> dict[str, str]:
    """A key of each scope, and one that may be published; the service knows them."""
    texts = {
        "search": create_key(settings, "search")[1],
        "published": create_key(settings, "search", SHOP_ORIGIN, "http://localhost:9000")[1],
        "catalogue": create_key(settings, "catalogue")[1],
        "admin": create_key(settings, "admin")[1],
    }
    wait_until(lambda: client.get("/keys", headers=bearing(texts["admin"])).status_code == 200)
    return texts


# -- scopes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("has", "opened", "closed"),
    [
        ("search", SEARCH, [*CATALOGUE, *ADMIN]),
        ("published", SEARCH, [*CATALOGUE, *ADMIN]),
        ("catalogue", [*SEARCH, *CATALOGUE], ADMIN),
        ("admin", [*SEARCH, *CATALOGUE, *ADMIN], []),
    ],
)
def test_a_key_opens_what_its_scope_allows_and_nothing_else(
    client: TestClient, texts: dict[str, str], has: str, opened: list[Any], closed: list[Any]
) -> None:
    """What it does not allow is refused before a body is read or an id is looked up."""
    headers = bearing(texts[has], SHOP_ORIGIN)
    for method, path, status in opened:
        reply = client.request(method, path, headers=headers)
        assert reply.status_code == status, (method, path, reply.text)
    for method, path, _ in closed:
        reply = client.request(method, path, headers=headers, content=b"x" * 100_000)
        assert (reply.status_code, slug(reply)) == (403, "key-not-enough"), (method, path)


def test_what_is_open_needs_no_key(client: TestClient) -> None:
    """Nor minds a wrong one: pictures, pages, the description, whether the service is well; from anywhere."""
    for method, path, status in OPEN:
        for headers in ({}, bearing("nonsense"), {"Host": "shop.example", "Origin": "https://evil.example"}):
            assert client.request(method, path, headers=headers).status_code == status, path


def test_the_key_of_the_setting_opens_everything(client: TestClient) -> None:
    """As before there were others."""
    for method, path, status in (*SEARCH, *CATALOGUE, *ADMIN):
        assert client.request(method, path, headers=bearing(ADMIN_KEY)).status_code == status, path


def _spoilt(text: str) -> dict[str, list[bytes]]:
    """Return what is nearly this key, by what is wrong with it."""
    good = text.encode()
    return {
        "one letter": [b"Bearer " + good[:-1] + bytes([good[-1] ^ 1])],
        "another id": [b"Bearer " + good[:4] + b"0" * 12 + good[16:]],
        "the other kind": [b"Bearer " + good.replace(b"lks", b"lkp")],
        "cut off": [b"Bearer " + good[:-1]],
        "and more": [b"Bearer " + good + b"x"],
        "two words": [b"Bearer " + good + b" more"],
        "its id": [b"Bearer " + good[4:16]],
        "no scheme": [good],
        "another scheme": [b"Basic " + good],
        "no key": [b"Bearer "],
        "a no-break space": [b"Bearer\xa0" + good],
        "letters of elsewhere": ["Bearer ключ🔑".encode()],
        "bytes of nowhere": [b"Bearer \xff\xfe\xfd"],
        "long": [b"Bearer " + b"a" * 60_000],
        "long and alike": [b"Bearer " + good + b"a" * 60_000],
        "twice": [b"Bearer " + good] * 2,
        "quoted": [b'Bearer "' + good + b'"'],
    }


@pytest.mark.parametrize("spoilt", _spoilt("lks_000000000000_" + "a" * 43))
@pytest.mark.parametrize("path", ["/products", "/jobs", "/keys"])
def test_a_key_that_is_not_quite_right_opens_nothing(
    client: TestClient, texts: dict[str, str], path: str, spoilt: str
) -> None:
    """Nor what needs none: who sends a key is told that it is wrong. The answer repeats nothing of it."""
    values = _spoilt(texts["admin"])[spoilt]
    reply = client.get(path, headers=httpx2.Headers([(b"Authorization", value) for value in values]))
    assert (reply.status_code, slug(reply)) == (401, "invalid-key")
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert reply.headers["cache-control"] == "no-store"
    assert texts["admin"][17:40] not in reply.text


def test_no_other_place_takes_a_key(client: TestClient, texts: dict[str, str]) -> None:
    """Addresses are logged, remembered and shared; cookies are sent by pages of anybody's."""
    key = texts["admin"]
    for path, headers in (
        (f"/jobs?key={key}", {}),
        ("/jobs", {"Cookie": f"key={key}"}),
        ("/jobs", {"X-Api-Key": key}),
        ("/jobs", {"Proxy-Authorization": f"Bearer {key}"}),
    ):
        assert client.get(path, headers=headers).status_code == 401


# -- origins -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "https://shop.example.evil.com"},
        {"Origin": "http://shop.example"},
        {"Origin": "https://shop.example/"},
        {"Referer": "https://shop.example/page"},
    ],
    ids=str,
)
def test_a_publishable_key_is_useless_without_its_origin(
    client: TestClient, texts: dict[str, str], headers: dict[str, str]
) -> None:
    """B56: from a page of elsewhere, from one that has no origin, and from a program that does not say one."""
    for method, path, _ in SEARCH:
        reply = client.request(method, path, headers={**bearing(texts["published"]), **headers})
        assert (reply.status_code, slug(reply)) == (403, "forbidden-origin")
        assert "shop.example" not in reply.text


def test_a_secret_key_minds_no_origin(client: TestClient, texts: dict[str, str]) -> None:
    """Pages of the service itself send one with every change."""
    reply = client.get("/jobs", headers=bearing(texts["admin"], "http://127.0.0.1:8000"))
    assert reply.status_code == 200


# -- without a key -----------------------------------------------------------------------------------------------------


def test_this_machine_searches_without_a_key_and_changes_nothing(client: TestClient) -> None:
    """By the address, whatever the service is called here."""
    for host in ("127.0.0.1:8000", "localhost:8000", "[::1]:8000", "shop.localhost"):
        assert client.get(SIMILAR, headers={"Host": host}).status_code == 200
    for method, path, _ in (*CATALOGUE, *ADMIN):
        reply = client.request(method, path)
        assert (reply.status_code, slug(reply)) == (401, "invalid-key")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:8000"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"X-Forwarded-For": "203.0.113.7"},
        {"X-Real-IP": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
    ],
    ids=str,
)
def test_whoever_only_comes_through_this_machine_needs_a_key(client: TestClient, headers: dict[str, str]) -> None:
    """A page of elsewhere in this machine's browser, also under a name that leads here, and a proxy's visitors."""
    for method, path, _ in SEARCH:
        reply = client.request(method, path, headers=headers)
        assert (reply.status_code, slug(reply)) == (401, "invalid-key")
        assert "LOOKALIKE_KEYLESS_SEARCH" in reply.json()["detail"]


@pytest.mark.parametrize(
    ("who", "host", "peer", "status"),
    [
        ("local", "127.0.0.1", "127.0.0.1", 200),
        ("local", "127.0.0.1", "192.0.2.7", 401),
        ("local", "0.0.0.0", "127.0.0.1", 401),  # noqa: S104  # nothing listens
        ("nobody", "127.0.0.1", "127.0.0.1", 401),
        ("anyone", "0.0.0.0", "192.0.2.7", 200),  # noqa: S104
    ],
)
def test_the_setting_says_who_searches_without_a_key(
    own_shop: Shop, who: str, host: str, peer: str, status: int
) -> None:
    """Nobody changes anything without one."""
    settings = own_shop.settings.model_copy(update={"keyless_search": who, "host": host})
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000", client=(peer, 5000)) as client:
        assert client.get(SIMILAR).status_code == status
        assert client.get(SIMILAR, headers=bearing(ADMIN_KEY)).status_code == 200
        assert client.delete("/products/mugs-00").status_code == 401


@pytest.mark.parametrize("who", ["local", "nobody"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "shop.example"])  # noqa: S104  # nothing listens
def test_a_service_that_others_reach_does_not_start_without_a_key(own_shop: Shop, host: str, who: str) -> None:
    """The message says what to do; a revoked key is none."""
    settings = own_shop.settings.model_copy(update={"keyless_search": who, "host": host, "admin_key": None})
    record, _ = create_key(settings, "search")
    revoke_key(settings, record.id)
    with pytest.raises(KeysMissing) as refused, TestClient(create_app(settings)):
        pass
    assert refused.value.message == (
        f"Others can reach {host} (LOOKALIKE_HOST, --host), and there is no key yet. Create one, such as "
        "`lookalike keys create --scope search --origin https://YOUR-SHOP`, or let everybody search without one: "
        "LOOKALIKE_KEYLESS_SEARCH=anyone."
    )


def test_one_key_is_enough_to_be_reached_by_others(own_shop: Shop) -> None:
    """Of any scope, in the database or in the setting."""
    settings = own_shop.settings.model_copy(
        update={"keyless_search": "local", "host": "0.0.0.0", "admin_key": None}  # noqa: S104
    )
    _, text = create_key(settings, "search", SHOP_ORIGIN)
    with TestClient(create_app(settings)) as client:
        assert client.get(SIMILAR, headers=bearing(text, SHOP_ORIGIN)).status_code == 200


# -- limits ------------------------------------------------------------------------------------------------------------


def test_a_noisy_key_is_limited_and_costs_the_others_nothing(settings: Settings, client: TestClient) -> None:
    """B59 for keys: whole seconds to wait; the page that has to wait can read them."""
    _, noisy = create_key(settings, "search", SHOP_ORIGIN, per_minute=3)
    _, quiet = create_key(settings, "search", SHOP_ORIGIN, per_minute=3)
    wait_until(lambda: client.get("/products", headers=bearing(quiet, SHOP_ORIGIN)).status_code == 200)
    replies = [client.get("/products", headers=bearing(noisy, SHOP_ORIGIN)) for _ in range(5)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429, 429]
    assert slug(replies[-1]) == "rate-limited"
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 60
    assert replies[-1].headers["access-control-allow-origin"] == SHOP_ORIGIN
    assert "Retry-After" in replies[-1].headers["access-control-expose-headers"]
    assert client.get("/products", headers=bearing(quiet, SHOP_ORIGIN)).status_code == 200
    assert client.get("/products").status_code == 200


def test_visitors_are_counted_by_address_and_the_shops_own_server_is_not(own_shop: Shop) -> None:
    """A key in a page stands for many visitors, none of whom shall use it up; a secret one for one program."""
    settings = own_shop.settings.model_copy(update={"rate_per_minute": 2})
    _, published = create_key(settings, "search", SHOP_ORIGIN)
    _, secret = create_key(settings, "search")
    app = create_app(settings)
    with TestClient(app, client=("203.0.113.9", 5000)) as client:
        seen = [client.get(SIMILAR, headers=bearing(published, SHOP_ORIGIN)).status_code for _ in range(3)]
        assert seen == [200, 200, 429]
        assert {client.get(SIMILAR, headers=bearing(secret)).status_code for _ in range(3)} == {200}
        other = TestClient(app, client=("203.0.113.10", 5000))
        assert other.get(SIMILAR, headers=bearing(published, SHOP_ORIGIN)).status_code == 200


# -- created and revoked -----------------------------------------------------------------------------------------------


def test_a_key_is_created_used_listed_and_revoked(client: TestClient, texts: dict[str, str]) -> None:
    """Its text is in the first answer only; what changed counts at once in the process that changed it."""
    admin = bearing(texts["admin"])
    asked = {"scope": "search", "origins": ["https://new.example/"], "name": "new", "expires_in_days": 7}
    reply = client.post("/keys", json=asked, headers=admin)
    assert (reply.status_code, reply.headers["cache-control"]) == (201, "no-store")
    created = reply.json()
    assert created["key"].startswith(f"lkp_{created['id']}_")
    assert (created["origins"], created["per_minute"], created["state"]) == (["https://new.example"], 600, "active")
    bearer = bearing(created.pop("key"), "https://new.example")
    assert client.get("/products", headers=bearer).status_code == 200

    listed = client.get("/keys", headers=admin)
    assert listed.headers["cache-control"] == "no-store"
    assert created in [{**key, "last_used_on": None} for key in listed.json()["keys"]]
    assert bearer["Authorization"][24:] not in listed.text

    for _ in range(2):
        revoked = client.delete(f"/keys/{created['id']}", headers=admin)
        assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    refused = client.get("/products", headers=bearer)
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
    client: TestClient, texts: dict[str, str], body: object, status: int, message: str
) -> None:
    """And the answer says why."""
    admin = bearing(texts["admin"])
    before = len(client.get("/keys", headers=admin).json()["keys"])
    reply = client.post("/keys", content=json.dumps(body), headers={**admin, **JSON})
    assert (reply.status_code, message in reply.json()["detail"]) == (status, True), reply.text
    assert len(client.get("/keys", headers=admin).json()["keys"]) == before


@pytest.mark.parametrize("key_id", ["000000000000", "x", "%00", "a" * 10_000, "..%2fkeys", "'; DROP TABLE api_keys"])
def test_a_key_that_is_not_there_cannot_be_revoked(client: TestClient, texts: dict[str, str], key_id: str) -> None:
    """Whatever its id looks like."""
    assert client.delete(f"/keys/{key_id}", headers=bearing(texts["admin"])).status_code == 404


def test_an_admin_key_may_revoke_itself(settings: Settings, client: TestClient) -> None:
    """The last one too: `lookalike keys create` makes another."""
    record, text = create_key(settings, "admin")
    wait_until(lambda: client.get("/keys", headers=bearing(text)).status_code == 200)
    assert client.delete(f"/keys/{record.id}", headers=bearing(text)).status_code == 200
    assert client.get("/keys", headers=bearing(text)).status_code == 401


def test_what_is_logged_names_the_key_and_not_its_secret(own_shop: Shop) -> None:
    """Its id, so that a noisy one can be found."""
    _, text = create_key(own_shop.settings, "search")
    with TestClient(create_app(own_shop.settings)) as client, capture_logs() as lines:
        client.get("/products", headers=bearing(text))
        client.get("/products", headers=bearing(text + "x"))
    requests = [line for line in lines if line["event"] == "request"]
    assert [line.get("key") for line in requests] == [text[4:16], None]
    assert text[17:] not in str(lines)
