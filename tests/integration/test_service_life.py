"""How the service starts, follows its index, fails and stops."""

import asyncio
import os
import shutil
import signal
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api.server import reserve_port, run
from app.core.errors import (
    DatabaseTooOld,
    DatabaseUnavailable,
    InvalidSetting,
    LookalikeError,
    PortInUse,
    SnapshotCorrupt,
    SnapshotIncompatible,
    SnapshotMissing,
    WeightsCorrupt,
)
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.db.catalogue import Catalogue
from app.db.database import Database
from app.main import create_app
from tests.support.images import png_bytes
from tests.support.server import Server, running_server
from tests.support.services import shop_settings
from tests.support.shop import Shop, publish
from tests.support.snapshots import overwrite, reseal
from tests.support.waiting import wait_until
from tests.support.wire import form, part, receive, request, send


def start(settings: Settings) -> None:
    """Start the application and stop it again."""

    async def enter() -> None:
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(enter())


def _no_database(data_dir: Path) -> None:
    (data_dir / "catalogue.db").unlink()


def _no_index(data_dir: Path) -> None:
    shutil.rmtree(data_dir / "snapshots")


def _damaged_index(data_dir: Path) -> None:
    (index,) = data_dir.glob("snapshots/*/index.faiss")
    overwrite(index, bytes(index.stat().st_size))


