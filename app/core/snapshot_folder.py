"""
The life of snapshots: written aside, adopted under an id, published, rolled back, pruned.

    <data>/snapshots/CURRENT              which one is live, which ones were before; replaced atomically
                     000007-1c9f02ab/     counter, and the beginning of the SHA-256 of its manifest
                     .new-…  .trash-…     what a crash left; removed by the next `write` or `prune`

The disk is the only truth about snapshots. Their order is that of the counter, never that of a clock.
"""

import fcntl
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.core.current import CURRENT_FILE, Current, Publication, read_current
from app.core.errors import AlreadyRunning, DataDirNotReadable, SnapshotCorrupt, SnapshotError, SnapshotMissing
from app.core.files import (
    MIB,
    fsync_folder,
    make_folder,
    require_free_space,
    sha256_of_file,
    storage_errors,
    write_atomically,
)
from app.core.manifest import MANIFEST_FILE, PRODUCTS_FILE, Manifest, SnapshotFacts
from app.core.products import ProductRecord
from app.core.snapshot import (
    Snapshot,
    add_metrics,
    check_files,
    check_sizes,
    read_manifest,
    read_snapshot,
    write_snapshot,
)
from app.core.vector_index import Float32Array, FloatArray

_ID: Final = re.compile(r"(\d{6,})-([0-9a-f]{8})")
_IMAGE_SHA256: Final = re.compile(rb'"sha256":"([0-9a-f]{64})"')
_NEW: Final = ".new-"
_TRASH: Final = ".trash-"


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


