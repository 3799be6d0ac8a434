"""One place that says how many CPU threads the network and FAISS use."""

import faiss
import torch

from app.core.cores import available_cores


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
