"""Rules over HTTP: made, listed, removed, and acted on by every server within a second."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.core.rules import MAX_RULES, RuleWanted
from app.db.database import Database
from app.main import create_app
from tests.support.changes import AUTHORISED
from tests.support.server import running_server
from tests.support.services import copied_settings
from tests.support.shop import Shop
from tests.support.waiting import wait_until

Json = Any


@pytest.fixture(scope="module")
def ruled(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A copy of the shop's data, for all tests of this module."""
    return Shop(copied_settings(shop, tmp_path_factory.mktemp("ruled")), shop.photos)


@pytest.fixture(scope="module")
def running(ruled: Shop) -> Iterator[tuple[TestClient, FastAPI]]:
    """A client with the key, of a service over that copy, and the service."""
    app = create_app(ruled.settings)
    with TestClient(app, headers=AUTHORISED) as client:
        yield client, app


@pytest.fixture
def keyed(running: tuple[TestClient, FastAPI], ruled: Shop) -> Iterator[TestClient]:
    """The client; what rules a test made are gone after it."""
    client, app = running
    yield client
    with closing(Database(ruled.settings.resolved_database_url)) as database, database.changing_rules() as rules:
        for rule_id in rules.ids():
            rules.remove(rule_id)
    app.state.service.rules.look()


def _make(client: TestClient, action: str, products: Json, **fields: Json) -> Json:
    reply = client.post("/rules", json={"action": action, "products": products, **fields})
    assert reply.status_code == 201, reply.text
    return reply.json()


def _similar(client: TestClient, **params: int | str) -> Json:
    reply = client.get("/products/mugs-00/similar", params=params)
    assert reply.status_code == 200, reply.text
    return reply.json()


def _ids(answer: Json) -> list[str]:
    return [result["product"]["id"] for result in answer["results"]]


def test_a_rule_acts_from_its_answer_on_until_it_is_removed(keyed: TestClient) -> None:
    """On this server at once; removed, the answer is that of before."""
    before = _similar(keyed)
    assert "hidden_by_rules" not in before
    rule = _make(keyed, "hide", {"id": [_ids(before)[0]]}, note="Sold out")
    hidden = _similar(keyed)
    assert _ids(hidden) == _ids(_similar(keyed, k=11))[:10]
    assert _ids(before)[0] not in _ids(hidden)
    assert (len(hidden["results"]), hidden["hidden_by_rules"]) == (10, 1)
    removed = keyed.delete(f"/rules/{rule['id']}")
    assert (removed.status_code, removed.json()) == (200, rule)
    assert _similar(keyed)["results"] == before["results"]


def test_what_each_rule_did_is_in_the_answer(keyed: TestClient) -> None:
    """Pinned first, buried last, with the rule's id; all others as they are."""
    pin = _make(keyed, "pin", {"id": ["lamps-05"]}, position=2)
    bury = _make(keyed, "bury", {"category": "mugs"})
    results = _similar(keyed, k=23)["results"]
    assert (results[1]["product"]["id"], results[1]["rule"]) == ("lamps-05", {"id": pin["id"], "action": "pin"})
    buried = [result for result in results if result["product"]["category"] == "mugs"]
    assert results[-7:] == buried
    assert all(result["rule"] == {"id": bury["id"], "action": "bury"} for result in buried)
    assert all("rule" not in result for result in results[:-7] if result["product"]["id"] != "lamps-05")
    assert [result["rank"] for result in results] == list(range(1, 24))


def test_pinned_products_respect_filters(keyed: TestClient) -> None:
    """A page of bags shows no lamp, whatever is pinned."""
    _make(keyed, "pin", {"id": ["lamps-05", "bags-07"]})
    answer = _similar(keyed, filter='{"category": "bags"}')
    assert _ids(answer)[0] == "bags-07"
    assert "lamps-05" not in _ids(answer)


