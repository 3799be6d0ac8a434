"""Searches a second when more clients ask than the machine can answer, against the bare network at its best batch."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx2
import numpy as np

from app.core.settings import Settings
from tests.benchmarks.embedding import open_network, photos_in, prepared_photos
from tests.benchmarks.indexing import best_bare_rate
from tests.benchmarks.living import run_command
from tests.benchmarks.rows import Row
from tests.benchmarks.searching import client_of
from tests.benchmarks.subject import Subject, split

CLIENTS: Final = 32
WARM_UP_S: Final = 5.0
ASKED_S: Final = 30.0
LEAST_SHARE: Final = 0.8
QUERIES: Final = 64


def measure_saturation(subject: Subject) -> Iterator[Row]:
    """
    Yield, for each network, how many searches a second succeed while 32 clients ask without a pause.

    Whoever is told 503 comes back after as long as the answer says. The bare rate is measured before and after.
    """
    indexed, held_out = split(subject.catalogue, subject.folder / "split")
    photos = photos_in(held_out)[:QUERIES]
    for network in subject.networks:
        settings = Settings.load(data_dir=subject.folder / network, network=network, vgg16_weights=subject.vgg16)
        run_command(settings, "index", str(indexed))
        before, batch_size = _bare(settings, network, photos)
        with client_of(settings) as client:
            answers = _ask(client, [photo.read_bytes() for photo in photos])
        after, _ = _bare(settings, network, photos)
        bare, rate = float(np.mean([before, after])), answers[httpx2.codes.OK] / ASKED_S
        others = {int(status): count for status, count in answers.items() if status != httpx2.codes.OK}
        yield Row(network, f"bare network, batch {batch_size}, before and after", f"{before:.1f}, {after:.1f} images/s")
        yield Row(
            network,
            f"searches a second, {CLIENTS} clients, share of the bare rate",
            f"{rate / bare:.2f} ({rate:.1f}/s; other answers: {others or 'none'})",
            f"at least {LEAST_SHARE}",
            rate / bare >= LEAST_SHARE,
        )


def _bare(settings: Settings, network: str, photos: Sequence[Path]) -> tuple[float, int]:
    embedder = open_network(settings, network)
    return best_bare_rate(embedder, prepared_photos(settings, embedder, list(photos[:32])))


def _ask(client: httpx2.Client, photos: Sequence[bytes]) -> Counter[int]:
    """Return how often each status was answered in the time that is measured, all clients together."""
    begun, done = threading.Event(), threading.Event()

    def ask(number: int) -> Counter[int]:
        answers: Counter[int] = Counter()
        while not done.is_set():
            answer = client.post("/search", files={"image": ("photo", photos[number % len(photos)])})
            number += CLIENTS
            if begun.is_set() and not done.is_set():
                answers[answer.status_code] += 1
            if answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE:
                done.wait(float(answer.headers["retry-after"]))
        return answers

    with ThreadPoolExecutor(CLIENTS) as clients:
        asking = [clients.submit(ask, number) for number in range(CLIENTS)]
        time.sleep(WARM_UP_S)
        begun.set()
        time.sleep(ASKED_S)
        done.set()
        return sum((future.result() for future in asking), Counter[int]())
