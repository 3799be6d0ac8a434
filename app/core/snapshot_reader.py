"""
What is in the folder of snapshots, for whoever reads it: which one is live, which others there are, and opening them.

How snapshots come and go is in `app.core.snapshot_folder`.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from app.core.current import CURRENT_FILE, Current, Publication, read_current
from app.core.errors import DataDirNotReadable, SnapshotCorrupt, SnapshotError, SnapshotMissing
from app.core.manifest import PRODUCTS_FILE, Manifest
from app.core.snapshot import Snapshot, check_files, check_sizes, read_manifest, read_snapshot

_ID: Final = re.compile(r"(\d{6,})-([0-9a-f]{8})")
_IMAGE_SHA256: Final = re.compile(rb'"sha256":"([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A snapshot on the disk: when it was last made live, and in `problem`, what is seen to be wrong with it."""

    id: str
    is_live: bool
    published_at: datetime | None
    manifest: Manifest | None
    problem: str | None

    @property
    def size_bytes(self) -> int:
        """Bytes of its files, as its manifest has them."""
        return sum(facts.size_bytes for facts in self.manifest.files.values()) if self.manifest else 0


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """The snapshot to serve; `degraded_reason` says why it is not the published one."""

    snapshot: Snapshot
    published_at: datetime
    degraded_reason: str | None = None


