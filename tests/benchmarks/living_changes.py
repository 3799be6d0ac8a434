"""How long after a change at one server process the searches of another one show it."""

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx2

from app.search.following import POLL_S
from indexer.sample_catalogue import draw_query_photo
from tests.benchmarks.large_shop import NETWORK, publish_large_shop
from tests.benchmarks.living import Living, percentile, two_servers
from tests.benchmarks.rows import Row

PAUSE_S = 0.01  # between two looks
PATIENCE_S = 30.0
MOST_S = 1.0


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds since a change was sent: until it was answered, and until the other process showed it."""

    answered_s: list[float] = field(default_factory=list)
    visible_s: list[float] = field(default_factory=list)


def measure_changes(living: Living) -> Iterator[Row]:
    """Yield the time from PUT until found and from DELETE until gone, at the other of two server processes."""
    settings = living.settings("changes", NETWORK)
    images = len(publish_large_shop(settings, living.products).embeddings)
    random.seed(4)
    puts, deletes = Waits(), Waits()
    with two_servers(settings, living.folder / "changes") as (one, other):
        for number in range(-1, living.changes):  # the first one warms up
            _change_once(one, other, number, puts if number >= 0 else Waits(), deletes if number >= 0 else Waits())
    yield _row("PUT with a picture until a search by it finds the product", images, puts)
    yield _row("DELETE until a search by its picture does not find the product", images, deletes)


def _change_once(one: httpx2.Client, other: httpx2.Client, number: int, puts: Waits, deletes: Waits) -> None:
    """Put a product at one server and remove it again, each time until the other server shows it."""
    title, photo = draw_query_photo(seed=1000 + number)
    product_id = f"new-{number + 1}"
    # Asked again by its id, the picture is neither decoded nor embedded: what is waited for is the change.
    query_id = _answer(other.post("/search", files={"image": ("photo", photo)})).json()["query_id"]

    def is_found() -> bool:
        results = _answer(other.post("/search", files={"query_id": (None, query_id)})).json()["results"]
        return any(result["product"]["id"] == product_id for result in results)

    product = json.dumps({"title": title, "category": "new"})
    _time(
        lambda: one.put(f"/products/{product_id}", data={"product": product}, files={"image": ("photo", photo)}),
        is_found,
        puts,
    )
    _time(lambda: one.delete(f"/products/{product_id}"), lambda: not is_found(), deletes)


def _time(change: Callable[[], httpx2.Response], is_visible: Callable[[], bool], waits: Waits) -> None:
    # A change that followed right upon one that was seen would always come just after a look of the other server.
    time.sleep(random.uniform(0, POLL_S))
    began_s = time.perf_counter()
    _answer(change())
    waits.answered_s.append(time.perf_counter() - began_s)
    while not is_visible():
        if time.perf_counter() - began_s > PATIENCE_S:
            raise RuntimeError(f"a change was not visible after {PATIENCE_S:.0f} s")
        time.sleep(PAUSE_S)
    waits.visible_s.append(time.perf_counter() - began_s)


def _answer(response: httpx2.Response) -> httpx2.Response:
    if response.is_error:
        raise RuntimeError(f"{response.request.method} {response.request.url.path}: {response.text}")
    return response


def _row(what: str, images: int, waits: Waits) -> Row:
    p99_s = percentile(waits.visible_s, 99)
    return Row(
        NETWORK,
        f"{what} in another server process, {len(waits.visible_s)} times, {images:,} images in the index",
        f"p50 {percentile(waits.visible_s, 50):.3f} s, p99 {p99_s:.3f} s (answered: p50 "
        f"{percentile(waits.answered_s, 50):.3f} s, p99 {percentile(waits.answered_s, 99):.3f} s)",
        f"p99 below {MOST_S:.0f} s",
        p99_s < MOST_S,
    )
