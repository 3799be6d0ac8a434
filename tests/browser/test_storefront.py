"""`make storefront`: a shop on an origin of its own, used by a shopper as a customer's shop would be."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from indexer.sample_catalogue import draw_query_photo
from tests.support.image_check import free_port
from tests.support.search_page import REFUSED_REQUEST, TIMEOUT_MS, assert_accessible, assert_fits_width
from tests.support.sources import REPOSITORY

PRODUCTS = 24


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The shop's origin, with Lookalike beside it on another."""
    folder, port = tmp_path_factory.mktemp("storefront"), free_port()
    words = ("--folder", folder, "--products", PRODUCTS, "--port", port, "--service-port", free_port())
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("LOOKALIKE_")},
        "LOOKALIKE_NETWORK": "efficientnet_lite0",
        "LOOKALIKE_RUNTIME": "openvino-float32",
    }
    command = [sys.executable, "-m", "examples.storefront", *map(str, words)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as shop:
        assert shop.stdout is not None
        told = next((line for line in shop.stdout if " is at http" in line), None)
        try:
            assert told is not None, (folder / "service.log").read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            shop.terminate()


@pytest.fixture(scope="module")
def window(browser: Browser, origin: str) -> Iterator[Page]:
    """A window of a shopper, in which nothing breaks the shop's policy or fails."""
    faults: list[str] = []
    with browser.new_context(
        base_url=origin, viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    ) as context:
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        yield page
    assert [fault for fault in faults if not fault.startswith(REFUSED_REQUEST)] == []


def test_a_shopper_finds_a_product_with_a_photo_and_puts_it_into_the_basket(window: Page, tmp_path: Path) -> None:
    """From the button in the head of any page, over the product's own page in the shop, to what looks like it."""
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(draw_query_photo()[1])
    window.goto("/?category=mugs")
    window.get_by_role("button", name="Search with a photo").click()
    dialog = window.get_by_role("dialog")
    dialog.get_by_label("Choose a photo").set_input_files(photo)
    dialog.locator("[part~=link]").first.click()
    expect(window).to_have_url(re.compile("/products/"))
    window.get_by_role("button", name="Add to basket").click()
    expect(window.locator("#basket")).to_have_text("1")
    similar = window.locator("lookalike-similar")
    similar.scroll_into_view_if_needed()
    expect(similar.get_by_role("link").first).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/?category=mugs", "/products/mugs-17", "/search"])
@pytest.mark.parametrize("width", [1280, 360])
def test_every_page_is_accessible_and_fits(window: Page, path: str, width: int) -> None:
    """On a desk and on a small phone."""
    window.set_viewport_size({"width": width, "height": 800})
    window.goto(path)
    expect(window.locator("lookalike-search").get_by_role("button").first).to_be_visible()
    assert_accessible(window)
    assert_fits_width(window)


def test_nothing_is_asked_of_the_service_before_it_is_used(window: Page) -> None:
    """The listing loads the script of the elements, and no more."""
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.goto("/")
    expect(window.get_by_role("button", name="Search with a photo")).to_be_visible()
    own = window.evaluate("location.origin")
    assert [url.partition("/widget/")[2] for url in asked if not url.startswith(own)] == ["lookalike.js"]


def test_the_feed_states_whole_addresses(origin: str) -> None:
    """Of pages and pictures, as every feed must whose reader is elsewhere."""
    head, *rows = httpx2.get(f"{origin}/feed.csv").text.splitlines()
    assert head.startswith("id,title,category")
    assert len(rows) == PRODUCTS
    assert all(row.count(origin) == 2 for row in rows)
