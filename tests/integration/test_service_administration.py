"""What the page of administration asks for, over HTTP: roll back, figures over time, the catalogue and its refusals."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.core.snapshot_folder import SnapshotFolder
from app.db.database import Database
from app.db.jobs import REINDEX, JobProgress
from app.main import create_app
from tests.support.changes import AUTHORISED
from tests.support.keys import bearing, create_key
from tests.support.refusals import note, refused
from tests.support.services import copied_settings, slug
from tests.support.shop import Shop, publish
from tests.support.waiting import wait_until

FIGURES = {"category_precision_at_10": 0.75, "recall_at_10": 1.0}


@pytest.fixture(scope="module")
def own(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A copy of the shop's data with two snapshots, the second with figures and live."""
    own = Shop(copied_settings(shop, tmp_path_factory.mktemp("administration")), shop.photos)
    publish(own, product_ids=["mugs-01", "mugs-02"], metrics=FIGURES)
    return own


@pytest.fixture(scope="module")
def client(own: Shop) -> Iterator[TestClient]:
    """A client of its service that has the key."""
    with TestClient(create_app(own.settings), headers=AUTHORISED) as client:
        yield client


@pytest.fixture
def database(own: Shop) -> Iterator[Database]:
    """The service's database, for playing the worker."""
    with closing(Database(own.settings.resolved_database_url)) as database:
        yield database


def test_a_roll_back_goes_back_once(client: TestClient) -> None:
    """Whoever says what to take back does not take back another; what was rolled back from is no way back."""
    listed = client.get("/snapshots").json()
    second, first = (each["id"] for each in listed["snapshots"])
    assert listed["previous"] == first

    done = client.post("/snapshots/rollback", json={"live": second})
    assert (done.status_code, done.json()["id"], done.json()["live"]) == (200, first, True)
    wait_until(lambda: client.get("/readyz").json()["snapshot"] == first)
    for body, status, kind in (
        ({"live": second}, 409, "wrong-state"),
        ({"live": "of somebody's own"}, 409, "wrong-state"),
        ({"live": first}, 404, "snapshot-missing"),
        ({}, 404, "snapshot-missing"),
        ({"live": 7}, 422, "invalid-parameter"),
        ({"id": first}, 422, "invalid-parameter"),
    ):
        reply = client.post("/snapshots/rollback", json=body)
        assert (reply.status_code, slug(reply)) == (status, kind), body
    assert client.get("/snapshots").json()["previous"] is None

    assert client.post(f"/snapshots/{second}/publish").json()["live"]
    assert client.get("/snapshots").json()["previous"] == first


def test_a_damaged_current_is_still_listed_and_not_rolled_back(client: TestClient, own: Shop) -> None:
    """Nobody knows what was live before; publishing names one."""
    current = own.settings.snapshots_dir / "CURRENT"
    whole = current.read_bytes()
    current.write_bytes(b"{}")
    try:
        listed = client.get("/snapshots").json()
        assert ([each["live"] for each in listed["snapshots"]], listed["previous"]) == ([False, False], None)
        refusal = client.post("/snapshots/rollback")
        assert (refusal.status_code, slug(refusal)) == (409, "snapshot-corrupt")
    finally:
        current.write_bytes(whole)


def test_figures_are_those_of_the_disk_and_of_jobs(client: TestClient, own: Shop, database: Database) -> None:
    """What a job made and was pruned since stays known; a job that made nothing tells nothing."""
    live = SnapshotFolder(own.settings.snapshots_dir).current()
    assert live is not None
    gone = {"network": "vgg16", "new": True, "metrics": {"category_precision_at_10": 0.5, "note": "none"}}
    for result in (
        {**gone, "snapshot": "000000-00000001"},
        {**gone, "snapshot": live.id},
        {**gone, "snapshot": "000099-00000001", "new": False},
        {**gone, "snapshot": "nothing of ours"},
        {},
    ):
        finish(database, result)
    figures = client.get("/snapshots/figures").json()["figures"]
    assert [(each["snapshot"], each["metrics"], each["live"], each["on_disk"]) for each in figures] == [
        ("000000-00000001", {"category_precision_at_10": 0.5}, False, False),
        (live.id, FIGURES, True, True),
    ]
    newest = client.get("/snapshots/figures?limit=1").json()["figures"]
    assert newest == figures[1:]


def test_the_catalogue_tells_what_was_refused(client: TestClient, database: Database) -> None:
    """How many, why and what to do; of which product, and not where on the server."""
    note(database, "import", refused(1), refused(2, product_id="mugs-00", kept=True), refused(3, "image-corrupt"))
    note(database, "reindex", refused(4, "of-a-newer-version", place="row 17", product_id=None))
    summary = client.get("/catalogue").json()
    assert (summary["products"], summary["images"], summary["categories"], summary["refused"]) == (24, 30, 3, 4)
    assert [(each["reason"], each["count"]) for each in summary["reasons"]] == [
        ("not-an-image", 2),
        ("image-corrupt", 1),
        ("of-a-newer-version", 1),
    ]
    assert [(each["run"], each["refused"]) for each in summary["runs"]] == [("import", 3), ("reindex", 1)]

    first = client.get("/catalogue/refused?limit=2").json()
    rest = client.get(f"/catalogue/refused?limit=2&cursor={first['next_cursor']}").json()
    items: list[dict[str, Any]] = first["refused"] + rest["refused"]
    assert rest["next_cursor"] is None
    assert [(each["place"], each["product_id"], each["product_title"], each["kept"]) for each in items] == [
        ("mugs/1.jpg", "mug-1", None, False),
        ("mugs/2.jpg", "mugs-00", "Mug 00", True),
        ("mugs/3.jpg", "mug-3", None, False),
        ("row 17", None, None, False),
    ]
    assert all(each["title"] and each["advice"] and each["message"] for each in items)
    damaged = client.get("/catalogue/refused?reason=image-corrupt").json()
    assert [each["place"] for each in damaged["refused"]] == ["mugs/3.jpg"]


@pytest.mark.parametrize("query", ["cursor=x", "cursor=import.x", "limit=0", "limit=101", "reason=%00", "page=2"])
def test_a_wrong_question_about_refusals_is_refused(client: TestClient, query: str) -> None:
    """And not guessed at."""
    reply = client.get(f"/catalogue/refused?{query}")
    assert (reply.status_code, slug(reply)) == (422, "invalid-parameter")


def test_a_key_of_the_catalogue_may_look_and_not_roll_back(client: TestClient, own: Shop) -> None:
    """Figures and refusals are no secret of the administrator's."""
    headers = bearing(create_key(own.settings, "catalogue")[1])
    wait_until(lambda: client.get("/catalogue", headers=headers).status_code == 200)
    for path in ("/catalogue/refused", "/snapshots/figures"):
        reply = client.get(path, headers=headers)
        assert (reply.status_code, reply.headers["cache-control"]) == (200, "no-store")
    refusal = client.post("/snapshots/rollback", headers=headers)
    assert (refusal.status_code, slug(refusal)) == (403, "key-not-enough")


def finish(database: Database, result: dict[str, Any]) -> None:
    """Have a reindex succeed with this result."""
    with database.changing_jobs() as jobs:
        job = jobs.create(REINDEX, {})
        jobs.claim("worker")
        jobs.finish(job.id, "worker", "succeeded", JobProgress(), result=result)
