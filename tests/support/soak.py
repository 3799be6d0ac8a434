"""How long tests go on that could go on for ever, and what their random choices begin with; see CONTRIBUTING.md."""

import os
import random
from collections.abc import Callable
from typing import TypeVar

import pytest

SOAK = os.environ.get("LOOKALIKE_SOAK") == "1"
SEED = int(os.environ.get("LOOKALIKE_TEST_SEED", "20171"))
SOAK_TIMEOUT_S = 7200

Test = TypeVar("Test", bound=Callable[..., None])


def sample(size: int, soak: int) -> int:
    """Return how many of something to try: a few for every change, many for `make soak`."""
    return soak if SOAK else size


def soaks(test: Test) -> Test:
    """Mark a test as one that `make soak` runs, for as long as it takes."""
    marked: Test = pytest.mark.soak(pytest.mark.timeout(SOAK_TIMEOUT_S if SOAK else 300)(test))
    return marked


def seeded() -> random.Random:
    """Return what a test draws its choices from, and print how to draw them again; shown when the test fails."""
    print(f"LOOKALIKE_TEST_SEED={SEED}" + (" LOOKALIKE_SOAK=1" if SOAK else ""))  # noqa: T201  # for whoever replays it
    return random.Random(SEED)
