"""The view that searches use, exchanged while the service runs: it follows the published snapshot and live changes."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog

from app.core.errors import LookalikeError, SnapshotMissing
from app.core.snapshot import Snapshot
from app.core.snapshot_reader import LiveSnapshot, SnapshotReader
from app.core.vector_store import VectorStore
from app.db.database import Database
from app.db.live_changes import LiveChange
from app.search.following import CLOSE_S, POLL_S
from app.search.live_view import LiveView, view_of, with_changes

RETRY_S: Final = 5.0
"""After a published snapshot could not be taken; doubled each time, because each time all of it is read."""
LONGEST_RETRY_S: Final = 300.0
OVERDUE_S: Final = 10.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("lookalike.index")


@dataclass(frozen=True, slots=True)
class KnownChanges:
    """
    What is known of live changes.

    Attributes:
        since: All that were made after this revision are known
        seen: up to this one.
        newest: The last of each product.
    """

    since: int
    seen: int
    newest: Mapping[str, LiveChange]

    @classmethod
    def read(cls, database: Database, since: int) -> "KnownChanges":
        """Return the live changes after a revision, as they are now."""
        with database.reading() as catalogue:
            found = catalogue.live_changes(after=since)
            return cls(since, catalogue.live_revision(), {change.product_id: change for change in found})

    def plus(self, others: Iterable[LiveChange], seen: int) -> "KnownChanges":
        """Return these and others, which are complete up to the revision `seen`."""
        newest = dict(self.newest)
        for change in others:
            known = newest.get(change.product_id)
            if known is None or known.revision < change.revision:
                newest[change.product_id] = change
        return KnownChanges(self.since, max(self.seen, seen), newest)

    def after(self, watermark: int) -> "KnownChanges":
        """Return those that a snapshot with this watermark, which is not below `since`, has not folded in."""
        later = {name: change for name, change in self.newest.items() if change.revision > watermark}
        return KnownChanges(watermark, self.seen, later)


class LiveIndex:
    """
    Holds one reference to the view that is searched, and follows `CURRENT` and the live changes in the database.

    Take `view` once a request: everything about one answer then comes from one snapshot. A new snapshot is opened,
    verified and given to `accept` (which raises `LookalikeError` if this service cannot use it), and only then
    replaces the old one; until then, and if that fails, the old one is served and `degraded_reason` says why.

    Two threads do this, so that live changes show within a second while a large snapshot is opened, and a database
    that hangs keeps nobody from publishing. While it does not answer, what was seen last is served. A newer snapshot
    is followed nevertheless, because what was changed since its watermark is known as far as anything is; an older one
    (a roll back) is not, because it would show what was removed before the newer one was made.

    Args:
        folder: Of the snapshots.
        first: The snapshot to begin with.
        database: Where live changes are.
        store: Embeddings of the network that runs here.
        accept: Refuses a snapshot.
        poll_s: Seconds between two looks.

    Raises:
        DatabaseError: The live changes since the first snapshot could not be read. Without them it would show products
            that were removed, at prices that were changed: nothing to begin with, whatever can be searched.
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
        self._seen: tuple[int, int] | None = (0, 0)  # no file's: what was published since `first` was opened is found
        self._retry_s = RETRY_S
        self._retry_at_s = 0.0
        self._retry_now = False
        self._changes_problem: str | None = None
        self._looked_at_s = time.monotonic()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._snapshots_thread = threading.Thread(target=self._follow_snapshots, name="snapshots", daemon=True)
        self._changes_thread = threading.Thread(target=self._follow_changes, name="live-changes", daemon=True)
        self._exchanging = threading.Lock()  # whoever has it may replace what is shown
        self._changes = KnownChanges.read(database, first.snapshot.manifest.watermark)
        self._view = with_changes(view_of(first), tuple(self._changes.newest.values()), store)

    def start(self) -> None:
        """Begin to follow; if another snapshot than the published one is served, that is logged."""
        if reason := self._view.live.degraded_reason:
            self._problem = self._report(reason)
        self._looked_at_s = time.monotonic()
        self._snapshots_thread.start()
        self._changes_thread.start()

    def close(self) -> None:
        """Stop following; what is held stays usable. A database that hangs is not waited for."""
        self._stopping.set()
        self._wake.set()
        for thread in (self._snapshots_thread, self._changes_thread):
            if thread.is_alive():
                thread.join(CLOSE_S)

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
        return self._problem or self._view.live.degraded_reason or self._changes_problem or self._overdue()

    def _overdue(self) -> str | None:
        """Say that a look for changes does not end: it raises no error while the database just does not answer."""
        if not self._changes_thread.is_alive() or time.monotonic() - self._looked_at_s < OVERDUE_S:
            return None
        return f"The catalogue has not answered for more than {OVERDUE_S:g} s; what was changed since is not shown."

    # -- the published snapshot, in a thread of its own ------------------------------------------------------------

    def _follow_snapshots(self) -> None:
        while not self._stopping.wait(self._poll_s):
            signature = self._folder.signature()
            is_new = signature != self._seen
            if is_new or (self._problem and (self._retry_now or time.monotonic() >= self._retry_at_s)):
                self._retry_now = False
                self._problem = self._problem_of_taking()
                self._seen = signature
                self._retry_s = RETRY_S if is_new else min(2 * self._retry_s, LONGEST_RETRY_S)
                self._retry_at_s = time.monotonic() + self._retry_s

    def _problem_of_taking(self) -> str | None:
        """Show the published snapshot, or return why not."""
        try:
            self._take_published()
        except LookalikeError as error:
            return self._report(error.message)
        except Exception:
            if not self._stopping.is_set():  # what this needs is closed by then
                log.exception("snapshot.exchange_failed")
            return self._report("The published snapshot cannot be opened.")
        return None

    def _take_published(self) -> None:
        current = self._folder.current()
        if current is None:
            raise SnapshotMissing("No snapshot is published any more; the file CURRENT is gone.")
        if current.id == self._view.snapshot.id:  # published again: it is no longer a stand-in
            with self._exchanging:
                self._view = replace(self._view, live=LiveSnapshot(self._view.snapshot, current.published_at))
            return
        snapshot = self._folder.open(current.id)
        self._accept(snapshot)
        self._exchange(view_of(LiveSnapshot(snapshot, current.published_at)))
        log.info("snapshot.exchanged", snapshot=snapshot.id, images=snapshot.manifest.images)

    def _exchange(self, view: LiveView) -> None:
        """Show another snapshot, with the changes since its watermark."""
        watermark = view.snapshot.manifest.watermark
        earlier = self._changes_since(view.snapshot) if watermark < self._changes.since else None
        with self._exchanging:
            if earlier is None:
                changes = self._changes.after(watermark)
            else:
                changes = earlier.plus(self._changes.newest.values(), self._changes.seen)
            self._show(view, changes)

    def _changes_since(self, snapshot: Snapshot) -> KnownChanges:
        try:
            return KnownChanges.read(self._database, snapshot.manifest.watermark)
        except LookalikeError as error:
            older = f"Snapshot {snapshot.id} is older than the one in use, and what was changed since it was made"
            raise type(error)(f"{older} cannot be read. {error.message}") from error

    def _report(self, problem: str) -> str:
        if problem != self._problem:
            log.error("snapshot.refused", reason=problem)
        return problem

    # -- live changes, in another one --------------------------------------------------------------------------------

    def _follow_changes(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._poll_s)
            self._wake.clear()
            try:
                self._look_for_changes()
            except LookalikeError as error:
                self._report_changes(error.message)
            except Exception as error:  # noqa: BLE001  # whatever it is, it is logged, and the next look may succeed
                self._report_changes("The catalogue's changes cannot be shown; the log has the cause.", error)
            else:
                self._looked_at_s = time.monotonic()
                if self._changes_problem is not None:
                    log.info("changes.followed_again")
                    self._changes_problem = None
                    self._retry_now = True  # a snapshot may have been refused for the same reason

    def _look_for_changes(self) -> None:
        known = self._changes
        with self._database.reading() as catalogue:
            revision = catalogue.live_revision()
            if revision == known.seen:
                return
            is_less = revision < known.seen  # they were forgotten, or the database was made anew
            found = catalogue.live_changes(after=known.since if is_less else known.seen)
        with self._exchanging:
            if not is_less:
                self._show(self._view, self._changes.plus(found, revision))
            elif self._changes.since == known.since:  # else another snapshot is shown by now: look again
                self._show(self._view, KnownChanges(known.since, revision, {}).plus(found, revision))

    def _show(self, view: LiveView, changes: KnownChanges) -> None:
        """Lay the changes over the view's snapshot, and search that from now on."""
        self._view = with_changes(view, tuple(changes.newest.values()), self._store)
        self._changes = changes

    def _report_changes(self, problem: str, cause: Exception | None = None) -> None:
        if problem != self._changes_problem:
            log.warning("changes.unreachable", reason=problem, exc_info=cause)
        self._changes_problem = problem
