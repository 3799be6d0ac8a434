"""One measured figure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """
    What was measured, beside what is wanted.

    Attributes:
        network: What was measured: a network, an index, a peer.
        what: Which figure.
        measured: The figure as people read it.
        wanted: What it should be, if anything.
        met: Whether it is; None where nothing is wanted.
        value: The figure by itself, where it is compared with those of others in a plot.
        unit: Of the value.
    """

    network: str
    what: str
    measured: str
    wanted: str = ""
    met: bool | None = None
    value: float | None = None
    unit: str = ""

    def line(self) -> str:
        """Return the row as one line."""
        return f"{self.network}: {self.what}: {self.measured}" + (f" (wanted: {self.wanted})" if self.wanted else "")


def listed(values: Sequence[float]) -> str:
    """Return the mean of some values, and each of them."""
    return f"{statistics.fmean(values):.4f} ({', '.join(f'{value:.4f}' for value in values)})"
