"""
How much each part of `a+b` counts: `a*0.7+b*0.3`. No torch here.

The cosine of two embeddings of `a*0.7+b*0.3` is 0.7 times that of `a` and 0.3 times that of `b`. Shares are hundredths
that add up to 1, so `a*7+b*3` is the same network; without weights all parts count alike.
"""

import re
from collections.abc import Sequence
from typing import Final

from app.core.errors import UnknownNetwork

MOST_WEIGHT: Final = 1_000_000
_WEIGHT: Final = re.compile(r"[0-9]{1,7}(\.[0-9]{1,9})?|\.[0-9]{1,9}")
_HUNDRED: Final = 100


def part_names(name: str) -> tuple[str, ...]:
    """Return the names of the parts of a network's name, without their weights."""
    return tuple(part.partition("*")[0] for part in name.split("+"))


def network_shares(name: str) -> tuple[float, ...]:
    """
    Return the share of each part of a network's name in the score; they add up to 1.

    Raises:
        UnknownNetwork: A weight is not a number above 0, is missing, or is too small beside the others.
    """
    hundredths = _hundredths(name)
    if hundredths is None:
        count = name.count("+") + 1
        return (1 / count,) * count
    return tuple(each / _HUNDRED for each in hundredths)


def canonical_name(name: str) -> str:
    """
    Return the one way to write a network's name, which fingerprints have: `a*7+b*3` is `a*0.7+b*0.3`.

    Equal weights are left out. The parts keep their order, in which their embeddings stand.

    Raises:
        UnknownNetwork: As `network_shares` says.
    """
    hundredths = _hundredths(name)
    return weighted_name(part_names(name), hundredths or (1,) * len(part_names(name)))


def weighted_name(names: Sequence[str], hundredths: Sequence[int]) -> str:
    """Return the canonical name of networks with shares in hundredths, which add up to 100 or are all alike."""
    if len(set(hundredths)) == 1:
        return "+".join(names)
    return "+".join(f"{name}*{share / _HUNDRED:g}" for name, share in zip(names, hundredths, strict=True))


def _hundredths(name: str) -> tuple[int, ...] | None:
    """Return the shares in hundredths, or None where all parts count alike."""
    parts = [part.partition("*") for part in name.split("+")]
    if not any(star for _, star, _ in parts):
        return None
    weights = [_weight(name, part, star, weight) for part, star, weight in parts]
    if len(set(weights)) == 1:
        return None
    exact = [_HUNDRED * weight / sum(weights) for weight in weights]
    shares = [int(each) for each in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: round(shares[i] - exact[i], 6))
    for i in by_remainder[: _HUNDRED - sum(shares)]:
        shares[i] += 1
    for (part, _, weight), share in zip(parts, shares, strict=True):
        if share == 0:
            raise UnknownNetwork(
                f"In the network {name!r}, {part}*{weight} counts for less than a hundredth; leave {part} out, or give "
                "it more weight (LOOKALIKE_NETWORK)."
            )
    return tuple(shares)


def _weight(name: str, part: str, star: str, text: str) -> float:
    if not star:
        raise UnknownNetwork(
            f"In the network {name!r}, {part} has no weight and another part has; give each one, such as "
            "a*0.7+b*0.3, or none (LOOKALIKE_NETWORK)."
        )
    weight = float(text) if _WEIGHT.fullmatch(text) else 0.0
    if not 0 < weight <= MOST_WEIGHT:
        raise UnknownNetwork(
            f"In the network {name!r}, {text!r} is not a weight: a number above 0 and at most {MOST_WEIGHT:,}, such "
            "as 0.7, is (LOOKALIKE_NETWORK)."
        )
    return weight
