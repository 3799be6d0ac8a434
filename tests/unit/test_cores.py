"""How many cores this process may use."""

import os
from pathlib import Path

import pytest

from app.core import cores
from app.core.cores import available_cores


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
    monkeypatch.setattr(cores, "_CGROUP_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert available_cores() == expected


def test_without_a_quota_the_affinity_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside containers there is no such file."""
    monkeypatch.setattr(cores, "_CGROUP_QUOTA", tmp_path / "nowhere")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5})
    assert available_cores() == 2
