"""POST /events: what is taken, what is refused, what is written down of it, and that no search waits for it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
import numpy as np
import pytest
from sqlalchemy import delete, text
from starlette.testclient import TestClient

from app.core.settings import Settings
from app.db.database import Database
from app.db.events import Event
from app.db.tables import event_queries
from app.main import create_app
from app.search import events as search_events
from tests.support.services import slug
from tests.support.shop import Shop
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def service(shared_settings: Settings) -> Iterator[TestClient]:
    """A client of it, which writes events at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_events, "WRITE_EVERY_S", 0.05)
        with TestClient(create_app(shared_settings)) as client:
            yield client


@pytest.fixture
def client(service: TestClient, shared_database: Database) -> TestClient:
    """The client, when nothing was ever chosen."""
    with shared_database.changing_events() as table:
        table._connection.execute(delete(event_queries))
    return service


def search(client: TestClient, photo: bytes | None = None, **fields: object) -> dict[str, Any]:
    """Search with a photo or with something else, and return the answer."""
    parts: dict[str, Any] = {name: (None, str(value)) for name, value in fields.items()}
    reply = client.post("/search", files=parts if photo is None else {**parts, "image": ("photo.jpg", photo)})
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def choose(client: TestClient, answer: dict[str, Any], place: int = 1, kind: str = "select") -> httpx2.Response:
    """Say that the product at this place was chosen."""
    product_id = answer["results"][place - 1]["product"]["id"]
    return client.post("/events", json={"type": kind, "request_id": answer["request_id"], "product_id": product_id})


def kept(database: Database, count: int) -> list[Event]:
    """Return the events, once there are so many."""

    def read() -> list[Event]:
        with database.reading_events() as table:
            return table.read()

    wait_until(lambda: len(read()) == count)
    return read()


def test_a_choice_from_a_photos_results_is_kept_with_its_embedding(
    client: TestClient, shared_database: Database, shop: Shop
) -> None:
    """The day, the product, its place, and what the network made of the photo."""
    answer = search(client, shop.photos["mugs-03"][0], k=5)
    reply = choose(client, answer, 2)

    assert (reply.status_code, reply.json()) == (202, {"outcome": "taken"})
    assert reply.headers["cache-control"] == "no-store"
    (event,) = kept(shared_database, 1)
    assert (event.type, event.place) == ("select", 2)
    assert event.product_id == answer["results"][1]["product"]["id"]
    assert (event.query.day, event.query.product_id) == (datetime.now(UTC).date(), None)
    embedding = np.frombuffer(event.query.embedding or b"", "<f2").astype(np.float32)
    assert embedding.shape == (1280,)
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-3)


def test_a_choice_from_a_products_similar_ones_keeps_its_id_alone(
    client: TestClient, shared_database: Database
) -> None:
    """However it was asked for; whether a filter was set is kept, and not which."""
    similar = client.get("/products/mugs-00/similar").json()
    filtered = search(client, product_id="mugs-00", filter='{"category": "bags"}')
    again = search(client, query_id=similar["query_id"])
    for answer in (similar, filtered, again):
        assert choose(client, answer).status_code == 202

    events = kept(shared_database, 3)
    assert {event.query.product_id for event in events} == {"mugs-00"}
    assert {(event.query.embedding, event.query.fingerprint) for event in events} == {(None, None)}
    assert sorted(event.query.is_steered for event in events) == [False, False, True]


def test_the_same_choice_counts_once(client: TestClient, shared_database: Database, shop: Shop) -> None:
    """Putting it into the cart is another one, and so is another product; the search is kept once."""
    answer = search(client, shop.photos["bags-02"][0])
    outcomes = [
        choose(client, answer, place, kind).json()["outcome"]
        for place, kind in ((1, "select"), (1, "select"), (1, "add_to_cart"), (3, "select"), (1, "add_to_cart"))
    ]
    assert outcomes == ["taken", "repeated", "taken", "taken", "repeated"]
    events = kept(shared_database, 3)
    assert len({event.query.id for event in events}) == 1


