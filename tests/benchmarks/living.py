"""What the measurements of a living catalogue share: how much is measured, whole commands, and changed pictures."""

import json
import math
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from PIL import Image, ImageOps

from app.core.settings import Settings
from tests.benchmarks.embedding import photos_in
from tests.support.server import environment_of, started_server

ADMIN_KEY = "a-key-for-benchmarks"


@dataclass(frozen=True, slots=True)
class Living:
    """
    What is measured, and how much of it.

    Attributes:
        network: Of the index of real photos.
        vgg16: File with the weights of VGG16.
        catalogue: Folder of photos, a sub-folder a category; never changed.
        folder: For all that is written.
        products: In the large index of drawn embeddings.
        changes: Single products put, and removed again.
        requests: Across a publish and a rollback.
        load_s: Seconds of requests while pictures are embedded.
    """

    network: str
    vgg16: Path | None
    catalogue: Path
    folder: Path
    products: int
    changes: int
    requests: int
    load_s: float

    def settings(self, name: str, network: str | None = None) -> Settings:
        """Return the settings of a data folder of its own."""
        return Settings.load(
            data_dir=self.folder / name / "data",
            network=network or self.network,
            vgg16_weights=self.vgg16,
            admin_key=ADMIN_KEY,
            port=0,
        )

    def photos(self, name: str) -> list[Path]:
        """Copy the catalogue, for a measurement to change; return its photos, each in the folder of its category."""
        folder = self.folder / name / "photos"
        for category in self.catalogue.iterdir():
            if category.is_dir():
                shutil.copytree(category, folder / category.name)
        return photos_in(folder)


def command(settings: Settings, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return the arguments and the environment of a `lookalike` command in a process of its own."""
    return [sys.executable, "-m", "lookalike", *arguments], environment_of(settings)


def run_command(settings: Settings, *arguments: str) -> tuple[float, str]:
    """Run a whole command; return its seconds, start included, and what it printed."""
    line, environment = command(settings, *arguments)
    began_s = time.perf_counter()
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began_s
    if done.returncode:
        raise RuntimeError(f"lookalike {' '.join(arguments)} failed: {done.stderr or done.stdout}")
    return seconds, done.stdout


def index_photos(settings: Settings, photos: Sequence[Path]) -> tuple[float, dict[str, Any]]:
    """Run `lookalike index` over the folder of these photos; return its seconds and what it says of itself."""
    seconds, printed = run_command(settings, "index", str(photos[0].parent.parent), "--json")
    document: dict[str, Any] = json.loads(printed)
    return seconds, document


def change_picture(path: Path) -> None:
    """Replace a picture by its mirror image, in place."""
    with Image.open(path) as picture:
        mirrored, kind = ImageOps.mirror(picture.convert("RGB")), picture.format
    mirrored.save(path, kind, quality=90)


@contextmanager
def two_servers(settings: Settings, folder: Path) -> Iterator[list[httpx2.Client]]:
    """Run two server processes on one data folder, and give a client with the key for each."""
    with ExitStack() as cleanup:
        clients = []
        for name in ("one", "two"):
            (folder / name).mkdir(parents=True)
            client = cleanup.enter_context(cleanup.enter_context(started_server(settings, folder / name)).client())
            client.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
            clients.append(client)
        yield clients


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest of the values that so many per cent of them do not exceed: of 50, p99 is the largest."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
