"""A picture that was put is there, intact, until nobody refers to it; nothing else is ever touched."""

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from app.core import picture_store
from app.core.errors import DataDirBusy, DataDirNotWritable
from app.core.locks import locked
from app.core.picture_store import PictureStore
from tests.support.picture_child import files_of
from tests.support.sources import REPOSITORY

PICTURE = b"\xff\xd8 one picture"
OTHER = b"\xff\xd8 another picture"
HOUR_S = 3600
DAY_S = 24 * HOUR_S


@pytest.fixture
def store(tmp_path: Path) -> PictureStore:
    """Return a store whose folder does not exist yet."""
    return PictureStore(tmp_path / "data" / "pictures")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the folder of `store`."""
    return tmp_path / "data" / "pictures"


def age(path: Path, age_s: float) -> None:
    """Make a file look as if it was written so long ago."""
    then = time.time() - age_s
    os.utime(path, (then, then), follow_symlinks=False)


class TestPut:
    """Pictures that come in."""

    def test_a_picture_lies_under_its_hash(self, store: PictureStore, root: Path) -> None:
        """In a folder named by the first two digits; nothing else is left there."""
        sha256 = hashlib.sha256(PICTURE).hexdigest()
        stored = store.put(PICTURE)
        assert (stored.sha256, stored.size_bytes) == (sha256, len(PICTURE))
        assert stored.path == store.path(sha256) == root / sha256[:2] / sha256
        assert stored.path.read_bytes() == PICTURE
        assert files_of(root) == [stored.path]

    def test_the_path_is_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is recorded, and processes start in different folders."""
        monkeypatch.chdir(tmp_path)
        stored = PictureStore(Path("pictures")).put(PICTURE)
        assert stored.path.is_relative_to(tmp_path)

    def test_a_picture_that_is_there_is_not_written_again(self, store: PictureStore) -> None:
        """The file stays the same one."""
        before = store.put(PICTURE).path.stat()
        after = store.put(PICTURE).path.stat()
        assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)

    @pytest.mark.parametrize("damaged", [b"", PICTURE[:-1], PICTURE + b"\x00", PICTURE[:-1] + b"?"])
    def test_a_damaged_picture_is_replaced(self, store: PictureStore, root: Path, damaged: bytes) -> None:
        """Whether its size tells or only its bytes do; whoever reads the old file goes on reading it."""
        path = store.put(PICTURE).path
        path.write_bytes(damaged)
        with path.open("rb") as reader:
            assert store.put(PICTURE).path.read_bytes() == PICTURE
            assert reader.read() == damaged
        assert files_of(root) == [path]

    def test_a_link_in_its_place_is_replaced(self, store: PictureStore, tmp_path: Path) -> None:
        """What it leads to is neither taken for the picture nor written."""
        elsewhere = tmp_path / "elsewhere"
        elsewhere.write_bytes(PICTURE)
        path = store.put(PICTURE).path
        path.unlink()
        path.symlink_to(elsewhere)
        assert not store.put(PICTURE).path.is_symlink()
        assert path.read_bytes() == elsewhere.read_bytes() == PICTURE

    def test_a_picture_is_flushed_before_it_gets_its_name(
        self, store: PictureStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After a power cut no half of it is taken for the whole."""
        path = store.path(hashlib.sha256(PICTURE).hexdigest())
        flushed: list[tuple[bytes, bool]] = []

        def fsync(descriptor: int) -> None:
            flushing = _path_of(descriptor)
            if path.name in flushing.name:
                flushed.append((flushing.read_bytes(), path.exists()))

        monkeypatch.setattr(os, "fsync", fsync)
        store.put(PICTURE)
        assert flushed == [(PICTURE, False)]

    def test_the_folder_is_flushed_for_a_picture_that_is_there_too(
        self, store: PictureStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The process that put it first may not have got as far as that, and may be dead."""
        path = store.put(PICTURE).path
        flushed: list[Path] = []
        monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(_path_of(descriptor)))
        store.put(PICTURE)
        assert flushed == [path.parent]

    def test_many_threads_may_put_the_same_picture(self, store: PictureStore, root: Path) -> None:
        """All of them succeed, and one file is left."""
        with ThreadPoolExecutor(8) as threads:
            stored = list(threads.map(store.put, [PICTURE] * 40))
        assert len(set(stored)) == 1
        assert files_of(root) == [stored[0].path]
        assert stored[0].path.read_bytes() == PICTURE

    def test_a_lock_that_is_never_freed_is_named(
        self, store: PictureStore, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A process that was suspended while it removed pictures holds up nobody's request for ever."""
        monkeypatch.setattr("app.core.locks.PATIENCE_S", 0.05)
        store.put(OTHER)
        with locked(root / ".lock", fcntl.LOCK_EX), pytest.raises(DataDirBusy, match="locked"):
            store.put(PICTURE)
        assert store.put(PICTURE).path.read_bytes() == PICTURE

    def test_a_folder_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        """Below a regular file no folder can be."""
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(DataDirNotWritable, match="LOOKALIKE_DATA_DIR"):
            PictureStore(tmp_path / "file").put(PICTURE)

    @pytest.mark.parametrize(
        "name",
        ["", "..", "../" * 21 + "x", "AB" * 32, "ab" * 31, "ab" * 33, "ab" * 32 + "\n", "/" + "a" * 63, "é" + "a" * 63],
    )
    def test_nothing_but_a_sha256_is_a_name(self, store: PictureStore, name: str) -> None:
        """No other text ever becomes part of a path."""
        with pytest.raises(ValueError, match="64 lower-case hex digits"):
            store.path(name)


class TestRemoveUnreferenced:
    """Pictures that nobody shows any more."""

    def test_what_nobody_refers_to_is_removed_once_it_is_old(self, store: PictureStore, root: Path) -> None:
        """Not what somebody refers to, and not what was put a moment ago, by a request that is under way."""
        kept, unused, fresh = (store.put(data) for data in (PICTURE, OTHER, b"a third"))
        for stored in (kept, unused):
            age(stored.path, 2 * HOUR_S)
        assert store.remove_unreferenced({kept.sha256}, older_than_s=HOUR_S) == 1
        assert set(files_of(root)) == {kept.path, fresh.path}
        assert store.remove_unreferenced({kept.sha256}, older_than_s=HOUR_S) == 0

    def test_a_picture_that_is_put_again_counts_as_new(self, store: PictureStore) -> None:
        """Somebody is about to refer to it."""
        path = store.put(PICTURE).path
        age(path, 2 * HOUR_S)
        store.put(PICTURE)
        assert store.remove_unreferenced((), older_than_s=HOUR_S) == 0
        assert path.exists()

    def test_a_picture_is_not_removed_while_it_is_put_again(
        self, store: PictureStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the look at the old file and its new date, the other process waits."""
        path = store.put(PICTURE).path
        age(path, 2 * HOUR_S)
        holds = picture_store._holds
        with ThreadPoolExecutor(1) as threads:

            def hold_slowly(path: Path, data: bytes) -> bool:
                intact = holds(path, data)
                removals.append(threads.submit(store.remove_unreferenced, (), HOUR_S))
                time.sleep(0.1)  # long enough for a removal that did not wait
                return intact

            removals: list[Future[int]] = []
            monkeypatch.setattr(picture_store, "_holds", hold_slowly)
            store.put(PICTURE)
            assert removals[0].result() == 0
        assert path.read_bytes() == PICTURE

    def test_what_a_crash_left_is_removed_after_a_day(self, store: PictureStore, root: Path) -> None:
        """It is no picture, so it is not counted; one that is being written stays."""
        stored = store.put(PICTURE)
        old, new = (stored.path.with_name(f".{stored.sha256}.{i:016x}") for i in range(2))
        for path, age_s in ((old, DAY_S + 60), (new, DAY_S - 60)):
            path.write_bytes(b"half a pic")
            age(path, age_s)
        assert store.remove_unreferenced({stored.sha256}, older_than_s=0) == 0
        assert set(files_of(root)) == {stored.path, new}

    def test_what_is_not_a_picture_of_the_store_is_left_alone(
        self, store: PictureStore, root: Path, tmp_path: Path
    ) -> None:
        """Other names, other folders, links, and what links lead to."""
        sha256 = store.put(PICTURE).sha256
        folder = root / sha256[:2]
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        others = [folder / "notes.txt", folder / sha256[:-1], root / sha256, elsewhere / sha256]
        for path in others:
            path.write_bytes(PICTURE)
            age(path, 2 * DAY_S)
        others += [root / "zz", folder / ("ab" * 32)]
        (root / "zz").symlink_to(elsewhere)
        (root / "00").symlink_to(elsewhere)
        (folder / ("ab" * 32)).symlink_to(elsewhere / sha256)
        age(folder / ("ab" * 32), 2 * DAY_S)
        assert store.remove_unreferenced({sha256}, older_than_s=0) == 0
        assert all(os.path.lexists(path) for path in others)
        assert (root / "00").is_symlink()

    def test_without_a_folder_there_is_nothing_to_remove(self, store: PictureStore, tmp_path: Path) -> None:
        """And none is made."""
        assert store.remove_unreferenced((), older_than_s=0) == 0
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("action", ["crash-everywhere", "disk-full"])
def test_a_fault_at_any_step_leaves_the_old_file_or_the_new_one(tmp_path: Path, action: str) -> None:
    """A kill may leave a file that is not counted as a picture; a full disk leaves nothing."""
    subprocess.run(
        [sys.executable, "-m", "tests.support.picture_child", action, str(tmp_path)], cwd=REPOSITORY, check=True
    )


def _path_of(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()
