"""What benchmarks leave behind, and what plots make of it."""

from pathlib import Path

from tests.benchmarks.bench import save, slug
from tests.benchmarks.plots import comparisons, draw
from tests.benchmarks.rows import Row

ROWS = [
    Row("ours", "from files to an index", "13.9 images/s", value=13.9, unit="images/s"),
    Row("the other", "from files to an index", "3.1 images/s", value=3.1, unit="images/s"),
    Row("ours", "of which there is only one", "7 ms", value=7.0, unit="ms"),
    Row("ours", "that is only told", "well"),
]


def test_figures_that_several_have_are_compared(tmp_path: Path) -> None:
    """Those of one alone, and those without a value by itself, are not."""
    save(ROWS, tmp_path / "machine.part.csv")
    compared = comparisons(tmp_path / "machine.part.csv")
    assert compared == {"from files to an index (images/s)": [("ours", 13.9), ("the other", 3.1)]}


def test_a_plot_names_who_was_compared_and_is_the_same_each_time(tmp_path: Path) -> None:
    """So that a plot changes only where a figure did."""
    compared = {"from files to an index (images/s)": [("ours", 13.9), ("the other", 3.1)]}
    for name in ("first.svg", "second.svg"):
        draw(compared, tmp_path / name, "machine")
    drawn = (tmp_path / "first.svg").read_text()
    assert "<svg" in drawn
    assert drawn == (tmp_path / "second.svg").read_text()


def test_results_are_named_after_the_machine_without_versions() -> None:
    """The next version's results replace them, and git shows the difference."""
    assert slug("AMD EPYC, 2 cores (avx512_bf16), torch 2.13.0, numpy 2.4.6") == "amd-epyc-2-cores-avx512-bf16"
