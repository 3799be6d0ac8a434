"""Mixtures of two networks: what `lookalike evaluate --search-networks` finds of them, and how well heads tell."""

import json
import statistics
from collections.abc import Iterator
from typing import Any

from app.core.settings import Settings
from tests.benchmarks.living import run_command
from tests.benchmarks.rows import Row, listed
from tests.benchmarks.subject import Subject

SEEDS = (0, 1, 2)
FIRST, SECOND = "efficientnet_lite0", "vgg16:conv5"
LEAST_ACCURACY = 0.94


def measure_ensembles(subject: Subject) -> Iterator[Row]:
    """Yield the figures of two networks and of their best mixture, three seeds; nothing without VGG16's weights."""
    if subject.vgg16 is None:
        return
    settings = Settings.load(data_dir=subject.folder, network=FIRST, vgg16_weights=subject.vgg16)
    run_command(settings, "index", str(subject.catalogue))
    command = ("evaluate", "--search-networks", "--networks", f"{FIRST},{SECOND}", "--json")
    found = [json.loads(run_command(settings, *command, "--seed", str(seed))[1]) for seed in SEEDS]
    for kind in (FIRST, SECOND, "the best mixture"):
        networks = [_of(document, kind) for document in found]
        told = sorted({network["network"] for network in networks})
        accuracies = [network["category_accuracy"]["value"] for network in networks]
        precisions = [network["figures"]["precision_at_10"]["value"] for network in networks]
        accuracy = statistics.fmean(accuracies)
        is_mixture = kind not in (FIRST, SECOND)
        name = ", ".join(told)
        yield Row(
            name,
            f"accuracy of a head on held-out photos, {len(SEEDS)} seeds",
            listed(accuracies),
            f"at least {LEAST_ACCURACY} on average" if is_mixture else "",
            accuracy >= LEAST_ACCURACY if is_mixture else None,
        )
        yield Row(name, f"precision@10 by category, {len(SEEDS)} draws", listed(precisions))
        yield Row(name, "one picture", f"{networks[0]['ms_a_picture']:.1f} ms")


def _of(document: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return what was found of a network, or of the one mixture that is shown of the two."""
    networks: list[dict[str, Any]] = document["networks"]
    by_name = {network["network"]: network for network in networks}
    return by_name[kind] if kind in by_name else next(each for each in networks if len(each["parts"]) > 1)
