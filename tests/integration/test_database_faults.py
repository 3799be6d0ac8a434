"""A database that is down, that does not answer, or that somebody has locked: searches go on, and all is well after."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.core.errors import DatabaseUnavailable
from app.db.catalogue import Catalogue
from app.db.database import Database
from app.main import create_app
from tests.support.imports import Imports, write_state
from tests.support.postgres import PostgresTestServer
from tests.support.server import Server, running_server
from tests.support.services import shop_settings
from tests.support.shop import Shop, write_shop
from tests.support.soak import seeded
from tests.support.waiting import wait_until


@pytest.fixture
def remote_shop(own_server: PostgresTestServer, tmp_path: Path) -> Shop:
    """A shop whose catalogue is on that server."""
    url = own_server.url(own_server.create_database())
    return write_shop(tmp_path, shop_settings(tmp_path / "data", database_url=url))


def _threads(server: Server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))


def test_searches_go_on_while_the_database_is_away(
    remote_shop: Shop, own_server: PostgresTestServer, tmp_path: Path
) -> None:
    """What needs it is refused and may be tried again; no threads pile up; once it is back, so is everything."""
    photo = remote_shop.photos["mugs-00"][0]
    with running_server(remote_shop.settings, tmp_path) as server, server.client() as client:

        def search() -> list[str]:
            reply = client.post("/search", files={"image": ("x", photo)})
            assert reply.status_code == 200, reply.text
            return [hit["product"]["id"] for hit in reply.json()["results"]]

        def ask_for_products(_number: int) -> int:
            return client.get("/products").status_code

        def ask_often() -> set[int]:
            with ThreadPoolExecutor(8) as threads:
                return set(threads.map(ask_for_products, range(40)))

        found = search()
        assert ask_often() == {200}
        threads_before = _threads(server)
        own_server.stop()
        wait_until(lambda: client.get("/readyz").json()["status"] == "degraded")
        assert ask_often() == {503}
        reply = client.get("/products")
        assert (reply.json()["type"], "retry-after" in reply.headers) == ("/problems/database-unavailable", True)
        assert search() == found
        product = client.get(f"/products/{found[0]}")
        assert (product.status_code, product.json()["id"]) == (200, found[0])
        assert client.get("/products/nobody-knows").status_code == 503
        assert client.get("/livez").status_code == 200
        assert _threads(server) <= threads_before
        own_server.start()
        wait_until(lambda: client.get("/readyz").json()["status"] == "ready")
        assert ask_often() == {200}
        assert search() == found


def test_a_service_whose_database_is_down_does_not_start(remote_shop: Shop, own_server: PostgresTestServer) -> None:
    """It does not know what was changed live; it says so at once, and starts when the database is back."""

    async def start() -> None:
        app = create_app(remote_shop.settings)
        async with app.router.lifespan_context(app):
            pass

    own_server.stop()
    with pytest.raises(DatabaseUnavailable, match="LOOKALIKE_DATABASE_URL"):
        asyncio.run(start())
    own_server.start()
    asyncio.run(start())


def test_an_import_without_its_database_ends_in_one_sentence(own_server: PostgresTestServer, tmp_path: Path) -> None:
    """Also when it goes away in the middle; the next import finishes."""
    url = own_server.url(own_server.create_database())
    settings = shop_settings(tmp_path / "data", database_url=url, network="efficientnet_lite0")
    with Imports(settings) as imports:
        assert imports.run(write_state(tmp_path / "shop", 0)).slug is None
        feed = write_state(tmp_path / "shop", 1)
        imports.start(feed)
        time.sleep(seeded().uniform(0.1, 0.6))
        own_server.stop()
        assert imports.end().slug == "database-unavailable"
        assert imports.run(feed).slug == "database-unavailable"
        own_server.start()
        assert imports.run(feed).slug is None


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """From when the event is cleared, until it is set, every reading transaction waits."""
    reading = Database.reading
    goes_on = threading.Event()
    goes_on.set()

    @contextmanager
    def waiting(database: Database) -> Iterator[Catalogue]:
        goes_on.wait(50)
        with reading(database) as catalogue:
            yield catalogue

    monkeypatch.setattr(Database, "reading", waiting)
    yield goes_on
    goes_on.set()


def test_searches_do_not_wait_for_a_database_that_hangs(own_shop: Shop, hanging: threading.Event) -> None:
    """However many requests wait for it; they are answered when it goes on, or told to come again."""
    with TestClient(create_app(own_shop.settings)) as client, ThreadPoolExecutor(12) as threads:
        hanging.clear()
        waiting = [threads.submit(client.get, "/products") for _ in range(12)]  # more than it has threads
        for _ in range(3):
            found = client.post("/search", files={"image": ("x", own_shop.photos["mugs-00"][0])})
            assert (found.status_code, len(found.json()["results"])) == (200, 10)
        assert client.get("/livez").status_code == 200
        hanging.set()
        assert {reply.result().status_code for reply in waiting} <= {200, 503}
        assert client.get("/products").status_code == 200


def test_searches_go_on_while_somebody_has_locked_the_catalogue(own_shop: Shop) -> None:
    """With SQLite, reading goes on as well."""
    path = own_shop.settings.data_dir / "catalogue.db"
    with TestClient(create_app(own_shop.settings)) as client, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert client.get("/products").status_code == 200
        found = client.post("/search", files={"image": ("x", own_shop.photos["mugs-00"][0])})
        assert (found.status_code, len(found.json()["results"])) == (200, 10)
        assert client.get("/readyz").json()["status"] == "ready"
