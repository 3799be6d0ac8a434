"""Changes are seen by every server on the data folder, and stay: after restarts, reindexes and rollbacks."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.core.settings import Settings
from indexer.progress import Silent
from indexer.reindex import ReindexParams, run_reindex
from tests.support.changes import AUTHORISED
from tests.support.images import picture_bytes
from tests.support.server import running_server
from tests.support.services import copied_settings
from tests.support.shop import Shop
from tests.support.waiting import wait_until

NEW = picture_bytes(seed=200)
TITLE = "A lamp, now cheaper"


@pytest.fixture(scope="module")
def settings(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of servers on one copy of the shop's data."""
    return copied_settings(shop, tmp_path_factory.mktemp("shared"))


@contextmanager
def serving(settings: Settings, folder: Path) -> Iterator[httpx2.Client]:
    """Run a server in a process of its own; give a client of it, with the key."""
    folder.mkdir()
    with (
        running_server(settings, folder) as server,
        httpx2.Client(base_url=server.url, timeout=30, headers=AUTHORISED) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def servers(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[httpx2.Client, httpx2.Client]]:
    """Two servers on the same data folder."""
    folder = tmp_path_factory.mktemp("servers")
    with serving(settings, folder / "one") as one, serving(settings, folder / "two") as two:
        yield one, two


def upload(client: httpx2.Client, product_id: str, photo: bytes, title: str) -> str:
    """Put a product with one picture, and return what that did."""
    reply = client.put(f"/products/{product_id}", data={"product": f'{{"title": "{title}"}}'}, files=[("image", photo)])
    assert reply.status_code in {200, 201}, reply.text
    return str(reply.json()["outcome"])


def snapshot_of(client: httpx2.Client) -> str:
    """Return the snapshot that a server answers from."""
    return str(client.get("/readyz").json()["snapshot"])


def answers(client: httpx2.Client, photos: list[bytes]) -> list[list[tuple[Any, ...]]]:
    """Return everything that searches with these photos find: products, their fields, and scores."""
    found = []
    for photo in photos:
        reply = client.post("/search", data={"k": "100"}, files={"image": photo})
        results = sorted(reply.json()["results"], key=lambda result: str(result["product"]["id"]))
        found.append([(r["product"], r["image"]["id"], pytest.approx(r["score"], abs=2e-3)) for r in results])
    return found


def title_of(client: httpx2.Client, product_id: str, photo: bytes) -> str | None:
    """Return the title under which a search with its photo finds a product; None when it does not."""
    results = client.post("/search", data={"k": "100"}, files={"image": photo}).json()["results"]
    return next((hit["product"]["title"] for hit in results if hit["product"]["id"] == product_id), None)


def test_changes_show_everywhere_and_stay(
    servers: tuple[httpx2.Client, httpx2.Client], settings: Settings, shop: Shop, tmp_path: Path
) -> None:
    """Made at one server, shown by the other; and the same by one started later, after a reindex and a rollback."""
    one, two = servers
    lamp, mug, other = shop.photos["lamps-02"][0], shop.photos["mugs-04"][0], picture_bytes(seed=201)
    photos = [NEW, lamp, mug, other]
    assert upload(one, "new-1", NEW, "New") == "added"
    wait_until(lambda: title_of(two, "new-1", NEW) == "New")
    assert two.put("/products/lamps-02", json={"title": TITLE, "price": "1.50"}).json()["outcome"] == "changed"
    wait_until(lambda: title_of(one, "lamps-02", lamp) == TITLE)
    assert two.delete("/products/mugs-04").json()["outcome"] == "removed"
    wait_until(lambda: title_of(one, "mugs-04", mug) is None)
    assert upload(two, "short-lived", other, "Short-lived") == "added"
    wait_until(lambda: title_of(one, "short-lived", other) == "Short-lived")
    assert one.delete("/products/short-lived").json()["outcome"] == "removed"
    wait_until(lambda: title_of(two, "short-lived", other) is None)
    expected, first = answers(one, photos), snapshot_of(one)
    assert answers(two, photos) == expected

    with serving(settings, tmp_path / "three") as three:
        assert answers(three, photos) == expected
        assert snapshot_of(three) == first
        second = str(run_reindex(settings, ReindexParams(), Silent())["snapshot"])
        assert second != first
        for snapshot_id in (second, first):
            assert one.post(f"/snapshots/{snapshot_id}/publish").status_code == 200
            for client in (one, two, three):
                wait_until(partial(_answers_from, client, snapshot_id))
                assert answers(client, photos) == expected


def test_the_newest_statement_counts_at_every_server(servers: tuple[httpx2.Client, httpx2.Client], shop: Shop) -> None:
    """In whichever order statements arrive, and wherever."""
    for minute in (5, 2, 9, 7, 1, 9, 8):
        stated = {"title": f"Minute {minute}", "updated_at": f"2026-11-01T10:0{minute}:00Z"}
        assert servers[minute % 2].put("/products/bags-02", json=stated).status_code == 200
    photo = shop.photos["bags-02"][0]
    for client in servers:
        assert client.get("/products/bags-02").json()["title"] == "Minute 9"
        wait_until(partial(_has_title, client, "bags-02", photo, "Minute 9"))


def test_what_was_answered_outlasts_a_kill(own_shop: Shop, tmp_path: Path) -> None:
    """It was on the disk before the answer."""
    (tmp_path / "killed").mkdir()
    with running_server(own_shop.settings, tmp_path / "killed") as server:
        with httpx2.Client(base_url=server.url, timeout=30, headers=AUTHORISED) as client:
            assert upload(client, "kept", NEW, "Kept") == "added"
            server.process.kill()
        server.process.wait()
    with serving(own_shop.settings, tmp_path / "again") as client:
        assert title_of(client, "kept", NEW) == "Kept"


def _answers_from(client: httpx2.Client, snapshot_id: str) -> bool:
    return snapshot_of(client) == snapshot_id


def _has_title(client: httpx2.Client, product_id: str, photo: bytes, title: str) -> bool:
    return title_of(client, product_id, photo) == title
