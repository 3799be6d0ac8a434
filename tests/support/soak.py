"""How long tests go on that could go on for ever, and what their random choices begin with; see CONTRIBUTING.md."""

import os
import random

SOAK = os.environ.get("LOOKALIKE_SOAK") == "1"
SEED = int(os.environ.get("LOOKALIKE_TEST_SEED", "20171"))
SOAK_TIMEOUT_S = 7200


def sample(size: int, soak: int) -> int:
    """Return how many of something to try: a few for every change, many for `make soak`."""
    return soak if SOAK else size


def timeout_s(sample_s: int = 180) -> int:
    """Return how long a test may take."""
    return SOAK_TIMEOUT_S if SOAK else sample_s


def seeded() -> random.Random:
    """Return what a test draws its choices from, and print how to draw them again; shown when the test fails."""
    print(f"LOOKALIKE_TEST_SEED={SEED}" + (" LOOKALIKE_SOAK=1" if SOAK else ""))  # noqa: T201  # for whoever replays it
    return random.Random(SEED)
