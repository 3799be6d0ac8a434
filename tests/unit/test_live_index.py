"""Following the published snapshot and live changes while serving."""

import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.core.errors import DatabaseUnavailable, SnapshotIncompatible
from app.core.snapshot import Snapshot
from app.core.snapshot_folder import SnapshotFolder
from app.db.catalogue import Catalogue
from app.db.database import Database
from app.search.live_index import LiveIndex
from app.search.live_view import with_changes
from tests.support.catalogue import make_product
from tests.support.live import live_index, open_database, open_store
from tests.support.snapshots import DIMENSION, overwrite, publish_small, random_embeddings
from tests.support.waiting import wait_until


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of snapshots, looked at often."""
    monkeypatch.setattr("app.search.live_index.RETRY_S", 0.01)
    return tmp_path / "snapshots"


@pytest.fixture
def following(root: Path) -> Iterator[LiveIndex]:
    """A live index over one published snapshot, which it follows."""
    publish_small(SnapshotFolder(root), 1)
    with live_index(root.parent, poll_s=0.01) as live:
        live.start()
        yield live


def test_a_published_snapshot_replaces_the_old_one(root: Path, following: LiveIndex) -> None:
    """What was taken before stays whole."""
    old = following.view.snapshot
    new_id = publish_small(SnapshotFolder(root), 2)
    wait_until(lambda: following.view.snapshot.id == new_id)
    assert following.degraded_reason is None
    assert old.manifest.watermark == 1
    assert len(old.index) == len(old.image_ids)


def test_a_rollback_is_followed_too(root: Path, following: LiveIndex) -> None:
    """Going back is the same exchange."""
    first = following.view.snapshot.id
    second = publish_small(SnapshotFolder(root), 2)
    wait_until(lambda: following.view.snapshot.id == second)
    SnapshotFolder(root).rollback()
    wait_until(lambda: following.view.snapshot.id == first)


def test_a_damaged_snapshot_is_not_served(root: Path) -> None:
    """The old one stays and the reason is told, until the new one is intact."""
    publish_small(SnapshotFolder(root), 1)
    with live_index(root.parent, poll_s=0.01) as live:
        old = live.view.snapshot.id
        damaged = publish_small(SnapshotFolder(root), 2)
        index = root / damaged / "index.faiss"
        whole = index.read_bytes()
        overwrite(index, whole[:-7] + bytes(7))
        live.start()
        wait_until(lambda: live.degraded_reason is not None)
        assert live.view.snapshot.id == old
        assert "index.faiss" in (live.degraded_reason or "")
        overwrite(index, whole)
        wait_until(lambda: live.view.snapshot.id == damaged)
        wait_until(lambda: live.degraded_reason is None)


def test_a_snapshot_that_the_service_cannot_use_is_not_served(root: Path) -> None:
    """Such as one of another network."""
    publish_small(SnapshotFolder(root), 1)

    def refuse(snapshot: Snapshot) -> None:
        raise SnapshotIncompatible(f"{snapshot.id} is of another network")

    with live_index(root.parent, refuse, poll_s=0.01) as live:
        old = live.view.snapshot.id
        live.start()
        publish_small(SnapshotFolder(root), 2)
        wait_until(lambda: live.degraded_reason is not None)
        assert live.view.snapshot.id == old
        assert "another network" in (live.degraded_reason or "")


def test_a_damaged_pointer_keeps_the_old_snapshot(root: Path, following: LiveIndex) -> None:
    """Garbage in CURRENT takes nothing away from those who search."""
    old = following.view.snapshot.id
    (root / "CURRENT").write_bytes(b"garbage")
    wait_until(lambda: following.degraded_reason is not None)
    assert following.view.snapshot.id == old


def test_at_start_the_newest_intact_snapshot_stands_in_for_a_damaged_one(root: Path) -> None:
    """The service answers, and says that it is degraded."""
    folder = SnapshotFolder(root)
    first, second = publish_small(folder, 1), publish_small(folder, 2)
    index = root / second / "index.faiss"
    overwrite(index, index.read_bytes()[:100])
    with live_index(root.parent) as live:
        assert live.view.snapshot.id == first
        assert "index.faiss" in (live.degraded_reason or "")


def test_publishing_the_stand_in_ends_its_being_one(root: Path) -> None:
    """When the snapshot that stood in for a damaged one is published again, nothing is degraded any more."""
    folder = SnapshotFolder(root)
    first, second = publish_small(folder, 1), publish_small(folder, 2)
    overwrite(root / second / "index.faiss", b"")
    with live_index(root.parent, poll_s=0.01) as live:
        assert live.degraded_reason is not None
        live.start()
        folder.publish(first)
        wait_until(lambda: live.degraded_reason is None)
        assert live.view.snapshot.id == first


def test_a_pointer_that_vanishes_keeps_the_old_snapshot(root: Path, following: LiveIndex) -> None:
    """As when the data folder is deleted under a running service."""
    old = following.view.snapshot.id
    (root / "CURRENT").unlink()
    wait_until(lambda: following.degraded_reason is not None)
    assert following.view.snapshot.id == old


def test_closing_waits_for_the_threads(following: LiveIndex) -> None:
    """Nothing of them is left behind, and what is held stays usable."""
    following.close()
    assert not following._snapshots_thread.is_alive()
    assert not following._changes_thread.is_alive()
    assert following.view.snapshot.manifest.watermark == 1


def test_a_storm_of_snapshots_leaves_only_the_last_in_memory(root: Path, following: LiveIndex) -> None:
    """Each of the others goes as soon as no answer is begun with it."""
    folder = SnapshotFolder(root)
    ids = [publish_small(folder, watermark) for watermark in range(2, 6)]
    seen = [weakref.ref(following.view.snapshot)]
    for turn in range(40):
        snapshot_id = ids[turn % len(ids)]
        folder.publish(snapshot_id)
        wait_until(lambda snapshot_id=snapshot_id: following.view.snapshot.id == snapshot_id)  # type: ignore[misc]
        seen.append(weakref.ref(following.view.snapshot))
    gc.collect()
    alive = {snapshot for each in seen if (snapshot := each()) is not None}
    assert alive == {following.view.snapshot}


def test_live_changes_are_followed_one_after_the_other(root: Path, following: LiveIndex) -> None:
    """Each is laid over those before it, in whatever order products come and go."""
    put = [make_product(name, name) for name in ("a", "b", "c")]
    with open_database(root.parent) as database, open_store(root.parent) as store:
        store.append([product.images[0].sha256 for product in put], random_embeddings(3, DIMENSION, seed=5))
        with database.writing() as catalogue:
            catalogue.raise_revision(following.view.snapshot.manifest.watermark)
        for product in put:
            with database.writing() as catalogue:
                assert catalogue.put_live(product) == "added"
            wait_until(lambda product=product: following.view.product(product.id) == product)  # type: ignore[misc]
        with database.writing() as catalogue:
            assert catalogue.remove_live("b") == "removed"
        wait_until(lambda: following.view.product("b") is None)
    assert [following.view.product(product.id) for product in put] == [put[0], None, put[2]]


def remove(root: Path, *product_ids: str) -> None:
    """Remove products live, each in a transaction of its own; the first one at revision 2."""
    with open_database(root.parent) as database:
        for product_id in product_ids:
            with database.writing() as catalogue:
                catalogue.raise_revision(1)
                catalogue.remove_live(product_id)


class Outage:
    """A database that is away, or hangs, from when somebody says so; only for reading."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_away = False
        self.goes_on = threading.Event()
        self.goes_on.set()
        reading = Database.reading

        def hindered(database: Database) -> AbstractContextManager[Catalogue]:
            self.goes_on.wait(50)
            if self.is_away:
                raise DatabaseUnavailable("The catalogue database is away.")
            return reading(database)

        monkeypatch.setattr(Database, "reading", hindered)


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    """A database that can be made to fail."""
    outage = Outage(monkeypatch)
    yield outage
    outage.goes_on.set()


def test_live_changes_show_while_a_snapshot_is_opened(root: Path) -> None:
    """However long that takes; and they show over that snapshot as well."""
    has_begun, goes_on = threading.Event(), threading.Event()

    def accept(_snapshot: Snapshot) -> None:
        has_begun.set()
        goes_on.wait(50)

    first = publish_small(SnapshotFolder(root), 1)
    with live_index(root.parent, accept, poll_s=0.01) as live:
        live.start()
        second = publish_small(SnapshotFolder(root), 1)
        try:
            assert has_begun.wait(20)
            remove(root, "p000003")
            wait_until(lambda: live.view.product("p000003") is None)
            assert live.view.snapshot.id == first
        finally:
            goes_on.set()
        wait_until(lambda: live.view.snapshot.id == second)
        assert live.view.product("p000003") is None
        assert live.view.product("p000004") is not None


def test_a_newer_snapshot_is_followed_while_the_database_is_away(
    root: Path, following: LiveIndex, outage: Outage
) -> None:
    """What was changed since its watermark is known; what it has folded in is not laid over it again."""
    remove(root, "p000000", "p000001")
    wait_until(lambda: following.view.product("p000001") is None)
    outage.is_away = True
    second = publish_small(SnapshotFolder(root), 2)
    wait_until(lambda: following.view.snapshot.id == second)
    assert following.view.product("p000000") is not None
    assert following.view.product("p000001") is None
    wait_until(lambda: "away" in (following.degraded_reason or ""))
    outage.is_away = False
    wait_until(lambda: following.degraded_reason is None)


