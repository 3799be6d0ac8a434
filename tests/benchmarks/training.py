"""Learning the shop's categories: how good, how sure, and how long whole commands take, start included."""

import json
import statistics
from collections.abc import Iterator
from typing import Any

from app.core.settings import Settings
from tests.benchmarks.living import run_command
from tests.benchmarks.rows import Row, listed
from tests.benchmarks.subject import Subject

SEEDS = (0, 1, 2)
NETWORK = "efficientnet_lite0"
LEAST_ACCURACY = 0.93
MOST_CALIBRATION_ERROR = 0.05
MOST_INDEXED_S = 5.0
MOST_FILES_S = 60.0


def measure_training(subject: Subject) -> Iterator[Row]:
    """Yield the figures of heads with three seeds, a tenth of each category held out, and the seconds of training."""
    settings, catalogue = Settings.load(data_dir=subject.folder, network=NETWORK), subject.catalogue
    files_s, printed = run_command(settings, "train", "--source", str(catalogue), "--json")
    pictures = json.loads(printed)["card"]["trained_on"]["pictures"]
    yield _at_most(f"`lookalike train --source`, {pictures:,} photos from files, whole command", files_s, MOST_FILES_S)
    run_command(settings, "index", str(catalogue))
    trained = [run_command(settings, "train", "--json", "--seed", str(seed)) for seed in SEEDS]
    cards = [json.loads(printed)["card"] for _, printed in trained]
    what = f"`lookalike train` on the index, whole command (median of {len(SEEDS)})"
    yield _at_most(what, statistics.median(seconds for seconds, _ in trained), MOST_INDEXED_S)
    held_out = cards[0]["held_out"]["pictures"]
    for name, said in (
        ("head_alone", "the head alone"),
        ("combined", "`categories`, head and neighbours"),
        ("neighbours_alone", "the neighbours alone"),
    ):
        least = LEAST_ACCURACY if name == "head_alone" else None
        yield _accuracy(f"accuracy of {said}, {held_out} held-out photos", _figures(cards, name, "accuracy"), least)
    errors = _figures(cards, "combined", "expected_calibration_error")
    yield Row(
        NETWORK,
        f"expected calibration error of `categories`, {len(SEEDS)} seeds",
        listed(errors),
        f"at most {MOST_CALIBRATION_ERROR} on average",
        statistics.fmean(errors) <= MOST_CALIBRATION_ERROR,
    )


def _figures(cards: list[dict[str, Any]], of: str, name: str) -> list[float]:
    values = [card["figures"][of][name] for card in cards]
    return [value["value"] if isinstance(value, dict) else value for value in values]


def _accuracy(what: str, values: list[float], least: float | None) -> Row:
    wanted, met = (f"at least {least} on average", statistics.fmean(values) >= least) if least else ("", None)
    return Row(NETWORK, f"{what}, {len(SEEDS)} seeds", listed(values), wanted, met)


def _at_most(what: str, seconds: float, most: float) -> Row:
    return Row(NETWORK, what, f"{seconds:.1f} s", f"at most {most:.0f} s", seconds <= most)
