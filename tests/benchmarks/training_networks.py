"""Training dense layers: what it finds and tells afterwards, and how long it takes from files."""

import json
import statistics
from collections.abc import Iterator

from app.core.settings import Settings
from tests.benchmarks.living import run_command
from tests.benchmarks.rows import Row, listed
from tests.benchmarks.subject import Subject

SEEDS = (0, 1, 2)
LEAST_ACCURACY = 0.92
LEAST_GAIN = 0.04
MOST_FILES_S = 240.0


def measure_training_networks(subject: Subject) -> Iterator[Row]:
    """Yield the figures of `--layers dense` with three seeds: with VGG16 where its weights are at hand."""
    network = "vgg16" if subject.vgg16 else "efficientnet_lite0"
    settings = Settings.load(data_dir=subject.folder, network=network, vgg16_weights=subject.vgg16)
    accuracies, gains, seconds = [], [], []
    for seed in SEEDS:
        command = ("train", "--layers", "dense", "--source", str(subject.catalogue), "--seed", str(seed), "--json")
        command_s, printed = run_command(settings, *command)
        figures = json.loads(printed)["card"]["about"]["figures"]
        accuracies.append(figures["accuracy"]["value"])
        gains.append(figures["gain"]["value"])
        seconds.append(command_s)
    accuracy, gain = statistics.fmean(accuracies), statistics.fmean(gains)
    yield Row(
        network,
        f"`--layers dense`, accuracy on held-out photos, {len(SEEDS)} seeds",
        listed(accuracies),
        f"at least {LEAST_ACCURACY} on average",
        accuracy >= LEAST_ACCURACY,
    )
    yield Row(
        network,
        "`--layers dense`, gain of the share of the ten nearest in the right category",
        listed(gains),
        f"at least {LEAST_GAIN} on average",
        gain >= LEAST_GAIN,
    )
    yield Row(
        network,
        "`lookalike train --layers dense --source`, whole command, from files; again, with what is known of them",
        f"{seconds[0]:.0f} s; {', '.join(f'{again_s:.0f} s' for again_s in seconds[1:])}",
        f"at most {MOST_FILES_S:.0f} s",
        seconds[0] <= MOST_FILES_S,
    )
