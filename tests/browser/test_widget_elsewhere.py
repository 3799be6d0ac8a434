"""The elements in an HTML file on another origin, with a publishable key: what a customer's shop is."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.api.routes_widget import WIDGET_FOLDER
from app.core.settings import Settings
from tests.support.keys import create_key
from tests.support.search_page import TIMEOUT_MS
from tests.support.shop import draw_product, write_shop
from tests.support.shop_page import ShopPage

pytestmark = pytest.mark.browser

MANIFEST = json.loads((WIDGET_FOLDER / "manifest.json").read_text(encoding="utf-8"))
MOVING = '<script async src="{service}/widget/lookalike.js"></script>'
PINNED = (
    '<script async crossorigin="anonymous" src="{service}/widget/{version}/lookalike.js" integrity="{hash}"></script>'
)
MODULE = '<script type="module" src="{service}/widget/lookalike.mjs"></script>'
ELEMENTS = (
    '<lookalike-search key="{key}"></lookalike-search>'
    '<lookalike-similar key="{key}" product-id="mugs-01"></lookalike-similar>'
)


@contextmanager
def shop_at(html: Callable[[str], str]) -> Iterator[str]:
    """Serve a page on a port of its own, and give its origin; `html` gets the origin and returns the page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server asks for
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(pages[0].encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        origin = f"http://127.0.0.1:{server.server_port}"
        pages = [html(origin)]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield origin
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Settings], AbstractContextManager[str]]
) -> Iterator[tuple[str, Settings]]:
    """A service that asks everybody for a key."""
    root: Path = tmp_path_factory.mktemp("elsewhere")
    settings = Settings.load(
        data_dir=root / "data", runtime="torch-float32", threads=1, port=0, keyless_search="nobody"
    )
    write_shop(root, settings)
    with serve(settings) as url:
        yield url, settings


@pytest.mark.parametrize("script", [MOVING, PINNED, MODULE], ids=["moving", "pinned", "module"])
def test_two_lines_in_a_file_elsewhere_make_a_search(
    browser: Browser, service: tuple[str, Settings], script: str
) -> None:
    """Script, key and element; results, pictures and the row of similar products arrive."""
    url, settings = service

    def html(origin: str) -> str:
        _record, key = create_key(settings, "search", origin)
        names = {"service": url, "version": MANIFEST["version"], "hash": MANIFEST["files"]["lookalike.js"]["integrity"]}
        return f"<!doctype html><title>Elsewhere</title>{script.format(**names)}{ELEMENTS.format(key=key)}"

    with shop_at(html) as origin, browser.new_page() as page:
        page.set_default_timeout(TIMEOUT_MS)
        page.goto(origin)
        shop = ShopPage(page, url)
        shop.search(draw_product("mugs", "#2471a3"))
        picture = shop.element.locator("#hits img").first
        expect(picture).to_be_visible()
        page.wait_for_function("(img) => img.complete && img.naturalWidth > 0", arg=picture.element_handle())
        page.keyboard.press("Escape")
        expect(page.locator("lookalike-similar .card-link")).to_have_count(8)


def test_a_key_for_another_origin_is_said_in_words(browser: Browser, service: tuple[str, Settings]) -> None:
    """A shopper reads that the shop has to be told, and not that the network is broken."""
    url, settings = service

    def html(_: str) -> str:
        _record, key = create_key(settings, "search", "https://shop.example")
        return f"<!doctype html><title>Elsewhere</title>{MOVING.format(service=url)}{ELEMENTS.format(key=key)}"

    # The service has a key for this origin too, so that it lets the page read why it is refused.
    with shop_at(html) as origin, browser.new_page() as page:
        create_key(settings, "search", origin)
        page.set_default_timeout(TIMEOUT_MS)
        page.goto(origin)
        shop = ShopPage(page, url)
        shop.opener.click()
        shop.choose(draw_product("mugs", "#2471a3"))
        expect(shop.problem).to_contain_text("search is locked")
        expect(page.locator("lookalike-similar .root")).to_be_hidden()
