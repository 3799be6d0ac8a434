"""The lowest point of a convex function."""

import numpy as np
import pytest

from app.core.arrays import Float64Array
from indexer.training.minimise import minimise


@pytest.mark.parametrize("condition", [1.0, 100.0, 10_000.0])
def test_a_quadratic_is_solved(condition: float) -> None:
    """As the linear equations say, however long its valley."""
    generator = np.random.default_rng(0)
    basis, _ = np.linalg.qr(generator.standard_normal((30, 30)))
    matrix = basis @ np.diag(np.geomspace(1, condition, 30)) @ basis.T
    wanted = generator.standard_normal(30)

    def objective(point: Float64Array) -> tuple[float, Float64Array]:
        away = point - wanted
        return 1 + 0.5 * float(away @ matrix @ away), matrix @ away

    found = minimise(objective, np.zeros(30), tolerance=1e-14, max_steps=1_000)

    assert found == pytest.approx(wanted, abs=1e-3)


def test_the_lowest_point_is_not_left() -> None:
    """Where nothing can be gained, nothing is done."""
    calls = []

    def objective(point: Float64Array) -> tuple[float, Float64Array]:
        calls.append(point)
        return float(point @ point), 2 * point

    assert minimise(objective, np.zeros(3)).tolist() == [0, 0, 0]
    assert len(calls) == 1


def test_steps_are_limited() -> None:
    """A function that goes down for ever ends all the same."""
    assert np.isfinite(minimise(lambda point: (-float(point.sum()), -np.ones(2)), np.zeros(2), max_steps=5)).all()
