"""The snapshot that is being served, exchanged while the service runs."""

import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from app.core.errors import IndexNotReady, LookalikeError, SnapshotMissing
from app.core.snapshot import Snapshot
from app.core.snapshot_folder import LiveSnapshot, SnapshotFolder

POLL_S = 0.25
RETRY_S = 5.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("lookalike.index")


class LiveIndex:
    """
    Holds one reference to the live snapshot and follows `CURRENT`.

    Take `live` once a request: everything about one answer then comes from one snapshot. A new snapshot is opened,
    verified and given to `accept` (which raises `LookalikeError` if this service cannot use it) in a thread, and only
    then replaces the old one; until then, and if that fails, the old one is served and `degraded_reason` says why.
    """

    def __init__(self, root: Path, accept: Callable[[Snapshot], None], poll_s: float = POLL_S) -> None:
        self._folder = SnapshotFolder(root)
        self._current_file = root / "CURRENT"
        self._accept = accept
        self._poll_s = poll_s
        self._live: LiveSnapshot | None = None
        self._problem: str | None = None
        self._seen: tuple[int, int] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="live-index", daemon=True)

    def open(self) -> LiveSnapshot:
        """
        Open the published snapshot, or the newest intact one from before it.

        Raises:
            SnapshotError: There is none that can be served.
        """
        self._seen = self._signature()
        self._live = self._folder.open_live_or_previous()
        return self._live

    def start(self) -> None:
        """Begin to follow `CURRENT`."""
        self._thread.start()

    def close(self) -> None:
        """Stop following; what is held stays usable."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def live(self) -> LiveSnapshot:
        """
        The snapshot to answer from.

        Raises:
            IndexNotReady: None was opened.
        """
        if self._live is None:
            raise IndexNotReady("No index is loaded yet.")
        return self._live

    @property
    def degraded_reason(self) -> str | None:
        """Why the snapshot is not the published one; None when it is."""
        return self._problem or self.live.degraded_reason

    def _follow(self) -> None:
        pause_s = self._poll_s
        while not self._stopping.wait(pause_s):
            signature = self._signature()
            if signature == self._seen and self._problem is None:
                continue
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
            pause_s = self._poll_s if self._problem is None else RETRY_S

    def _exchange(self) -> None:
        current = self._folder.current()
        if current is None:
            raise SnapshotMissing("No snapshot is published any more; the file CURRENT is gone.")
        if current.id == self.live.snapshot.id:  # published again: it is no longer a stand-in
            self._live = LiveSnapshot(self.live.snapshot, current.published_at)
            return
        snapshot = self._folder.open(current.id)
        self._accept(snapshot)
        self._live = LiveSnapshot(snapshot, current.published_at)
        log.info("snapshot.exchanged", snapshot=snapshot.id, images=snapshot.manifest.images)

    def _report(self, problem: str) -> None:
        if problem != self._problem:
            log.error("snapshot.refused", reason=problem)
        self._problem = problem

    def _signature(self) -> tuple[int, int] | None:
        """Return what changes whenever `CURRENT` is replaced, at the price of one `stat`."""
        try:
            status = self._current_file.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns
