"""Which pages may read what: the Fetch standard's CORS protocol, on a real service and real connections."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from app.core.errors import Overloaded
from app.core.settings import Settings
from app.main import create_app
from app.search.service import SearchService
from tests.support.keys import SHOP_ORIGIN, bearing, create_key, revoke_key
from tests.support.server import Server, running_server
from tests.support.services import copied_settings
from tests.support.shop import Shop
from tests.support.waiting import wait_until

OTHER_ORIGIN = "https://other.example"
SIMILAR = "/products/mugs-00/similar?k=1"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def allowed(reply: httpx2.Response) -> str | None:
    """Return the origin whose pages may read an answer; never with cookies, and never from a cache for another."""
    assert "access-control-allow-credentials" not in reply.headers
    if reply.headers.get("access-control-allow-origin") != "*":
        assert "Origin" in reply.headers["vary"]
    found: str | None = reply.headers.get("access-control-allow-origin")
    return found


@dataclass(frozen=True, slots=True)
class Keyed:
    """A service that needs keys, the key of a shop, and that of another shop."""

    server: Server
    settings: Settings
    key: str
    other: str


@pytest.fixture(scope="module")
def keyed(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    """A service in a process of its own, on a copy of the shop's data."""
    folder = tmp_path_factory.mktemp("cross-origin")
    settings = copied_settings(shop, folder, keyless_search="nobody")
    _, key = create_key(settings, "search", SHOP_ORIGIN, "https://www.shop.example")
    _, other = create_key(settings, "search", OTHER_ORIGIN)
    with running_server(settings, folder) as server:
        yield Keyed(server, settings, key, other)


@pytest.fixture
def client(keyed: Keyed) -> Iterator[httpx2.Client]:
    """A client of the service."""
    with keyed.server.client() as client:
        yield client


@pytest.mark.parametrize("origin", [SHOP_ORIGIN, "https://www.shop.example", OTHER_ORIGIN])
@pytest.mark.parametrize("path", ["/search", "/classify", "/products", SIMILAR])
def test_a_preflight_of_a_shop_is_answered(client: httpx2.Client, origin: str, path: str) -> None:
    """Of each origin that some key has: a preflight carries none."""
    reply = client.options(path, headers={"Origin": origin, **PREFLIGHT})
    assert (reply.status_code, reply.content) == (204, b"")
    assert allowed(reply) == origin
    assert reply.headers["access-control-allow-methods"] == "GET, POST"
    assert reply.headers["access-control-allow-headers"] == "Authorization, Content-Type"
    assert int(reply.headers["access-control-max-age"]) > 0
    assert "x-request-id" in reply.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", **PREFLIGHT},
        {"Origin": "null", **PREFLIGHT},
        {"Origin": "https://shop.example.evil.com", **PREFLIGHT},
        {"Origin": "https://evil.com/https://shop.example", **PREFLIGHT},
        {"Origin": "HTTPS://SHOP.EXAMPLE", **PREFLIGHT},
        {"Origin": SHOP_ORIGIN},
        PREFLIGHT,
    ],
    ids=str,
)
def test_no_other_preflight_is_answered(client: httpx2.Client, headers: dict[str, str]) -> None:
    """Nor what only looks like one."""
    reply = client.options("/search", headers=headers)
    assert reply.status_code == 405
    assert allowed(reply) is None
    assert not [name for name in reply.headers if name.startswith("access-control-")]


def test_a_page_reads_the_answers_to_its_own_key(client: httpx2.Client, shop: Shop, keyed: Keyed) -> None:
    """Searches as well as what goes wrong with them, whatever finds that out."""
    headers = bearing(keyed.key, SHOP_ORIGIN)
    photo = {"image": ("photo.jpg", shop.photos["mugs-00"][0])}
    replies = {
        200: client.post("/search", files=photo, headers=headers),
        422: client.post("/search", files=photo, data={"k": "-1"}, headers=headers),
        404: client.get("/products/nothing", headers=headers),
        405: client.patch("/search", headers=headers),
        413: client.post("/search", files={"image": b"x" * 11_000_000}, headers=headers),
        415: client.post("/search", content=b"x", headers=headers),
        403: client.post("/reindex", headers=headers),
    }
    assert {status: reply.status_code for status, reply in replies.items() if reply.status_code != status} == {}
    assert {allowed(reply) for reply in replies.values()} == {SHOP_ORIGIN}
    assert all("Retry-After" in reply.headers["access-control-expose-headers"] for reply in replies.values())


def test_a_page_reads_why_its_key_is_refused(client: httpx2.Client, keyed: Keyed) -> None:
    """If it is of a shop at all: a wrong key, another shop's, none, or one that is no longer good."""
    record, gone = create_key(keyed.settings, "search", SHOP_ORIGIN)
    wait_until(lambda: client.get("/products", headers=bearing(gone, SHOP_ORIGIN)).status_code == 200)
    revoke_key(keyed.settings, record.id)
    wait_until(lambda: client.get("/products", headers=bearing(gone, SHOP_ORIGIN)).status_code == 401)
    for headers, status in (
        (bearing("nonsense", SHOP_ORIGIN), 401),
        ({"Origin": SHOP_ORIGIN}, 401),
        ({"Origin": SHOP_ORIGIN, "Authorization": f"Basic {keyed.key}"}, 401),
        (bearing(gone, SHOP_ORIGIN), 401),
        (bearing(keyed.other, SHOP_ORIGIN), 403),
    ):
        reply = client.get("/products", headers=headers)
        assert (reply.status_code, allowed(reply)) == (status, SHOP_ORIGIN)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://shop.example.evil.com", "http://shop.example"]
)
def test_other_pages_read_nothing(client: httpx2.Client, keyed: Keyed, origin: str) -> None:
    """B56: neither an answer nor a refusal, with a shop's key or without."""
    for headers in (bearing(keyed.key, origin), {"Origin": origin}, bearing("nonsense", origin)):
        for path in ("/products", "/nothing", "/", "/openapi.json", "/readyz"):
            reply = client.get(path, headers=headers)
            assert allowed(reply) is None
            assert not [name for name in reply.headers if name.startswith("access-control-")]


