"""Looking again and again, in a thread of its own, whether what is held in memory is still what there is."""

import threading
from collections.abc import Callable
from typing import Final

import structlog

from app.core.errors import LookalikeError

POLL_S: Final = 0.25
CLOSE_S: Final = 5.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("lookalike.following")


class Follower:
    """
    Calls `look` four times a second, from `start` to `close`.

    A look that fails changes nothing: why is logged once, and once more that the looks succeed again.

    Args:
        name: Of what is followed, in the log: `keys` gives `keys.unreachable`.
        look: Takes what is new.
        poll_s: Seconds between two looks.
    """

    def __init__(self, name: str, look: Callable[[], None], poll_s: float = POLL_S) -> None:
        self._unreachable, self._followed_again = f"{name}.unreachable", f"{name}.followed_again"
        self._unknown = f"The {name} cannot be read; the log has the cause."
        self._look = look
        self._poll_s = poll_s
        self._problem: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"live-{name}", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """Stop following. A look that hangs, as at a database that does not answer, is not waited for."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)

    def _follow(self) -> None:
        while not self._stopping.wait(self._poll_s):
            try:
                self._look()
            except LookalikeError as error:
                self._report(error.message)
            except Exception as error:  # noqa: BLE001  # whatever it is, it is logged, and the next look may succeed
                self._report(self._unknown, error)
            else:
                if self._problem is not None:
                    log.info(self._followed_again)
                    self._problem = None

    def _report(self, problem: str, cause: Exception | None = None) -> None:
        if problem != self._problem:
            log.warning(self._unreachable, reason=problem, exc_info=cause)
        self._problem = problem