def test_an_older_snapshot_is_followed_when_the_database_is_back(
    root: Path, following: LiveIndex, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it nobody knows what was removed before the newer one was made, and no longer in memory."""
    monkeypatch.setattr("app.search.live_index.RETRY_S", 1_000.0)
    first = following.view.snapshot.id
    remove(root, "p000000")
    wait_until(lambda: following.view.product("p000000") is None)
    second = publish_small(SnapshotFolder(root), 2)
    wait_until(lambda: following.view.snapshot.id == second)
    outage.is_away = True
    wait_until(lambda: following.degraded_reason is not None)
    SnapshotFolder(root).rollback()
    wait_until(lambda: "older than the one in use" in (following.degraded_reason or ""))
    assert following.view.snapshot.id == second
    remove(root, "p000001")
    outage.is_away = False
    wait_until(lambda: following.view.snapshot.id == first)
    wait_until(lambda: following.degraded_reason is None)
    assert following.view.product("p000000") is None
    assert following.view.product("p000001") is None


def test_a_database_that_hangs_is_told_and_hinders_no_publication(
    root: Path, following: LiveIndex, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives no error to go by."""
    monkeypatch.setattr("app.search.live_index.OVERDUE_S", 0.2)
    outage.goes_on.clear()
    wait_until(lambda: "has not answered" in (following.degraded_reason or ""))
    second = publish_small(SnapshotFolder(root), 2)
    wait_until(lambda: following.view.snapshot.id == second)
    outage.goes_on.set()
    wait_until(lambda: following.degraded_reason is None)


def test_a_snapshot_that_stays_unusable_is_tried_ever_less_often(root: Path) -> None:
    """All of it is read each time."""
    tries = 0

    def refuse(_snapshot: Snapshot) -> None:
        nonlocal tries
        tries += 1
        raise SnapshotIncompatible("of another network")

    publish_small(SnapshotFolder(root), 1)
    with live_index(root.parent, refuse, poll_s=0.001) as live:
        live.start()
        publish_small(SnapshotFolder(root), 2)
        wait_until(lambda: tries >= 5)
        live.close()
    assert live._retry_s >= 0.01 * 2**3


def test_changes_that_cannot_be_shown_are_told_once(
    root: Path, following: LiveIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often that is tried again; what was shown before stays, and nothing is lost when they can be."""
    tries = 0

    def fail(*_arguments: object) -> None:
        nonlocal tries
        tries += 1
        raise ValueError("nobody thought of this")

    with capture_logs() as logs:
        monkeypatch.setattr("app.search.live_index.with_changes", fail)
        remove(root, "p000000")
        wait_until(lambda: tries >= 5)
    assert [entry["event"] for entry in logs] == ["changes.unreachable"]
    assert following.degraded_reason is not None
    assert following.view.product("p000000") is not None
    monkeypatch.setattr("app.search.live_index.with_changes", with_changes)
    wait_until(lambda: following.view.product("p000000") is None)
    wait_until(lambda: following.degraded_reason is None)
