"""One place that says how many CPU threads the network, FAISS and numpy use."""

from contextlib import AbstractContextManager

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


def matrices_on_one_thread() -> AbstractContextManager[object]:
    """
    Let numpy multiply matrices on the thread that asks for it, until the block ends; of the whole process.

    Where a network runs in between: the threads of OpenBLAS, which numpy uses, go on spinning for some 100 ms in case
    more is to be multiplied, and hold up the network's. One search after the other with VGG16 in int8 on two cores then
    took 92 ms each instead of 52, for products of matrices that take less than one.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  # its import sets a variable of the environment

    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits
