"""Waiting for what happens in another thread or process."""

import time
from collections.abc import Callable

PATIENCE_S = 120.0


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds; a test that waits for two minutes fails."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.005)
