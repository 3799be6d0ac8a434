"""How far a job is: told by the thread that works on it, read by the one that reports it."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable

from app.db.jobs import JobProgress
from indexer.progress import Progress, Silent

RATE_OVER_S = 30.0
"""The rate is that of the last seconds: known pictures pass far quicker than new ones."""
MIB = 1024 * 1024


class Halted(BaseException):
    """
    The job shall not go on.

    Like KeyboardInterrupt no Exception, so that no step on the way takes it for the failure of one picture.
    """


class Tally:
    """The progress of one job, which `halt` ends at its next sign; all of it is also told to `display`."""

    def __init__(self, display: Progress | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.warnings: list[str] = []
        self._display = display or Silent()
        self._clock = clock
        self._lock = threading.Lock()
        self._is_halted = False
        self._phase: str | None = None
        self._total: int | None = None
        self._done = 0
        self._refused: Counter[str] = Counter()
        self._marks: deque[tuple[float, int]] = deque()

    def halt(self) -> None:
        """Have the next sign of progress raise `Halted`; what was begun before it is finished."""
        self._is_halted = True

    def read(self) -> JobProgress:
        """Return how far the job is now."""
        with self._lock:
            return JobProgress(
                phase=self._phase,
                total=self._total,
                done=self._done,
                refused=dict(self._refused.most_common()),
                rate=self._rate(),
            )

    def phase(self, title: str, total: int | None = None) -> None:
        """Begin a phase."""
        self._go_on()
        with self._lock:
            self._phase, self._total, self._done = title, total, 0
            self._marks = deque([(self._clock(), 0)])
        self._display.phase(title, total)

    def advance(self, steps: int = 1) -> None:
        """Count steps as done."""
        self._go_on()
        with self._lock:
            self._done += steps
        self._display.advance(steps)

    def skip(self, reason: str) -> None:
        """Count one file as refused."""
        self._go_on()
        with self._lock:
            self._done += 1
            self._refused[reason] += 1
        self._display.skip(reason)

    def download(self, done_bytes: int, total_bytes: int | None) -> None:
        """Tell a download in MiB."""
        self._go_on()
        with self._lock:
            self._done = done_bytes // MIB
            self._total = None if total_bytes is None else total_bytes // MIB
        self._display.download(done_bytes, total_bytes)

    def warn(self, message: str) -> None:
        """Keep a warning for the result."""
        self.warnings.append(message)
        self._display.warn(message)

    def _go_on(self) -> None:
        if self._is_halted:
            raise Halted

    def _rate(self) -> float | None:
        """Return how much was done a second of late; each call marks how much was done when."""
        now_s = self._clock()
        while len(self._marks) > 1 and self._marks[1][0] <= now_s - RATE_OVER_S:
            self._marks.popleft()
        if not self._marks:
            return None
        began_s, done_then = self._marks[0]
        self._marks.append((now_s, self._done))
        return (self._done - done_then) / (now_s - began_s) if now_s > began_s else None
