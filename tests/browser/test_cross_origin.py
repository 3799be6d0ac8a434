"""Pages of other origins in a real browser, which is what CORS, keys of origins and Sec-Fetch-Site are about."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from app.core.settings import Settings
from tests.support.keys import create_key, revoke_key
from tests.support.shop import Shop, write_shop

pytestmark = pytest.mark.browser

FETCH = """
async ([url, key, path, options]) => {
  const headers = { ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  try {
    const reply = await fetch(url + path, { headers, ...options });
    return { status: reply.status, retryAfter: reply.headers.get("Retry-After"), body: await reply.json() };
  } catch (error) {
    return { status: error.name };
  }
}
"""
SEARCH = """
async ([url, key, photo]) => {
  const form = new FormData();
  form.append("image", await (await fetch(photo)).blob(), "photo.jpg");
  const headers = { Authorization: `Bearer ${key}` };
  const reply = await fetch(`${url}/search`, { method: "POST", body: form, headers });
  return (await reply.json()).results[0].product.id;
}
"""
PIXEL = """
async (address) => {
  const image = new Image();
  image.crossOrigin = "anonymous";
  image.src = address;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  return canvas.getImageData(160, 160, 1, 1).data.length;
}
"""


class _EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the library's name
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>A shop</title>")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def other_site() -> Iterator[int]:
    """Give the port of a web server that has an empty page, under 127.0.0.1 and under localhost: two origins."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _EmptyPage)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Place:
    """A service, a page of another origin with a key that is bound to it, and a page of yet another one."""

    url: str
    settings: Settings
    shop: Shop
    key: str
    page: Page
    stranger: Page
    port: int

    def ask(self, page: Page, key: str | None, path: str, **options: object) -> dict[str, Any]:
        """Have a page ask the service; `status` is the error's name where the page may not read the answer."""
        found: dict[str, Any] = page.evaluate(FETCH, [self.url, key, path, options])
        return found


@pytest.fixture(scope="module")
def place(
    browser: Browser,
    serve: Callable[[Settings], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """All of them."""
    root = tmp_path_factory.mktemp("cross-origin-shop")
    load = partial(Settings.load, data_dir=root / "data", runtime="torch-float32", threads=1, port=0)
    settings = load(keyless_search="nobody")
    shop = write_shop(root, settings)
    with other_site() as port:
        _, key = create_key(settings, "search", f"http://127.0.0.1:{port}")
        with serve(settings) as url, browser.new_page() as page, browser.new_page() as stranger:
            page.goto(f"http://127.0.0.1:{port}/")
            stranger.goto(f"http://localhost:{port}/")
            yield Place(url, settings, shop, key, page, stranger, port)


SIMILAR = "/products/mugs-00/similar?k=1"


def test_a_page_of_a_shop_searches_across_origins(place: Place) -> None:
    """With a photo, with a product, and without anything but the key."""
    picture = place.ask(place.page, place.key, "/products/mugs-00")["body"]["images"][0]["url"]
    assert place.page.evaluate(SEARCH, [place.url, place.key, place.url + picture]) == "mugs-00"
    assert place.ask(place.page, place.key, SIMILAR)["status"] == 200


def test_the_page_draws_pictures_on_a_canvas(place: Place) -> None:
    """Although it lets nothing in that does not say so (COEP)."""
    picture = place.ask(place.page, place.key, "/products/mugs-00")["body"]["images"][0]["url"]
    for page in (place.page, place.stranger):
        assert page.evaluate(PIXEL, place.url + picture) == 4


def test_the_page_reads_what_is_wrong(place: Place) -> None:
    """A wrong key, a revoked one, none, one that allows less than is asked for, and when to come back."""
    record, gone = create_key(place.settings, "search", f"http://127.0.0.1:{place.port}", per_minute=2)
    while (limited := place.ask(place.page, gone, "/products"))["status"] in {401, 200}:
        pass  # the server learns of the key, and then answers twice
    assert limited["status"] == 429
    assert 1 <= int(limited["retryAfter"]) <= 60
    revoke_key(place.settings, record.id)
    while (revoked := place.ask(place.page, gone, "/products"))["status"] == 429:
        pass
    assert (revoked["status"], revoked["body"]["detail"]) == (401, "This key was revoked.")
    for key, path, options, kind in (
        ("nonsense", SIMILAR, {}, "invalid-key"),
        (None, SIMILAR, {}, "invalid-key"),
        (place.key, "/reindex", {"method": "POST"}, "key-not-enough"),
        (place.key, "/nothing", {}, "not-found"),
    ):
        assert place.ask(place.page, key, path, **options)["body"]["type"] == f"/problems/{kind}"


def test_another_page_reads_nothing(place: Place) -> None:
    """Not with the key of the shop either, which is there for everybody to copy."""
    for key in (place.key, "nonsense", None):
        assert place.ask(place.stranger, key, SIMILAR)["status"] == "TypeError"


def test_a_page_of_the_services_own_origin_reads_without_saying_its_origin(place: Place) -> None:
    """Which browsers leave out there: the key is bound to it all the same."""
    _, key = create_key(place.settings, "search", place.url)
    with place.page.context.browser.new_page() as page:  # type: ignore[union-attr]  # it has one
        page.goto(f"{place.url}/docs")
        while (answer := place.ask(page, key, SIMILAR))["status"] == 401:
            pass  # the server learns of the key
        assert answer["status"] == 200
        assert place.ask(page, place.key, SIMILAR)["body"]["type"] == "/problems/forbidden-origin"
