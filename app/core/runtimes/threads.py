"""One place that says how many CPU threads the network and FAISS use."""

import os
from pathlib import Path
from typing import Final

import faiss
import torch

_CGROUP_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def available_cores() -> int:
    """Return the cores that this process may use: its affinity, and its container's quota where that is less."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = _CGROUP_QUOTA.read_text(encoding="ascii").split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):  # no cgroup v2, or the quota is "max"
        return cores


def use_threads(threads: int) -> int:
    """
    Give torch and FAISS the same number of threads, and return it for OpenVINO, which takes it when it compiles.

    Each of the three has a pool of its own, as large as the machine unless told otherwise. One search uses them one
    after the other, so each gets all the threads that were asked for. To be called once a process, before the first
    network is opened.

    Args:
        threads: 0 for one a core.
    """
    count = threads or available_cores()
    torch.set_num_threads(count)
    faiss.omp_set_num_threads(count)
    return count