class SnapshotReader:
    """The folder of snapshots, read only: nothing here writes, locks or creates anything."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def current(self) -> Current | None:
        """
        Return what is live, None when nothing was ever published.

        Raises:
            SnapshotCorrupt: `CURRENT` cannot be read or was changed.
        """
        return read_current(self._root)

    def live_manifest(self) -> Manifest | None:
        """Return what the live snapshot says about itself; None where there is none, or a damaged one."""
        current, _ = self._live()
        if current is None:
            return None
        try:
            return read_manifest(self._folder(current.id), current.manifest_sha256)
        except SnapshotError:
            return None

    def signature(self) -> tuple[int, int] | None:
        """Return what changes whenever `CURRENT` is replaced, at the price of one `stat`; None when it is not there."""
        try:
            status = (self._root / CURRENT_FILE).stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def previous(self) -> str | None:
        """Return the id that was live before, the first that `rollback` tries."""
        return next((publication.id for publication in self._history(self.current())), None)

    def open(self, snapshot_id: str) -> Snapshot:
        """
        Check every file of a snapshot against its manifest, then load it.

        Raises:
            SnapshotMissing: There is none of this id.
            SnapshotCorrupt: A file is missing or was changed.
            SnapshotIncompatible: Another version of Lookalike wrote it.
        """
        return read_snapshot(self._folder(snapshot_id), self._manifest_sha256(snapshot_id))

    def check(self, snapshot_id: str) -> Manifest:
        """Check every file of a snapshot against its manifest, and return that; errors are those of `open`."""
        return check_files(self._folder(snapshot_id), self._manifest_sha256(snapshot_id))

    def open_live_or_previous(self) -> LiveSnapshot:
        """
        Open the live snapshot or, when it is damaged, the newest intact one from before it.

        Raises:
            SnapshotMissing: Nothing was ever published.
            SnapshotCorrupt: Neither the live one nor any before it is intact.
            SnapshotIncompatible: Another version of Lookalike wrote the live one.
        """
        current, damage = self._live()
        if current is not None:
            try:
                return LiveSnapshot(self.open(current.id), current.published_at)
            except (SnapshotCorrupt, SnapshotMissing) as error:
                if self._live() != (current, None):
                    # Others were published, and this one pruned, while it was read.
                    return self.open_live_or_previous()
                damage = error
        if damage is None:
            raise SnapshotMissing("There is no index yet. Make one with `lookalike index FOLDER`.")
        older = self._newest_intact(current)
        if older is None:
            raise damage
        return LiveSnapshot(*older, degraded_reason=damage.message)

    def list(self) -> list[SnapshotInfo]:
        """Return every snapshot on the disk, newest first; only manifests are read, and the sizes of other files."""
        current, _ = self._live()
        known = current.known if current else {}
        infos = []
        for snapshot_id in self._ids():
            manifest, problem = None, None
            try:
                manifest = read_manifest(self._root / snapshot_id, _digest(snapshot_id))
                check_sizes(self._root / snapshot_id, manifest)
            except SnapshotError as error:
                problem = error.message
            is_live = current is not None and current.id == snapshot_id
            published_at = known[snapshot_id].published_at if snapshot_id in known else None
            infos.append(SnapshotInfo(snapshot_id, is_live, published_at, manifest, problem))
        return infos

    def newest_watermark(self) -> int:
        """Return the highest watermark of the snapshots on the disk, 0 without any; only manifests are read."""
        return max((info.manifest.watermark for info in self.list() if info.manifest is not None), default=0)

    def image_sha256s(self) -> set[str]:
        """Return the SHA-256 of every picture that a snapshot on the disk shows."""
        shown: set[str] = set()
        for snapshot_id in self._ids():
            # The first release's have no products in them, and cannot be served.
            with suppress(FileNotFoundError), (self._root / snapshot_id / PRODUCTS_FILE).open("rb") as lines:
                for line in lines:
                    shown.update(sha256.decode() for sha256 in _IMAGE_SHA256.findall(line))
        return shown

    def _newest_intact(self, current: Current | None) -> tuple[Snapshot, datetime] | None:
        """Open the newest intact snapshot from before `current`: those that were live, then those that were not."""
        published = {p.id: p.published_at for p in self._history(current)}
        others = [i for i in self._ids() if current is None or counter_of(i) < counter_of(current.id)]
        for snapshot_id in dict.fromkeys([*published, *others]):
            try:
                snapshot = self.open(snapshot_id)
            except SnapshotError:
                continue
            return snapshot, published.get(snapshot_id, snapshot.manifest.created_at)
        return None

    def _folder(self, snapshot_id: str) -> Path:
        """Return the folder of a snapshot; the id may come from anybody."""
        if snapshot_id not in self._ids():
            name = snapshot_id if _ID.fullmatch(snapshot_id) else "of this id"
            raise SnapshotMissing(f"There is no snapshot {name}. `lookalike snapshots list` shows those there are.")
        return self._root / snapshot_id

    def _live(self) -> tuple[Current | None, SnapshotError | None]:
        """Return `current()`, or what is wrong with it."""
        try:
            return self.current(), None
        except SnapshotCorrupt as error:
            return None, error

    def _ids(self) -> tuple[str, ...]:
        """Return the ids on the disk, newest first."""
        try:
            names = [path.name for path in self._root.iterdir() if _ID.fullmatch(path.name)]
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise DataDirNotReadable(
                f"The folder of snapshots cannot be read ({error.strerror}). Make it readable, or choose another data "
                "folder with LOOKALIKE_DATA_DIR."
            ) from error
        return tuple(sorted(names, key=counter_of, reverse=True))

    def _manifest_sha256(self, snapshot_id: str) -> str:
        """Return the manifest's hash from `CURRENT`, or its beginning from the id."""
        current, _ = self._live()
        known = current.known if current else {}
        return known[snapshot_id].manifest_sha256 if snapshot_id in known else _digest(snapshot_id)

    def _history(self, current: Current | None) -> tuple[Publication, ...]:
        """Return what was live before and is still on the disk, newest first."""
        on_disk = set(self._ids())
        return tuple(p for p in current.history if p.id in on_disk) if current else ()


def counter_of(snapshot_id: str) -> int:
    """Return the first part of an id: the higher, the newer."""
    return int(snapshot_id.partition("-")[0])


def _digest(snapshot_id: str) -> str:
    return snapshot_id.partition("-")[2]