def test_two_origins_are_none(keyed: Keyed) -> None:
    """Which no browser sends, and of which a layer on the way may see only one."""
    with keyed.server.connect() as connection:
        head = f"GET /products HTTP/1.1\r\nHost: x\r\nOrigin: {SHOP_ORIGIN}\r\nOrigin: https://evil.example\r\n"
        connection.sendall(f"{head}Authorization: Bearer {keyed.key}\r\nConnection: close\r\n\r\n".encode())
        answer = _all_of(connection)
    assert answer.startswith(b"HTTP/1.1 403")
    assert b"access-control-allow-origin" not in answer


def test_an_answer_for_a_program_is_not_one_for_a_page(client: httpx2.Client) -> None:
    """Every answer says that it depends on the origin, also to those who send none."""
    for path in ("/products", "/", "/openapi.json"):
        reply = client.get(path)
        assert allowed(reply) is None
        assert "Origin" in reply.headers["vary"]


def test_a_secret_key_lets_no_page_read(keyed: Keyed, client: httpx2.Client) -> None:
    """It works from a page, as that of administration, and no page of elsewhere reads the answer."""
    _, secret = create_key(keyed.settings, "search")
    headers = bearing(secret, SHOP_ORIGIN)
    wait_until(lambda: client.get("/products", headers=headers).status_code == 200)
    assert allowed(client.get("/products", headers=headers)) is None


@pytest.mark.parametrize("origin", [None, SHOP_ORIGIN, "https://evil.example", "null"])
def test_pictures_are_for_every_page(client: httpx2.Client, keyed: Keyed, origin: str | None) -> None:
    """To show and to draw on a canvas, without a key; also under what forbids to embed others' things (COEP)."""
    found = client.get(SIMILAR, headers=bearing(keyed.key, SHOP_ORIGIN)).json()["results"][0]["image"]["url"]
    for path, status in ((found, 200), (f"{found}?size=thumb", 200), ("/images/0000000000000000", 404)):
        reply = client.get(path, headers={"Origin": origin} if origin else {})
        assert (reply.status_code, allowed(reply)) == (status, "*")
        assert reply.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "origin" not in reply.headers.get("vary", "").lower()


def test_so_are_the_files_of_the_widget(client: httpx2.Client) -> None:
    """A browser checks the hash of a script from elsewhere only if it may read it."""
    reply = client.get("/widget/lookalike.js", headers={"Origin": "https://anywhere.example"})
    assert allowed(reply) == "*"
    assert reply.headers["cross-origin-resource-policy"] == "cross-origin"


def test_a_page_reads_that_it_has_to_wait(own_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, and a failure on our side, which comes from the outermost layer."""
    _, key = create_key(own_shop.settings, "search", SHOP_ORIGIN)
    headers = bearing(key, SHOP_ORIGIN)
    with TestClient(create_app(own_shop.settings)) as client:
        for error, status in ((Overloaded("The queue is full."), 503), (KeyError("unforeseen"), 500)):

            async def fail(*_: object, error: Exception = error) -> None:
                raise error

            monkeypatch.setattr(SearchService, "search_product", fail)
            reply = client.get(SIMILAR, headers=headers)
            assert (reply.status_code, allowed(reply)) == (status, SHOP_ORIGIN)
        assert "Retry-After" in reply.headers["access-control-expose-headers"]


def test_keys_are_followed_by_every_server(own_shop: Shop, tmp_path: Path) -> None:
    """Created and revoked with one of two servers, or in a terminal: within a second both know."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    settings = own_shop.settings.model_copy(update={"keyless_search": "nobody"})
    _, admin = create_key(settings, "admin")
    with (
        running_server(settings, tmp_path / "one") as one,
        running_server(settings, tmp_path / "two") as two,
        one.client() as first,
        two.client() as second,
    ):
        asked = {"scope": "search", "origins": [SHOP_ORIGIN]}
        created = first.post("/keys", json=asked, headers=bearing(admin)).json()
        headers = bearing(created["key"], SHOP_ORIGIN)
        assert first.get("/products", headers=headers).status_code == 200
        wait_until(lambda: second.get("/products", headers=headers).status_code == 200)
        assert second.options("/search", headers={"Origin": SHOP_ORIGIN, **PREFLIGHT}).status_code == 204

        revoke_key(settings, created["id"])
        wait_until(lambda: first.get("/products", headers=headers).status_code == 401)
        wait_until(lambda: second.get("/products", headers=headers).status_code == 401)
        assert second.options("/search", headers={"Origin": SHOP_ORIGIN, **PREFLIGHT}).status_code == 405

        def uses() -> list[str | None]:
            return [key["last_used_on"] for key in first.get("/keys", headers=bearing(admin)).json()["keys"]]

        wait_until(lambda: None not in uses())
    assert created["key"] not in json.dumps([*one.log_lines(), *two.log_lines()])


def _all_of(connection: socket.socket) -> bytes:
    """Return what arrives until the other side closes."""
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer
