"""
`make bench` and `make bench-full`: how good and how fast, as ratios measured in one run.

Every speed stands beside a control from the same run: the bare network with nothing around it, or a peer.
Without real photos it runs on the drawn sample catalogue, where the relevance figures mean little; it says so.

    python -m tests.benchmarks.bench [--catalogue FOLDER] [--vgg16 FILE] [--network NAME ...]   # minutes
    python -m tests.benchmarks.bench --full …           # every part, an hour or two
    python -m tests.benchmarks.bench --only living      # or one of its parts; --skip living for all but these

What was measured on real photos, or needs none, is kept in `results`: a file for each part and environment, from which
`python -m tests.benchmarks.plots` draws the plots of docs/benchmarks.md.
"""

import argparse
import csv
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from app.core.settings import Settings
from indexer.sample_catalogue import draw_sample_catalogue
from tests.benchmarks.doctor import measure_doctor
from tests.benchmarks.embedding import measure_parity
from tests.benchmarks.ensembles import measure_ensembles
from tests.benchmarks.evaluation import measure_evaluation
from tests.benchmarks.explaining import measure_explaining
from tests.benchmarks.indexing import measure_indexing
from tests.benchmarks.int8 import measure_int8
from tests.benchmarks.living import Living
from tests.benchmarks.living_changes import measure_changes
from tests.benchmarks.living_commands import measure_commands
from tests.benchmarks.living_filters import measure_filters
from tests.benchmarks.living_load import measure_load
from tests.benchmarks.living_start import measure_start
from tests.benchmarks.living_switching import measure_switching
from tests.benchmarks.memory import measure_memory
from tests.benchmarks.peers import measure_peers
from tests.benchmarks.phone import measure_phone
from tests.benchmarks.rows import Row
from tests.benchmarks.saturation import measure_saturation
from tests.benchmarks.scale import measure_scale
from tests.benchmarks.searching import measure_relevance, measure_searching
from tests.benchmarks.subject import Subject, split
from tests.benchmarks.things import measure_things
from tests.benchmarks.training import measure_training
from tests.benchmarks.training_networks import measure_training_networks
from tests.benchmarks.verdicts import measure_verdicts

NETWORKS: Final = "networks"
LIVING: Final[Mapping[str, Callable[[Living], Iterator[Row]]]] = {
    "commands": measure_commands,
    "load": measure_load,
    "filters": measure_filters,
    "changes": measure_changes,
    "switching": measure_switching,
    "start": measure_start,
}
"""The parts about a catalogue that changes; NETWORKS is the part about each network with one that does not."""
QUALITY: Final[Mapping[str, Callable[[Subject], Iterator[Row]]]] = {
    "training": measure_training,
    "training-networks": measure_training_networks,
    "ensembles": measure_ensembles,
    "verdicts": measure_verdicts,
    "evaluation": measure_evaluation,
    "doctor": measure_doctor,
    "explain": measure_explaining,
    "things": measure_things,
}
"""The parts about how good answers are, and what is learned from a catalogue."""
SPEED: Final[Mapping[str, Callable[[Subject], Iterator[Row]]]] = {
    "int8": measure_int8,
    "saturation": measure_saturation,
    "memory": measure_memory,
    "peers": measure_peers,
    "phone": measure_phone,
}
"""The parts about what the machine can do at most, and how long a shopper waits."""
SCALE: Final = "scale"
"""The part about a million vectors, which needs no network and no photos."""
QUICK: Final = (NETWORKS, "saturation", "filters")
"""The parts of `make bench`; `make bench-full` measures all."""
RESULTS: Final = Path(__file__).parent / "results"
PARTS: Final = (NETWORKS, "living", *LIVING, "quality", *QUALITY, "speed", *SPEED, SCALE)
WITH_PHOTOS: Final = frozenset({NETWORKS, "commands", "load", *QUALITY, *SPEED}) - {"memory"}


def main() -> None:
    """Measure, print and save."""
    arguments = _arguments()
    console = Console()
    parts = chosen_parts(arguments.only or (None if arguments.full else list(QUICK)), arguments.skip)
    measured: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory() as name:
        catalogue = arguments.catalogue or Path(name) / "sample"
        console.print(f"Environment: {environment()}")
        console.print(f"Photos: {'real' if arguments.catalogue else 'drawn sample, relevance means little'}")
        if arguments.catalogue is None and parts & WITH_PHOTOS:
            draw_sample_catalogue(catalogue)
        try:
            for part, found in _measured(arguments, parts, catalogue, Path(name)):
                measured.setdefault(part, []).append(found)
                console.print(found.line())
        finally:  # what was measured before something failed took minutes
            console.print(table([row for rows in measured.values() for row in rows]))
            for part, rows in measured.items():
                if arguments.catalogue or part not in WITH_PHOTOS:
                    save(rows, arguments.results / f"{slug(environment())}.{part}.csv")


