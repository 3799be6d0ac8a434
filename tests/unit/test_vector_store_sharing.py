"""
Several processes append to one vector store and read it: everybody finds what was kept, nobody loses anything.

`make soak` kills writers for minutes instead of a second, LOOKALIKE_TEST_SEED decides at which moments.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest

from app.core import key_table
from app.core.errors import DataDirBusy, DataDirNotWritable
from app.core.locks import locked
from app.core.vector_store import VectorStore
from tests.support.soak import SEED, sample, seeded, soaks
from tests.support.sources import REPOSITORY
from tests.support.store_child import FINGERPRINT, append, expect_intact, keys_of, opened

KEYS = keys_of(0, range(12))

Hook = Callable[[str], None]


@pytest.fixture
def at_fsync(monkeypatch: pytest.MonkeyPatch) -> Callable[[Hook], None]:
    """Return how to have a function called with the file's name in place of every fsync, which no test can see."""

    def install(hook: Hook) -> None:
        def hooked(descriptor: int) -> None:
            hook(Path(f"/proc/self/fd/{descriptor}").readlink().name)

        monkeypatch.setattr(os, "fsync", hooked)

    return install


def contents(root: Path) -> dict[str, bytes]:
    """Return the content of every file of the store."""
    return {path.name: path.read_bytes() for path in (root / FINGERPRINT).iterdir()}


class TestReaders:
    """Processes that read while others append; here, several open stores."""

    def test_what_another_process_kept_is_found(self, tmp_path: Path) -> None:
        """By each kind of lookup, in a store that was opened before it was made."""
        with opened(tmp_path) as writer, opened(tmp_path) as a, opened(tmp_path) as b, opened(tmp_path) as c:
            append(writer, KEYS[:2])
            assert len(a) == 2
            assert KEYS[1] in b
            expect_intact(c, KEYS[:2])
            append(writer, KEYS[2:4])
            assert len(a) == 4
            assert KEYS[3] in b
            expect_intact(c, KEYS[:4])

    def test_an_embedding_that_was_repaired_is_found(self, tmp_path: Path) -> None:
        """A store that knows the damaged row looks for a newer one."""
        with opened(tmp_path) as writer, opened(tmp_path) as reader:
            append(writer, KEYS[:3])
            expect_intact(reader, KEYS[:3])
            path = tmp_path / FINGERPRINT / "vectors.bin"
            path.write_bytes(b"\xa5" + path.read_bytes()[1:])
            assert KEYS[0] not in reader
            append(writer, KEYS[:1])
            expect_intact(reader, KEYS[:3])

    def test_the_older_of_two_embeddings_stands_in_for_a_damaged_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It was right before it was replaced, and it still is."""
        with opened(tmp_path) as store:
            append(store, KEYS[:2])
            append(store, KEYS[:1])
        path = tmp_path / FINGERPRINT / "vectors.bin"
        path.write_bytes(path.read_bytes()[:-1] + b"\xa5")
        monkeypatch.setattr(key_table, "UNSORTED_RECORDS", 0)  # as in a large store
        with opened(tmp_path) as store:
            expect_intact(store, KEYS[:2])

    @pytest.mark.parametrize("torn_keys", [0, 5])
    @pytest.mark.parametrize("same_store", [False, True])
    def test_a_reader_may_look_while_a_writer_is_at_it(
        self, tmp_path: Path, at_fsync: Callable[[Hook], None], *, same_store: bool, torn_keys: int
    ) -> None:
        """
        Another process or thread; it changes nothing, and knows as much afterwards as everybody else.

        Neither rows whose keys are not written yet, nor keys that a crash left without rows, nor keys that are not
        on the disk yet lead it astray.
        """
        with opened(tmp_path) as writer, opened(tmp_path) as other:
            append(writer, KEYS[:2])
            reader = writer if same_store else other
            with (tmp_path / FINGERPRINT / "keys.bin").open("ab") as file:
                file.write(b"\xa5" * 36 * torn_keys)
            seen: list[tuple[str, int]] = []

            def look(name: str) -> None:
                if seen and seen[-1][0] == "looking":  # the reader's own
                    return
                before = contents(tmp_path)
                seen.append(("looking", 0))
                expect_intact(reader, [key for key in KEYS if key in reader])
                seen[-1] = (name, len(reader))
                assert contents(tmp_path) == before

            at_fsync(look)
            append(writer, KEYS[2:5])
            assert seen == [("vectors.bin", 2), ("keys.bin", 5)]
            append(writer, KEYS[5:7])
            expect_intact(reader, KEYS[:7])
            assert len(reader) == 7

    def test_keys_may_be_cut_off_while_they_are_read(self, tmp_path: Path, at_fsync: Callable[[Hook], None]) -> None:
        """Between the look at the file's size and its reading."""
        with opened(tmp_path) as writer:
            append(writer, KEYS[:4])
        at_fsync(lambda name: os.truncate(tmp_path / FINGERPRINT / name, 50))
        with opened(tmp_path) as reader:
            assert len(reader) == 1
            expect_intact(reader, KEYS[:1])

    def test_what_was_found_survives_a_power_cut(self, tmp_path: Path, at_fsync: Callable[[Hook], None]) -> None:
        """A reader that meets keys which nobody has flushed yet flushes them itself, once."""
        with opened(tmp_path) as writer, opened(tmp_path) as reader:
            append(writer, KEYS[:2])
            flushed: list[str] = []
            at_fsync(flushed.append)
            expect_intact(reader, KEYS[:2])
            expect_intact(reader, KEYS[:2])
            assert KEYS[2] not in reader
            assert flushed == ["keys.bin"]

    def test_a_folder_that_was_removed_begins_anew(self, tmp_path: Path) -> None:
        """Somebody may remove it, as messages advise, while servers run."""
        with opened(tmp_path) as one, opened(tmp_path) as other, opened(tmp_path) as late:
            append(one, KEYS[:4])
            for store in (other, late):
                expect_intact(store, KEYS[:4])
            shutil.rmtree(tmp_path / FINGERPRINT)
            assert len(other) == 0
            append(one, KEYS[4:10])
            for store in (one, other, late):
                expect_intact(store, KEYS[4:10])
                assert len(store) == 6

    def test_keys_that_were_cut_off_from_outside_are_forgotten(self, tmp_path: Path) -> None:
        """And what others append in their place is found."""
        with opened(tmp_path) as one:
            append(one, KEYS[:4])
            with (tmp_path / FINGERPRINT / "keys.bin").open("r+b") as file:
                file.truncate(36)
            assert len(one) == 1
            with opened(tmp_path) as other:
                append(other, KEYS[4:6])
            expect_intact(one, [KEYS[0], *KEYS[4:6]])
            assert len(one) == 3

    def test_a_closed_store_says_so(self, tmp_path: Path) -> None:
        """It does not open its files again."""
        with opened(tmp_path) as store:
            append(store, KEYS[:1])
        with pytest.raises(ValueError, match="closed"):
            _ = KEYS[0] in store


