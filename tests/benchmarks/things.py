"""Things in photos: whether they are proposed and found, and what that and refinement cost."""

import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx2

from app.core.preprocessing import Region
from app.core.settings import Settings
from tests.benchmarks.embedding import photos_in
from tests.benchmarks.living import run_command
from tests.benchmarks.rows import Row
from tests.benchmarks.searching import client_of, timed_ms
from tests.benchmarks.subject import Subject
from tests.support.scenes import area, compose, overlap, shared

SCENES: Final = 100
ALIKE: Final = 0.5
COVERED: Final = 0.8
ROOMY: Final = 4.0
TIMED: Final = 40
REFINED: Final[Mapping[str, Mapping[str, str]]] = {
    "`more_like` and `less_like`": {"more_like": "{0}", "less_like": "{1}"},
    "`diversity`": {"diversity": "0.3"},
    "all three": {"more_like": "{0}", "less_like": "{1}", "diversity": "0.3"},
}


@dataclass(frozen=True, slots=True)
class _Thing:
    """
    What was made of one thing in a photo.

    Attributes:
        alike: The largest overlap of a proposed region with the smallest box around it.
        is_covered: Whether a region holds most of it, and not much else.
        is_first: Whether it is the first hit of a region; by its box as `region`; and of the whole photo.
    """

    alike: float
    is_covered: bool
    is_first: tuple[bool, bool, bool]


def measure_things(subject: Subject) -> Iterator[Row]:
    """Yield, for each network, how many things are proposed and found, and what that costs."""
    files = photos_in(subject.catalogue)
    grounds = [path for path in photos_in(subject.others) if path.suffix == ".jpg"] if subject.others else []
    for network in subject.networks:
        settings = Settings.load(data_dir=subject.folder / network, network=network, vgg16_weights=subject.vgg16)
        run_command(settings, "index", str(subject.catalogue))
        with client_of(settings) as client:
            yield from _found(network, client, files, [])
            if grounds:
                yield from _found(network, client, files, grounds)
            yield from _costs(network, client, files)


def _found(network: str, client: httpx2.Client, files: Sequence[Path], grounds: Sequence[Path]) -> Iterator[Row]:
    answers = [_things_of(client, files, grounds, seed) for seed in range(SCENES)]
    things = [thing for found, _ in answers for thing in found]
    behind = "on other photos" if grounds else "on one colour"
    what = f"{len(things)} things, two or three in a photo, {behind}"
    proposed = statistics.fmean(count for _, count in answers)

    def share(is_so: Callable[[_Thing], bool]) -> str:
        return f"{statistics.fmean(is_so(thing) for thing in things):.3f}"

    yield Row(network, f"{what}: regions proposed in a photo", f"{proposed:.1f}")
    alike = f"a region and the smallest box around it share half of what they cover (mean of the best {ALIKE})"
    mean = statistics.fmean(thing.alike for thing in things)
    yield Row(network, f"{what}: {alike}", f"{share(lambda thing: thing.alike >= ALIKE)} ({mean:.2f})")
    covered = f"a region holds {COVERED:.0%} of it and is at most {ROOMY:g} times as large"
    yield Row(network, f"{what}: {covered}", share(lambda thing: thing.is_covered))
    yield Row(network, f"{what}: first hit of a region", share(lambda thing: thing.is_first[0]))
    yield Row(network, f"{what}: first hit of its smallest box", share(lambda thing: thing.is_first[1]))
    yield Row(network, f"{what}: first hit of the whole photo", share(lambda thing: thing.is_first[2]))


def _things_of(
    client: httpx2.Client, files: Sequence[Path], grounds: Sequence[Path], seed: int
) -> tuple[list[_Thing], int]:
    """Return what was made of each thing in one drawn photo, and how many regions were proposed."""
    drawn = random.Random(seed)
    chosen = drawn.sample(list(files), drawn.choice((2, 2, 3)))
    ground = drawn.choice(list(grounds)).read_bytes() if grounds else None
    scene = compose([(str(file), file.read_bytes()) for file in chosen], seed, ground)
    answer = _search(client, scene.photo, k="1", regions="auto")
    regions = [Region(*found["region"]) for found in answer["regions"]]
    firsts = [_picture(client, found) for found in answer["regions"]]
    things = []
    for placed in scene.placed:
        own, box = Path(placed.product).read_bytes(), placed.box
        covering = [region for region in regions if shared(region, box) >= COVERED * area(box)]
        named = ",".join(f"{side:.4f}" for side in (box.x0, box.y0, box.x1, box.y1))
        by_box = _search(client, scene.photo, k="1", region=named)
        things.append(
            _Thing(
                alike=max((overlap(region, box) for region in regions), default=0.0),
                is_covered=any(area(region) <= ROOMY * area(box) for region in covering),
                is_first=(own in firsts, own == _picture(client, by_box), own == _picture(client, answer)),
            )
        )
    return things, len(regions)


def _costs(network: str, client: httpx2.Client, files: Sequence[Path]) -> Iterator[Row]:
    """Yield the times of searches for the same photos, plain and with each of what can be asked for."""
    drawn = random.Random(1)
    scenes = [
        compose([(str(file), file.read_bytes()) for file in drawn.sample(list(files), 2)], seed).photo
        for seed in range(TIMED)
    ]
    _search(client, scenes[0], regions="auto")
    plain = [timed_ms(lambda photo=photo: _search(client, photo)) for photo in scenes]  # type: ignore[misc]
    auto = [timed_ms(lambda photo=photo: _search(client, photo, regions="auto")) for photo in scenes]  # type: ignore[misc]
    yield Row(network, "one search, plain, at the client", f"{statistics.median(plain):.1f} ms")
    more_ms = statistics.median(later - before for before, later in zip(plain, auto, strict=True))
    yield Row(network, "`regions=auto`, more than that", f"{more_ms:+.1f} ms")
    queries = [_search(client, photo, k="10") for photo in scenes]
    again = _again_ms(client, queries, {})
    yield Row(network, "an earlier search asked again by its query_id", f"{again:.1f} ms")
    for name, fields in REFINED.items():
        yield Row(
            network, f"the same with {name}, more than that", f"{_again_ms(client, queries, fields) - again:+.1f} ms"
        )


def _again_ms(client: httpx2.Client, queries: Sequence[dict[str, Any]], fields: Mapping[str, str]) -> float:
    times_ms = []
    for query in queries:
        ids = [hit["product"]["id"] for hit in query["results"][1:3]]
        asked = {name: value.format(*ids) for name, value in fields.items()}
        form = {"query_id": (None, query["query_id"])} | {name: (None, value) for name, value in asked.items()}
        times_ms.append(timed_ms(lambda form=form: client.post("/search", files=form).raise_for_status()))  # type: ignore[misc]
    return statistics.median(times_ms)


def _search(client: httpx2.Client, photo: bytes, **fields: str) -> dict[str, Any]:
    parts: dict[str, Any] = {"image": ("photo", photo)} | {name: (None, value) for name, value in fields.items()}
    answer: dict[str, Any] = client.post("/search", files=parts).raise_for_status().json()
    return answer


@cache
def _picture_at(client: httpx2.Client, url: str) -> bytes:
    return client.get(url).content


def _picture(client: httpx2.Client, answer: Mapping[str, Any]) -> bytes:
    """Return the picture of the first hit; products may share one, and either is as good."""
    results = answer["results"]
    return _picture_at(client, results[0]["image"]["url"]) if results else b""
