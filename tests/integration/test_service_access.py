"""What a key opens: by its scope, its page and its limit, and who needs none."""

from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from app.core.errors import KeysMissing
from app.core.settings import Settings
from app.main import create_app
from tests.support.keys import SHOP_ORIGIN, bearing, create_key, revoke_key
from tests.support.services import ADMIN_KEY, slug
from tests.support.shop import Shop
from tests.support.waiting import wait_until

SIMILAR = "/products/mugs-00/similar?k=1"

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
    keyed_client: TestClient, key_texts: dict[str, str], has: str, opened: list[Any], closed: list[Any]
) -> None:
    """What it does not allow is refused before a body is read or an id is looked up."""
    headers = bearing(key_texts[has], SHOP_ORIGIN)
    for method, path, status in opened:
        reply = keyed_client.request(method, path, headers=headers)
        assert reply.status_code == status, (method, path, reply.text)
    for method, path, _ in closed:
        reply = keyed_client.request(method, path, headers=headers, content=b"x" * 100_000)
        assert (reply.status_code, slug(reply)) == (403, "key-not-enough"), (method, path)


def test_what_is_open_needs_no_key(keyed_client: TestClient) -> None:
    """Nor minds a wrong one: pictures, pages, the description, whether the service is well; from anywhere."""
    for method, path, status in OPEN:
        for headers in ({}, bearing("nonsense"), {"Host": "shop.example", "Origin": "https://evil.example"}):
            assert keyed_client.request(method, path, headers=headers).status_code == status, path


def test_the_key_of_the_setting_opens_everything(keyed_client: TestClient) -> None:
    """As before there were others."""
    for method, path, status in (*SEARCH, *CATALOGUE, *ADMIN):
        assert keyed_client.request(method, path, headers=bearing(ADMIN_KEY)).status_code == status, path


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
    keyed_client: TestClient, key_texts: dict[str, str], path: str, spoilt: str
) -> None:
    """Nor what needs none: who sends a key is told that it is wrong. The answer repeats nothing of it."""
    values = _spoilt(key_texts["admin"])[spoilt]
    reply = keyed_client.get(path, headers=httpx2.Headers([(b"Authorization", value) for value in values]))
    assert (reply.status_code, slug(reply)) == (401, "invalid-key")
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert reply.headers["cache-control"] == "no-store"
    assert key_texts["admin"][17:40] not in reply.text


def test_no_other_place_takes_a_key(keyed_client: TestClient, key_texts: dict[str, str]) -> None:
    """Addresses are logged, remembered and shared; cookies are sent by pages of anybody's."""
    key = key_texts["admin"]
    for path, headers in (
        (f"/jobs?key={key}", {}),
        ("/jobs", {"Cookie": f"key={key}"}),
        ("/jobs", {"X-Api-Key": key}),
        ("/jobs", {"Proxy-Authorization": f"Bearer {key}"}),
    ):
        assert keyed_client.get(path, headers=headers).status_code == 401


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
    keyed_client: TestClient, key_texts: dict[str, str], headers: dict[str, str]
) -> None:
    """B56: from a page of elsewhere, from one that has no origin, and from a program that does not say one."""
    for method, path, _ in SEARCH:
        reply = keyed_client.request(method, path, headers={**bearing(key_texts["published"]), **headers})
        assert (reply.status_code, slug(reply)) == (403, "forbidden-origin")
        assert "shop.example" not in reply.text


def test_a_secret_key_minds_no_origin(keyed_client: TestClient, key_texts: dict[str, str]) -> None:
    """Pages of the service itself send one with every change."""
    reply = keyed_client.get("/jobs", headers=bearing(key_texts["admin"], "http://127.0.0.1:8000"))
    assert reply.status_code == 200


# -- without a key -----------------------------------------------------------------------------------------------------


def test_this_machine_searches_without_a_key_and_changes_nothing(keyed_client: TestClient) -> None:
    """By the address, whatever the service is called here."""
    for host in ("127.0.0.1:8000", "localhost:8000", "[::1]:8000", "shop.localhost"):
        assert keyed_client.get(SIMILAR, headers={"Host": host}).status_code == 200
    for method, path, _ in (*CATALOGUE, *ADMIN):
        reply = keyed_client.request(method, path)
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
def test_whoever_only_comes_through_this_machine_needs_a_key(keyed_client: TestClient, headers: dict[str, str]) -> None:
    """A page of elsewhere in this machine's browser, also under a name that leads here, and a proxy's visitors."""
    for method, path, _ in SEARCH:
        reply = keyed_client.request(method, path, headers=headers)
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


def test_a_noisy_key_is_limited_and_costs_the_others_nothing(
    keyed_settings: Settings, keyed_client: TestClient
) -> None:
    """B59 for keys: whole seconds to wait; the page that has to wait can read them."""
    _, noisy = create_key(keyed_settings, "search", SHOP_ORIGIN, per_minute=3)
    _, quiet = create_key(keyed_settings, "search", SHOP_ORIGIN, per_minute=3)
    wait_until(lambda: keyed_client.get("/products", headers=bearing(quiet, SHOP_ORIGIN)).status_code == 200)
    replies = [keyed_client.get("/products", headers=bearing(noisy, SHOP_ORIGIN)) for _ in range(5)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429, 429]
    assert slug(replies[-1]) == "rate-limited"
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 60
    assert replies[-1].headers["access-control-allow-origin"] == SHOP_ORIGIN
    assert "Retry-After" in replies[-1].headers["access-control-expose-headers"]
    assert keyed_client.get("/products", headers=bearing(quiet, SHOP_ORIGIN)).status_code == 200
    assert keyed_client.get("/products").status_code == 200


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
