"""
Processes that append to one vector store at once, get killed meanwhile, or run out of disk.

    python -m tests.support.store_child kill-writers|crash-everywhere|disk-full|race ROOT [SEED KILLS]

Each action checks what it promises and ends with status 0, or with an AssertionError.
"""

import hashlib
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.core.arrays import Float32Array
from app.core.errors import DiskFull
from app.core.vector_store import VectorStore
from tests.support.faults import die_at, file_size_limit

FINGERPRINT = "ab" * 32
DIMENSION = 16  # 32 bytes a row, 36 bytes a key
WRITERS = 4
LARGEST_APPEND = 40


def opened(root: Path) -> VectorStore:
    """Open the store that these processes share."""
    return VectorStore.open(root, FINGERPRINT, DIMENSION)


def keys_of(writer: int, numbers: Sequence[int]) -> list[str]:
    """Return the keys of a writer, each of which decides its embedding."""
    return [hashlib.sha256(f"{writer} {number}".encode()).hexdigest() for number in numbers]


def embeddings_of(keys: Sequence[str]) -> Float32Array:
    """Return the one right embedding of each key, in which every value is 1/4 or -1/4: rounding changes nothing."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex("".join(key[: DIMENSION // 4] for key in keys)), np.uint8))
    signs = np.where(bits, np.float32(0.25), np.float32(-0.25))
    return signs.reshape(-1, DIMENSION)


def expect_intact(store: VectorStore, keys: Sequence[str]) -> None:
    """Check that the embeddings of all keys are there and are right."""
    missing = [key for key in keys if key not in store]
    if missing:
        raise AssertionError(f"{len(missing)} of {len(keys)} embeddings are not there")
    np.testing.assert_array_equal(store.get(keys), embeddings_of(keys).astype(np.float16))


def append(store: VectorStore, keys: Sequence[str]) -> None:
    """Append the right embeddings of the keys."""
    store.append(keys, embeddings_of(keys))


# -- several writers, killed at random moments ---------------------------------------------------------------------


@dataclass
class _Writer:
    """A process that appends for ever, and how many of its embeddings it said to be kept."""

    number: int
    pid: int
    said: int  # the end of a pipe
    kept: int = 0

    @classmethod
    def start(cls, root: Path, number: int, seed: int) -> "_Writer":
        reading, writing = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _append_while_alive(parent, root, number, random.Random(seed), writing)
            os._exit(1)
        os.close(writing)
        return cls(number, pid, reading)

    def kill(self) -> None:
        """Kill it and hear what it said last."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        with open(self.said, "rb") as pipe:  # noqa: PTH123  # a descriptor, not a path
            said = pipe.read()
        self.kept = int.from_bytes(said[-8:], "big")


def _append_while_alive(parent: int, root: Path, writer: int, choose: random.Random, said: int) -> None:
    kept = 0
    with opened(root) as store:
        while os.getppid() == parent:  # a test that failed leaves nobody behind
            size = choose.randint(1, LARGEST_APPEND)
            append(store, keys_of(writer, range(kept, kept + size)))
            kept += size
            os.write(said, kept.to_bytes(8, "big"))


def _kill_writers(root: Path, seed: int, kills: int) -> None:
    """Kill one of several writers again and again; whatever an append kept that returned is there, for everybody."""
    choose = random.Random(seed)
    writers = [_Writer.start(root, number, choose.getrandbits(32)) for number in range(WRITERS)]
    dead = []
    with opened(root) as reader:
        for number in range(WRITERS, WRITERS + kills):
            time.sleep(choose.uniform(0, 0.03))
            victim = writers.pop(choose.randrange(WRITERS))
            victim.kill()
            expect_intact(reader, keys_of(victim.number, range(victim.kept)))
            dead.append(victim)
            writers.append(_Writer.start(root, number, choose.getrandbits(32)))
        for writer in writers:
            writer.kill()
        _expect_nothing_else(root, reader, [*dead, *writers])


def _expect_nothing_else(root: Path, reader: VectorStore, writers: Sequence[_Writer]) -> None:
    """Check every embedding in the store: all that was kept, of the last append of each writer a beginning, no more."""
    there = []
    for writer in writers:
        keys = keys_of(writer.number, range(writer.kept + LARGEST_APPEND))
        present = [key in reader for key in keys]
        if present != sorted(present, reverse=True) or sum(present) < writer.kept:
            raise AssertionError(f"writer {writer.number} kept {writer.kept}, there are {present}")
        there += keys[: sum(present)]
    with opened(root) as store:
        append(store, keys_of(-1, [0]))  # over what the last one left behind
        there += keys_of(-1, [0])
        expect_intact(store, there)
        expect_intact(reader, there)
        if not len(store) == len(reader) == len(there):
            raise AssertionError(f"{len(there)} embeddings in {len(store)} rows, of which {len(reader)} were seen")
    if sum(writer.kept for writer in writers) == 0:
        raise AssertionError("no writer got as far as one append")


