"""A command on a terminal: what somebody who types it sees, rather than what a pipe gets."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.sources import REPOSITORY

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Seen:
    """How a command ended, and everything that it drew, without colours and movements."""

    code: int
    text: str


def on_terminal(*arguments: object, environment: Mapping[str, str], columns: int = 80) -> Seen:
    """Run `lookalike` on a terminal of this width until it ends."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "lookalike", *map(str, arguments)],
        cwd=REPOSITORY,
        env={**inherited, "TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    drawn = bytearray()
    try:
        while part := os.read(ours, 65536):
            drawn += part
    except OSError:  # EIO: nobody holds the other end any more
        pass
    finally:
        os.close(ours)
    return Seen(process.wait(60), _CONTROL.sub("", drawn.decode()))
