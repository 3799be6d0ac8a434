"""
The life of snapshots: written aside, adopted under an id, published, rolled back, pruned.

    <data>/snapshots/CURRENT              which one is live, which ones were before; replaced atomically
                     000007-1c9f02ab/     counter, and the beginning of the SHA-256 of its manifest
                     .new-…  .trash-…     what a crash left; removed by the next `write` or `prune`

The disk is the only truth about snapshots. Their order is that of the counter, never that of a clock.
"""

import fcntl
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.core.arrays import Float32Array, FloatArray
from app.core.current import CURRENT_FILE, Current, Publication
from app.core.errors import AlreadyRunning, SnapshotError, SnapshotMissing, WrongState
from app.core.files import (
    fsync_folder,
    make_folder,
    sha256_of_file,
    storage_errors,
    write_atomically,
)
from app.core.manifest import MANIFEST_FILE, SnapshotFacts
from app.core.products import ProductRecord
from app.core.snapshot import add_findings
from app.core.snapshot_reader import SnapshotReader, counter_of
from app.core.snapshot_writing import write_products, write_snapshot
from app.core.verdict import Calibration

_NEW: Final = ".new-"
_TRASH: Final = ".trash-"


class SnapshotFolder(SnapshotReader):
    """
    The folder of snapshots, with all that changes it; it is made by the first `lock`.

    `write`, `adopt` and `prune` need the `lock`. `publish` and `rollback` do not, so that a bad index can be taken
    back while the next one is being made.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
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

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """
        Make a temporary folder to write a snapshot into; on an error, or without a manifest, nothing is left behind.

        Raises:
            DiskFull, DataDirNotWritable: It could not be made.
        """
        self._require_lock()
        temporary = self._root / f"{_NEW}{secrets.token_hex(4)}"
        with storage_errors(self._root):
            self._remove_leftovers()  # first: after a crash they may be what fills the disk
            temporary.mkdir()
        is_whole = False
        try:
            yield temporary
            is_whole = (temporary / MANIFEST_FILE).exists()
        finally:
            if not is_whole:
                shutil.rmtree(temporary, ignore_errors=True)

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

        Arguments and errors are those of `write_products` and `write_snapshot`, with the embeddings in one array,
        shape (n, d).
        """
        with self.draft() as folder:
            write_snapshot(folder, facts, write_products(folder, products), [embeddings], probes)
        return folder

    def adopt(
        self, temporary: Path, metrics: Mapping[str, float] | None = None, calibration: Calibration | None = None
    ) -> str:
        """
        Give a verified temporary folder its id, with what was measured of it in its manifest; return the id.

        Its files are read-only from now on. On an error nothing is left behind.
        """
        self._require_lock()
        with storage_errors(self._root):
            try:
                manifest_sha256 = add_findings(temporary, metrics or {}, calibration)
                for path in temporary.iterdir():
                    path.chmod(path.stat().st_mode & ~0o222)
                counter = max(map(counter_of, self._ids()), default=0) + 1
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
            self.check(snapshot_id)
            current, _ = self._live()
            if current is None:
                self._switch(snapshot_id)
            elif current.id != snapshot_id:
                self._switch(snapshot_id, (current.live, *current.history), current.withdrawn)

    def rollback(self, expected: str | None = None) -> str:
        """
        Make the newest intact snapshot live that was live before, and return its id; once more goes further back.

        Whoever names the one to take back (`expected`) goes back once, also when somebody else was quicker.

        Raises:
            WrongState: Another one than `expected` is live; nothing changed.
            SnapshotMissing: None was live before, or none of them is intact; nothing changed.
            SnapshotCorrupt: `CURRENT` is damaged.
        """
        with self._switching():
            current = self.current()
            if expected is not None and (current is None or current.id != expected):
                raise WrongState("Another snapshot is live by now; look again before taking one back.")
            history = self._history(current)
            for i, publication in enumerate(history):
                try:
                    self.check(publication.id)
                except SnapshotError:
                    continue
                withdrawn = (current.live, *history[:i], *current.withdrawn) if current else ()
                self._switch(publication.id, history[i + 1 :], withdrawn)
                return publication.id
        raise SnapshotMissing(
            "No intact snapshot was live before this one. `lookalike snapshots list` shows those that "
            "`lookalike snapshots publish` can make live."
        )

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
