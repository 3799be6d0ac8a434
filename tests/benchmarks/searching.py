"""Searching through the running service: relevance on held-out photos, and time against the bare network."""

import io
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from PIL import Image

from app.core.runtimes.openvino_runtime import INT8
from app.core.settings import Settings
from tests.benchmarks.embedding import open_network, photos_in, prepared_photos
from tests.benchmarks.rows import Row
from tests.support.server import started_server

K = 10
WANTED = {"efficientnet_lite0": (0.87, 0.90), "vgg16": (0.855, 0.85)}
MOST = {False: (1.5, 10), True: (1.3, 6)}
"""Passes of the network alone, and milliseconds, that one search may take; by whether it is an int8 graph."""
TIMED = 40
LARGE_PX = (4000, 3000)
SMALL_PX = (800, 600)


def measure_relevance(settings: Settings, network: str, held_out: Path) -> Iterator[Row]:
    """Yield the share of hits, and of first hits, in the category of the photo that was asked with."""
    right = first_right = 0
    photos = photos_in(held_out)
    with client_of(settings) as client:
        for photo in photos:
            results = search(client, photo.read_bytes())["results"]
            is_right = [result["product"]["category"] == photo.parent.name for result in results]
            right += sum(is_right)
            first_right += is_right[0]
    top_ten, first = right / (K * len(photos)), first_right / len(photos)
    wanted_ten, wanted_first = WANTED.get(network, (0.0, 0.0))
    yield _share(network, f"top {K} in the category, {len(photos)} held-out photos", top_ten, wanted_ten)
    yield _share(network, f"first hit in the category, {len(photos)} held-out photos", first, wanted_first)


def measure_searching(settings: Settings, network: str, held_out: Path) -> Iterator[Row]:
    """Yield the time of one warm search against one bare forward pass, and what 12 megapixels cost more."""
    photos = photos_in(held_out)[:TIMED]
    embedder = open_network(settings, network)
    images = prepared_photos(settings, embedder, photos)
    embedder.embed(images[:1])
    bare_ms = statistics.median(timed_ms(partial(embedder.embed, [image])) for image in images)
    small, large = (mosaic(photos, size_px, columns=4, rows=3) for size_px in (SMALL_PX, LARGE_PX))
    with client_of(settings) as client:
        for data in (small, large):
            search(client, data)
        totals_ms = [search(client, photo.read_bytes())["timings_ms"]["total"] for photo in photos]
        walls_ms = [timed_ms(partial(search, client, photo.read_bytes())) for photo in photos]
        pairs = [[timed_ms(partial(search, client, data)) for data in (small, large)] for _ in range(TIMED)]
    total_ms, wall_ms = statistics.median(totals_ms), statistics.median(walls_ms)
    passes, more_ms = MOST[embedder.runtime == INT8]
    most_ms = passes * bare_ms + more_ms
    taken = f"{(total_ms - more_ms) / bare_ms:.2f} passes + {more_ms} ms"
    yield Row(network, f"bare forward pass, {embedder.runtime}, batch 1", f"{bare_ms:.1f} ms")
    yield Row(
        network,
        "one search, warm, one client",
        f"{total_ms:.1f} ms ({wall_ms:.1f} ms at the client, {taken})",
        f"at most {most_ms:.1f} ms ({passes} passes + {more_ms} ms)",
        total_ms <= most_ms,
    )
    larger_ms = statistics.median(large_ms - small_ms for small_ms, large_ms in pairs)
    what = f"12-megapixel JPEG ({len(large) / 1e6:.1f} MB) against {SMALL_PX[0]} x {SMALL_PX[1]}, at the client"
    yield Row(network, what, f"{larger_ms:+.1f} ms", "at most +15 ms", larger_ms <= 15)


def median_search_ms(settings: Settings, photos: Path) -> float:
    """Return the milliseconds at the client of one warm search of the service of these settings."""
    files = photos_in(photos)[:TIMED]
    with client_of(settings) as client:
        search(client, files[0].read_bytes())
        return statistics.median(timed_ms(partial(search, client, file.read_bytes())) for file in files)


@contextmanager
def client_of(settings: Settings) -> Iterator[httpx2.Client]:
    """Run the service of these settings in a process of its own, and give a client for it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        started_server(settings.model_copy(update={"port": 0}), Path(folder)) as server,
        server.client() as client,
    ):
        yield client


def search(client: httpx2.Client, photo: bytes, *, explain: bool = False) -> dict[str, Any]:
    """Return the answer to a photo."""
    fields = {"k": str(K), "explain": str(explain).lower()}
    answer = client.post("/search", files={"image": ("photo", photo)}, data=fields)
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


def timed_ms(act: Callable[[], object]) -> float:
    """Return the milliseconds that something took."""
    began_s = time.perf_counter()
    act()
    return (time.perf_counter() - began_s) * 1000


def mosaic(photos: list[Path], size_px: tuple[int, int], columns: int, rows: int) -> bytes:
    """Return one large photo as JPEG, a mosaic of real ones, so that its detail is that of photos."""
    picture = Image.new("RGB", size_px)
    for number in range(columns * rows):
        with Image.open(photos[number % len(photos)]) as photo:
            tile = photo.convert("RGB").resize((size_px[0] // columns, size_px[1] // rows), Image.Resampling.BICUBIC)
        picture.paste(tile, (number % columns * tile.width, number // columns * tile.height))
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=88)
    return output.getvalue()


def _share(network: str, what: str, share: float, wanted: float) -> Row:
    return Row(
        network, what, f"{share:.3f}", f"at least {wanted}" if wanted else "", share >= wanted if wanted else None
    )
