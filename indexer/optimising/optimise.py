"""From the name of a network to its int8 graph: read pictures, quantise, compare with float32, keep or refuse."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import JsonValue

from app.core.arrays import UInt8Array
from app.core.decode_pool import DecodePool
from app.core.embedder import fingerprint_of
from app.core.networks.architectures import LoadedNetwork, load_network
from app.core.networks.names import Part, parse_network
from app.core.networks.quantised import QuantisedGraph, StoredGraph, store_graph
from app.core.networks.sources import open_weights
from app.core.probes import probe_images
from app.core.products import from_line
from app.core.runtimes.base import CPU_BATCH_SIZE, Output, Runtime, no_regions
from app.core.runtimes.choice import LOWEST_COSINES, lowest_cosine
from app.core.runtimes.openvino_runtime import INT8, OpenVinoRuntime, QuantisedRuntime
from app.core.runtimes.quantising import RECIPES, Recipe, quantise, require_nncf
from app.core.runtimes.threads import use_threads
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from indexer.optimising.agreement import Figure, compare, is_near_enough
from indexer.optimising.pictures import Material, read_material
from indexer.progress import Progress

_LIBRARIES: Final = ("nncf", "openvino", "torch")


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    One way to quantise, and what came of it.

    Attributes:
        recipe: Its name.
        figures: What it has in common with float32.
        ms: Milliseconds that it takes for a picture, in batches.
    """

    recipe: str
    figures: tuple[Figure, ...]
    ms: float

    @property
    def is_accepted(self) -> bool:
        """Whether it comes near enough."""
        return is_near_enough(self.figures)


@dataclass(frozen=True, slots=True)
class Optimised:
    """
    What was tried for one network, the last attempt being the best.

    Attributes:
        network: Its name.
        looked_at: Pictures that ranges were chosen by.
        judged: Other pictures, which the figures are of.
        float32_ms: Milliseconds that float32 takes for a picture, in batches.
        attempts: In the order in which they were tried.
        stored: What was kept; None where none came near enough.
    """

    network: str
    looked_at: int
    judged: int
    float32_ms: float
    attempts: tuple[Attempt, ...]
    stored: StoredGraph | None


def optimise(settings: Settings, name: str | None, pool: DecodePool, progress: Progress) -> list[Optimised]:
    """
    Quantise a network with pictures of the live index, and keep the graph if it is near enough to float32.

    Args:
        settings: Where everything is.
        name: The network, each part of `a+b` by itself; None: that of the index.
        pool: Decodes pictures.
        progress: Told what takes long.

    Raises:
        SnapshotError: There is no index.
        TooFewExamples: It has too few pictures.
        NetworkError: The network cannot be used, or NNCF is not installed.
        StorageError: The graph cannot be written.
    """
    require_nncf()
    snapshot = SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot
    images = [image for line in snapshot.products.splitlines() for image in from_line(line).images]
    paths = list({image.sha256: Path(image.location) for image in images}.values())
    parts = dict.fromkeys(parse_network(name or snapshot.manifest.network))
    return [optimise_one(part, settings, paths, pool, progress) for part in parts]


def optimise_one(
    part: Part, settings: Settings, paths: Sequence[Path], pool: DecodePool, progress: Progress
) -> Optimised:
    """Do it for one network, with pictures that need not be of an index; raises the same."""
    progress.phase(f"Loading {part.name}")
    network = load_network(part, open_weights(part, settings, recorded_sha256=None))
    threads = use_threads(settings.threads)
    material = read_material(paths, pool, network.preprocessing, progress)
    probes = _probes(network, pool)
    judge = _Judge(network, material.judged, probes, threads, progress)
    # The probes too: they are not like the shop's pictures, as some photos of its customers will not be.
    looked_at = np.concatenate((probes, material.looked_at))
    attempts, stored = [], None
    for attempt, graph in _attempts(network, looked_at, judge, progress):
        attempts.append(attempt)
        if attempt.is_accepted:
            about = _about(attempt, material, judge.float32_ms)
            stored = store_graph(settings.resolved_weights_dir, fingerprint_of(network), graph, about)
            break
    return Optimised(
        part.name, len(material.looked_at), len(material.judged), judge.float32_ms, tuple(attempts), stored
    )


def _attempts(
    network: LoadedNetwork, looked_at: UInt8Array, judge: "_Judge", progress: Progress
) -> Iterator[tuple[Attempt, QuantisedGraph]]:
    for recipe in RECIPES:
        progress.phase(f"Quantising, {recipe.name}", len(looked_at))
        graph = quantise(network, looked_at, recipe, advance=progress.advance)
        yield judge.judged(recipe, graph), graph


class _Judge:
    """Compares quantised graphs of one network with what float32 says of the same pictures."""

    def __init__(
        self, network: LoadedNetwork, pixels: UInt8Array, probes: UInt8Array, threads: int, progress: Progress
    ) -> None:
        self._pixels, self._probes, self._threads, self._progress = pixels, probes, threads, progress
        self._reference, self.float32_ms, self._reference_probes = self._seen(
            OpenVinoRuntime(network, "openvino-float32", threads), "in float32"
        )

    def judged(self, recipe: Recipe, graph: QuantisedGraph) -> Attempt:
        """Return what came of a recipe."""
        found, ms, probes = self._seen(QuantisedRuntime(graph, self._threads), f"in int8, {recipe.name}")
        lowest = lowest_cosine(probes.activation, self._reference_probes.activation)
        # Whoever opens the graph asks for the same, on the machine that it is then.
        probes_agree = Figure("probes_lowest", "cosine on drawn probes, lowest", lowest, LOWEST_COSINES[INT8])
        return Attempt(recipe.name, (*compare(self._reference, found), probes_agree), ms)

    def _seen(self, runtime: Runtime, how: str) -> tuple[Output, float, Output]:
        """Return what a runtime says of the pictures, the milliseconds for each, and what it says of the probes."""
        probes = runtime.run(self._probes)
        self._progress.phase(f"Embedding pictures {how}", len(self._pixels))
        began_s = time.perf_counter()
        outputs = []
        for start in range(0, len(self._pixels), CPU_BATCH_SIZE):
            batch = self._pixels[start : start + CPU_BATCH_SIZE]
            output = runtime.run(batch)
            outputs.append(Output(output.activation, output.logits, no_regions(len(batch))))  # maps are large
            self._progress.advance(len(batch))
        ms = 1000 * (time.perf_counter() - began_s) / len(self._pixels)
        activation, logits = (
            np.concatenate([getattr(output, name) for output in outputs]) for name in ("activation", "logits")
        )
        return Output(activation, logits, no_regions(len(activation))), ms, probes


def _probes(network: LoadedNetwork, pool: DecodePool) -> UInt8Array:
    return np.stack([pool.prepare(data, [network.preprocessing]).arrays[0] for data in probe_images()])


def _about(attempt: Attempt, material: Material, float32_ms: float) -> dict[str, JsonValue]:
    figures: dict[str, JsonValue] = {figure.slug: round(figure.value, 5) for figure in attempt.figures}
    versions: dict[str, JsonValue] = {name: version(name) for name in _LIBRARIES}
    return {
        "recipe": attempt.recipe,
        "looked_at": len(material.looked_at),
        "judged": len(material.judged),
        "figures": figures,
        "ms": round(attempt.ms, 2),
        "float32_ms": round(float32_ms, 2),
        "versions": versions,
    }
