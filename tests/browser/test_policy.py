"""What the page may load and run: nothing that is not ours. The fixture `open_page` watches for it in every test."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.support.photos import drawn_photo
from tests.support.search_page import SearchPage, Watch

pytestmark = pytest.mark.browser
REFUSED = re.compile("Content Security Policy|This document requires 'Trusted")


def test_a_whole_visit_asks_no_other_origin_for_anything(home: SearchPage) -> None:
    """From the first view over a photo, a hit and the camera, every request goes to the service."""
    asked: list[str] = []
    home.page.on("request", lambda request: asked.append(request.url))
    home.page.reload()
    home.choose(drawn_photo())
    home.wait_for_hits()
    home.hits.first.click()
    expect(home.trail).to_have_count(3)
    home.wait_for_hits()
    home.page.get_by_role("button", name="Take a photo").click()
    expect(home.page.get_by_role("dialog").get_by_role("button", name="Take a photo")).to_be_enabled()
    assert len(asked) > 20
    assert not [url for url in asked if not url.startswith((home.origin, f"blob:{home.origin}"))]


@pytest.mark.parametrize(
    "crime",
    [
        "fetch('http://127.0.0.1:9/').catch(() => {})",
        "document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:9/pixel.png' }))",
        "try { document.body.innerHTML = '<img src=x onerror=\"window.ran = true\">' } catch { /* it must not */ }",
        "document.body.setAttribute('style', 'color: red')",
    ],
)
def test_what_is_not_ours_is_blocked_and_noticed(browser: Browser, shop_url: str, crime: str) -> None:
    """The content security policy stops foreign requests, inline scripts and inline styles, and the watch sees it."""
    watch = Watch(shop_url)
    with browser.new_page() as page:
        watch.over(page)
        window = SearchPage(page, shop_url)
        window.open()
        assert not watch.faults
        with page.expect_console_message(lambda message: REFUSED.search(message.text) is not None):
            page.evaluate(f"() => {{ {crime} }}")
        assert watch.faults
        assert not page.evaluate("window.ran")
