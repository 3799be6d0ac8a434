"""Processes that die, and disks that are full, at a chosen moment. For child processes: neither can be taken back."""

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase, RawIOBase
from types import FrameType, ModuleType

# Functions written in C through which Python changes the disk; before a write is after the opening.
_STEPS = frozenset(
    {"chmod", "flock", "fsync", "mkdir", "remove", "rename", "replace", "rmdir", "truncate", "unlink", "utime", "write"}
)


def die_at(point: int) -> None:
    """Kill this process when it is about to do its `point`-th step on the disk."""
    steps = 0

    def count(_frame: FrameType, event: str, function: object) -> None:
        nonlocal steps
        if event != "c_call" or getattr(function, "__name__", "") not in _STEPS:
            return
        # Of the system and of binary files; strings have a `replace` too.
        if isinstance(getattr(function, "__self__", None), ModuleType | RawIOBase | BufferedIOBase):
            steps += 1
            if steps == point:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """Let every write beyond so many bytes of a file fail, as on a full disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