def test_a_rule_acts_where_its_category_is_the_likeliest(keyed: TestClient) -> None:
    """A rule for bags says nothing of mugs."""
    _make(keyed, "pin", {"id": ["lamps-05"]}, when={"category": "bags"})
    assert _ids(_similar(keyed))[0] != "lamps-05"
    assert _ids(keyed.get("/products/bags-01/similar").json())[0] == "lamps-05"


def test_a_rule_acts_in_its_time(keyed: TestClient) -> None:
    """Neither before nor after; it begins and ends without anybody doing anything."""
    now = datetime.now(UTC)
    first = _ids(_similar(keyed))[0]
    _make(keyed, "hide", {"id": [first]}, **{"from": (now + timedelta(hours=1)).isoformat()})
    _make(keyed, "hide", {"id": [first]}, until=(now - timedelta(hours=1)).isoformat())
    assert _ids(_similar(keyed))[0] == first
    soon = datetime.now(UTC) + timedelta(seconds=1)
    _make(keyed, "hide", {"id": [first]}, until=soon.isoformat())
    shown = _ids(_similar(keyed))[0]
    assert shown != first or datetime.now(UTC) >= soon  # unless the machine was busy for so long
    wait_until(lambda: _ids(_similar(keyed))[0] == first)


def test_rules_are_listed_as_they_were_made(keyed: TestClient) -> None:
    """Oldest first, with every field; prices in filters as they were written."""
    made = [
        _make(keyed, "bury", {"price": {"lt": 19.99}}, until="2030-11-30T00:00:00+01:00", note="Leftovers"),
        _make(keyed, "pin", {"id": ["mugs-03"]}, when={"category": "mugs"}, position=4),
    ]
    assert keyed.get("/rules").json() == {"rules": made}
    bury, pin = made
    assert list(bury) == ["id", "action", "products", "when", "position", "from", "until", "note", "created_at"]
    assert (bury["products"], bury["until"], bury["from"]) == ({"price": {"lt": 19.99}}, "2030-11-29T23:00:00Z", None)
    assert (pin["when"], pin["position"], pin["note"]) == ({"category": "mugs"}, 4, None)
    assert _make(keyed, "pin", {"id": ["mugs-03"]})["position"] == 1


def test_every_server_acts_on_a_rule_within_a_second(ruled: Shop, keyed: TestClient, tmp_path: Path) -> None:
    """Another process on the same data, which nobody tells."""
    with running_server(ruled.settings, tmp_path) as server, server.client() as other:

        def first() -> str:
            return str(other.get("/products/mugs-00/similar").json()["results"][0]["product"]["id"])

        before = first()
        rule = _make(keyed, "hide", {"id": [before]})
        _within_a_second(lambda: first() != before)
        keyed.delete(f"/rules/{rule['id']}")
        _within_a_second(lambda: first() == before)


def test_rules_act_on_photos_and_on_earlier_searches(keyed: TestClient, ruled: Shop) -> None:
    """Those that were made after the photo was searched with, too."""
    answer = keyed.post("/search", files={"image": ruled.photos["mugs-03"][0]}).json()
    assert _ids(answer)[0] == "mugs-03"
    _make(keyed, "hide", {"id": ["mugs-03"]})
    again = keyed.post("/search", files={"query_id": (None, answer["query_id"])}).json()
    assert "mugs-03" not in _ids(again)
    assert again["match"] == answer["match"]


