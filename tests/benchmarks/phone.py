"""A shopper's phone: from choosing a photo of 12 megapixels to the first results on the screen."""

import statistics
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, sync_playwright

from app.core.settings import Settings
from tests.benchmarks.embedding import photos_in
from tests.benchmarks.living import run_command
from tests.benchmarks.rows import Row
from tests.benchmarks.searching import LARGE_PX, mosaic
from tests.benchmarks.subject import Subject, split
from tests.support.chromium import launch
from tests.support.server import started_server

MOST_S: Final = 3.0
TIMED: Final = 5
SLOWER: Final = 4
"""How many times slower the processor is made."""
# "Slow 4G" of Chromium's developer tools: 1.6 Mbit/s down, 750 kbit/s up, 150 ms, made worse by the factors 0.9 and
# 3.75 with which they come near to what packets see.
SLOW_4G: Final[Mapping[str, float]] = {
    "downloadThroughput": 0.9 * 1.6e6 / 8,
    "uploadThroughput": 0.9 * 750e3 / 8,
    "latency": 3.75 * 150,
}
TILES: Final[Mapping[str, tuple[int, int]]] = {"one product": (1, 1), "12 products": (4, 3), "108 products": (12, 9)}
"""What the photos show: the more there is in one, the more bytes are left of it when it is small."""
PHONE: Final[Mapping[str, Any]] = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}

_WATCH: Final = """
() => {
    const seen = {};
    const search = document.querySelector("lookalike-search");
    const chosen = () => (seen.chosen = performance.now());
    search.shadowRoot.getElementById("choose").addEventListener("change", chosen, true);
    const send = fetch;
    window.fetch = (address, options) => {
        const photo = options?.body?.get?.("image");
        if (photo) seen.bytes ??= photo.size;
        return send(address, options);
    };
    const drawn = (done) => requestAnimationFrame(() => requestAnimationFrame(done));
    window.shown = new Promise((done) =>
        search.addEventListener("lookalike:results", () =>
            drawn(() => done({ ...seen, shown: performance.now() }))));
}
"""
_ADD_PLAIN_INPUT: Final = """
() => document.body.append(Object.assign(document.createElement("input"), { type: "file", id: "plain" }))
"""
_SEND_AS_IT_IS: Final = """
async () => {
    const body = new FormData();
    body.append("image", document.getElementById("plain").files[0]);
    const began = performance.now();
    await (await fetch("/search", { method: "POST", body })).json();
    return performance.now() - began;
}
"""


def measure_phone(subject: Subject) -> Iterator[Row]:
    """
    Yield, for each network and photo, the seconds until results are drawn, and those of sending the photo as it is.

    In Chromium, its processor slowed down and its network like a slow mobile one; the service runs beside it.
    """
    indexed, held_out = split(subject.catalogue, subject.folder / "split")
    photos = photos_in(held_out)
    for network in subject.networks:
        settings = Settings.load(data_dir=subject.folder / network, network=network, vgg16_weights=subject.vgg16)
        run_command(settings, "index", str(indexed))
        with tempfile.TemporaryDirectory() as folder, started_server(settings, Path(folder)) as server:
            for what, (columns, rows) in TILES.items():
                path = Path(folder) / "photo.jpg"
                path.write_bytes(mosaic(photos, LARGE_PX, columns, rows))
                seen = [_searched(server.url, path) for _ in range(TIMED)]
                yield _row(network, what, path, seen)
            yield Row(network, f"the same, {what}, sent as it is", f"{_sent_as_it_is(server.url, path):.1f} s")


def _row(network: str, what: str, path: Path, seen: list[dict[str, float]]) -> Row:
    seconds = sorted((each["shown"] - each["chosen"]) / 1000 for each in seen)
    median_s = statistics.median(seconds)
    return Row(
        network,
        f"photo of 12 megapixels ({what}, {path.stat().st_size / 1e6:.1f} MB) chosen, results drawn",
        f"{median_s:.2f} s ({seconds[0]:.2f} to {seconds[-1]:.2f}; {seen[0]['bytes'] / 1000:.0f} KB sent)",
        f"at most {MOST_S:g} s",
        median_s <= MOST_S,
    )


def _searched(url: str, photo: Path) -> dict[str, float]:
    """Return when a photo was chosen and its results were shown, in ms, and how many bytes were sent."""
    with _slow_phone(url) as page:
        page.evaluate(_WATCH)
        page.locator("#choose").set_input_files(photo)
        seen: dict[str, float] = page.evaluate("window.shown")  # a promise
    return seen


def _sent_as_it_is(url: str, photo: Path) -> float:
    """Return the seconds from sending a photo to its answer."""
    with _slow_phone(url) as page:
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('input'), {type: 'file', id: 'plain'}))"
        )
        page.locator("#plain").set_input_files(photo)
        return float(page.evaluate(_SEND_AS_IT_IS)) / 1000


@contextmanager
def _slow_phone(url: str) -> Iterator[Page]:
    """Open the search page, wait until it has come to rest, and make machine and network slow."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(**PHONE)
        page.set_default_timeout(180_000)
        page.goto(url)
        page.wait_for_load_state("networkidle")
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", {"offline": False, **SLOW_4G})
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        yield page
        browser.close()
