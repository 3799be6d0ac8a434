"""Limited-memory BFGS: the lowest point of a smooth convex function of many values."""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from app.core.arrays import Float64Array

Objective = Callable[[Float64Array], tuple[float, Float64Array]]
"""From a point, shape (p,), to the value there and its gradient, shape (p,)."""


class _Step(NamedTuple):
    """A step, by how much it changed the gradient, and their product, which is asked for again and again."""

    step: Float64Array
    change: Float64Array
    curvature: float


_MEMORY: Final = 10
_SUFFICIENT: Final = 1e-4
_MAX_HALVINGS: Final = 20


def minimise(
    objective: Objective, start: Float64Array, *, tolerance: float = 1e-5, max_steps: int = 200
) -> Float64Array:
    """
    Return a point near the lowest.

    Ends when a step lowers the value by less than `tolerance` of it, or after `max_steps` steps.

    Source: Nocedal and Wright 2006, Numerical Optimization, algorithm 7.5, with a backtracking line search.
    """
    point = start
    value, gradient = objective(point)
    history: deque[_Step] = deque(maxlen=_MEMORY)
    for _ in range(max_steps):
        direction = -_times_inverse_hessian(gradient, history)
        slope = float(direction @ gradient)
        if slope >= 0:  # rounding, at the lowest point
            break
        length = 1.0 if history else min(1.0, 1.0 / float(np.linalg.norm(gradient)))
        for _ in range(_MAX_HALVINGS):
            new_value, new_gradient = objective(point + length * direction)
            if new_value <= value + _SUFFICIENT * length * slope:
                break
            length /= 2
        else:
            break
        step, change = length * direction, new_gradient - gradient
        if (curvature := float(step @ change)) > 0:
            history.append(_Step(step, change, curvature))
        gained = value - new_value
        point, value, gradient = point + step, new_value, new_gradient
        if gained <= tolerance * abs(value):
            break
    return point


def _times_inverse_hessian(gradient: Float64Array, history: deque[_Step]) -> Float64Array:
    """Return the gradient times the inverse of the curvature that the last steps showed."""
    result = gradient.copy()
    factors = []
    for step, change, curvature in reversed(history):
        factor = float(step @ result) / curvature
        result -= factor * change
        factors.append(factor)
    if history:
        _, change, curvature = history[-1]
        result *= curvature / float(change @ change)
    for (step, change, curvature), factor in zip(history, reversed(factors), strict=True):
        result += (factor - float(change @ result) / curvature) * step
    return result
