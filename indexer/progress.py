"""What a long run tells while it works; `lookalike` shows it on a terminal or as plain lines."""

from typing import Protocol


class Progress(Protocol):
    """One sink for the progress of one command; `advance` may be called from two threads at once."""

    def phase(self, title: str, total: int | None = None) -> None:
        """Begin a phase of `total` steps (None: unknown); the phase before it is over."""

    def advance(self, steps: int = 1) -> None:
        """Count steps of the current phase as done; 0 is a sign of life."""

    def skip(self, reason: str) -> None:
        """Count one file as skipped, by the slug of its reason; it is also a step done."""

    def download(self, done_bytes: int, total_bytes: int | None) -> None:
        """Tell how much of a download has arrived."""

    def warn(self, message: str) -> None:
        """Show one plain sentence that the user should read."""


class Silent:
    """Tells nothing: for callers that only want the result."""

    def phase(self, title: str, total: int | None = None) -> None:
        """Do nothing."""

    def advance(self, steps: int = 1) -> None:
        """Do nothing."""

    def skip(self, reason: str) -> None:
        """Do nothing."""

    def download(self, done_bytes: int, total_bytes: int | None) -> None:
        """Do nothing."""

    def warn(self, message: str) -> None:
        """Do nothing."""
