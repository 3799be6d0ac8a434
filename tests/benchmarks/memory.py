"""How much memory indexing takes, of few and of many small pictures: it should hardly depend on their number."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from app.core.settings import Settings
from tests.benchmarks.living import command
from tests.benchmarks.rows import Row
from tests.benchmarks.subject import Subject

COUNTS: Final = (1_000, 100_000)
SIDE_PX: Final = 64
MOST_TIMES: Final = 1.2
SAMPLED_EVERY_S: Final = 0.25
_CATEGORIES: Final = 9
_SEED: Final = 20174


def measure_memory(subject: Subject) -> Iterator[Row]:
    """Yield the peak memory of `lookalike index` with the first network, its child processes included."""
    network = subject.networks[0]
    peaks_mb: list[float] = []
    for count in COUNTS:
        photos = subject.folder / f"{count}-photos"
        draw_small_pictures(photos, count)
        data_dir = subject.folder / f"{count}-data"
        settings = Settings.load(data_dir=data_dir, network=network, vgg16_weights=subject.vgg16)
        began_s = time.perf_counter()
        peaks_mb.append(_peak_mb(settings, "index", str(photos)))
        seconds = time.perf_counter() - began_s
        yield Row(
            network,
            f"peak memory of indexing {count:,} pictures of {SIDE_PX} px",
            f"{peaks_mb[-1]:.0f} MB, in {seconds:.0f} s",
            value=peaks_mb[-1],
            unit="MB",
        )
    times = peaks_mb[-1] / peaks_mb[0]
    what = f"the same, {COUNTS[-1]:,} pictures against {COUNTS[0]:,}"
    yield Row(network, what, f"{times:.2f} times", f"at most {MOST_TIMES} times", times <= MOST_TIMES)


def draw_small_pictures(folder: Path, count: int) -> None:
    """Draw pictures that are all different, into sub-folders by category."""
    random = np.random.default_rng(_SEED)
    for number in range(count):
        category = folder / f"category-{number % _CATEGORIES}"
        category.mkdir(parents=True, exist_ok=True)
        coarse = random.integers(0, 256, (8, 8, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
        picture.save(category / f"{number:06}.jpg", quality=80)


def _peak_mb(settings: Settings, *arguments: str) -> float:
    """Run a command; return the most memory that it and its children had at once, shared pages counted once."""
    line, environment = command(settings, *arguments)
    peak_kb = 0
    with subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
        said: list[str] = []
        # Read all the time: a full pipe would stop the command.
        reader = threading.Thread(target=lambda: said.append(run.stderr.read() if run.stderr else ""))
        reader.start()
        while run.poll() is None:
            peak_kb = max(peak_kb, sum(map(_proportional_kb, _with_descendants(run.pid))))
            time.sleep(SAMPLED_EVERY_S)
        reader.join()
    if run.returncode:
        raise RuntimeError(f"lookalike {' '.join(arguments)} failed: {said[0][-2000:]}")
    return peak_kb / 1000


def _with_descendants(process: int) -> set[int]:
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            # After the name, which may hold anything, in brackets: the state, the parent.
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _proportional_kb(process: int) -> int:
    """Return the memory of a process, of shared pages its part; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
