"""How long the service takes until it is ready, against reading and hashing the files that it opens."""

import hashlib
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from app.core.networks.names import parse_network
from app.core.networks.sources import require_weights
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from tests.benchmarks.large_shop import publish_large_shop
from tests.benchmarks.living import Living
from tests.benchmarks.rows import Row
from tests.support.server import started_server
from tests.support.waiting import wait_until

REPEATS: Final = 3
MOST_TIMES: Final = 3.0


def measure_start(living: Living) -> Iterator[Row]:
    """Yield the seconds from the start of the process to ready, the files being in the system's memory both times."""
    settings = living.settings("start")
    shop = publish_large_shop(settings, living.products, network=living.network)
    files = _opened(settings, living.network)
    bare_s = statistics.median(_read_and_hash(files) for _ in range(REPEATS))
    start_s = statistics.median(_start(settings, living.folder / f"start-{number}") for number in range(REPEATS))
    gigabytes = sum(path.stat().st_size for path in files) / 1e9
    yield Row(living.network, f"reading and hashing {gigabytes:.2f} GB, bare", f"{bare_s:.2f} s")
    yield Row(
        living.network,
        f"start to ready, {len(shop.embeddings):,} images (median of {REPEATS})",
        f"{start_s:.2f} s, {start_s / bare_s:.1f} times",
        f"at most {MOST_TIMES:g} times",
        start_s <= MOST_TIMES * bare_s,
    )


def _opened(settings: Settings, network: str) -> list[Path]:
    """Return the files of the live snapshot and of the network."""
    snapshots = SnapshotFolder(settings.snapshots_dir)
    current = snapshots.current()
    if current is None:
        raise RuntimeError("nothing is published")
    weights = [require_weights(part, settings) for part in parse_network(network)]
    return [*sorted((settings.snapshots_dir / current.id).iterdir()), *weights]


def _read_and_hash(files: Sequence[Path]) -> float:
    began_s = time.perf_counter()
    for path in files:
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")
    return time.perf_counter() - began_s


def _start(settings: Settings, folder: Path) -> float:
    folder.mkdir()
    began_s = time.perf_counter()
    with started_server(settings, folder) as server, server.client() as client:
        wait_until(lambda: client.get("/readyz").status_code == 200)
        return time.perf_counter() - began_s
