"""A script of the shell, run as somebody would type it."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path


def run_script(script: str, folder: Path, environment: Mapping[str, str], *, longest_s: float) -> str:
    """Run a script in a folder, to its end and that of what it left running, and return all that it printed."""
    output = folder / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
        try:
            code = process.wait(longest_s)
        finally:
            with contextlib.suppress(ProcessLookupError):  # it left nothing running
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert code == 0, output.read_text()
    return output.read_text()
