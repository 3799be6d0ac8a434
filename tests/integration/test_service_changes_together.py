"""Many changes at once over HTTP: in one request, in several at the same time, and beside other work."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.core.snapshot_folder import SnapshotFolder
from app.search.changes import MAX_UNDER_WAY
from tests.support.bad_server import Exchange, file
from tests.support.changes import ChangingShop, changing_shop
from tests.support.images import picture_bytes
from tests.support.services import slug
from tests.support.shop import Shop
from tests.support.waiting import wait_until

NINE = "2026-11-01T09:00:00Z"


@pytest.fixture(scope="module")
def changing(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChangingShop]:
    """One running service for this module; every test has products of its own."""
    with changing_shop(shop, tmp_path_factory.mktemp("together")) as changing:
        yield changing


def test_many_changes_are_made_in_their_order(changing: ChangingShop) -> None:
    """Each has its result, and what is wrong with one of them stops none other."""
    cut = changing.web.at("/cut.jpg", file(picture_bytes(seed=70)[:2000]))
    results = changing.batch(
        {"id": "many-1", "title": "One", "images": [changing.picture(71)]},
        {"id": "many-1", "title": "One, again", "price": 3},
        {"id": "many-2", "title": "Two", "images": [cut]},
        {"id": "many-3", "title": "Three", "images": ["https://10.0.0.1/x.jpg"]},
        {"id": "many-4", "title": "Four"},
        {"id": "many-5", "delete": True},
        {"id": "many-6", "title": "Six", "colour": "red"},
        {"id": "odd id", "title": "Seven"},
        "eight",
        {"id": "many-9", "title": "Nine", "images": [changing.picture(72)]},
        {"id": "many-9", "delete": True, "updated_at": NINE},
        {"id": "many-9", "title": "Nine, again"},
    )
    assert [result.get("outcome") or result["problem"]["type"].removeprefix("/problems/") for result in results] == [
        "added",
        "changed",
        "image-corrupt",
        "url-not-allowed",
        "missing-image",
        "not_found",
        "invalid-parameter",
        "invalid-parameter",
        "invalid-parameter",
        "added",
        "removed",
        "missing-image",
    ]
    assert [result["id"] for result in results][6:9] == ["many-6", None, None]
    assert all(set(result["problem"]) == {"type", "title", "status", "detail"} for result in results[2:5])
    stored = changing.stored("many-1")
    assert stored is not None
    assert (stored.title, stored.price) == ("One, again", Decimal(3))
    changing.wait_for("many-1", picture_bytes(seed=71))


def test_a_batch_may_be_empty(changing: ChangingShop) -> None:
    """It changes nothing then."""
    assert changing.batch() == []


def test_a_thousand_changes_are_few_transactions(changing: ChangingShop) -> None:
    """And every one of them is made; a picture that all of them share is embedded once."""
    image = changing.picture(80)
    changing.put("first", images=[image])
    before, embeddings = changing.revision(), changing.embeddings()
    items: list[dict[str, Any]]
    items = [{"id": f"bulk-{number:04}", "title": str(number), "images": [image]} for number in range(300)]
    items += [{"id": f"bulk-{number:04}", "title": f"{number} again"} for number in range(300)]
    items += [{"id": f"bulk-{number:04}", "delete": True} for number in range(250, 650)]
    results = changing.batch(*items)
    counts = {outcome: sum(result["outcome"] == outcome for result in results) for outcome in ("added", "changed")}
    assert counts == {"added": 300, "changed": 300}
    assert [result["outcome"] for result in results[600:]] == ["removed"] * 50 + ["not_found"] * 350
    assert changing.revision() - before == 10
    assert changing.embeddings() == embeddings
    stored = changing.stored("bulk-0007")
    assert stored is not None
    assert stored.title == "7 again"
    assert changing.stored("bulk-0299") is None


def test_changes_wait_while_the_network_is_busy(shop: Shop, tmp_path: Path) -> None:
    """Where only one photo may wait for it, as many pictures as a batch has are embedded none the less."""
    with changing_shop(shop, tmp_path, queue_size=1) as busy:
        items = [{"id": f"x-{seed}", "title": "X", "images": [busy.picture(seed)]} for seed in range(100, 112)]
        assert [result.get("outcome") for result in busy.batch(*items)] == ["added"] * len(items)
        assert busy.embeddings() == len(items)


def test_changes_do_not_wait_for_a_snapshot_that_is_being_published(
    changing: ChangingShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checking the files of a large one takes minutes."""
    has_begun, goes_on = threading.Event(), threading.Event()

    def publish(_folder: SnapshotFolder, _snapshot_id: str) -> None:
        has_begun.set()
        goes_on.wait(50)

    monkeypatch.setattr(SnapshotFolder, "publish", publish)
    snapshot, *_ = changing.client.get("/snapshots").json()["snapshots"]
    with ThreadPoolExecutor(1) as threads:
        publishing = threads.submit(changing.client.post, f"/snapshots/{snapshot['id']}/publish")
        try:
            assert has_begun.wait(20)
            assert changing.batch({"id": "meanwhile", "delete": True})[0]["outcome"] == "not_found"
        finally:
            goes_on.set()
        assert publishing.result().status_code == 200


def test_more_changes_than_there_is_memory_for_are_refused(changing: ChangingShop) -> None:
    """By name, and at once; those that are under way are made."""
    gate = threading.Event()

    def wait(exchange: Exchange) -> None:
        gate.wait(8)
        file(picture_bytes(seed=90))(exchange)

    images = [changing.web.at("/gate.jpg", wait)]
    with ThreadPoolExecutor(MAX_UNDER_WAY + 1) as threads:
        puts = [threads.submit(changing.put, f"gate-{number}", images=images) for number in range(MAX_UNDER_WAY + 1)]
        wait_until(lambda: any(put.done() for put in puts))
        reply = changing.client.post("/products:batch", json={"products": []})
        gate.set()
    assert (reply.status_code, slug(reply), reply.headers["retry-after"]) == (503, "overloaded", "1")
    assert sorted(put.result().status_code for put in puts) == [201] * MAX_UNDER_WAY + [503]
