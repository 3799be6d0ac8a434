"""<lookalike-similar>: a row of similar products on a product's page, which never moves the page round it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.shop_page import ShopPage

pytestmark = pytest.mark.browser

OpenShop = Callable[..., ShopPage]
ROW = '<lookalike-similar product-id="mugs-01" limit="6"></lookalike-similar><p>What follows.</p>'
FAR_DOWN = f'<div class="gap"></div>{ROW}'
ROOM = "<style>lookalike-similar:not(:defined) { display: block; height: calc(19.325em + 36px) }</style>"
STYLE = "<style>.gap { height: 4000px }</style>"
SCRIPT = '<script async src="{service}/widget/lookalike.js"></script>'
WATCH_SHIFTS = """() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
        for (const { value, sources } of list.getEntries())
            window.shifts.push([value, sources.map(({ node }) => node?.outerHTML ?? String(node))]);
    }).observe({ type: "layout-shift", buffered: true });
}"""


def test_similar_products_stand_in_a_row(open_shop: OpenShop) -> None:
    """With name, price and a link to the shop's own page; the product itself is not among them."""
    shop = open_shop(ROW)
    cards = shop.page.locator("lookalike-similar .card-link")
    expect(cards).to_have_count(6)
    expect(shop.page.get_by_role("heading", name="Similar products")).to_be_visible()
    expect(shop.page.get_by_role("link", name="Mug 01")).to_have_count(0)
    expect(cards.first).to_have_attribute("href", re.compile("^https://shop.example/mugs-"))
    expect(shop.page.locator("lookalike-similar .price").first).to_have_text("€19.90")
    shop.assert_accessible()
    shop.assert_fits_width()


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_nothing_moves_when_it_arrives(open_shop: OpenShop, phone: dict[str, Any], device: str) -> None:
    """With the documented line of CSS, what follows stands where it stood before the script was there, to the pixel."""
    shop = open_shop(ROW, head=ROOM + SCRIPT, **(phone if device == "phone" else {}))
    shop.page.route("**/similar*", lambda _route: None)
    shop.page.reload(wait_until="load")
    expect(shop.page.locator("lookalike-similar .skeleton")).to_have_count(6)
    shop.page.evaluate(WATCH_SHIFTS)
    follower = shop.page.get_by_text("What follows.")
    before = follower.bounding_box()
    shop.page.unroute("**/similar*")
    shop.page.evaluate("document.querySelector('lookalike-similar').setAttribute('limit', '7')")
    expect(shop.page.locator("lookalike-similar .card-link")).to_have_count(7)
    shop.page.wait_for_load_state("networkidle")
    assert follower.bounding_box() == before
    assert shop.page.evaluate("window.shifts") == []


def test_it_is_asked_for_when_it_is_about_to_be_seen(open_shop: OpenShop) -> None:
    """Far down the page it asks for nothing until the reader comes near."""
    shop = open_shop(FAR_DOWN, head=STYLE + SCRIPT)
    asked: list[str] = []
    shop.page.on("request", lambda request: asked.append(request.url))
    shop.page.wait_for_timeout(300)
    assert not asked
    shop.page.get_by_text("What follows.").scroll_into_view_if_needed()
    expect(shop.page.locator("lookalike-similar .card-link")).to_have_count(6)
    assert any("/similar?" in url for url in asked)


@pytest.mark.parametrize("product_id", ["no-such-product", ""])
def test_nothing_is_there_when_there_is_nothing(open_shop: OpenShop, product_id: str) -> None:
    """A product that the service does not know leaves no hole and no excuse; the page is told."""
    shop = open_shop(f'<lookalike-similar product-id="{product_id}"></lookalike-similar>')
    expect(shop.page.get_by_role("heading", name="Similar products")).to_be_hidden()
    assert shop.page.evaluate("document.querySelector('lookalike-similar').offsetHeight") == 0


def test_another_product_shows_others(open_shop: OpenShop) -> None:
    """A shop that changes its page without loading it changes the attribute."""
    shop = open_shop(ROW)
    expect(shop.page.locator("lookalike-similar .card-link").first).to_contain_text("Mug")
    shop.page.evaluate("document.querySelector('lookalike-similar').setAttribute('product-id', 'bags-03')")
    expect(shop.page.locator("lookalike-similar .card-link").first).to_contain_text("Bag")


def test_a_choice_is_told_to_the_page(open_shop: OpenShop) -> None:
    """`lookalike:select`, as of the search."""
    shop = open_shop(ROW)
    shop.hear("lookalike:select", prevent=True)
    shop.page.locator("lookalike-similar .card-link").first.click()
    [heard] = shop.heard()
    assert heard["tag"] == "lookalike-similar"
    assert heard["product"]["id"].startswith("mugs-")
    assert shop.page.url.endswith("/a-shop")
