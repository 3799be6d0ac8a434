"""How many threads the network and FAISS get."""

import os
from collections.abc import Iterator
from pathlib import Path

import faiss
import pytest
import torch

from app.core.runtimes import threads
from app.core.runtimes.threads import available_cores, use_threads


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


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("200000 100000", 2), ("150000 100000", 1), ("50000 100000", 1), ("6400000 100000", 4), ("max 100000", 4)],
    ids=["two", "one-and-a-half", "half", "more-than-there-are", "none"],
)
def test_the_quota_of_a_container_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, expected: int
) -> None:
    """A container with two of 64 cores would otherwise run 64 threads on them."""
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(threads, "_CGROUP_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert available_cores() == expected


def test_without_a_quota_the_affinity_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside containers there is no such file."""
    monkeypatch.setattr(threads, "_CGROUP_QUOTA", tmp_path / "nowhere")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5})
    assert available_cores() == 2
