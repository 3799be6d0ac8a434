"""One snapshot after the other: published, rolled back, listed, pruned, and locked meanwhile."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.core.errors import AlreadyRunning, DataDirNotWritable, DiskFull, SnapshotCorrupt, SnapshotMissing
from app.core.files import require_free_space
from app.core.snapshot_folder import SnapshotFolder
from tests.support.snapshots import folder, hidden, overwrite, publish_small, root, write_small

__all__ = ["folder", "root"]


class TestPublish:
    """Which snapshot is live."""

    def test_nothing_is_live_at_first(self, folder: SnapshotFolder, root: Path) -> None:
        """Looking does not create the folder."""
        assert folder.current() is None
        assert folder.previous() is None
        assert folder.list() == []
        with pytest.raises(SnapshotMissing, match="lookalike index"):
            folder.open_live_or_previous()
        assert not root.exists()

    def test_the_published_one_is_live(self, folder: SnapshotFolder, root: Path) -> None:
        """Also for a process that starts later; with the hash of its manifest and the time."""
        snapshot_id = publish_small(folder)
        current = SnapshotFolder(root).current()
        assert current is not None
        assert current.id == snapshot_id
        assert (
            current.manifest_sha256 == hashlib.sha256((root / snapshot_id / "manifest.json").read_bytes()).hexdigest()
        )
        assert timedelta(0) <= datetime.now(UTC) - current.published_at < timedelta(minutes=5)
        assert current.published_at.utcoffset() == timedelta(0)
        live = SnapshotFolder(root).open_live_or_previous()
        assert (live.snapshot.id, live.published_at, live.degraded_reason) == (snapshot_id, current.published_at, None)

    def test_current_is_plain_json(self, folder: SnapshotFolder, root: Path) -> None:
        """A script can read which one is live."""
        snapshot_id = publish_small(folder)
        assert json.loads((root / "CURRENT").read_text())["id"] == snapshot_id

    def test_an_adopted_snapshot_is_not_live_yet(self, folder: SnapshotFolder) -> None:
        """Between the two, the old one serves."""
        first = publish_small(folder)
        with folder.lock():
            folder.adopt(write_small(folder, 2))
        current = folder.current()
        assert current is not None
        assert current.id == first

    def test_publishing_the_live_one_again_changes_nothing(self, folder: SnapshotFolder) -> None:
        """So that a command that is repeated does not lose what was live before."""
        publish_small(folder, 1)
        second = publish_small(folder, 2)
        before = folder.current()
        folder.publish(second)
        assert folder.current() == before

    def test_rolling_back_goes_further_back_each_time(self, folder: SnapshotFolder, root: Path) -> None:
        """The chain survives restarts, and ends in one clear sentence."""
        first, second, third = (publish_small(folder, watermark) for watermark in (1, 2, 3))
        assert SnapshotFolder(root).previous() == second
        assert SnapshotFolder(root).rollback() == second
        assert SnapshotFolder(root).previous() == first
        assert SnapshotFolder(root).rollback() == first
        with pytest.raises(SnapshotMissing, match="lookalike snapshots list"):
            SnapshotFolder(root).rollback()
        assert folder.open_live_or_previous().snapshot.id == first
        folder.publish(third)
        assert folder.previous() == first

    def test_a_snapshot_that_was_taken_back_is_published_like_any_other(self, folder: SnapshotFolder) -> None:
        """What is known about it is kept until it is live again; it is then no longer one that was taken back."""
        first, second = (publish_small(folder, watermark) for watermark in (1, 2))
        folder.rollback()
        taken_back = folder.current()
        folder.publish(second)
        current = folder.current()
        assert taken_back is not None
        assert current is not None
        assert [p.id for p in taken_back.withdrawn] == [second]
        assert ([p.id for p in current.history], current.withdrawn) == ([first], ())

    def test_after_a_rollback_the_next_one_goes_back_to_the_good_one(self, folder: SnapshotFolder) -> None:
        """The one that was rolled back from is not what a later rollback finds."""
        first, _bad = publish_small(folder, 1), publish_small(folder, 2)
        folder.rollback()
        publish_small(folder, 3)
        assert folder.rollback() == first

    def test_rolling_back_passes_over_damaged_ones(self, folder: SnapshotFolder, root: Path) -> None:
        """It is used when something is wrong, so it must find what is right."""
        first, second, _ = (publish_small(folder, watermark) for watermark in (1, 2, 3))
        (root / second / "index.faiss").unlink()
        assert folder.rollback() == first

    def test_rolling_back_is_possible_while_the_next_one_is_made(self, folder: SnapshotFolder, root: Path) -> None:
        """A bad index must not stay live for the hours that another one takes."""
        first, _ = publish_small(folder, 1), publish_small(folder, 2)
        with SnapshotFolder(root).lock():
            assert folder.rollback() == first

    def test_a_damaged_snapshot_is_not_published(self, folder: SnapshotFolder, root: Path) -> None:
        """What is live stays live."""
        first, second = publish_small(folder, 1), publish_small(folder, 2)
        (root / first / "vectors.npy").unlink()
        with pytest.raises(SnapshotCorrupt, match=f"{first}: vectors.npy is missing"):
            folder.publish(first)
        assert folder.open_live_or_previous().snapshot.id == second

    @pytest.mark.parametrize("snapshot_id", ["000009-abcdef01", "", ".", "..", "../snapshots", "CURRENT", "/etc", "\0"])
    def test_only_snapshots_can_be_named(self, folder: SnapshotFolder, root: Path, snapshot_id: str) -> None:
        """Whatever somebody sends as an id: there is none, and strange ones are not repeated."""
        publish_small(folder)
        for use in (folder.publish, folder.open):
            with pytest.raises(SnapshotMissing) as caught:
                use(snapshot_id)
            assert str(root) not in caught.value.message
            assert "etc" not in caught.value.message

    def test_the_list_shows_what_is_on_the_disk(self, folder: SnapshotFolder, root: Path) -> None:
        """Newest first, with who is live, when it last was made so, and what is wrong."""
        first, second, third = (publish_small(folder, watermark) for watermark in (1, 2, 3))
        published = [info.published_at for info in folder.list()]
        folder.rollback()
        (root / first / "manifest.json").unlink()
        infos = folder.list()
        assert [info.id for info in infos] == [third, second, first]
        assert [info.is_live for info in infos] == [False, True, False]
        assert [info.problem is None for info in infos] == [True, True, False]
        assert [info.published_at == before for info, before in zip(infos, published, strict=True)] == [
            True,
            False,  # made live again
            True,
        ]
        assert infos[0].manifest is not None
        assert infos[0].manifest.watermark == 3
        data_bytes = sum(path.stat().st_size for path in (root / third).iterdir() if path.name != "manifest.json")
        assert infos[0].size_bytes == data_bytes
        assert infos[2].size_bytes == 0

    @pytest.mark.parametrize("harm", ["truncated", "gone"])
    def test_the_list_shows_which_file_is_damaged(self, folder: SnapshotFolder, root: Path, harm: str) -> None:
        """Its manifest is intact, so what it says is shown beside that; the others are sound."""
        publish_small(folder, 1)
        damaged = root / publish_small(folder, 2) / "index.faiss"
        if harm == "gone":
            damaged.unlink()
        else:
            overwrite(damaged, damaged.read_bytes()[:-1])
        newest, oldest = folder.list()
        assert newest.problem is not None
        assert "index.faiss" in newest.problem
        assert newest.manifest is not None
        assert oldest.problem is None


class TestPrune:
    """What is removed, and what never is."""

    def test_the_newest_are_kept(self, folder: SnapshotFolder) -> None:
        """The rest is gone, from the disk and from the chain."""
        ids = [publish_small(folder, watermark) for watermark in range(1, 6)]
        with folder.lock():
            assert set(folder.prune(3)) == set(ids[:2])
        assert [info.id for info in folder.list()] == ids[:1:-1]
        assert [folder.rollback(), folder.rollback()] == [ids[3], ids[2]]
        assert folder.previous() is None

    @pytest.mark.parametrize("keep", [-1, 0, 1, 2])
    def test_the_live_one_and_the_one_before_it_always_stay(self, folder: SnapshotFolder, keep: int) -> None:
        """Also when they are the oldest, and however few are to be kept."""
        ids = [publish_small(folder, watermark) for watermark in range(1, 6)]
        for _ in range(3):
            folder.rollback()
        with folder.lock():
            folder.prune(keep)
        assert [info.id for info in folder.list()] == [ids[1], ids[0]]
        assert folder.previous() == ids[0]

    def test_what_crashed_runs_left_is_removed(self, folder: SnapshotFolder, root: Path) -> None:
        """Half-written and half-removed snapshots; nothing else that is hidden."""
        publish_small(folder)
        for name in (".new-0badf00d", ".trash-000001-0badf00d"):
            (root / name).mkdir()
            (root / name / "index.faiss").write_bytes(b"x")
        (root / ".keep").write_bytes(b"")
        with folder.lock():
            assert folder.prune(2) == ()
        assert hidden(root) == [".keep"]

    def test_what_crashed_runs_left_makes_room_before_the_next_one_writes(
        self, folder: SnapshotFolder, root: Path
    ) -> None:
        """Runs that fail again and again do not fill the disk."""
        with folder.lock():
            abandoned = [write_small(folder) for _ in range(3)]
            assert hidden(root) == [abandoned[-1].name]

    def test_nothing_is_removed_while_nobody_knows_what_is_live(self, folder: SnapshotFolder, root: Path) -> None:
        """A damaged CURRENT could name any of them."""
        for watermark in range(1, 5):
            publish_small(folder, watermark)
        (root / "CURRENT").write_bytes(b"{}")
        with folder.lock(), pytest.raises(SnapshotCorrupt):
            folder.prune(2)
        assert len(folder.list()) == 4

    def test_numbers_go_on_after_pruning(self, folder: SnapshotFolder) -> None:
        """The counter never goes back."""
        for watermark in range(1, 5):
            publish_small(folder, watermark)
        with folder.lock():
            folder.prune(2)
        assert publish_small(folder, 5).startswith("000005-")


class TestLock:
    """Only one process makes snapshots."""

    def test_a_second_one_is_refused_at_once(self, folder: SnapshotFolder, root: Path) -> None:
        """And may have it afterwards."""
        with folder.lock(), pytest.raises(AlreadyRunning), SnapshotFolder(root).lock():
            pass
        with SnapshotFolder(root).lock():
            pass

    def test_what_changes_the_folder_needs_the_lock(self, folder: SnapshotFolder) -> None:
        """Forgetting it is a programmer's mistake that shows at once."""
        publish_small(folder)
        with folder.lock():
            temporary = write_small(folder, 2)
        uses: list[Callable[[], object]] = [
            lambda: write_small(folder),
            lambda: folder.adopt(temporary),
            lambda: folder.prune(2),
        ]
        for use in uses:
            with pytest.raises(RuntimeError, match="lock"):
                use()

    @pytest.mark.parametrize("below", ["a-file/snapshots", "/proc/snapshots"])
    def test_a_folder_that_cannot_be_written_is_known_before_any_work(self, tmp_path: Path, below: str) -> None:
        """One sentence names the folder and the setting."""
        (tmp_path / "a-file").write_bytes(b"")
        folder = SnapshotFolder(tmp_path / below)
        with pytest.raises(DataDirNotWritable, match="LOOKALIKE_DATA_DIR"), folder.lock():
            pass
        assert folder.current() is None
        assert folder.list() == []

    def test_too_little_space_is_known_before_any_work(self, tmp_path: Path) -> None:
        """The message names what is needed and what is free."""
        with pytest.raises(DiskFull, match="MiB are needed"):
            require_free_space(tmp_path, 2**60)