class SnapshotFolder:
    """
    Everything about the folder of snapshots. Reading never writes; the folder is made by the first `lock`.

    `write`, `adopt` and `prune` need the `lock`. `publish` and `rollback` do not, so that a bad index can be taken
    back while the next one is being made.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._is_locked = False

    @contextmanager
    def lock(self) -> Iterator[None]:
        """
        Be the only process that makes snapshots. The kernel frees the lock when the process ends, however it ends.

        Raises:
            AlreadyRunning: Another one has it; this is known at once.
            DataDirNotWritable: The folder cannot be created or written.
        """
        with self._locked(".lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
            self._is_locked = True
            try:
                yield
            finally:
                self._is_locked = False

    def write(
        self,
        facts: SnapshotFacts,
        *,
        products: Iterable[ProductRecord],
        embeddings: FloatArray,
        probes: Float32Array,
    ) -> Path:
        """
        Write a snapshot into a temporary folder, every file on the disk when this returns, and return the folder.

        Arguments and errors are those of `write_snapshot`; on an error nothing is left behind.
        """
        self._require_lock()
        temporary = self._root / f"{_NEW}{secrets.token_hex(4)}"
        with storage_errors(self._root):
            self._remove_leftovers()  # first: after a crash they may be what fills the disk
            # float32 in the index, float16 beside it, and the small files.
            require_free_space(self._root, embeddings.size * (4 + 2) + MIB)
            temporary.mkdir()
        try:
            write_snapshot(temporary, facts, products, embeddings, probes)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return temporary

    def adopt(self, temporary: Path, metrics: Mapping[str, float] | None = None) -> str:
        """
        Give a verified temporary folder its id, with what verification measured in its manifest; return the id.

        Its files are read-only from now on. On an error nothing is left behind.
        """
        self._require_lock()
        with storage_errors(self._root):
            try:
                manifest_sha256 = add_metrics(temporary, metrics or {})
                for path in temporary.iterdir():
                    path.chmod(path.stat().st_mode & ~0o222)
                counter = max(map(_counter, self._ids()), default=0) + 1
                snapshot_id = f"{counter:06d}-{manifest_sha256[:8]}"
                fsync_folder(temporary)
                temporary.rename(self._root / snapshot_id)
                fsync_folder(self._root)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)  # on a full disk it would stay in everybody's way
                raise
        return snapshot_id

    def publish(self, snapshot_id: str) -> None:
        """
        Make an intact snapshot the live one; the one that was is the first to roll back to.

        Raises:
            SnapshotMissing, SnapshotCorrupt, SnapshotIncompatible: It cannot be served; nothing changed.
            DiskFull, DataDirNotWritable: `CURRENT` could not be replaced; nothing changed.
        """
        with self._switching():
            self._check(snapshot_id)
            current, _ = self._live()
            if current is None:
                self._switch(snapshot_id)
            elif current.id != snapshot_id:
                self._switch(snapshot_id, (current.live, *current.history), current.withdrawn)

    def rollback(self) -> str:
        """
        Make the newest intact snapshot live that was live before, and return its id; once more goes further back.

        Raises:
            SnapshotMissing: None was live before, or none of them is intact; nothing changed.
            SnapshotCorrupt: `CURRENT` is damaged.
        """
        with self._switching():
            current = self.current()
            history = self._history(current)
            for i, publication in enumerate(history):
                try:
                    self._check(publication.id)
                except SnapshotError:
                    continue
                withdrawn = (current.live, *history[:i], *current.withdrawn) if current else ()
                self._switch(publication.id, history[i + 1 :], withdrawn)
                return publication.id
        raise SnapshotMissing(
            "No intact snapshot was live before this one. `lookalike snapshots list` shows those that "
            "`lookalike snapshots publish` can make live."
        )

    def current(self) -> Current | None:
        """
        Return what is live, None when nothing was ever published.

        Raises:
            SnapshotCorrupt: `CURRENT` cannot be read or was changed.
        """
        return read_current(self._root)

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

    def image_sha256s(self) -> set[str]:
        """Return the SHA-256 of every picture that a snapshot on the disk shows."""
        shown: set[str] = set()
        for snapshot_id in self._ids():
            with suppress(FileNotFoundError):  # the first release's have no products in them, and cannot be served
                lines = (self._root / snapshot_id / PRODUCTS_FILE).read_bytes()
                shown.update(sha256.decode() for sha256 in _IMAGE_SHA256.findall(lines))
        return shown

    def prune(self, keep: int) -> tuple[str, ...]:
        """
        Remove all but `keep` snapshots and what crashed runs left; return the ids that are gone.

        Kept are the live one, then those that were live before it, then the newest; never fewer than the first two.

        Raises:
            SnapshotCorrupt: `CURRENT` is damaged, so that nobody knows what is live; nothing was removed.
        """
        self._require_lock()
        with self._switching(), storage_errors(self._root):
            current = self.current()
            live = [current.id] if current else []
            ordered = dict.fromkeys([*live, *(p.id for p in self._history(current)), *self._ids()])
            removed = tuple(ordered)[max(keep, 2) :]
            for snapshot_id in removed:
                # Renamed first: a snapshot that is half removed must not look like a damaged one.
                (self._root / snapshot_id).rename(self._root / f"{_TRASH}{snapshot_id}")
            fsync_folder(self._root)
            self._remove_leftovers()
        return removed

    def _remove_leftovers(self) -> None:
        """Remove what crashed runs left: under the lock, nobody else is writing it."""
        for path in self._root.iterdir():
            if path.name.startswith((_NEW, _TRASH)):
                shutil.rmtree(path)

    def _newest_intact(self, current: Current | None) -> tuple[Snapshot, datetime] | None:
        """Open the newest intact snapshot from before `current`: those that were live, then those that were not."""
        published = {p.id: p.published_at for p in self._history(current)}
        others = [i for i in self._ids() if current is None or _counter(i) < _counter(current.id)]
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
        return tuple(sorted(names, key=_counter, reverse=True))

    def _manifest_sha256(self, snapshot_id: str) -> str:
        """Return the manifest's hash from `CURRENT`, or its beginning from the id."""
        current, _ = self._live()
        known = current.known if current else {}
        return known[snapshot_id].manifest_sha256 if snapshot_id in known else _digest(snapshot_id)

    def _history(self, current: Current | None) -> tuple[Publication, ...]:
        """Return what was live before and is still on the disk, newest first."""
        on_disk = set(self._ids())
        return tuple(p for p in current.history if p.id in on_disk) if current else ()

    def _check(self, snapshot_id: str) -> None:
        check_files(self._folder(snapshot_id), self._manifest_sha256(snapshot_id))

    def _switch(
        self, snapshot_id: str, history: Sequence[Publication] = (), withdrawn: Sequence[Publication] = ()
    ) -> None:
        """Replace `CURRENT`; whoever reads it sees the old one or the new one."""
        others = {*self._ids()} - {snapshot_id}
        current = Current(
            id=snapshot_id,
            manifest_sha256=sha256_of_file(self._root / snapshot_id / MANIFEST_FILE),
            published_at=datetime.now(UTC),
            history=tuple(p for p in history if p.id in others),
            withdrawn=tuple(p for p in withdrawn if p.id in others),
        )
        with storage_errors(self._root):
            write_atomically(self._root / CURRENT_FILE, current.to_bytes())

    def _require_lock(self) -> None:
        if not self._is_locked:
            raise RuntimeError("this needs SnapshotFolder.lock()")

    @contextmanager
    def _switching(self) -> Iterator[None]:
        """Be the only process that reads and replaces `CURRENT`; waits for its turn."""
        with self._locked(".current.lock", fcntl.LOCK_EX):
            yield

    @contextmanager
    def _locked(self, name: str, operation: int) -> Iterator[None]:
        with ExitStack() as stack:
            with storage_errors(self._root):
                make_folder(self._root)
                file = stack.enter_context((self._root / name).open("ab"))
                try:
                    fcntl.flock(file, operation)
                except BlockingIOError as error:
                    raise AlreadyRunning(
                        "Another process is indexing into this data folder. Wait until it has finished, or stop it."
                    ) from error
            yield


def _counter(snapshot_id: str) -> int:
    return int(snapshot_id.partition("-")[0])


def _digest(snapshot_id: str) -> str:
    return snapshot_id.partition("-")[2]
