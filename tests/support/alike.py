"""Answers that are the same but for rounding: the network's last digits depend on what shares a batch with a photo."""

from typing import Any, Final

DIFFERENCE: Final = 0.003
"""Maps are rounded to three digits."""


def is_alike(one: Any, other: Any) -> bool:  # noqa: ANN401  # JSON values
    """Whether two JSON values are the same, numbers with a point but for rounding."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= DIFFERENCE
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(is_alike(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_alike, one, other))
    return bool(one == other)
