"""Damaged files, killed processes and full disks: what is served is whole, or refused."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.core.errors import AlreadyRunning, DataDirNotReadable, SnapshotCorrupt, SnapshotError
from app.core.flat_index import FlatIndex
from app.core.manifest import DATA_FILES
from app.core.snapshot_folder import SnapshotFolder
from tests.support.snapshot_child import live_watermark
from tests.support.snapshots import overwrite, publish_small
from tests.support.soak import sample, seeded, soaks
from tests.support.sources import REPOSITORY

FILES = [*sorted(DATA_FILES), "manifest.json"]
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "3-bytes": lambda data: data[:3],
    "16-bytes": lambda data: data[:16],
    "half": lambda data: data[: len(data) // 2],
    "last-byte-missing": lambda data: data[:-1],
    "second-half-zero": lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
    "junk-behind": lambda data: data + b"\xa5" * 4096,
    "zeros-behind": lambda data: data + bytes(4096),
}


@pytest.fixture
def folder(tmp_path: Path) -> SnapshotFolder:
    """Return a folder with two snapshots, the second of which is live."""
    folder = SnapshotFolder(tmp_path)
    for watermark in (1, 2):
        publish_small(folder, watermark)
    return folder


def live_id(folder: SnapshotFolder) -> str:
    """Return the id of the live snapshot."""
    current = folder.current()
    assert current is not None
    return current.id


class TestDamage:
    """A file that is not what was written."""

    @pytest.mark.parametrize("damage", DAMAGE)
    @pytest.mark.parametrize("name", FILES)
    def test_a_damaged_file_is_refused_before_faiss_reads(
        self, folder: SnapshotFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, damage: str
    ) -> None:
        """The message names the file and what to do; the snapshot before it is served, and says why."""
        second, first = live_id(folder), folder.previous()
        path = tmp_path / second / name
        overwrite(path, DAMAGE[damage](path.read_bytes()))
        live = folder.open_live_or_previous()
        assert live.snapshot.id == first
        assert live.degraded_reason is not None
        assert name in live.degraded_reason
        assert "lookalike snapshots rollback" in live.degraded_reason
        monkeypatch.delattr(FlatIndex, "load")
        with pytest.raises(SnapshotCorrupt, match=name):
            folder.open(second)

    @pytest.mark.parametrize("name", FILES)
    def test_a_missing_file_is_named(self, folder: SnapshotFolder, tmp_path: Path, name: str) -> None:
        """Every file is needed."""
        (tmp_path / live_id(folder) / name).unlink()
        with pytest.raises(SnapshotCorrupt, match=f"{name} is missing"):
            folder.open(live_id(folder))

    def test_an_unreadable_file_is_named(self, folder: SnapshotFolder, tmp_path: Path) -> None:
        """A folder in the place of a file stands for every error of the operating system."""
        path = tmp_path / live_id(folder) / "index.faiss"
        path.unlink()
        path.mkdir()
        with pytest.raises(SnapshotCorrupt, match=r"index\.faiss"):
            folder.open(live_id(folder))

    def test_a_missing_snapshot_is_replaced_by_the_one_before(self, folder: SnapshotFolder, tmp_path: Path) -> None:
        """When somebody removed the live folder."""
        second = live_id(folder)
        (tmp_path / second).rename(tmp_path / "elsewhere")
        live = folder.open_live_or_previous()
        assert live.snapshot.id == folder.previous()
        assert second in (live.degraded_reason or "")

    @pytest.mark.parametrize("damage", DAMAGE)
    def test_a_damaged_current_is_refused(self, folder: SnapshotFolder, tmp_path: Path, damage: str) -> None:
        """The newest intact snapshot is served, and publishing one repairs it."""
        second = live_id(folder)
        path = tmp_path / "CURRENT"
        path.write_bytes(DAMAGE[damage](path.read_bytes()))
        with pytest.raises(SnapshotCorrupt, match="lookalike snapshots publish"):
            folder.current()
        live = folder.open_live_or_previous()
        assert live.snapshot.id == second
        assert live.degraded_reason is not None
        folder.publish(second)
        assert folder.open_live_or_previous().degraded_reason is None

    def test_what_an_older_version_wrote_is_read(self, folder: SnapshotFolder, tmp_path: Path) -> None:
        """It knew nothing of withdrawn ones; its hash is over what it says, not over what this version would say."""
        current = folder.current()
        assert current is not None
        content = current.model_dump(mode="json", exclude={"withdrawn"})
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        (tmp_path / "CURRENT").write_text(json.dumps({**content, "sha256": digest}, indent=2) + "\n")
        assert folder.current() == current

    def test_a_folder_that_cannot_be_looked_into_is_told(self, tmp_path: Path) -> None:
        """A name that no disk can hold stands for a folder without rights, too, which nothing refuses to root."""
        folder = SnapshotFolder(tmp_path / ("x" * 300))
        for read in (folder.list, folder.open_live_or_previous, lambda: folder.open("000001-abcdef01")):
            with pytest.raises(DataDirNotReadable, match="File name too long"):
                read()
        with pytest.raises(SnapshotCorrupt, match=r"CURRENT.*File name too long"):
            folder.current()

    def test_without_any_intact_snapshot_nothing_is_served(self, folder: SnapshotFolder, tmp_path: Path) -> None:
        """The message is about the live one."""
        for info in folder.list():
            (tmp_path / info.id / "probes.npy").unlink()
        with pytest.raises(SnapshotCorrupt, match=live_id(folder)):
            folder.open_live_or_previous()

    def test_a_newer_one_that_was_taken_back_is_no_replacement(self, folder: SnapshotFolder, tmp_path: Path) -> None:
        """Somebody had a reason to roll back."""
        folder.rollback()
        (tmp_path / live_id(folder) / "probes.npy").unlink()
        with pytest.raises(SnapshotCorrupt):
            folder.open_live_or_previous()

    @soaks
    def test_every_single_bit_flip_is_refused(self, folder: SnapshotFolder, tmp_path: Path) -> None:
        """Of bits at random places of all published files, CURRENT included: not one is served."""
        choose = seeded()
        second = live_id(folder)
        paths = [tmp_path / "CURRENT", *(tmp_path / second / name for name in FILES)]
        served = []
        for _ in range(sample(1_000, soak=100_000)):
            path = choose.choice(paths)
            intact = path.read_bytes()
            bit = choose.randrange(8 * len(intact))
            damaged = bytearray(intact)
            damaged[bit // 8] ^= 1 << bit % 8
            overwrite(path, bytes(damaged))
            try:
                current = folder.current()
                assert current is not None
                folder.open(current.id)
                served.append((path.name, bit))
            except SnapshotError:
                pass
            overwrite(path, intact)
        assert served == []
        assert folder.open_live_or_previous().degraded_reason is None

    def test_a_snapshot_pruned_while_it_is_opened_is_not_a_fault(
        self, folder: SnapshotFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The reader takes the new one, without a warning."""
        read = folder.open

        def read_late(snapshot_id: str) -> object:
            monkeypatch.setattr(folder, "open", read)
            for watermark in (3, 4):
                publish_small(folder, watermark)
            with folder.lock():
                folder.prune(2)
            return read(snapshot_id)

        monkeypatch.setattr(folder, "open", read_late)
        live = folder.open_live_or_previous()
        assert (live.snapshot.manifest.watermark, live.degraded_reason) == (4, None)


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Return how to start a process of `tests.support.snapshot_child` that has said its first line."""
    started: list[subprocess.Popen[str]] = []

    def start(action: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.support.snapshot_child", action, str(tmp_path)]
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield start
    for process in started:
        with process:
            process.kill()


class TestCrash:
    """Processes that end in the middle of something."""

    @soaks
    def test_a_kill_at_any_moment_leaves_a_whole_snapshot_live(
        self, tmp_path: Path, child: Callable[[str], subprocess.Popen[str]]
    ) -> None:
        """Of a process that publishes for ever; what is live never goes back."""
        choose = seeded()
        folder = SnapshotFolder(tmp_path)
        watermark = 0
        for _ in range(sample(20, soak=500)):
            process = child("loop")
            time.sleep(choose.uniform(0, 0.3))
            process.kill()
            process.wait()
            live = live_watermark(folder)
            assert live >= watermark
            watermark = live
        assert watermark > 0
        publish_small(folder, watermark + 1)
        with folder.lock():
            folder.prune(2)
        assert len(folder.list()) == 2
        assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == [
            ".current.lock",
            ".lock",
        ]

    def test_a_kill_before_every_single_step_leaves_a_whole_snapshot_live(
        self, tmp_path: Path, child: Callable[[str], subprocess.Popen[str]]
    ) -> None:
        """Before the first, second, third… file operation of write, adopt, publish and prune, to the last."""
        assert child("crash-everywhere").wait() == 0
        assert live_watermark(SnapshotFolder(tmp_path)) > 10

    def test_a_full_disk_changes_nothing_that_is_live(self, child: Callable[[str], subprocess.Popen[str]]) -> None:
        """Whichever file does not fit, by its last byte too, it is DiskFull, and the next attempt works."""
        assert child("disk-full").wait() == 0

    def test_the_lock_of_a_killed_process_is_free(
        self, tmp_path: Path, child: Callable[[str], subprocess.Popen[str]]
    ) -> None:
        """Nobody has to remove a file by hand."""
        folder = SnapshotFolder(tmp_path)
        process = child("hold-lock")
        with pytest.raises(AlreadyRunning, match="Another process"), folder.lock():
            pass
        process.kill()
        process.wait()
        with folder.lock():
            pass
