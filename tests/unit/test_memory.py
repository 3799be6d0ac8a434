"""Memory that was freed goes back to the system."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
from pathlib import Path
import numpy as np
from app.core.memory import give_back_memory

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

np.ones(3_000_000)  # freed at once: from now on blocks of up to 24 MB stay with the process
kept = [(np.ones(100_000), np.ones(100)) for _ in range(100)]
kept = [small for _, small in kept]
before_mb = resident_mb()
give_back_memory()
print(before_mb - resident_mb(), sum(len(small) for small in kept))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are not asked for it")
def test_freed_blocks_between_used_ones_go_back() -> None:
    """Of 80 MB in blocks of 0.8 MB, between which something stays in use, most."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    given_back_mb, kept = map(float, done.stdout.split())
    assert (given_back_mb > 40, kept) == (True, 10_000)
