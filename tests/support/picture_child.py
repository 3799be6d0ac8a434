"""
Processes that put pictures into a store and get killed, or run out of disk, meanwhile.

    python -m tests.support.picture_child crash-everywhere|disk-full ROOT

Each action checks what it promises and ends with status 0, or with an AssertionError.
"""

import os
import signal
import sys
from pathlib import Path

from app.core.errors import DiskFull
from app.core.picture_store import PictureStore
from tests.support.faults import die_at, file_size_limit

PICTURE = bytes(range(256)) * 4
# What may be in the picture's place before it is put.
BEFORE: dict[str, bytes | None] = {"new": None, "intact": PICTURE, "shorter": PICTURE[:-1], "changed": PICTURE[::-1]}


def files_of(root: Path) -> list[Path]:
    """Return every file below the folder but its lock."""
    return [path for path in root.rglob("*") if path.is_file() and path != root / ".lock"]


def _prepared(root: Path, before: bytes | None) -> PictureStore:
    store = PictureStore(root)
    if before is not None:
        path = store.put(PICTURE).path
        path.write_bytes(before)
    return store


def _crash_everywhere(root: Path) -> None:
    """Kill a process before its first, second, third… step of a put; the file is what it was, or whole."""
    for name, before in BEFORE.items():
        _until_one_gets_through(root / name, before)


def _until_one_gets_through(folder: Path, before: bytes | None) -> None:
    for point in range(1, 100):
        root = folder / f"{point}"
        store = _prepared(root, before)
        pid = os.fork()
        if pid == 0:
            die_at(point)
            store.put(PICTURE)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        pictures = [path.read_bytes() for path in files_of(root) if not path.name.startswith(".")]
        if pictures not in ([] if before is None else [before], [PICTURE]):
            raise AssertionError(f"crash point {point}: the store holds {pictures}")
        if store.put(PICTURE).path.read_bytes() != PICTURE:
            raise AssertionError(f"crash point {point}: the picture was not put")
        if status == 0:
            return
        if os.WTERMSIG(status) != signal.SIGKILL:
            raise AssertionError(f"crash point {point}: status {status}")
    raise AssertionError("a put takes more than 100 steps")


def _disk_full(root: Path) -> None:
    """Let a picture not fit, by its last byte too; nothing is left behind, and what was there is as it was."""
    for name, before in BEFORE.items():
        for limit in (0, 1, 512, len(PICTURE) - 1):
            store = _prepared(root / f"{name}-{limit}", before)
            with file_size_limit(limit):
                try:
                    store.put(PICTURE)
                except DiskFull:
                    is_full = True
                else:
                    is_full = False
            if is_full is (before == PICTURE):
                raise AssertionError(f"{name}, {limit}: DiskFull is {is_full}")
            if [path.read_bytes() for path in files_of(root / f"{name}-{limit}")] != (
                [] if before is None else [before]
            ):
                raise AssertionError(f"{name}, {limit}: the store changed")
            store.put(PICTURE)


if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    {"crash-everywhere": _crash_everywhere, "disk-full": _disk_full}[sys.argv[1]](Path(sys.argv[2]))
