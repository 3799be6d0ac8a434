"""How sure the page is of an answer, and why a hit is one."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Request, Route, expect

from tests.support.search_page import OpenPage, SearchPage
from tests.support.shop import draw_product

pytestmark = pytest.mark.browser

BLUE_MUG = draw_product("mugs", "#2471a3")


def why(window: SearchPage, number: int = 0) -> Locator:
    """Return the button that tells why a hit is one."""
    return window.page.locator("#hits .why").nth(number)


def answer_with(window: SearchPage, **fields: object) -> None:
    """Let searches with a photo have these fields in their answers."""
    window.page.route("**/search", lambda route: route.fulfill(json=route.fetch().json() | fields))


def search(window: SearchPage) -> None:
    """Search with a photo of a blue mug, which the shop has."""
    window.choose(BLUE_MUG)
    window.wait_for_hits()


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("exact", "This very picture is in the shop: Mug 01 (93% sure)."),
        ("similar", "The shop has something alike (93% sure)."),
        ("none", "Nothing quite like it in this shop; these are the closest (93% sure)."),
    ],
)
def test_the_verdict_is_said_in_words(home: SearchPage, verdict: str, said: str) -> None:
    """Above the hits, light and dark, without a fault for axe-core."""
    answer_with(home, match={"verdict": verdict, "confidence": 0.93})
    search(home)
    expect(home.page.locator("#verdict")).to_have_text(said)
    home.assert_accessible()
    home.page.emulate_media(color_scheme="dark")
    home.assert_accessible()


def test_without_a_verdict_nothing_is_said(home: SearchPage) -> None:
    """As in an index of few products, and for a search with a product."""
    answer_with(home, match=None)
    search(home)
    expect(home.page.locator("#verdict")).to_be_hidden()
    home.hits.first.click()
    expect(home.trail).to_have_count(3)
    expect(home.page.locator("#verdict")).to_be_hidden()


def test_a_hit_is_explained_on_both_pictures_and_in_words(home: SearchPage) -> None:
    """One press lays light over the photo and the hit; another takes it away. The service is asked once."""
    search(home)
    asked: list[Request] = []
    home.page.on("request", lambda request: asked.append(request) if request.method == "POST" else None)
    why(home).click()
    expect(why(home)).to_have_attribute("aria-pressed", "true")
    expect(home.page.locator("#hits .card").first.get_by_text("Most alike:")).to_be_visible()
    expect(home.status).to_contain_text("Most alike:")
    expect(home.page.locator(".query-tile > .veil rect")).to_have_count(49)
    expect(home.page.locator(".query-tile > .veil")).to_have_css("fill", "rgb(255, 255, 255)")  # seen on black clothes
    expect(home.page.locator("#hits .card").first.locator(".tile > .veil")).to_have_count(2)
    why(home, 1).click()
    expect(why(home)).to_have_attribute("aria-pressed", "false")
    expect(home.page.locator(".why-text")).to_have_count(1)
    why(home, 1).click()
    expect(home.page.locator(".veil")).to_have_count(0)
    expect(home.page.locator(".why-text")).to_have_count(0)
    assert len(asked) == 1


def test_the_light_lies_on_the_picture_and_not_beside_it(home: SearchPage) -> None:
    """The grid's centre is the tile's, and it is as large as the part of the picture that the network sees."""
    search(home)
    why(home).click()
    card = home.page.locator("#hits .card").first
    expect(card.locator(".tile > .veil").first).to_be_visible()
    tile, first, last = (
        card.locator(selector).first.bounding_box()
        for selector in (".tile", ".tile > .veil rect >> nth=0", ".tile > .veil rect >> nth=48")
    )
    assert tile is not None
    assert first is not None
    assert last is not None
    side = last["x"] + last["width"] - first["x"]
    assert side == pytest.approx(tile["width"] * 0.875, rel=0.15)
    assert (first["x"] + side / 2) == pytest.approx(tile["x"] + tile["width"] / 2, abs=2)


def test_the_keyboard_reaches_the_explanation(home: SearchPage) -> None:
    """Tab to the button, then Enter."""
    search(home)
    home.press_tab_to(why(home, 1))
    home.page.keyboard.press("Enter")
    expect(why(home, 1)).to_have_attribute("aria-pressed", "true")
    expect(why(home, 1)).to_be_focused()
    expect(home.page.get_by_role("button", name="Why? (", pressed=True)).to_have_count(1)


def test_a_hit_of_a_product_is_explained(open_page: OpenPage) -> None:
    """By the image of the product that is most like it."""
    window = open_page("/?product=bags-03")
    window.wait_for_hits()
    why(window).click()
    expect(window.page.get_by_text("Most alike:").first).to_be_visible()
    expect(window.page.locator("#hits .corner .veil")).to_have_count(1)


def test_an_explained_hit_is_accessible_on_a_small_phone_and_in_the_dark(
    open_page: OpenPage, phone: dict[str, Any]
) -> None:
    """Nothing scrolls sideways, and axe-core finds nothing."""
    window = open_page(**phone)
    answer_with(window, match={"verdict": "none", "confidence": 0.93})
    search(window)
    window.let_searches_pass()
    why(window).click()
    expect(window.page.get_by_text("Most alike:").first).to_be_visible()
    window.assert_fits_width()
    window.assert_accessible()
    window.page.emulate_media(color_scheme="dark")
    window.assert_accessible()


def test_what_cannot_be_explained_is_said_so(home: SearchPage) -> None:
    """An index that keeps nothing for it, or a network without regions."""

    def nothing(route: Route) -> None:
        answer = route.fetch().json()
        for hit in answer["results"]:
            hit["explanation"] = None
        route.fulfill(json=answer)

    home.page.route("**/search", nothing)
    search(home)
    why(home).click()
    expect(home.page.locator(".why-text")).to_have_text("Nothing is kept that tells why.")
    expect(home.page.locator(".veil")).to_have_count(0)
