"""A power cut at any moment of writing, publishing and pruning: the old snapshot is live, or the new one, and whole."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.core.snapshot_folder import SnapshotFolder
from tests.support.snapshot_child import live_watermark
from tests.support.snapshots import publish_small

Tree = dict[Path, bytes | None]
"""Files with their content, and folders with None, by their path below the root."""


class Disk:
    """
    A folder of which only that survives which was flushed: content with its file, names with their folder.

    Files and folders are known by their inode, as a renamed one is the same one; each is held open, so that no other
    one gets its number.

    Args:
        root: The folder.
        check: Is called at every flush, before and after it, with each tree that a power cut may leave then.
    """

    def __init__(self, root: Path, check: Callable[[Tree], None]) -> None:
        self._root = root
        self._check = check
        self._held: dict[int, int] = {}
        self._content: dict[int, bytes] = {}
        self._names: dict[int, dict[str, int]] = {}
        for path in [root, *root.rglob("*")]:
            self._flush(path)

    def flush(self, descriptor: int) -> None:
        """Stand in for `os.fsync`."""
        self.cut_power()
        self._flush(Path(f"/proc/self/fd/{descriptor}").readlink())
        self.cut_power()

    def cut_power(self) -> None:
        """Check what is left when nothing but what was flushed is; when all names are; and when everything is."""
        now = _tree(self._root)
        self._check(dict(self._survivors(Path(), self._inode(self._root))))
        self._check(
            {path: None if now[path] is None else self._survivor(self._inode(self._root / path)) for path in now}
        )
        self._check(now)

    def close(self) -> None:
        """Let the files go."""
        for descriptor in self._held.values():
            os.close(descriptor)

    def _inode(self, path: Path) -> int:
        inode = path.stat().st_ino
        if inode not in self._held:
            self._held[inode] = os.open(path, os.O_RDONLY)
        return inode

    def _flush(self, path: Path) -> None:
        if path.is_dir():
            self._names[self._inode(path)] = {each.name: self._inode(each) for each in path.iterdir()}
        else:
            self._content[self._inode(path)] = path.read_bytes()

    def _survivors(self, path: Path, inode: int) -> Iterator[tuple[Path, bytes | None]]:
        for name, below in self._names.get(inode, {}).items():
            if stat.S_ISDIR(os.fstat(self._held[below]).st_mode):
                yield path / name, None
                yield from self._survivors(path / name, below)
            else:
                yield path / name, self._survivor(below)

    def _survivor(self, inode: int) -> bytes:
        """Return what was flushed of a file; where it is longer, zeros for the rest."""
        return self._content.get(inode, b"").ljust(os.fstat(self._held[inode]).st_size, b"\0")


def _tree(root: Path) -> Tree:
    return {path.relative_to(root): None if path.is_dir() else path.read_bytes() for path in sorted(root.rglob("*"))}


def write_tree(root: Path, tree: Tree) -> None:
    """Write a tree into a new folder."""
    root.mkdir()
    for path, data in sorted(tree.items()):
        if data is None:
            (root / path).mkdir(exist_ok=True)
        else:
            (root / path).write_bytes(data)


def test_a_power_cut_leaves_the_old_snapshot_live_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was not flushed is gone or full of zeros; the next run publishes as ever."""
    root, left = tmp_path / "snapshots", tmp_path / "left"
    folder = SnapshotFolder(root)
    for watermark in (1, 2):
        publish_small(folder, watermark)
    found: list[int] = []

    def check(tree: Tree) -> None:
        with monkeypatch.context() as unwatched:
            unwatched.setattr(os, "fsync", lambda _descriptor: None)
            write_tree(left, tree)
            found.append(live_watermark(SnapshotFolder(left)))
            publish_small(SnapshotFolder(left), 9)
            assert live_watermark(SnapshotFolder(left)) == 9
        shutil.rmtree(left)

    disk = Disk(root, check)
    monkeypatch.setattr(os, "fsync", disk.flush)
    publish_small(folder, 3)
    disk.cut_power()
    assert found[-3:] == [3, 3, 3]
    with folder.lock():
        folder.prune(2)
    disk.close()
    assert set(found) == {2, 3}
    assert found == sorted(found)
    assert len(found) > 60
