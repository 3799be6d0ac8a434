"""How many threads the network and FAISS get."""

from collections.abc import Iterator

import faiss
import pytest
import torch
from threadpoolctl import threadpool_info

from app.core.cores import available_cores
from app.core.runtimes.threads import matrices_on_one_thread, use_threads


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Other tests keep the numbers that they had."""
    before = torch.get_num_threads(), faiss.omp_get_max_threads()
    yield
    torch.set_num_threads(before[0])
    faiss.omp_set_num_threads(before[1])


def test_torch_and_faiss_get_the_same_number() -> None:
    """The number that was asked for, which is returned for OpenVINO."""
    assert use_threads(3) == torch.get_num_threads() == faiss.omp_get_max_threads() == 3


def test_zero_means_one_a_core() -> None:
    """The cores that this process may use."""
    assert use_threads(0) == torch.get_num_threads() == available_cores()


def test_matrices_are_multiplied_on_one_thread_until_the_block_ends() -> None:
    """And then on as many as before, in each of the libraries that multiply."""
    before = _blas_threads()
    with matrices_on_one_thread():
        assert set(_blas_threads().values()) == {1}
    assert _blas_threads() == before


def _blas_threads() -> dict[str, int]:
    return {
        library["filepath"]: library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    }
