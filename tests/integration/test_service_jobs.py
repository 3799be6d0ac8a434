"""Jobs over HTTP: queued, listed, shown, cancelled, tried again, and only with the key."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete
from starlette.testclient import TestClient

from app.core.settings import Settings
from app.db.database import Database
from app.db.jobs import JobProgress
from app.db.tables import jobs as jobs_table
from app.main import create_app
from tests.support.changes import AUTHORISED
from tests.support.services import ADMIN_KEY, slug


@pytest.fixture(scope="module")
def service(shared_settings: Settings) -> Iterator[TestClient]:
    """A client of it that has the key."""
    with TestClient(create_app(shared_settings), headers=AUTHORISED) as client:
        yield client


@pytest.fixture
def client(service: TestClient, shared_database: Database) -> TestClient:
    """The client, when no job was ever queued."""
    with shared_database.changing_jobs() as jobs:
        jobs._connection.execute(delete(jobs_table))
    return service


def queue(client: TestClient, **asked: object) -> dict[str, Any]:
    """Queue a reindex."""
    reply = client.post("/reindex", json=asked)
    assert reply.status_code == 202, reply.text
    job: dict[str, Any] = reply.json()
    assert reply.headers["location"] == f"/jobs/{job['id']}"
    return job


@pytest.mark.parametrize("asked", [{}, {"full": False}, {"full": True}])
def test_a_reindex_is_queued(client: TestClient, asked: dict[str, bool]) -> None:
    """The answer says where it can be watched, and watching it shows the same."""
    job = queue(client, **asked)
    assert (job["state"], job["kind"], job["params"]) == ("queued", "reindex", {"full": asked.get("full", False)})
    reply = client.get(f"/jobs/{job['id']}")
    assert reply.json() == job
    assert reply.headers["cache-control"] == "no-store"
    assert "lease_owner" not in job


def test_a_reindex_needs_no_body(client: TestClient) -> None:
    """It is not full then."""
    reply = client.post("/reindex")
    assert (reply.status_code, reply.json()["params"]) == (202, {"full": False})


def test_a_second_reindex_is_refused_by_name(client: TestClient) -> None:
    """The refusal says which job is under way."""
    job = queue(client)
    reply = client.post("/reindex", json={})
    assert (reply.status_code, slug(reply)) == (409, "already-running")
    assert job["id"] in reply.json()["detail"]


@pytest.mark.parametrize(
    ("content", "media_type", "status", "expected"),
    [
        (b'{"full": "yes"}', "application/json", 422, "invalid-parameter"),
        (b'{"full": 1}', "application/json", 422, "invalid-parameter"),
        (b'{"SECRET": true}', "application/json", 422, "invalid-parameter"),
        (b"[true]", "application/json", 422, "invalid-parameter"),
        (b"{", "application/json", 400, "malformed-request"),
        (b"\xff", "application/json; charset=utf-8", 400, "malformed-request"),
        (b"[" * 1000, "application/json", 400, "malformed-request"),
        (b'{"full": true}', "text/plain", 415, "unsupported-media-type"),
        (b"full=true", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
        (b" " * 2000, "application/json", 413, "body-too-large"),
    ],
)
def test_a_body_that_is_not_understood_queues_nothing(
    client: TestClient, content: bytes, media_type: str, status: int, expected: str
) -> None:
    """The refusal is named, and repeats nothing of what was sent."""
    reply = client.post("/reindex", content=content, headers={"Content-Type": media_type})
    assert (reply.status_code, slug(reply)) == (status, expected)
    assert "SECRET" not in reply.text
    assert client.get("/jobs").json()["jobs"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/reindex"), ("GET", "/jobs"), ("GET", "/jobs/x"), ("POST", "/jobs/x/cancel"), ("POST", "/jobs/x/retry")],
)
def test_everything_about_jobs_needs_the_key(client: TestClient, method: str, path: str) -> None:
    """And the key is asked for before a body is read or an id is looked up."""
    other = ADMIN_KEY[:-1] + chr(ord(ADMIN_KEY[-1]) ^ 1)
    for key in ("", "Bearer ", "Bearer wrong", f"Basic {ADMIN_KEY}", f"Bearer {other}", f"Bearer {ADMIN_KEY}x"):
        reply = client.request(method, path, headers={"Authorization": key}, content=b"x" * 10_000)
        assert (reply.status_code, slug(reply)) == (401, "invalid-key")


@pytest.mark.parametrize("host", ["evil/..%2fadmin", "127.0.0.1", "localhost"])
def test_no_other_header_stands_in_for_the_key(client: TestClient, host: str) -> None:
    """B57: neither where a request says that it goes, nor where it says that it comes from."""
    reply = client.get("/jobs", headers={"Authorization": "", "Host": host, "X-Forwarded-For": "127.0.0.1"})
    assert (reply.status_code, slug(reply)) == (401, "invalid-key")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://shop.example.evil.com"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/jobs"), ("POST", "/reindex"), ("OPTIONS", "/reindex")])
def test_pages_of_other_origins_are_let_in_nowhere(client: TestClient, origin: str, method: str, path: str) -> None:
    """B56: no answer allows a page from elsewhere to read it, or to send the key along."""
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    reply = client.request(method, path, headers={"Origin": origin, **(asked if method == "OPTIONS" else {})})
    assert not [name for name in reply.headers if name.startswith("access-control-")]


def test_a_running_job_tells_how_far_it_is(client: TestClient, shared_database: Database) -> None:
    """Phase, counts, rate, time left, and what was refused for which reason."""
    job = queue(client)
    progress = JobProgress(phase="Indexing pictures", total=100, done=40, refused={"not-an-image": 2}, rate=30.0)
    with shared_database.changing_jobs() as jobs:
        jobs.claim("worker")
        jobs.heartbeat(job["id"], "worker", progress)
    shown = client.get(f"/jobs/{job['id']}").json()
    assert (shown["state"], shown["attempt"], shown["seconds_left"]) == ("running", 1, 2.0)
    for name in ("phase", "total", "done", "refused", "rate"):
        assert shown[name] == getattr(progress, name)
    assert shown["started_at"] < shown["heartbeat_at"]


def test_a_job_ends_with_its_result_or_with_why_not(client: TestClient, shared_database: Database) -> None:
    """Both are shown."""
    job = queue(client)
    error = {"slug": "disk-full", "message": "The disk is full."}
    with shared_database.changing_jobs() as jobs:
        jobs.claim("worker")
        jobs.finish(job["id"], "worker", "failed", JobProgress(), error=error)
    assert client.get(f"/jobs/{job['id']}").json()["error"] == error
    again = client.post(f"/jobs/{job['id']}/retry").json()
    with shared_database.changing_jobs() as jobs:
        jobs.claim("worker")
        jobs.finish(again["id"], "worker", "succeeded", JobProgress(), result={"snapshot": "x"})
    shown = client.get(f"/jobs/{again['id']}").json()
    assert (shown["state"], shown["result"], shown["error"]) == ("succeeded", {"snapshot": "x"}, None)


def test_a_job_is_cancelled_and_tried_again(client: TestClient) -> None:
    """What cannot be done in the state that it is in is refused by name."""
    job = queue(client, full=True)
    reply = client.post(f"/jobs/{job['id']}/retry")
    assert (reply.status_code, slug(reply)) == (409, "wrong-state")
    assert client.post(f"/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
    reply = client.post(f"/jobs/{job['id']}/retry")
    again = reply.json()
    assert (reply.status_code, again["params"], again["state"]) == (202, {"full": True}, "queued")
    assert reply.headers["location"] == f"/jobs/{again['id']}" != f"/jobs/{job['id']}"
    reply = client.post(f"/jobs/{job['id']}/retry")
    assert (reply.status_code, slug(reply)) == (409, "already-running")


def test_a_job_that_succeeded_cannot_be_cancelled(client: TestClient, shared_database: Database) -> None:
    """The refusal says so."""
    job = queue(client)
    with shared_database.changing_jobs() as jobs:
        jobs.claim("worker")
        jobs.finish(job["id"], "worker", "succeeded", JobProgress())
    reply = client.post(f"/jobs/{job['id']}/cancel")
    assert (reply.status_code, slug(reply)) == (409, "wrong-state")
    assert "succeeded" in reply.json()["detail"]


@pytest.mark.parametrize("job_id", ["0" * 26, "x", "%00", "x" * 300])
def test_an_unknown_job_is_not_found(client: TestClient, job_id: str) -> None:
    """Whatever is asked of it."""
    for reply in (
        client.get(f"/jobs/{job_id}"),
        client.post(f"/jobs/{job_id}/cancel"),
        client.post(f"/jobs/{job_id}/retry"),
    ):
        assert (reply.status_code, slug(reply)) == (404, "not-found")


def test_jobs_are_listed_newest_first_page_by_page(client: TestClient) -> None:
    """With a cursor, as products are."""
    ids = []
    for _ in range(5):
        ids.append(queue(client)["id"])
        client.post(f"/jobs/{ids[-1]}/cancel")
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        page = client.get("/jobs", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (ids[::-1], None)
    for wrong in ({"cursor": "nonsense"}, {"limit": "0"}, {"limit": "101"}, {"page": "2"}):
        reply = client.get("/jobs", params=wrong)
        assert (reply.status_code, slug(reply)) == (422, "invalid-parameter")