# -- killed before every single step -------------------------------------------------------------------------------


def _crash_everywhere(root: Path) -> None:
    """Kill a process before its first, second, third… step of an append, with a new store and with an old one."""
    _until_one_gets_through(lambda point: root / f"new-{point}", repairing=True)
    _until_one_gets_through(lambda _: root / "repaired", repairing=True)
    _until_one_gets_through(lambda _: root / "torn", repairing=False)


def _until_one_gets_through(folder: Callable[[int], Path], *, repairing: bool) -> None:
    """Unless `repairing`, each process finds what the killed one before it left behind."""
    kept: dict[Path, list[str]] = {}
    for point in range(1, 100):
        root = folder(point)
        expected = kept.setdefault(root, [])
        with opened(root) as survivor:
            keys = keys_of(point, range(3))
            status = _killed_at(point, root, keys)
            expect_intact(survivor, expected)
            expect_intact(survivor, [key for key in keys if key in survivor])
            if repairing:
                expected += keys_of(point, [3])
                append(survivor, expected[-1:])
            expect_intact(survivor, expected)
        if status == 0:
            with opened(root) as store:
                expect_intact(store, [*expected, *keys])
            return
        if os.WTERMSIG(status) != signal.SIGKILL:
            raise AssertionError(f"crash point {point}: status {status}")
    raise AssertionError("an append takes more than 100 steps")


def _killed_at(point: int, root: Path, keys: Sequence[str]) -> int:
    """Append in a process that dies at a step; return how it ended."""
    pid = os.fork()
    if pid == 0:
        with opened(root) as store:
            rows = embeddings_of(keys)
            die_at(point)
            store.append(keys, rows)
            os._exit(0)
    return os.waitpid(pid, 0)[1]


# -- a full disk ---------------------------------------------------------------------------------------------------


def _disk_full(root: Path) -> None:
    """Let each row, key and file be the one that does not fit; what was there stays, and the next append works."""
    old, new = keys_of(0, range(2)), keys_of(0, range(2, 5))
    ends = [*range(0, 160 + 1, 32), *range(36, 180 + 1, 36)]  # of the five rows and the five keys
    for limit in sorted({end + step for end in ends for step in (-1, 0, 1)} & set(range(180))):
        folder = root / f"{limit}"
        with opened(folder) as store:
            append(store, old)
            _expect_disk_full(store, new, limit)
            for reader in (store, opened(folder)):
                expect_intact(reader, old)
                expect_intact(reader, [key for key in new if key in reader])
                reader.close()
        with opened(folder) as store:
            append(store, new)
            expect_intact(store, [*old, *new])
    for limit in (0, 37, 38, 95, 96, 107):  # 38 bytes of info.json, 96 of rows, 108 of keys
        with opened(root / f"new-{limit}") as store:
            _expect_disk_full(store, new, limit)
            append(store, new)
            expect_intact(store, new)


def _expect_disk_full(store: VectorStore, keys: Sequence[str], limit: int) -> None:
    with file_size_limit(limit):
        try:
            append(store, keys)
        except DiskFull:
            return
    raise AssertionError(f"no DiskFull at {limit}")


# -- a store that several processes make at once -------------------------------------------------------------------


def _race(root: Path) -> None:
    """Let processes make the same store and append to it at the same moment; all of them succeed."""
    for attempt in range(10):
        folder = root / f"{attempt}" / "vectors"
        waiting, starting = os.pipe()
        children = []
        for writer in range(WRITERS):
            pid = os.fork()
            if pid == 0:
                os.close(starting)
                os.read(waiting, 1)
                with opened(folder) as store:
                    append(store, keys_of(writer, range(3)))
                os._exit(0)
            children.append(pid)
        os.close(waiting)
        os.close(starting)
        statuses = [os.waitpid(pid, 0)[1] for pid in children]
        if any(statuses):
            raise AssertionError(f"a process failed in attempt {attempt}")
        with opened(folder) as store:
            for writer in range(WRITERS):
                expect_intact(store, keys_of(writer, range(3)))


if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    action, folder = sys.argv[1], Path(sys.argv[2])
    if action == "kill-writers":
        _kill_writers(folder, int(sys.argv[3]), int(sys.argv[4]))
    else:
        {"crash-everywhere": _crash_everywhere, "disk-full": _disk_full, "race": _race}[action](folder)
