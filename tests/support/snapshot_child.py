"""
Processes that get killed or run out of disk while they make snapshots.

    python -m tests.support.snapshot_child loop|crash-everywhere|disk-full|hold-lock ROOT
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.core.errors import DiskFull
from app.core.files import MIB
from app.core.snapshot_folder import SnapshotFolder
from app.core.vector_store import VectorStore
from tests.support.faults import die_at, file_size_limit
from tests.support.snapshots import (
    DIMENSION,
    FINGERPRINT,
    IMAGES,
    publish_small,
    random_embeddings,
    snapshot_facts,
    snapshot_products,
    write_small,
)


def live_watermark(folder: SnapshotFolder) -> int:
    """
    Open every snapshot, check that all of the live one belongs to one watermark, and return that; 0: none is live.

    Only whole snapshots have an id; what is being made or removed has another name.
    """
    for info in folder.list():
        folder.open(info.id)
    current = folder.current()
    if current is None:
        return 0
    snapshot = folder.open(current.id)
    watermark = snapshot.manifest.watermark
    embeddings = random_embeddings(IMAGES, DIMENSION, seed=watermark)
    rows = np.array([snapshot.index.embedding(row) for row in range(IMAGES)])
    np.testing.assert_allclose(rows, embeddings, atol=1e-3)
    np.testing.assert_allclose(snapshot.probes, embeddings[:4], atol=1e-6)
    return watermark


def _publish_and_prune(folder: SnapshotFolder, watermark: int) -> None:
    publish_small(folder, watermark)
    with folder.lock():
        folder.prune(2)


def _loop(root: Path) -> None:
    """Publish for ever, one watermark after the other."""
    folder = SnapshotFolder(root)
    watermark = live_watermark(folder)
    _say("ready")
    while True:
        watermark += 1
        _publish_and_prune(folder, watermark)


def _crash_everywhere(root: Path) -> None:
    """Kill a publishing process before its first, second, third… step on the disk, until one gets through."""
    folder = SnapshotFolder(root)
    after = 0
    for point in range(1, 1000):
        before = after
        with folder.lock():
            folder.prune(2)  # else a run would take fewer steps than the one before, which left more to remove
        pid = os.fork()
        if pid == 0:
            die_at(point)
            _publish_and_prune(folder, before + 1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        after = live_watermark(folder)
        if after not in (before, before + 1):
            raise AssertionError(f"crash point {point}: {before} became {after}")
        if status == 0:
            _say(str(point))
            return
        if os.WTERMSIG(status) != signal.SIGKILL:
            raise AssertionError(f"crash point {point}: status {status}")


def _disk_full(root: Path) -> None:
    """Let every file in turn be the one that does not fit, by its last byte too; nothing that is live may change."""
    folder = SnapshotFolder(root / "snapshots")
    first, second = publish_small(folder, 1), publish_small(folder, 2)
    sizes = {path.stat().st_size for path in (root / "snapshots" / second).iterdir()}
    limits = sorted({limit for size in sizes for limit in (0, 1, size // 2, size - 10, size - 1)})
    for limit in limits:
        _expect_disk_full(folder, limit, lambda: publish_small(folder, 3))
    with folder.lock():
        third = folder.adopt(write_small(folder, 3))
        # 2 MiB and 45 bytes: the index is written in several buffers, and the last one does not fit.
        for limit in (2 * MIB - 3000, 2 * MIB, 2 * MIB + 44):
            _expect_disk_full(folder, limit, lambda: _write(folder, 2048, 256))
        # An index of 61 bytes fits; vectors, ids, probes (136 to 160 bytes) and the manifest do not.
        for limit in (61, 135, 143, 159, 160, 1000):
            _expect_disk_full(folder, limit, lambda: _write(folder, 2, 2))
        for limit in (0, 1, 200):
            _expect_disk_full(folder, limit, lambda: folder.publish(third))
            _expect_disk_full(folder, limit, lambda: folder.publish(first))
            _expect_disk_full(folder, limit, folder.rollback)
        temporary = write_small(folder, 4)
        _expect_disk_full(folder, 100, lambda: folder.adopt(temporary))
        folder.prune(3)
    folder.publish(third)
    if live_watermark(folder) != 3:
        raise AssertionError("the third snapshot is not live")
    _store_on_full_disk(root / "vectors")
    _say("survived")


def _write(folder: SnapshotFolder, n: int, d: int) -> None:
    embeddings = random_embeddings(n, d, seed=1)
    folder.write(snapshot_facts(), products=snapshot_products(n), embeddings=embeddings, probes=embeddings[:1])


def _expect_disk_full(folder: SnapshotFolder, limit_bytes: int, write: Callable[[], object]) -> None:
    current = folder.current()
    with file_size_limit(limit_bytes):
        try:
            write()
        except DiskFull:
            pass
        else:
            raise AssertionError(f"no DiskFull at {limit_bytes}")
    if folder.current() != current or live_watermark(folder) != 2:
        raise AssertionError("the live snapshot changed")
    left = [path.name for path in folder._root.iterdir() if path.name.startswith(".new")]
    if left:
        raise AssertionError(f"left behind: {left}")


def _store_on_full_disk(root: Path) -> None:
    """Let an append fail at every byte of its rows and keys; what was there stays, and the next append works."""
    keys = [f"{i:064x}" for i in range(8)]
    embeddings = random_embeddings(8, 24, seed=1)  # 48 bytes a row, 36 bytes a key
    with VectorStore.open(root, FINGERPRINT, 24) as store:
        store.append(keys[:2], embeddings[:2])
        for limit in (0, 72, 90, 96, 97, 287):
            with file_size_limit(limit):
                try:
                    store.append(keys[2:6], embeddings[2:6])
                except DiskFull:
                    pass
                else:
                    raise AssertionError(f"no DiskFull at {limit}")
            if [key in store for key in keys] != [True] * 2 + [False] * 6:
                raise AssertionError("an append that failed changed the store")
        store.append(keys[2:], embeddings[2:])
    with VectorStore.open(root, FINGERPRINT, 24) as store:
        np.testing.assert_array_equal(store.get(keys), embeddings.astype(np.float16))


def _say(text: str) -> None:
    """Tell the test."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _hold_lock(root: Path) -> None:
    """Hold the lock until killed."""
    with SnapshotFolder(root).lock():
        _say("locked")
        time.sleep(600)


if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    actions = {
        "loop": _loop,
        "crash-everywhere": _crash_everywhere,
        "disk-full": _disk_full,
        "hold-lock": _hold_lock,
    }
    actions[sys.argv[1]](Path(sys.argv[2]))