class TestWriters:
    """Processes and threads that append at once."""

    def test_stores_that_append_in_turn_keep_all(self, tmp_path: Path) -> None:
        """Each writes behind what the others wrote, though it looked up nothing before."""
        with opened(tmp_path) as a, opened(tmp_path) as b, opened(tmp_path) as c:
            for i, key in enumerate(KEYS):
                append((a, b, c)[i % 3], [key])
            for store in (a, b, c):
                expect_intact(store, KEYS)
                assert len(store) == len(KEYS)

    def test_threads_that_append_through_one_store_keep_all(self, tmp_path: Path) -> None:
        """One after the other."""
        with opened(tmp_path) as store, ThreadPoolExecutor(4) as threads:
            batches = [keys_of(writer, range(40)) for writer in range(8)]
            for written in [threads.submit(_append_one_by_one, store, batch) for batch in batches]:
                written.result()
            for batch in batches:
                expect_intact(store, batch)
            assert len(store) == 8 * 40

    def test_a_lock_that_is_never_freed_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process that was suspended holds nobody up for ever; once it is gone, appending works again."""
        monkeypatch.setattr("app.core.locks.PATIENCE_S", 0.05)
        with opened(tmp_path) as store:
            append(store, KEYS[:1])
            with locked(tmp_path / FINGERPRINT / ".lock", fcntl.LOCK_EX), pytest.raises(DataDirBusy, match="locked"):
                append(store, KEYS[1:2])
            assert KEYS[1] not in store
            append(store, KEYS[1:2])
            expect_intact(store, KEYS[:2])

    @pytest.mark.parametrize("name", ["keys.bin", "vectors.bin"])
    def test_a_torn_tail_is_cut_off_by_a_store_that_was_open_before(self, tmp_path: Path, name: str) -> None:
        """A writer was killed while another one slept."""
        with opened(tmp_path) as store:
            append(store, KEYS[:3])
            with (tmp_path / FINGERPRINT / name).open("ab") as file:
                file.write(b"\xa5" * 37)
            append(store, KEYS[3:5])
            expect_intact(store, KEYS[:5])
        assert {name: len(data) for name, data in contents(tmp_path).items() if name.endswith(".bin")} == {
            "keys.bin": 5 * 36,
            "vectors.bin": 5 * 32,
        }

    def test_a_folder_that_goes_away_at_the_wrong_moment_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is kept, and the error is one of ours."""
        with opened(tmp_path) as store:
            monkeypatch.setattr(store, "_make_files", lambda: None)
            with pytest.raises(DataDirNotWritable, match="removed"):
                append(store, KEYS[:1])

    def test_a_power_cut_leaves_what_was_kept(self, tmp_path: Path, at_fsync: Callable[[Hook], None]) -> None:
        """
        Whichever of the two files reached the disk, whole, not at all, or as zeros; at every moment of two appends.

        Only what a file held at its last fsync is sure to be there.
        """
        names = ("keys.bin", "vectors.bin")
        copies = iter(range(1000))

        def cut_power(kept: list[str]) -> None:
            now = contents(store_root)
            for chosen in product(range(3), repeat=2):
                root = tmp_path / f"copy-{next(copies)}"
                shutil.copytree(store_root, root)
                for name, choice in zip(names, chosen, strict=True):
                    whole, sure = now[name], synced[name]
                    zeros = sure + bytes(max(0, len(whole) - len(sure)))
                    (root / FINGERPRINT / name).write_bytes((whole, sure, zeros)[choice])
                with opened(root) as store:
                    expect_intact(store, [*kept, *(key for key in KEYS if key in store)])
                    append(store, KEYS)
                    expect_intact(store, KEYS)

        def fsynced(name: str) -> None:
            if not cutting:
                cutting.append(name)
                cut_power(KEYS[:count])
                synced[name] = contents(store_root)[name]
                cut_power(KEYS[:count])
                cutting.clear()

        store_root = tmp_path / "store"
        cutting: list[str] = []
        with opened(store_root) as store:
            append(store, KEYS[:2])
            with (store_root / FINGERPRINT / "keys.bin").open("ab") as file:
                file.write(b"\xa5" * 50)  # a torn tail, to be cut off first
            synced = contents(store_root)
            at_fsync(fsynced)
            for count in (2, 5):
                append(store, KEYS[count : count + 3])
            cut_power(KEYS[:8])
        assert next(copies) > 9 * 9


