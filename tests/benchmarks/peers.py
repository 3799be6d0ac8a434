"""
What people would use instead, in the same run on the same photos: each in a virtual environment of its own.

The environments are made below `build/peers` when they are first needed, with the versions that are pinned here and,
for what we use ourselves, those of `requirements.lock`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from app.core.settings import Settings
from tests.benchmarks.living import run_command
from tests.benchmarks.rows import Row
from tests.benchmarks.searching import median_search_ms
from tests.benchmarks.subject import Subject

ROOT: Final = Path(__file__).parents[2]
SCRIPTS: Final = Path(__file__).parent / "peer_scripts"
PACKAGES: Final = {
    "talk": ("torch", "torchvision", "numpy", "pillow"),
    "deep_image_search": ("DeepImageSearch==3.0.3", "torch", "torchvision", "faiss-cpu", "numpy", "pillow"),
    "hnsw": ("hnswlib==0.8.0", "numpy"),
}
PHOTOS: Final = 200
"""Of the slow ones: one picture takes as long as the next."""
LEAST_TIMES: Final = 25.0
NETWORK: Final = "vgg16"


def measure_peers(subject: Subject) -> Iterator[Row]:
    """Yield how long the photos take from files to a published snapshot, and with others; nothing without VGG16."""
    if subject.vgg16 is None:
        return
    talk = run_peer("talk", subject.catalogue.resolve(), subject.vgg16.resolve(), PHOTOS)
    other = run_peer("deep_image_search", subject.catalogue.resolve(), PHOTOS)
    settings = Settings.load(data_dir=subject.folder, network=NETWORK, vgg16_weights=subject.vgg16)
    seconds, printed = run_command(settings, "index", str(subject.catalogue), "--json")
    images = json.loads(printed)["images"]
    ours = {"images": images, "index_s": seconds, "search_s": median_search_ms(settings, subject.catalogue) / 1000}
    yield from _rows("Lookalike, `lookalike index`, whole command", ours, talk, wanted=True)
    yield from _rows("the talk's recipe", talk, talk)
    yield from _rows("DeepImageSearch 3.0.3", other, talk)


def run_peer(name: str, *arguments: object) -> dict[str, Any]:
    """Run a peer's script in its environment and return what it measured."""
    command = [str(_python_of(name)), str(SCRIPTS / f"{name}.py"), *map(str, arguments)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT / "build", env=environment)
    if done.returncode != 0:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _python_of(name: str) -> Path:
    """Return the Python of a peer's environment, which is made where it is missing."""
    folder = ROOT / "build" / "peers" / name
    python, stamp = folder / "bin" / "python", folder / "made"
    if not stamp.exists():
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
        lock = ["--constraint", str(ROOT / "requirements.lock")]
        index = ["--extra-index-url", os.environ["TORCH_INDEX"]] if os.environ.get("TORCH_INDEX") else []
        _run([*install, *lock, *index, *PACKAGES[name]])
        stamp.touch()
    return python


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")


def _rows(who: str, measured: dict[str, Any], talk: dict[str, Any], *, wanted: bool = False) -> Iterator[Row]:
    rate, of_talk = (each["images"] / each["index_s"] for each in (measured, talk))
    times = rate / of_talk
    yield Row(
        who,
        "VGG16, from files to an index",
        f"{times:.1f} times the talk's recipe ({rate:.1f} images/s, {measured['images']:,} photos)",
        f"at least {LEAST_TIMES:.0f} times, with AMX" if wanted else "",
        times >= LEAST_TIMES if wanted else None,
        value=rate,
        unit="images/s",
    )
    search_ms = measured["search_s"] * 1000
    yield Row(who, "VGG16, one warm search with a photo", f"{search_ms:.0f} ms", value=search_ms, unit="ms")
