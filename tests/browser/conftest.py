"""A real Chromium, and the search page of a real service in it."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from queue import Queue
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from app.api.server import GuardedServer, make_server, reserve_port, url_of
from app.core.settings import Settings
from app.main import create_app
from tests.support.chromium import launch
from tests.support.search_page import TIMEOUT_MS, OpenPage, SearchPage, watched_windows
from tests.support.services import patient_services
from tests.support.shop import Shop, write_shop
from tests.support.shop_page import CLASSIC, SEARCH, ShopPage, serve_shop, shop_html

__all__ = ["patient_services"]


# Not for the whole run: while it is open, Playwright's event loop counts as running, and asyncio.run refuses to start.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, one for the tests of a module."""
    expect.set_options(timeout=TIMEOUT_MS)  # its own is 5 s, whatever the context waits for
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shop_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real service over a small shop of drawn products."""
    root = tmp_path_factory.mktemp("browser-shop")
    settings = Settings.load(data_dir=root / "data", runtime="torch-float32", threads=1, port=0, decode_timeout_s=20)
    write_shop(root, settings)
    with served(settings) as url:
        yield url


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """Give the address of a service with these settings, which ends with the block."""
    started: Queue[GuardedServer] = Queue()
    with reserve_port(settings) as listener, ThreadPoolExecutor(1) as thread:
        serving = thread.submit(asyncio.run, _serve(settings, listener, started))
        server = started.get(timeout=60)
        yield url_of(listener)
        server.should_exit = True
        serving.result()


@pytest.fixture(scope="session")
def serve() -> Callable[[Settings], AbstractContextManager[str]]:
    """Run a service with settings of the test's own; it ends with the block and gives its address."""
    return served


@pytest.fixture(scope="module")
def admin_url(shop: Shop, serve: Callable[[Settings], AbstractContextManager[str]]) -> Iterator[str]:
    """The address of a service over the `shop` of the module that asks."""
    with serve(shop.settings) as url:
        yield url


async def _serve(settings: Settings, listener: socket.socket, started: "Queue[GuardedServer]") -> None:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        server = make_server(app, settings, on_started=lambda: started.put(server))
        await server.serve([listener])


@pytest.fixture
def open_page(browser: Browser, shop_url: str) -> Iterator[OpenPage]:
    """Open the search page in a window of its own; afterwards nothing of what a page must never do has happened."""
    with watched_windows(browser, shop_url) as open_window:

        def open_page(path: str = "/", **options: Any) -> SearchPage:  # noqa: ANN401  # Playwright's context options
            search_page = SearchPage(open_window(**options), shop_url)
            search_page.open(path)
            return search_page

        yield open_page


@pytest.fixture
def open_shop(browser: Browser, shop_url: str) -> Iterator[Callable[..., ShopPage]]:
    """Open a page of a shop with elements in it; afterwards nothing of what a page must never do has happened."""
    with watched_windows(browser, shop_url) as open_window:

        def open_shop(
            body: str = SEARCH,
            *,
            head: str = CLASSIC,
            lang: str = "en",
            headers: dict[str, str] | None = None,
            **options: Any,  # noqa: ANN401  # Playwright's context options
        ) -> ShopPage:
            page = open_window(**options)
            html = shop_html(shop_url, body, head, lang)
            page.goto(serve_shop(page, shop_url, html, headers or {}))
            page.wait_for_load_state("networkidle")
            return ShopPage(page, shop_url)

        yield open_shop


@pytest.fixture
def home(open_page: OpenPage) -> SearchPage:
    """The page as it is before any search, in a desktop window."""
    return open_page()


@pytest.fixture
def phone() -> dict[str, Any]:
    """The window of a small phone."""
    return {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
