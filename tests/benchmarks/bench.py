"""
`make bench`: how good and how fast, as ratios measured in one run.

Every speed stands beside a control from the same process: the bare network, with nothing around it.
Without real photos it runs on the drawn sample catalogue, where the relevance figures mean little; it says so.

    python -m tests.benchmarks.bench [--catalogue FOLDER] [--vgg16 FILE] [--network NAME ...] [--output FILE.csv]
"""

import argparse
import csv
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.core.settings import Settings
from indexer.sample_catalogue import draw_sample_catalogue
from tests.benchmarks.embedding import measure_parity
from tests.benchmarks.indexing import measure_indexing
from tests.benchmarks.rows import Row
from tests.benchmarks.searching import measure_relevance, measure_searching

HELD_OUT_EVERY = 10


def main() -> None:
    """Measure, print and save."""
    arguments = _arguments()
    console = Console()
    with tempfile.TemporaryDirectory() as name, _catalogue(arguments.catalogue, Path(name)) as catalogue:
        console.print(f"Environment: {environment()}")
        console.print(f"Photos: {'drawn sample, relevance means little' if arguments.catalogue is None else 'real'}")
        indexed, held_out = split(catalogue, Path(name) / "split")
        rows: list[Row] = []
        for network in arguments.network or _networks(arguments.vgg16):
            settings = Settings.load(
                data_dir=Path(name) / network.replace(":", "-"), network=network, vgg16_weights=arguments.vgg16
            )
            for found in _measured(settings, network, indexed, held_out):
                rows.append(found)
                console.print(found.line())
    console.print(table(rows))
    if arguments.output:
        save(rows, arguments.output)


def _measured(settings: Settings, network: str, indexed: Path, held_out: Path) -> Iterator[Row]:
    yield from measure_parity(settings, network, held_out)
    yield from measure_indexing(settings, network, indexed)
    yield from measure_relevance(settings, network, held_out)
    yield from measure_searching(settings, network, held_out)


def split(catalogue: Path, target: Path) -> tuple[Path, Path]:
    """Copy the catalogue into `target`, every tenth file of a category held out; return (indexed, held out)."""
    for category in sorted(path for path in catalogue.iterdir() if path.is_dir()):
        for number, file in enumerate(sorted(category.iterdir())):
            part = "held-out" if number % HELD_OUT_EVERY == 0 else "indexed"
            folder = target / part / category.name
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / file.name)
    return target / "indexed", target / "held-out"


def environment() -> str:
    """Return the machine and the versions that decide these figures."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")), platform.machine()
    )
    flags = next((line for line in _cpu_lines() if line.startswith("flags")), "")
    extensions = [flag for flag in ("avx512_bf16", "amx_bf16", "amx_int8") if flag in flags]
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "openvino", "faiss-cpu", "pillow", "numpy"))
    return f"{cpu}, {os.cpu_count()} cores ({', '.join(extensions) or 'no bf16 units'}), {packages}"


def table(rows: list[Row]) -> Table:
    """Return all rows as one table."""
    shown = Table("Network", "What", "Measured", "Wanted", "", title="Lookalike benchmarks")
    for row in rows:
        met = {None: "", True: "✓", False: "✗"}[row.met]
        shown.add_row(row.network, row.what, row.measured, row.wanted, met)
    return shown


def save(rows: list[Row], path: Path) -> None:
    """Write the rows as CSV, with the environment in every one."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("environment", "network", "what", "measured", "wanted", "met"))
        writer.writerows((environment(), row.network, row.what, row.measured, row.wanted, row.met) for row in rows)


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _networks(vgg16: Path | None) -> list[str]:
    return ["efficientnet_lite0"] + (["vgg16"] if vgg16 else [])


@contextmanager
def _catalogue(folder: Path | None, temporary: Path) -> Iterator[Path]:
    if folder is None:
        folder = temporary / "sample"
        draw_sample_catalogue(folder)
    yield folder


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure relevance and speed, as ratios in one run.")
    parser.add_argument("--catalogue", type=Path, help="folder of photos, a sub-folder a category")
    parser.add_argument("--vgg16", type=Path, help="file with VGG16 weights")
    parser.add_argument("--network", action="append", help="network to measure; may be repeated")
    parser.add_argument("--output", type=Path, help="CSV file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
