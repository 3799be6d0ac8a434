"""Following the published snapshot while serving."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.core.errors import IndexNotReady, SnapshotCorrupt, SnapshotIncompatible, SnapshotMissing
from app.core.snapshot import Snapshot
from app.core.snapshot_folder import SnapshotFolder
from app.search import live_index
from app.search.live_index import LiveIndex
from tests.support.snapshots import overwrite, publish_small


def _accept(_snapshot: Snapshot) -> None:
    return None


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of snapshots, looked at often."""
    monkeypatch.setattr(live_index, "RETRY_S", 0.01)
    return tmp_path / "snapshots"


@pytest.fixture
def following(root: Path) -> Iterator[LiveIndex]:
    """A live index over one published snapshot, which it follows."""
    publish_small(SnapshotFolder(root), 1)
    live = LiveIndex(root, _accept, poll_s=0.01)
    live.open()
    live.start()
    yield live
    live.close()


def _until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def test_before_it_is_opened_there_is_nothing_to_answer_from(root: Path) -> None:
    """Whoever asks is told to come back."""
    with pytest.raises(IndexNotReady):
        _ = LiveIndex(root, _accept).live


def test_without_a_published_snapshot_it_does_not_open(root: Path) -> None:
    """The message tells the command that makes one."""
    with pytest.raises(SnapshotMissing, match="lookalike index"):
        LiveIndex(root, _accept).open()


def test_a_published_snapshot_replaces_the_old_one(root: Path, following: LiveIndex) -> None:
    """What was taken before stays whole."""
    old = following.live.snapshot
    new_id = publish_small(SnapshotFolder(root), 2)
    _until(lambda: following.live.snapshot.id == new_id)
    assert following.degraded_reason is None
    assert old.manifest.watermark == 1
    assert len(old.index) == len(old.image_ids)


def test_a_rollback_is_followed_too(root: Path, following: LiveIndex) -> None:
    """Going back is the same exchange."""
    first = following.live.snapshot.id
    second = publish_small(SnapshotFolder(root), 2)
    _until(lambda: following.live.snapshot.id == second)
    SnapshotFolder(root).rollback()
    _until(lambda: following.live.snapshot.id == first)


def test_a_damaged_snapshot_is_not_served(root: Path) -> None:
    """The old one stays and the reason is told, until the new one is intact."""
    publish_small(SnapshotFolder(root), 1)
    live = LiveIndex(root, _accept, poll_s=0.01)
    old = live.open().snapshot.id
    damaged = publish_small(SnapshotFolder(root), 2)
    index = root / damaged / "index.faiss"
    whole = index.read_bytes()
    overwrite(index, whole[:-7] + bytes(7))
    live.start()
    _until(lambda: live.degraded_reason is not None)
    assert live.live.snapshot.id == old
    assert "index.faiss" in (live.degraded_reason or "")
    overwrite(index, whole)
    _until(lambda: live.live.snapshot.id == damaged)
    _until(lambda: live.degraded_reason is None)
    live.close()


def test_a_snapshot_that_the_service_cannot_use_is_not_served(root: Path) -> None:
    """Such as one of another network."""
    publish_small(SnapshotFolder(root), 1)

    def refuse(snapshot: Snapshot) -> None:
        raise SnapshotIncompatible(f"{snapshot.id} is of another network")

    live = LiveIndex(root, refuse, poll_s=0.01)
    old = live.open().snapshot.id
    live.start()
    publish_small(SnapshotFolder(root), 2)
    _until(lambda: live.degraded_reason is not None)
    live.close()
    assert live.live.snapshot.id == old
    assert "another network" in (live.degraded_reason or "")


def test_a_damaged_pointer_keeps_the_old_snapshot(root: Path, following: LiveIndex) -> None:
    """Garbage in CURRENT takes nothing away from those who search."""
    old = following.live.snapshot.id
    (root / "CURRENT").write_bytes(b"garbage")
    _until(lambda: following.degraded_reason is not None)
    assert following.live.snapshot.id == old


def test_at_start_the_newest_intact_snapshot_stands_in_for_a_damaged_one(root: Path) -> None:
    """The service answers, and says that it is degraded."""
    folder = SnapshotFolder(root)
    first, second = publish_small(folder, 1), publish_small(folder, 2)
    index = root / second / "index.faiss"
    overwrite(index, index.read_bytes()[:100])
    live = LiveIndex(root, _accept)
    assert live.open().snapshot.id == first
    assert "index.faiss" in (live.degraded_reason or "")
    overwrite(root / first / "image_ids.npy", b"")
    with pytest.raises(SnapshotCorrupt):
        LiveIndex(root, _accept).open()


def test_publishing_the_stand_in_ends_its_being_one(root: Path) -> None:
    """When the snapshot that stood in for a damaged one is published again, nothing is degraded any more."""
    folder = SnapshotFolder(root)
    first, second = publish_small(folder, 1), publish_small(folder, 2)
    overwrite(root / second / "index.faiss", b"")
    live = LiveIndex(root, _accept, poll_s=0.01)
    live.open()
    assert live.degraded_reason is not None
    live.start()
    folder.publish(first)
    _until(lambda: live.degraded_reason is None)
    live.close()
    assert live.live.snapshot.id == first


def test_a_pointer_that_vanishes_keeps_the_old_snapshot(root: Path, following: LiveIndex) -> None:
    """As when the data folder is deleted under a running service."""
    old = following.live.snapshot.id
    (root / "CURRENT").unlink()
    _until(lambda: following.degraded_reason is not None)
    assert following.live.snapshot.id == old


def test_closing_waits_for_the_thread(following: LiveIndex) -> None:
    """Nothing of it is left behind, and what is held stays usable."""
    following.close()
    assert not following._thread.is_alive()
    assert following.live.snapshot.manifest.watermark == 1
