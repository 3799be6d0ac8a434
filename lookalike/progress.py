"""Progress of a long command: a live display on a terminal, plain lines elsewhere."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from app.core.files import MIB

FASTEST_SHOWN = 10_000  # steps a second: what is faster is over before one reads it
PLAIN_INTERVAL_S = 5.0  # between two lines of one phase where there is no terminal


class _RateColumn(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        speed = task.speed or 0
        return Text(f"{speed:,.0f}/s" if 0 < speed < FASTEST_SHOWN else "", style="cyan")


class LiveProgress:
    """A bar with counts, rate, time left and what was skipped, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _RateColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),  # one column for both times: 80 columns hold no two
            console=console,
        )
        self._task: TaskID | None = None
        self._skipped: Counter[str] = Counter()
        self._live = Live(get_renderable=self._shown, console=console, refresh_per_second=8)  # calls it at once

    def start(self) -> None:
        """Begin to draw."""
        self._live.start()

    def stop(self) -> None:
        """Leave the last state on the screen."""
        self._finish()
        self._live.stop()

    def phase(self, title: str, total: int | None = None) -> None:
        """Begin a phase; the one before it is shown as complete, even if it ended early."""
        if self._task is not None:
            self._bar.update(self._task, total=self._bar.tasks[self._task].completed or None)
        self._finish()
        self._task = self._bar.add_task(title, total=total)

    def advance(self, steps: int = 1) -> None:
        """Count steps as done."""
        if self._task is not None:
            self._bar.advance(self._task, steps)

    def skip(self, reason: str) -> None:
        """Count one file as skipped."""
        self._skipped[reason] += 1
        self.advance()

    def download(self, done_bytes: int, total_bytes: int | None) -> None:
        """Show a download in MiB."""
        if self._task is not None:
            total = None if total_bytes is None else total_bytes // MIB
            self._bar.update(self._task, completed=done_bytes // MIB, total=total)

    def warn(self, message: str) -> None:
        """Print a warning above the bars."""
        self._console.print(Text.assemble(("Warning: ", "yellow"), message), highlight=False)

    def _shown(self) -> RenderableType:
        """Return the bars, and below them, where there is room for it, what was skipped and why."""
        return Group(self._bar, Text(skipped_text(self._skipped), style="yellow")) if self._skipped else self._bar

    def _finish(self) -> None:
        if self._task is not None:
            task = self._bar.tasks[self._task]
            if task.total is None:
                self._bar.update(self._task, total=max(task.completed, 1), completed=max(task.completed, 1))
            self._bar.stop_task(self._task)


class PlainProgress:
    """A line when a phase begins and every few seconds after that: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._title = ""
        self._total: int | None = None
        self._done = 0
        self._skipped: Counter[str] = Counter()
        self._began_s = self._told_s = time.monotonic()

    def start(self) -> None:
        """Nothing to prepare."""

    def stop(self) -> None:
        """Tell the last state."""
        self._finish()

    def phase(self, title: str, total: int | None = None) -> None:
        """Begin a phase."""
        self._finish()
        self._title, self._total, self._done = title, total, 0
        self._skipped.clear()
        self._began_s = self._told_s = time.monotonic()
        self._say(f"{title}{f': {total:,}' if total else ''}")

    def advance(self, steps: int = 1) -> None:
        """Count steps as done."""
        self._done += steps
        self._tell()

    def skip(self, reason: str) -> None:
        """Count one file as skipped."""
        self._skipped[reason] += 1
        self.advance()

    def download(self, done_bytes: int, total_bytes: int | None) -> None:
        """Tell a download in MiB."""
        self._done = done_bytes // MIB
        self._total = None if total_bytes is None else total_bytes // MIB
        self._tell()

    def warn(self, message: str) -> None:
        """Print a warning."""
        self._say(f"Warning: {message}")

    def _tell(self) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s >= PLAIN_INTERVAL_S:
            self._told_s = now_s
            self._say(self._state(now_s - self._began_s))

    def _state(self, elapsed_s: float) -> str:
        rate = self._done / elapsed_s if elapsed_s else 0.0
        parts = [f"{self._title}: {self._done:,}" + (f" of {self._total:,}" if self._total else ""), f"{rate:,.0f}/s"]
        if self._total and rate:
            parts.append(f"{max(self._total - self._done, 0) / rate:,.0f} s left")
        if self._skipped:
            parts.append(skipped_text(self._skipped))
        return ", ".join(parts)

    def _finish(self) -> None:
        if self._title and self._done:
            elapsed_s = time.monotonic() - self._began_s
            skipped = f", {skipped_text(self._skipped)}" if self._skipped else ""
            self._say(f"{self._title}: done, {self._done:,} in {elapsed_s:,.1f} s{skipped}")
        self._title = ""

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def skipped_text(skipped: Counter[str]) -> str:
    """Return the skipped files by reason, as in `skipped 3 (2 not-an-image, 1 image-corrupt)`; empty for none."""
    if not skipped:
        return ""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in skipped.most_common())
    return f"skipped {skipped.total():,} ({reasons})"


@contextmanager
def shown_progress() -> Iterator[LiveProgress | PlainProgress]:
    """Show progress on standard error (standard output is for results), live where that is a terminal."""
    console = Console(stderr=True)
    progress = LiveProgress(console) if sys.stderr.isatty() and console.is_terminal else PlainProgress(console)
    progress.start()
    try:
        yield progress
    finally:
        progress.stop()


@contextmanager
def shown_wait(what: str) -> Iterator[None]:
    """Show on a terminal what one is waiting for, and nothing where standard error is not one."""
    console = Console(stderr=True)
    with console.status(what) if sys.stderr.isatty() and console.is_terminal else nullcontext():
        yield
