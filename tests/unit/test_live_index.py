"""Following the published snapshot while serving."""

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import SnapshotIncompatible
from app.core.snapshot import Snapshot
from app.core.snapshot_folder import SnapshotFolder
from app.search.live_index import LiveIndex
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


def test_closing_waits_for_the_thread(following: LiveIndex) -> None:
    """Nothing of it is left behind, and what is held stays usable."""
    following.close()
    assert not following._thread.is_alive()
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
