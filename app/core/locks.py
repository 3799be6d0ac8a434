"""Locks between processes, each a file; the kernel frees those of a process that ends, however it ends."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final

from app.core.errors import DataDirBusy

PATIENCE_S: Final = 30.0
"""Nobody who is at work keeps one of these locks for so long, even on a slow disk."""

_POLL_S: Final = 0.005  # waiting in the kernel instead would have no end


@contextmanager
def locked(path: Path, operation: int) -> Iterator[None]:
    """
    Hold the lock of a file (`fcntl.LOCK_EX`, or `LOCK_SH` to share it) for the block; the file is made if needed.

    Raises:
        DataDirBusy: Others have kept it all the time.
        OSError: The file cannot be opened.
    """
    with FileIO(path, "a") as file:
        _take(file, operation)
        yield


def _take(file: FileIO, operation: int) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(file, operation | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > give_up_s:
                raise DataDirBusy(
                    f"Another process has kept the data folder locked for {PATIENCE_S:.0f} s. "
                    "Should it be suspended or hang, end it: its lock goes with it."
                ) from error
            time.sleep(_POLL_S)
        else:
            return
