"""The learned categories that answers use, exchanged while the service runs: it follows the head's file."""

from pathlib import Path

import structlog

from app.core.category_head import CategoryHead, head_path
from app.core.errors import HeadUnusable
from app.search.following import POLL_S, Follower

log: structlog.stdlib.BoundLogger = structlog.get_logger("lookalike.head")


class LiveHead:
    """
    Holds one reference to the head for the embeddings of one fingerprint, and follows its file.

    Take `head` once a request. It is None where nothing was trained, or the file was removed: the neighbours alone then
    tell the categories. A file that cannot be used is logged and changes nothing: the head before it is used on.

    Args:
        heads_dir: Folder of heads; need not exist.
        fingerprint_sha256: Of the embeddings that this service makes.
        poll_s: Seconds between two looks.
    """

    def __init__(self, heads_dir: Path, fingerprint_sha256: str, poll_s: float = POLL_S) -> None:
        self._path = head_path(heads_dir, fingerprint_sha256)
        self._fingerprint_sha256 = fingerprint_sha256
        self._head: CategoryHead | None = None
        self._seen: tuple[int, int] | None = None
        self._follower = Follower("head", self.look, poll_s)
        self.look()

    @property
    def head(self) -> CategoryHead | None:
        """What to answer with."""
        return self._head

    def start(self) -> None:
        """Begin to follow."""
        self._follower.start()

    def close(self) -> None:
        """Stop following; what is held stays usable."""
        self._follower.close()

    def look(self) -> None:
        """Take the head from its file if that was replaced, made or removed since the last look."""
        signature = self._signature()
        if signature == self._seen:
            return
        self._seen = signature
        try:
            self._head = CategoryHead.load(self._path, self._fingerprint_sha256)
        except FileNotFoundError:
            self._head = None
            log.info("head.removed")
        except HeadUnusable as error:
            log.warning("head.refused", reason=error.message)
        else:
            log.info("head.exchanged", categories=len(self._head.labels))

    def _signature(self) -> tuple[int, int] | None:
        """Return what changes whenever the file is replaced, at the price of one `stat`; None when it is not there."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns
