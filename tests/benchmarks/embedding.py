"""Embeddings against the reference: the same weights, plain torch in float32, one picture after the other."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder, open_embedder
from app.core.errors import ParityFailed, RuntimeNotAvailable
from app.core.preprocessing import PreparedImage
from app.core.settings import Settings
from tests.benchmarks.rows import Row

PARITY_PHOTOS = 60
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def open_network(settings: Settings, network: str, runtime: str = "auto") -> Embedder:
    """Return the embedder of a network at a runtime."""
    return open_embedder(settings.model_copy(update={"runtime": runtime}), network)


def prepared_photos(settings: Settings, embedder: Embedder, files: list[Path]) -> list[PreparedImage]:
    """Return the photos as the network takes them."""
    with DecodePool.from_settings(settings, size=2) as pool:
        return [pool.prepare(file.read_bytes(), embedder.preprocessings) for file in files]


def photos_in(folder: Path) -> list[Path]:
    """Return the photos of all categories, sorted, without what else is in the folder."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def measure_parity(settings: Settings, network: str, held_out: Path) -> Iterator[Row]:
    """Yield the lowest cosine of each runtime to torch float32."""
    photos = photos_in(held_out)
    files = photos[:: max(1, len(photos) // PARITY_PHOTOS)]
    reference = open_network(settings, network, "torch-float32")
    images = prepared_photos(settings, reference, files)
    expected = reference.embed(images)
    for runtime, least in (("openvino-float32", 0.9999), ("openvino-bfloat16", 0.999), ("torch-bfloat16", 0.999)):
        try:
            found = open_network(settings, network, runtime).embed(images)
        except (ParityFailed, RuntimeNotAvailable) as error:
            yield Row(network, f"{runtime}, never used here", error.message)
            continue
        cosine = float(np.sum(expected.embeddings * found.embeddings, axis=1).min())
        what = f"lowest cosine to torch float32, {runtime}, {len(files)} photos"
        yield Row(network, what, f"{cosine:.6f}", f"at least {least}", cosine >= least)
