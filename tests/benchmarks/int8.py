"""int8 against float32: how near it comes on the catalogue's own photos, and how fast each runtime is bare."""

import statistics
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder
from app.core.errors import ParityFailed, RuntimeNotAvailable
from app.core.networks.names import parse_network
from app.core.preprocessing import PreparedImage
from app.core.settings import Settings
from indexer.optimising.optimise import Optimised, optimise_one
from indexer.progress import Silent
from tests.benchmarks.embedding import open_network, photos_in, prepared_photos
from tests.benchmarks.rows import Row
from tests.benchmarks.subject import Subject

RUNTIMES = ("torch-float32", "openvino-float32", "openvino-bfloat16", "openvino-int8")
BATCHES = (1, 16)
ROUNDS = 7


def measure_int8(subject: Subject) -> Iterator[Row]:
    """Yield what `lookalike networks optimise` finds of each network, and the rates of its runtimes in turn."""
    if find_spec("nncf") is None:
        yield Row("", "int8", "not measured: NNCF is not installed")
        return
    photos = photos_in(subject.catalogue)
    for network in subject.networks:
        settings = Settings.load(data_dir=subject.folder / network.replace(":", "-"), vgg16_weights=subject.vgg16)
        settings.data_dir.mkdir(parents=True)
        (part,) = parse_network(network)
        with DecodePool.from_settings(settings) as pool:
            found = optimise_one(part, settings, photos, pool, Silent())
        yield from _agreement(found)
        yield from _rates(settings, network, photos[: max(BATCHES)])


def _agreement(found: Optimised) -> Iterator[Row]:
    """Yield the figures of the last attempt, which is the one that was kept if any was."""
    attempt = found.attempts[-1]
    tried = ", ".join(each.recipe for each in found.attempts)
    yield Row(found.network, "int8: what was tried", tried, "one is accepted", attempt.is_accepted)
    for figure in attempt.figures:
        what = f"int8: {figure.what}, {found.judged} photos"
        wanted = "" if figure.least is None else f"at least {figure.least}"
        yield Row(found.network, what, f"{figure.value:.4f}", wanted, figure.is_met if wanted else None)


def _rates(settings: Settings, network: str, photos: list[Path]) -> Iterator[Row]:
    """Yield the bare rates; the runtimes take turns, so that other work on the machine holds up all of them."""
    opened: dict[str, Embedder] = {}
    for runtime in RUNTIMES:
        try:
            opened[runtime] = open_network(settings, network, runtime)
        except (ParityFailed, RuntimeNotAvailable) as error:
            yield Row(runtime, f"{network}: never used here", error.message)
    images = prepared_photos(settings, opened[RUNTIMES[0]], photos)
    for batch in BATCHES:
        rounds = [
            {name: _embed_s(embedder, images[:batch]) for name, embedder in opened.items()} for _ in range(1 + ROUNDS)
        ]
        for name in opened:
            taken_s = [each[name] for each in rounds[1:]]  # the first warms up
            median_s = statistics.median(taken_s)
            measured = f"{batch / median_s:.1f} images/s, {1000 * median_s:.1f} ms"
            spread = f"{1000 * min(taken_s):.1f} to {1000 * max(taken_s):.1f}"
            yield Row(
                name,
                f"{network} alone, {'one photo' if batch == 1 else f'{batch} photos at once'}",
                f"{measured} ({spread}, {ROUNDS} rounds)",
                value=batch / median_s,
                unit="images/s",
            )


def _embed_s(embedder: Embedder, images: list[PreparedImage]) -> float:
    began_s = time.perf_counter()
    embedder.embed(images)
    return time.perf_counter() - began_s
