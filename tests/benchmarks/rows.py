"""One measured figure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, beside what is wanted; `met` is None where nothing is wanted."""

    network: str
    what: str
    measured: str
    wanted: str = ""
    met: bool | None = None

    def line(self) -> str:
        """Return the row as one line."""
        return f"{self.network}: {self.what}: {self.measured}" + (f" (wanted: {self.wanted})" if self.wanted else "")


def listed(values: Sequence[float]) -> str:
    """Return the mean of some values, and each of them."""
    return f"{statistics.fmean(values):.4f} ({', '.join(f'{value:.4f}' for value in values)})"