BAD: list[tuple[str, Json, str]] = [
    ("no action", {"products": {"id": ["a"]}}, "action"),
    ("another action", {"action": "boost", "products": {"id": ["a"]}}, "action"),
    ("no products", {"action": "hide"}, "products"),
    ("every product", {"action": "hide", "products": {}}, "products"),
    ("no filter", {"action": "hide", "products": {"colour": "red"}}, "products"),
    ("a list", {"action": "hide", "products": ["a"]}, "products"),
    ("no ids", {"action": "hide", "products": {"id": []}}, "products.id"),
    ("ids and a filter", {"action": "hide", "products": {"id": ["a"], "brand": "x"}}, "products"),
    ("an id twice", {"action": "hide", "products": {"id": ["a", "a"]}}, "products.id"),
    ("an id of nothing", {"action": "hide", "products": {"id": ["a/b"]}}, "products.id"),
    ("too many ids", {"action": "hide", "products": {"id": [f"p{i}" for i in range(101)]}}, "products.id"),
    ("a number out of range", {"action": "hide", "products": {"price": {"lt": "~1e999~"}}}, "products"),
    ("NUL", {"action": "hide", "products": {"brand": "\0"}}, "products.brand"),
    (
        "too deep",
        {"action": "hide", "products": {"brand": {"not": [[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]}}},
        "products",
    ),
    ("a position that is none", {"action": "pin", "products": {"id": ["a"]}, "position": 0}, "position"),
    ("a position too far", {"action": "pin", "products": {"id": ["a"]}, "position": 101}, "position"),
    ("a position of text", {"action": "pin", "products": {"id": ["a"]}, "position": "1"}, "position"),
    ("a position to hide at", {"action": "hide", "products": {"id": ["a"]}, "position": 1}, "position"),
    ("a moment without zone", {"action": "hide", "products": {"id": ["a"]}, "from": "2026-01-01T00:00:00"}, "from"),
    (
        "an end before the start",
        {
            "action": "hide",
            "products": {"id": ["a"]},
            "from": "2026-01-02T00:00:00Z",
            "until": "2026-01-01T00:00:00Z",
        },
        "until",
    ),
    ("another condition", {"action": "hide", "products": {"id": ["a"]}, "when": {"brand": "x"}}, "when"),
    ("an empty condition", {"action": "hide", "products": {"id": ["a"]}, "when": {"category": ""}}, "when"),
    ("a long note", {"action": "hide", "products": {"id": ["a"]}, "note": "x" * 201}, "note"),
    ("a note with NUL", {"action": "hide", "products": {"id": ["a"]}, "note": "\0"}, "note"),
    ("a field too many", {"action": "hide", "products": {"id": ["a"]}, "acts_from": None}, "from"),
]


@pytest.mark.parametrize(("body", "field"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_is_no_rule_is_refused_by_its_field(keyed: TestClient, body: Json, field: str) -> None:
    """Nothing is stored, and nothing of what was sent is repeated but fields."""
    text = json.dumps(body).replace('"~1e999~"', "1e999")
    reply = keyed.post("/rules", content=text, headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()["type"]) == (422, "/problems/invalid-parameter"), reply.text
    assert field in reply.json()["detail"]
    assert keyed.get("/rules").json() == {"rules": []}


def test_there_are_only_so_many_rules(keyed: TestClient, ruled: Shop) -> None:
    """All of them are in every server's memory."""
    with closing(Database(ruled.settings.resolved_database_url)) as database, database.changing_rules() as rules:
        for _ in range(MAX_RULES):
            rules.create(RuleWanted(action="hide", products={"id": ["nothing"]}))
    reply = keyed.post("/rules", json={"action": "hide", "products": {"id": ["a"]}})
    assert (reply.status_code, reply.json()["type"]) == (409, "/problems/wrong-state")


@pytest.mark.parametrize("rule_id", ["0123456789abcdef", "nothing", "%00", "x" * 300])
def test_a_rule_that_is_not_there_cannot_be_removed(keyed: TestClient, rule_id: str) -> None:
    """404."""
    reply = keyed.delete(f"/rules/{rule_id}")
    assert (reply.status_code, reply.json()["type"]) == (404, "/problems/not-found")


@pytest.mark.parametrize(("method", "path"), [("GET", "/rules"), ("POST", "/rules"), ("DELETE", "/rules/x")])
def test_rules_need_a_key(client: TestClient, method: str, path: str) -> None:
    """Reading them as well: they say what the shop is up to."""
    assert client.request(method, path).status_code == 401


def _within_a_second(happened: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 1.0
    while not happened():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
