"""
The plots of docs/benchmarks.md, drawn from the CSV files that benchmarks leave in `results`.

    python -m tests.benchmarks.plots

A part has a plot where several networks, indexes or peers have a value of the same figure.
"""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks.bench import RESULTS

PLOTS: Final = Path(__file__).parents[2] / "docs" / "benchmarks"
_COLOUR: Final = "#3b6ea5"
_BAR_IN: Final = 0.32
_WIDTH_IN: Final = 8.0

Bars = Sequence[tuple[str, float]]


def main() -> None:
    """Draw what can be compared in each file of results."""
    for path in sorted(RESULTS.glob("*.csv")):
        environment, part = path.stem.rsplit(".", 1)
        if compared := comparisons(path):
            PLOTS.mkdir(exist_ok=True)
            draw(compared, PLOTS / f"{part}.svg", environment)


def comparisons(path: Path) -> dict[str, Bars]:
    """Return the figures of a file that several have a value of, with their unit, and who has which."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["value"]]
    found: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    for row in rows:
        found[f"{row['what']} ({row['unit']})"].append((row["network"], float(row["value"])))
    return {what: bars for what, bars in found.items() if len(bars) > 1}


def draw(compared: Mapping[str, Bars], target: Path, environment: str) -> None:
    """Write an SVG with a bar chart below another for each figure."""
    import matplotlib as mpl  # noqa: PLC0415  # takes a second, and the tests of `comparisons` need none of it

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "lookalike"  # the same file from the same values
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the backend is chosen

    heights = [len(bars) * _BAR_IN + 0.8 for bars in compared.values()]
    figure, axes = plt.subplots(
        len(compared), 1, figsize=(_WIDTH_IN, sum(heights)), height_ratios=heights, squeeze=False, layout="constrained"
    )
    for (what, bars), axis in zip(compared.items(), axes[:, 0], strict=True):
        names, values = zip(*reversed(bars), strict=True)
        drawn = axis.barh(names, values, color=_COLOUR)
        axis.bar_label(drawn, fmt="%.3g", padding=3)
        axis.set_title(what, loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.12)
    figure.supxlabel(environment, fontsize=8, color="#555555")
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