def _measured(
    arguments: argparse.Namespace, parts: set[str], catalogue: Path, folder: Path
) -> Iterator[tuple[str, Row]]:
    if NETWORKS in parts:
        indexed, held_out = split(catalogue, folder / "split")
        for network in arguments.network or _networks(arguments.vgg16):
            data_dir = folder / network.replace(":", "-")
            settings = Settings.load(data_dir=data_dir, network=network, vgg16_weights=arguments.vgg16)
            yield from _of(NETWORKS, measure_parity(settings, network, held_out))
            yield from _of(NETWORKS, measure_indexing(settings, network, indexed))
            yield from _of(NETWORKS, measure_relevance(settings, network, held_out))
            yield from _of(NETWORKS, measure_searching(settings, network, held_out))
    living = Living(
        network=(arguments.network or _networks(arguments.vgg16))[-1],
        vgg16=arguments.vgg16,
        catalogue=catalogue,
        folder=folder / "living",
        products=arguments.products,
        changes=arguments.changes,
        requests=arguments.requests,
        load_s=arguments.load_s,
    )
    for part, measure in LIVING.items():
        if part in parts:
            yield from _of(part, measure(living))
            shutil.rmtree(living.folder / part)  # a large index takes a gigabyte
    for part, judge in {**QUALITY, **SPEED}.items():
        if part in parts:
            networks = arguments.network or _networks(arguments.vgg16)
            subject = Subject(catalogue, folder / part, arguments.vgg16, networks, arguments.others)
            yield from _of(part, judge(subject))
    if SCALE in parts:
        yield from _of(SCALE, measure_scale(folder / SCALE, arguments.rows, arguments.vectors))


def _of(part: str, rows: Iterable[Row]) -> Iterator[tuple[str, Row]]:
    return ((part, row) for row in rows)


def chosen_parts(only: list[str] | None, skip: list[str] | None) -> set[str]:
    """Return the parts to measure; `living`, `quality` and `speed` stand for their own parts."""
    groups: Mapping[str, Iterable[str]] = {"living": LIVING, "quality": QUALITY, "speed": (*SPEED, SCALE)}

    def meant(names: list[str]) -> set[str]:
        return {part for name in names for part in groups.get(name, [name])}

    return meant(only or [NETWORKS, *groups]) - meant(skip or [])


def environment() -> str:
    """Return the machine and the versions that decide these figures."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")), platform.machine()
    )
    flags = next((line for line in _cpu_lines() if line.startswith("flags")), "")
    extensions = [flag for flag in ("avx512_bf16", "amx_bf16", "amx_int8") if flag in flags]
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "openvino", "faiss-cpu", "pillow", "numpy"))
    return f"{cpu}, {os.cpu_count()} cores ({', '.join(extensions) or 'no bf16 units'}), {packages}"


def slug(environment: str) -> str:
    """Return the machine of an environment as part of a file's name; the versions are in the file."""
    machine, _, _ = environment.partition("), ")
    return re.sub(r"[^a-z0-9]+", "-", machine.lower()).strip("-")


def table(rows: list[Row]) -> Table:
    """Return all rows as one table."""
    shown = Table("Network", "What", "Measured", "Wanted", "", title="Lookalike benchmarks")
    for row in rows:
        met = {None: "", True: "✓", False: "✗"}[row.met]
        shown.add_row(row.network, row.what, row.measured, row.wanted, met)
    return shown


def save(rows: list[Row], path: Path) -> None:
    """Write the rows as CSV, with the environment in every one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("environment", "measured_at", *(field.name for field in fields(Row))))
        measured_at = datetime.now(UTC).date().isoformat()
        writer.writerows((environment(), measured_at, *astuple(row)) for row in rows)


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _networks(vgg16: Path | None) -> list[str]:
    return ["efficientnet_lite0"] + (["vgg16"] if vgg16 else [])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure relevance and speed, as ratios in one run.")
    parser.add_argument("--catalogue", type=Path, help="folder of photos, a sub-folder a category")
    parser.add_argument("--others", type=Path, help="folder of photos of what the catalogue does not have")
    parser.add_argument("--vgg16", type=Path, help="file with VGG16 weights")
    parser.add_argument("--network", action="append", help="network to measure; may be repeated")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for CSV files (%(default)s)")
    parser.add_argument("--full", action="store_true", help="measure every part, which takes an hour or two")
    parser.add_argument("--only", action="append", choices=PARTS, help="part to measure; may be repeated")
    parser.add_argument("--skip", action="append", choices=PARTS, help="part to leave out; may be repeated")
    living = parser.add_argument_group("a living catalogue")
    living.add_argument("--products", type=int, default=100_000, help="in the large index (%(default)s)")
    living.add_argument("--changes", type=int, default=50, help="single products put and removed (%(default)s)")
    living.add_argument(
        "--requests", type=int, default=2_000, help="across a publish and a rollback (%(default)s; in full: 10000)"
    )
    living.add_argument("--load-s", type=float, default=60.0, help="seconds of searches during a reindex (%(default)s)")
    scale = parser.add_argument_group("a large index")
    scale.add_argument("--rows", type=int, default=1_000_000, help="drawn vectors; 9 KB each on the disk (%(default)s)")
    scale.add_argument("--vectors", type=Path, help="vectors.npy of a snapshot, whose spectrum they are to have")
    return parser.parse_args()


if __name__ == "__main__":
    main()
