"""The view that searches use, exchanged while the service runs: it follows the published snapshot and live changes."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from app.core.errors import DatabaseError, LookalikeError, SnapshotMissing
from app.core.snapshot import Snapshot
from app.core.snapshot_reader import LiveSnapshot, SnapshotReader
from app.core.vector_store import VectorStore
from app.db.database import Database
from app.db.live_changes import LiveChange
from app.search.live_view import LiveView, view_of, with_changes

POLL_S = 0.25
RETRY_S = 5.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("lookalike.index")


class LiveIndex:
    """
    Holds one reference to the view that is searched, and follows `CURRENT` and the live changes in the database.

    Take `view` once a request: everything about one answer then comes from one snapshot. A new snapshot is opened,
    verified and given to `accept` (which raises `LookalikeError` if this service cannot use it) in a thread, and only
    then replaces the old one; until then, and if that fails, the old one is served and `degraded_reason` says why.
    While the database does not answer, what was seen last is served.

    Args:
        folder: Of the snapshots.
        first: The snapshot to begin with.
        database: Where live changes are.
        store: Embeddings of the network that runs here.
        accept: Refuses a snapshot.
        poll_s: Seconds between two looks.

    Raises:
        DatabaseError: The live changes since the first snapshot could not be read.
    """

    def __init__(
        self,
        folder: SnapshotReader,
        first: LiveSnapshot,
        database: Database,
        store: VectorStore,
        accept: Callable[[Snapshot], None],
        poll_s: float = POLL_S,
    ) -> None:
        self._folder = folder
        self._database = database
        self._store = store
        self._accept = accept
        self._poll_s = poll_s
        self._problem: str | None = None
        self._database_problem: str | None = None
        self._seen: tuple[int, int] | None = (0, 0)  # no file's: what was published since `first` was opened is found
        self._retry_at_s = 0.0
        self._seen_revision = 0
        self._changes: dict[str, LiveChange] = {}
        self._stopping = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="live-index", daemon=True)
        self._view = self._with_all_changes(view_of(first))

    def start(self) -> None:
        """Begin to follow; if another snapshot than the published one is served, that is logged."""
        if reason := self._view.live.degraded_reason:
            self._report(reason)
        self._thread.start()

    def close(self) -> None:
        """Stop following; what is held stays usable."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def look_now(self) -> None:
        """Look for changes at once, as after making one."""
        self._wake.set()

    @property
    def view(self) -> LiveView:
        """What to answer from."""
        return self._view

    @property
    def degraded_reason(self) -> str | None:
        """Why the view is not that of the published snapshot with all live changes; None when it is."""
        return self._problem or self._view.live.degraded_reason or self._database_problem

    def _follow(self) -> None:
        while not self._stopping:
            self._wake.wait(self._poll_s)
            self._wake.clear()
            self._follow_snapshot()
            self._follow_changes()

    def _follow_snapshot(self) -> None:
        signature = self._folder.signature()
        if signature == self._seen and (self._problem is None or time.monotonic() < self._retry_at_s):
            return
        try:
            self._exchange()
        except LookalikeError as error:
            self._report(error.message)
        except Exception:
            log.exception("snapshot.exchange_failed")
            self._report("The published snapshot cannot be opened.")
        else:
            self._problem = None
        self._seen = signature
        self._retry_at_s = time.monotonic() + RETRY_S

    def _exchange(self) -> None:
        current = self._folder.current()
        if current is None:
            raise SnapshotMissing("No snapshot is published any more; the file CURRENT is gone.")
        if current.id == self._view.snapshot.id:  # published again: it is no longer a stand-in
            self._view = replace(self._view, live=LiveSnapshot(self._view.snapshot, current.published_at))
            return
        snapshot = self._folder.open(current.id)
        self._accept(snapshot)
        self._view = self._with_all_changes(view_of(LiveSnapshot(snapshot, current.published_at)))
        log.info("snapshot.exchanged", snapshot=snapshot.id, images=snapshot.manifest.images)

    def _follow_changes(self) -> None:
        try:
            with self._database.reading() as catalogue:
                revision = catalogue.live_revision()
            if revision > self._seen_revision:
                self._view = self._with_changes(self._view, after=self._seen_revision)
            elif revision < self._seen_revision:  # they were forgotten, or the database was made anew
                self._view = self._with_all_changes(self._view)
        except DatabaseError as error:
            if self._database_problem is None:
                log.warning("changes.unreachable", reason=error.message)
            self._database_problem = error.message
        except Exception:
            log.exception("changes.failed")
            self._database_problem = "The catalogue's changes cannot be read."
        else:
            self._database_problem = None

    def _with_all_changes(self, view: LiveView) -> LiveView:
        self._changes.clear()
        return self._with_changes(view, after=view.snapshot.manifest.watermark)

    def _with_changes(self, view: LiveView, after: int) -> LiveView:
        """Return the view with the changes that are known and those after a revision, which alone are read."""
        with self._database.reading() as catalogue:
            revision = catalogue.live_revision()
            changes = catalogue.live_changes(after=after)
        self._changes.update((change.product_id, change) for change in changes)
        view = with_changes(view, tuple(self._changes.values()), self._store)
        self._seen_revision = revision
        return view

    def _report(self, problem: str) -> None:
        if problem != self._problem:
            log.error("snapshot.refused", reason=problem)
        self._problem = problem
