"""Explanations: whether what the maps name is what made pictures similar, and what they cost."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from app.core.embedder import Embedder
from app.core.explain import explain
from app.core.products import from_line
from app.core.regions import RegionCodes
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from tests.benchmarks.embedding import open_network, photos_in
from tests.benchmarks.living import run_command
from tests.benchmarks.rows import Row
from tests.benchmarks.searching import client_of, search, timed_ms
from tests.benchmarks.subject import Subject, split
from tests.support.deletion import FILLS, SHARE, Pair, drops, preparing

QUERIES: Final = 60
HITS: Final = 10
TIMED: Final = 200
LEAST_RATIO: Final = 3.0
MOST_MS: Final = 40.0


def measure_explaining(subject: Subject) -> Iterator[Row]:
    """Yield, for each network, how much more the score falls without what the maps name, and the time they take."""
    indexed, held_out = split(subject.catalogue, subject.folder / "split")
    photos = photos_in(held_out)
    queries = photos[:: max(1, len(photos) // QUERIES)][:QUERIES]
    for network in subject.networks:
        settings = Settings.load(data_dir=subject.folder / network, network=network, vgg16_weights=subject.vgg16)
        run_command(settings, "index", str(indexed))
        embedder = open_network(settings, network)
        with RegionCodes(settings.regions_dir, embedder.fingerprint.sha256) as codes:
            pairs, hits = _pairs(settings, embedder, codes, queries)
            for side in ("query", "hit"):
                for fill in FILLS:
                    found = drops(embedder, pairs, side, fill)
                    what = f"{SHARE:.0%} of the {side}'s map against {SHARE:.0%} at random, {fill}, {len(pairs)} pairs"
                    yield _ratio(network, what, found.ratio, found.named, is_wanted=fill == "blur")
            yield from _cost(network, embedder, codes, hits, queries[0])
        yield _over_http(settings, network, queries)


def _pairs(
    settings: Settings, embedder: Embedder, codes: RegionCodes, queries: Sequence[Path]
) -> tuple[list[Pair], list[str]]:
    """Return each query with one of its ten nearest pictures, whose code is the stored one, and ten such pictures."""
    snapshot = SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot
    images = [image for line in snapshot.products.splitlines() for image in from_line(line).images]
    chance, prepare = np.random.default_rng(0), preparing(embedder)
    pairs, shown = [], []
    for query in queries:
        embedded = embedder.embed([prepare(query.read_bytes())])
        _, rows = snapshot.index.search(embedded.embeddings, HITS)
        shown = [images[row].sha256 for row in rows[0]]
        row = int(chance.choice(rows[0]))
        explanation = explain(codes.encode(embedded.regions)[0], codes.get(images[row].sha256))
        if explanation is not None:
            hit = Path(images[row].location).read_bytes()
            embeddings = embedded.embeddings[0], snapshot.index.embedding(row)
            pairs.append(Pair(query.read_bytes(), hit, *embeddings, explanation))
    return pairs, shown


def _ratio(network: str, what: str, ratio: float, drop: float, *, is_wanted: bool) -> Row:
    wanted = (f"at least {LEAST_RATIO}", ratio >= LEAST_RATIO) if is_wanted else ("", None)
    return Row(network, f"score lost by deleting {what}", f"{ratio:.2f} times ({drop:.4f})", *wanted)


def _cost(network: str, embedder: Embedder, codes: RegionCodes, hits: Sequence[str], photo: Path) -> Iterator[Row]:
    embedded = embedder.embed([preparing(embedder)(photo.read_bytes())])
    (code,) = codes.encode(embedded.regions)
    ms = _median_ms(lambda: [explain(code, codes.get(hit)) for hit in hits])
    yield Row(network, f"maps for {len(hits)} hits", f"{ms:.2f} ms", f"at most {MOST_MS:.0f} ms", ms <= MOST_MS)
    yield Row(
        network, "code of a photo, with every search", f"{_median_ms(lambda: codes.encode(embedded.regions)):.2f} ms"
    )


def _over_http(settings: Settings, network: str, queries: Sequence[Path]) -> Row:
    """Ask with each photo twice, once with maps: what the second answer takes longer, at the client."""
    with client_of(settings) as client:
        for explains in (False, True):
            search(client, queries[0].read_bytes(), explain=explains)
        plain, explained = (
            [timed_ms(partial(search, client, query.read_bytes(), explain=explains)) for query in queries]
            for explains in (False, True)
        )
    more_ms = statistics.median(with_ms - without_ms for without_ms, with_ms in zip(plain, explained, strict=True))
    what = f"`explain` for {HITS} hits, over HTTP, at the client (median of {len(queries)} photos)"
    return Row(network, what, f"{more_ms:+.1f} ms", f"at most {MOST_MS:+.0f} ms", more_ms <= MOST_MS)


def _median_ms(act: Callable[[], object]) -> float:
    times = []
    for _ in range(TIMED):
        began_s = time.perf_counter()
        act()
        times.append((time.perf_counter() - began_s) * 1000)
    return statistics.median(times)