def test_what_was_not_shown_cannot_be_chosen(client: TestClient) -> None:
    """Neither from a request that is not known nor a product that its answer did not have."""
    answer = search(client, product_id="mugs-00", k=3)
    unknown = choose(client, {**answer, "request_id": "0b5fd94d-4cf9-4d6c-9a3e-0b3f31d0a2a7"})
    assert (unknown.status_code, slug(unknown)) == (404, "not-found")
    assert "for an hour after the answer" in unknown.json()["detail"]
    for product_id in ("mugs-00", "no-such-product"):
        event = {"type": "select", "request_id": answer["request_id"], "product_id": product_id}
        reply = client.post("/events", json=event)
        assert (reply.status_code, slug(reply)) == (422, "invalid-parameter")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "look", "request_id": "1", "product_id": "1"},
        {"type": "select", "request_id": 1, "product_id": "1"},
        {"type": "select", "request_id": "1", "product_id": "1" * 201},
        {"type": "select", "request_id": "1", "product_id": "1", "user": "somebody"},
    ],
)
def test_an_event_that_says_less_or_more_is_refused(client: TestClient, body: dict[str, object]) -> None:
    """Above all one that names somebody: there is no field for it."""
    reply = client.post("/events", json=body)
    assert (reply.status_code, slug(reply)) == (422, "invalid-parameter")


def test_nothing_that_is_kept_leads_to_a_request(client: TestClient, shared_database: Database, shop: Shop) -> None:
    """Neither the ids of the answer nor the photo, its hash, the time or the client's address are in the tables."""
    photo = shop.photos["lamps-04"][0]
    answer = search(client, photo)
    choose(client, answer)
    (event,) = kept(shared_database, 1)
    with shared_database.changing_events() as table:
        rows = [
            list(table._connection.execute(text(f"SELECT * FROM {name}")))  # noqa: S608  # own names
            for name in ("event_queries", "events")
        ]
    assert answer["request_id"] not in str(rows)
    assert answer["query_id"] not in str(rows)
    assert "testclient" not in str(rows)
    assert photo[:64] not in (event.query.embedding or b"")
    query = rows[0][0]
    assert [type(value).__name__ for value in query] == ["str", "str", "int", "NoneType", "str", "bytes"]
    assert len(query[1]) == len("2026-11-20")


@contextmanager
def service_with(settings: Settings, **overrides: object) -> Iterator[TestClient]:
    """Run another service."""
    with TestClient(create_app(settings.model_copy(update=overrides))) as client:
        yield client


def test_a_service_may_take_no_events(own_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and forgets those of before."""
    monkeypatch.setattr(search_events, "WRITE_EVERY_S", 0.05)
    with closing(Database(own_shop.settings.resolved_database_url)) as database:
        with service_with(own_shop.settings) as client:
            choose(client, search(client, product_id="mugs-00"))
            kept(database, 1)
        with service_with(own_shop.settings, events_kept_days=0) as client:
            reply = choose(client, search(client, product_id="mugs-00"))
            assert (reply.status_code, slug(reply)) == (404, "not-found")
            assert "LOOKALIKE_EVENTS_KEPT_DAYS" in reply.json()["detail"]
            kept(database, 0)


def test_what_was_taken_is_written_before_the_service_ends(own_shop: Shop) -> None:
    """Whoever stops it at once loses nothing."""
    with service_with(own_shop.settings) as client:
        choose(client, search(client, product_id="mugs-00"))
    with closing(Database(own_shop.settings.resolved_database_url)) as database:
        kept(database, 1)


def test_a_locked_catalogue_holds_up_neither_searches_nor_events(
    own_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are answered meanwhile; the events are written when it is free again, and too many are refused."""
    monkeypatch.setattr(search_events, "WRITE_EVERY_S", 0.05)
    monkeypatch.setattr(search_events, "MAX_WAITING", 3)
    with (
        closing(Database(own_shop.settings.resolved_database_url)) as database,
        service_with(own_shop.settings) as client,
    ):
        with database.migrating():
            replies = [choose(client, search(client, product_id="mugs-00"), place) for place in range(1, 6)]
            assert [reply.status_code for reply in replies] == [202, 202, 202, 503, 503]
            assert slug(replies[-1]) == "overloaded"
            assert replies[-1].headers["retry-after"] == "5"
        kept(database, 3)


def test_events_of_an_address_are_limited(own_shop: Shop) -> None:
    """With its searches: a flood of them costs others nothing."""
    settings = own_shop.settings.model_copy(update={"rate_per_minute": 3})
    with TestClient(create_app(settings), client=("203.0.113.7", 50000)) as client:
        answer = search(client, product_id="mugs-00")
        replies = [choose(client, answer) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [202, 202, 429]
    assert slug(replies[-1]) == "rate-limited"
    assert int(replies[-1].headers["retry-after"]) > 0
