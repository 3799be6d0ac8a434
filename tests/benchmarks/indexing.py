"""Indexing, from files to a published snapshot, against the bare network at its best batch size."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder
from app.core.preprocessing import PreparedImage
from app.core.settings import Settings
from indexer.pipeline import SourceOptions, index_source
from indexer.progress import Silent
from tests.benchmarks.embedding import open_network, photos_in, prepared_photos
from tests.benchmarks.rows import Row

BATCH_SIZES = (8, 16, 32)
BARE_S = 8.0  # how long the bare network is measured, before and after


def bare_rate(embedder: Embedder, images: list[PreparedImage], batch_size: int) -> float:
    """Return images a second of the network alone, on arrays that are ready."""
    batch = np.stack([images[number % len(images)].arrays[0] for number in range(batch_size)])
    (part,) = embedder._parts  # one network: what is compared with is its runtime, with nothing around it
    part.runtime.run(batch)
    done, began_s = 0, time.perf_counter()
    while time.perf_counter() - began_s < BARE_S:
        part.runtime.run(batch)
        done += batch_size
    return done / (time.perf_counter() - began_s)


def best_bare_rate(embedder: Embedder, images: list[PreparedImage]) -> tuple[float, int]:
    """Return images a second of the network alone at its best batch size, and that size."""
    rates = {size: bare_rate(embedder, images, size) for size in BATCH_SIZES}
    best = max(rates, key=lambda size: rates[size])
    return rates[best], best


def measure_indexing(settings: Settings, network: str, indexed: Path) -> Iterator[Row]:
    """Yield the rate of indexing as a share of the bare network's, and where the time goes."""
    embedder = open_network(settings, network)
    images = prepared_photos(settings, embedder, photos_in(indexed)[:32])
    before, best = best_bare_rate(embedder, images)
    yield Row(network, f"bare network, {embedder.runtime}, batch {best}", f"{before:.1f} images/s")
    result = index_source(settings, str(indexed), SourceOptions(), Silent())
    bare = float(np.mean([before, bare_rate(embedder, images, best)]))  # the machine's speed drifts
    rate = result.ingest.images / result.seconds["ingest"]
    share = rate / bare
    wanted = ("at least 0.85", share >= 0.85) if network.startswith("vgg") else ("", None)
    yield Row(network, f"indexing {result.ingest.images} photos, share of the bare rate", f"{share:.2f}", *wanted)
    yield Row(network, "where the time goes", ", ".join(f"{name} {s:.1f} s" for name, s in result.seconds.items()))
    yield from _decoding(settings, network, embedder, photos_in(indexed))


def _decoding(settings: Settings, network: str, embedder: Embedder, photos: list[Path]) -> Iterator[Row]:
    data = [file.read_bytes() for file in photos[:200]]
    with DecodePool.from_settings(settings, size=1) as pool:
        pool.prepare(data[0], embedder.preprocessings)
        began_s = time.perf_counter()
        for photo in data:
            pool.prepare(photo, embedder.preprocessings)
        ms = (time.perf_counter() - began_s) * 1000 / len(data)
    yield Row(network, "decoding alone, one child", f"{ms:.2f} ms a photo")