class TestProcesses:
    """What `tests.support.store_child` checks; its last line on standard error says what went wrong."""

    @soaks
    def test_writers_that_are_killed_at_any_moment_lose_nothing(self, tmp_path: Path) -> None:
        """Four at once, killed again and again: what an append kept that returned is there, and nothing is mixed up."""
        seeded()
        run(tmp_path, "kill-writers", str(SEED), str(sample(40, soak=4_000)))

    def test_a_kill_before_every_single_step_loses_nothing(self, tmp_path: Path) -> None:
        """Of a first append and of a later one, also behind what the one killed before it left."""
        run(tmp_path, "crash-everywhere")

    def test_a_full_disk_loses_nothing(self, tmp_path: Path) -> None:
        """Whichever row, key or file does not fit, it is DiskFull, and the next append works."""
        run(tmp_path, "disk-full")

    def test_processes_that_make_the_store_at_once_all_succeed(self, tmp_path: Path) -> None:
        """Whoever comes second finds it made."""
        run(tmp_path, "race")


def run(root: Path, action: str, *arguments: str) -> None:
    """Run an action of `tests.support.store_child`, which fails unless all its checks hold."""
    command = [sys.executable, "-m", "tests.support.store_child", action, str(root), *arguments]
    subprocess.run(command, cwd=REPOSITORY, check=True)


def _append_one_by_one(store: VectorStore, keys: list[str]) -> None:
    for key in keys:
        append(store, [key])
