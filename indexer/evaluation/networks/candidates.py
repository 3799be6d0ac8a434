"""What is tried: the networks whose weights are at hand, or those that were named, and mixtures of two."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from app.core.networks.names import BUILT_IN_NAMES, parse_network
from app.core.networks.shares import canonical_name, network_shares, part_names, weighted_name
from app.core.networks.sources import find_weights, networks_in
from app.core.settings import Settings

GRID: Final = (20, 30, 40, 50, 60, 70, 80)
"""Shares of the first network of two that are tried, in hundredths."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A network, or a mixture.

    Attributes:
        parts: Names of the networks.
        shares: How much each counts, adding up to 1.
    """

    parts: tuple[str, ...]
    shares: tuple[float, ...]

    @property
    def name(self) -> str:
        """The name by which it is used: `a*0.6+b*0.4`."""
        return weighted_name(self.parts, [round(100 * share) for share in self.shares])

    @classmethod
    def named(cls, name: str) -> "Candidate":
        """
        Return what a name stands for.

        Raises:
            UnknownNetwork: There is no such network, or a weight is none.
        """
        parse_network(name)
        canonical = canonical_name(name)
        return cls(part_names(canonical), network_shares(canonical))


def networks_at_hand(settings: Settings) -> list[str]:
    """Return the networks whose weights need not be downloaded; of those with one weights file, the first."""
    found = []
    for name in BUILT_IN_NAMES:
        (part,) = parse_network(name)
        if name == part.weights_name and find_weights(part, settings) is not None:
            found.append(name)
    return found + networks_in(settings.resolved_weights_dir)


def singles_of(names: Sequence[str]) -> list[str]:
    """Return each network that the names are made of, once, in their order."""
    return list(dict.fromkeys(part for name in names for part in Candidate.named(name).parts))


def families(singles: Sequence[str], named: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    """Yield what is tried: of each list, the best is shown. Single networks and what was named stand for themselves."""
    alone = [Candidate((name,), (1.0,)) for name in singles]
    pairs = [
        [Candidate(pair, (share / 100, (100 - share) / 100)) for share in GRID] for pair in combinations(singles, 2)
    ]
    tried = {candidate for family in pairs for candidate in family} | set(alone)
    yield from ([candidate] for candidate in alone)
    yield from pairs
    yield from ([candidate] for candidate in dict.fromkeys(named) if candidate not in tried)