def _reseal(data_dir: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Publish a changed snapshot whose hashes are all right."""
    folder = SnapshotFolder(data_dir / "snapshots")
    current = folder.current()
    assert current is not None
    folder.publish(reseal(data_dir / "snapshots", current.id, change))


def _other_weights(data_dir: Path) -> None:
    _reseal(data_dir, lambda content: content["fingerprint"].update(weights_sha256=["ab" * 32]))


def _other_activation(data_dir: Path) -> None:
    _reseal(data_dir, lambda content: content["fingerprint"].update(activation="another"))


@pytest.mark.parametrize(
    ("breaks", "expected", "said"),
    [
        (_no_database, DatabaseTooOld, "lookalike"),
        (_no_index, SnapshotMissing, "lookalike index"),
        (_damaged_index, SnapshotCorrupt, "index.faiss"),
        (_other_weights, WeightsCorrupt, "other weights"),
        (_other_activation, SnapshotIncompatible, "fingerprint"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_service_that_cannot_answer_does_not_start(
    own_shop: Shop, breaks: Callable[[Path], None], expected: type[LookalikeError], said: str
) -> None:
    """It ends in one sentence that says what is wrong, and leaves no child behind."""
    breaks(own_shop.settings.data_dir)
    before = _children()
    with pytest.raises(expected, match=said):
        start(own_shop.settings)
    assert _children() <= before


def _children() -> set[str]:
    tasks = Path(f"/proc/{os.getpid()}/task").iterdir()
    return {child for task in tasks for child in (task / "children").read_text().split()}


@contextmanager
def _taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_in_use_is_noticed_before_anything_is_opened(tmp_path: Path) -> None:
    """Even before a missing index is."""
    with _taken_port() as port:
        settings = Settings.load(data_dir=tmp_path, port=port)
        with pytest.raises(PortInUse, match=f"Port {port} on 127.0.0.1 is in use.*LOOKALIKE_PORT"):
            run(settings, create_app(settings))


def test_a_metrics_port_in_use_is_noticed_at_start(own_shop: Shop) -> None:
    """The sentence names the setting."""
    with _taken_port() as port, pytest.raises(PortInUse, match="LOOKALIKE_METRICS_PORT"):
        start(own_shop.settings.model_copy(update={"metrics_port": port}))


def test_an_address_of_another_machine_is_refused(tmp_path: Path) -> None:
    """The sentence names the setting."""
    with pytest.raises(InvalidSetting, match="LOOKALIKE_HOST"):
        reserve_port(Settings.load(data_dir=tmp_path, host="203.0.113.1", port=0))


def test_each_answer_comes_from_one_snapshot_while_they_are_exchanged(own_shop: Shop) -> None:
    """Two snapshots without a product in common take turns; no answer mixes them, and none fails."""
    folder = SnapshotFolder(own_shop.settings.snapshots_dir)
    ids = {category: publish(own_shop, product_ids=_of(own_shop, category)) for category in ("mugs", "bags")}
    category_of = {snapshot_id: category for category, snapshot_id in ids.items()}
    photo = own_shop.photos["lamps-00"][0]
    unlimited = own_shop.settings.model_copy(update={"rate_per_minute": 0})
    with TestClient(create_app(unlimited)) as client, ThreadPoolExecutor(5) as threads:

        def ask(_number: int) -> str:
            reply = client.post("/search", files={"image": ("x", photo), "k": (None, "8")})
            assert reply.status_code == 200, reply.text
            answer = reply.json()
            category = category_of[answer["snapshot"]["id"]]
            assert {hit["product"]["category"] for hit in answer["results"]} == {category}
            assert len(answer["results"]) == 8
            return category

        for turn in range(4):
            awaited = "bags" if turn % 2 else "mugs"
            folder.publish(ids[awaited])
            wait_until(lambda awaited=awaited: awaited in set(threads.map(ask, range(10))))  # type: ignore[misc]


def _of(shop: Shop, category: str) -> list[str]:
    return [product_id for product_id in shop.photos if product_id.startswith(category)]


def test_a_damaged_new_snapshot_leaves_the_service_degraded_but_answering(own_shop: Shop) -> None:
    """/readyz says why; a good snapshot ends it."""
    with TestClient(create_app(own_shop.settings)) as client:
        old = client.get("/readyz").json()
        assert (old["status"], old["reason"]) == ("ready", None)
        folder = SnapshotFolder(own_shop.settings.snapshots_dir)
        (own_shop.settings.snapshots_dir / "CURRENT").write_bytes(b"{}")
        degraded = _ready(client, "degraded")
        assert "CURRENT" in degraded["reason"]
        assert degraded["snapshot"] == old["snapshot"]
        assert client.get("/products/mugs-00/similar").status_code == 200
        folder.publish(old["snapshot"])
        assert _ready(client, "ready")["reason"] is None


def test_a_service_that_starts_with_an_older_snapshot_says_so(own_shop: Shop, tmp_path: Path) -> None:
    """Once in its log and in /readyz: nobody else would notice that the newest products are missing."""
    older = publish(own_shop, product_ids=_of(own_shop, "mugs"))
    index = own_shop.settings.snapshots_dir / publish(own_shop) / "index.faiss"
    overwrite(index, bytes(index.stat().st_size))
    settings = shop_settings(own_shop.settings.data_dir)
    with running_server(settings, tmp_path) as server, server.client() as client:
        ready = client.get("/readyz").json()
        logged = [line for line in server.log_lines() if line["level"] != "info"]
    assert (ready["status"], ready["snapshot"]) == ("degraded", older)
    assert [(line["event"], line["reason"]) for line in logged] == [("snapshot.refused", ready["reason"])]


def _ready(client: TestClient, status: str) -> dict[str, Any]:
    deadline_s = time.monotonic() + 60
    while True:
        answer: dict[str, Any] = client.get("/readyz").json()
        if answer.get("status") == status:
            return answer
        assert time.monotonic() < deadline_s, answer
        time.sleep(0.1)


def test_a_snapshot_of_another_network_is_not_served(own_shop: Shop) -> None:
    """The service goes on with the one that it can search, and says that a restart is needed."""
    with TestClient(create_app(own_shop.settings)) as client:
        old = client.get("/readyz").json()["snapshot"]
        copy = own_shop.settings.snapshots_dir / "000002-00000000"
        shutil.copytree(own_shop.settings.snapshots_dir / old, copy)
        other = reseal(copy.parent, copy.name, lambda content: content.update(fingerprint_sha256="cd" * 32))
        SnapshotFolder(copy.parent).publish(other)
        degraded = _ready(client, "degraded")
        assert "restart" in degraded["reason"].lower()
        assert degraded["snapshot"] == old


@pytest.fixture
def broken_database(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Have every reading transaction fail with an error."""

    def break_with(error: Exception) -> None:
        def fail(_database: Database) -> Catalogue:
            raise error

        monkeypatch.setattr(Database, "reading", contextmanager(lambda database: iter([fail(database)])))

    return break_with


def test_without_its_database_the_service_goes_on_searching(
    own_shop: Shop, broken_database: Callable[[Exception], None]
) -> None:
    """It is degraded and says why; what needs the database is answered 503 with Retry-After."""
    with TestClient(create_app(own_shop.settings)) as client:
        broken_database(DatabaseUnavailable("The database does not answer."))
        reply = client.get("/products")
        assert (reply.status_code, reply.json()["type"]) == (503, "/problems/database-unavailable")
        assert reply.headers["retry-after"] == "5"
        assert client.get("/livez").status_code == 200
        found = client.post("/search", files={"image": ("x", own_shop.photos["mugs-00"][0])})
        assert (found.status_code, len(found.json()["results"])) == (200, 10)
        assert client.get(found.json()["results"][0]["image"]["url"]).status_code == 200
        wait_until(lambda: client.get("/readyz").json()["status"] == "degraded")
        assert client.get("/readyz").json()["reason"] == "The database does not answer."


def test_an_unforeseen_failure_tells_only_the_requests_id(
    own_shop: Shop, broken_database: Callable[[Exception], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its cause is in the log, under that id."""
    with TestClient(create_app(own_shop.settings)) as client:
        broken_database(KeyError("/srv/secret"))
        reply = client.get("/products")
        assert (reply.status_code, reply.json()["type"]) == (500, "/problems/internal-error")
        assert reply.json()["instance"] == f"urn:uuid:{reply.headers['x-request-id']}"
        assert "secret" not in reply.text
        assert "KeyError" not in reply.text
    logged = capsys.readouterr().out
    assert "/srv/secret" in logged
    assert reply.headers["x-request-id"] in logged


def test_metrics_are_on_a_port_of_their_own(own_shop: Shop) -> None:
    """With route templates, statuses and reasons as labels, and nothing that a user sent."""
    with _taken_port() as port:
        pass
    settings = own_shop.settings.model_copy(update={"metrics_port": port})
    with TestClient(create_app(settings)) as client:
        client.get("/products/mugs-00")
        client.get("/products/SECRET")
        client.get("/SECRET")
        client.request("SECRET", "/products")
        client.post("/search", files={"image": ("x", b"no photo")})
        client.post("/search", files={"image": ("x", own_shop.photos["mugs-00"][0])})
        assert client.get("/metrics").status_code == 404
        assert client.get("/openapi.json").status_code == 200
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as reply:
            metrics = reply.read().decode()
    assert 'lookalike_requests_total{method="GET",route="/products/{product_id}",status="404"} 1.0' in metrics
    assert 'lookalike_requests_total{method="GET",route="/openapi.json",status="200"} 1.0' in metrics
    assert 'lookalike_requests_total{method="any",route="other",status="404"} 2.0' in metrics
    assert 'lookalike_refused_images_total{reason="not-an-image"} 1.0' in metrics
    assert "lookalike_batch_size_count 1.0" in metrics
    assert "lookalike_queue_depth 0.0" in metrics
    assert "SECRET" not in metrics


def test_work_for_a_client_that_left_is_dropped(server: Server) -> None:
    """A large photo whose sender hangs up is logged as such, with no failure on our side."""
    photo = png_bytes(5000, 5000)
    with server.connect() as connection:
        send(connection, [request(form(part("image", photo, filename="x")))])
    deadline_s = time.monotonic() + 30
    while not any(line.get("status") == 499 and line.get("size_bytes") == len(photo) for line in server.log_lines()):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    assert not [line for line in server.log_lines() if line.get("status", 0) >= 500]


def test_a_stalled_upload_does_not_keep_the_service_from_stopping(shop: Shop, tmp_path: Path) -> None:
    """It is told that the service stops; the process ends with 0."""
    settings = shop_settings(shop.settings.data_dir, receive_timeout_s=60.0, shutdown_timeout_s=2.0)
    body = form(part("image", bytes(10_000), filename="x"))
    with running_server(settings, tmp_path) as server:
        with server.connect() as stalled, server.client() as client:
            send(stalled, [request(body)[:-5_000]])
            assert client.get("/livez").status_code == 200
            server.process.send_signal(signal.SIGTERM)
            reply = receive(stalled)
        assert (reply.status, reply.problem["type"]) == (503, "/problems/overloaded")
        assert server.process.wait(60) == 0


def _refuses_connections(server: Server) -> bool:
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return True
    return False


def test_requests_that_were_accepted_are_answered_while_stopping(shop: Shop, tmp_path: Path) -> None:
    """Each of them, although the service no longer listens."""
    settings = shop_settings(shop.settings.data_dir, receive_timeout_s=60.0, shutdown_timeout_s=60.0)
    whole = request(form(part("image", shop.photos["mugs-03"][0], filename="x")), "Expect: 100-continue")
    with running_server(settings, tmp_path) as server, ExitStack() as closing:
        connections = [closing.enter_context(server.connect()) for _ in range(8)]
        for connection in connections:
            send(connection, [whole[:-100]])
            assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: _refuses_connections(server))
        for connection in connections:
            send(connection, [whole[-100:]])
        assert [receive(connection).status for connection in connections] == [200] * 8
        closing.close()
        assert server.process.wait(60) == 0


def test_a_second_signal_ends_the_service_at_once(shop: Shop, tmp_path: Path) -> None:
    """However long the graceful stop would still take."""
    settings = shop_settings(shop.settings.data_dir, receive_timeout_s=300.0, shutdown_timeout_s=300.0)
    with running_server(settings, tmp_path) as server, server.connect() as stalled:
        send(stalled, [request(form(part("image", bytes(10_000), filename="x")))[:-5_000]])
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) != 0
