"""Requests to two server processes while another index is published, and while it is taken back."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Final

import httpx2

from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from indexer.sample_catalogue import draw_query_photo
from tests.benchmarks.large_shop import NETWORK, publish_large_shop
from tests.benchmarks.living import Living, run_command, two_servers
from tests.benchmarks.rows import Row

CLIENTS = 4
QUERIES = 8
SMALLER = 5  # than the large index: two of these are in the memory of each server while they are exchanged

FAILED: Final = "failed"
MIXED: Final = "mixed"


def measure_switching(living: Living) -> Iterator[Row]:
    """Yield how many requests failed, or were answered from two snapshots, across a publish and a rollback."""
    settings = living.settings("switching", NETWORK)
    first, second = (publish_large_shop(settings, living.products // SMALLER, seed=seed).snapshot_id for seed in (1, 2))
    SnapshotFolder(settings.snapshots_dir).rollback()
    with two_servers(settings, living.folder / "switching") as clients:
        outcomes = _ask(settings, clients, {first: "s1-", second: "s2-"}, living.requests)
    counts = Counter(outcomes)
    yield Row(
        NETWORK,
        f"failed of {len(outcomes):,} searches across a publish and a rollback, {CLIENTS} clients, two server "
        "processes",
        f"{counts[FAILED]} ({counts[first]:,} answered from the first snapshot, {counts[second]:,} from the second)",
        "0, both snapshots seen, the first again in the end",
        not counts[FAILED] and bool(counts[first] and counts[second]) and outcomes[-1] == first,
    )
    what = "answers with products of another snapshot than the one they name"
    yield Row(NETWORK, what, f"{counts[MIXED]}", "0", not counts[MIXED])


def _ask(settings: Settings, clients: Sequence[httpx2.Client], prefixes: dict[str, str], requests: int) -> list[str]:
    """Search so many times, publish the second snapshot after a third of them and roll back after two thirds."""
    photos = [draw_query_photo(seed)[1] for seed in range(QUERIES)]
    _, second = prefixes
    switches = {requests // 3: ("publish", second), 2 * requests // 3: ("rollback",)}
    outcomes = []
    with ThreadPoolExecutor(CLIENTS) as threads:
        asked = [
            threads.submit(_ask_once, client, photo, prefixes)
            for _, client, photo in zip(range(requests), cycle(clients), cycle(photos), strict=False)
        ]
        for number, answer in enumerate(asked):
            if number in switches:
                run_command(settings, "snapshots", *switches[number])  # the clients go on meanwhile
            outcomes.append(answer.result())
    return outcomes


def _ask_once(client: httpx2.Client, photo: bytes, prefixes: dict[str, str]) -> str:
    """Return the snapshot that the answer names; FAILED, or MIXED when it shows what another snapshot has."""
    try:
        answer = client.post("/search", files={"image": ("photo", photo)})
        answer.raise_for_status()
    except httpx2.HTTPError:
        return FAILED
    document = answer.json()
    snapshot_id: str = document["snapshot"]["id"]
    is_own = all(result["product"]["id"].startswith(prefixes[snapshot_id]) for result in document["results"])
    return snapshot_id if is_own and len(document["results"]) == 10 else MIXED
