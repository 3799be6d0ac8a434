"""What the page shows of an answer, and the way from hit to hit and back."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.support.photos import uniform_photo
from tests.support.search_page import OpenPage, SearchPage
from tests.support.shop import draw_product

pytestmark = pytest.mark.browser

BLUE_MUG = draw_product("mugs", "#2471a3")


@pytest.fixture
def results(home: SearchPage) -> SearchPage:
    """The page after a search with a photo of a blue mug, which the shop has."""
    home.choose(BLUE_MUG)
    home.wait_for_hits()
    return home


def alter_json(window: SearchPage, pattern: str, change: dict[str, Any]) -> None:
    """Let the answers at some address have other values in every product that they hold."""

    def alter(route: Route) -> None:
        answer = route.fetch().json()
        for entry in answer.get("results", answer.get("products", [])):
            entry.get("product", entry).update(change)
        route.fulfill(body=json.dumps(answer), content_type="application/json")

    window.page.route(pattern, alter)


def test_hits_show_title_category_price_and_score(results: SearchPage) -> None:
    """The most similar product comes first, with its picture and its facts in words."""
    card = results.page.locator("#hits .card").first
    expect(results.hits).to_have_count(10)
    expect(card.get_by_role("link", name="Mug 01", exact=True)).to_be_visible()
    expect(card.get_by_role("img", name="Mug 01")).to_be_visible()
    expect(card).to_contain_text("Mugs · Drawn")
    expect(card).to_contain_text("€19.90")
    expect(card).to_contain_text("Similarity 1.00")
    assert card.get_by_role("img").evaluate("img => img.complete && img.naturalWidth > 0")


@pytest.mark.parametrize(
    ("category", "shown"),
    [
        ("pendant-lamps", "Pendant lamps"),
        ("pendant_lamps", "Pendant lamps"),
        ("t-shirts", "T-shirts"),
        ("v-neck-jumpers", "V-neck jumpers"),
        ("Mid-Century", "Mid-Century"),
        ("lamps - indoor", "Lamps - indoor"),
    ],
)
def test_categories_are_shown_in_words(home: SearchPage, category: str, shown: str) -> None:
    """The names of folders become words; what a shop wrote in words of its own stays."""
    alter_json(home, "**/search", {"category": category, "brand": None})
    home.choose(BLUE_MUG)
    home.wait_for_hits()
    expect(home.page.locator("#hits .meta").first).to_have_text(shown)


def test_scores_fall_from_hit_to_hit(results: SearchPage) -> None:
    """Hits stand in the order of their scores."""
    scores = [float(text.split()[1]) for text in results.scores.all_inner_texts()]
    assert scores == sorted(scores, reverse=True)


def test_classes_and_categories_are_bars_with_percentages(results: SearchPage) -> None:
    """Each bar says its share in text, and is as long as it says."""
    page = results.page
    classes = page.get_by_role("region", name="Seen in the photo").get_by_role("listitem")
    categories = page.get_by_role("region", name="Likely category").get_by_role("listitem")
    expect(classes).to_have_count(5)
    expect(categories.first).to_contain_text("Mugs")
    for bar in [*classes.all(), *categories.all()]:
        said = re.search(r"(under )?(\d+)%", bar.inner_text())
        drawn = bar.locator(".bar-track").evaluate(
            "track => parseFloat(getComputedStyle(track, '::after').width) / track.getBoundingClientRect().width"
        )
        assert said is not None
        assert drawn * 100 == pytest.approx(int(said[2]), abs=1)


def test_the_footer_says_what_was_searched(results: SearchPage) -> None:
    """Counts, network and time are there for whoever wants them."""
    expect(results.page.get_by_role("contentinfo")).to_contain_text(
        re.compile(
            r"Searched 30 pictures of 24 products with efficientnet_lite0 in [\d,]+ ms\. Index of \d+ \w+ 20\d\d"
        )
    )


def test_the_status_counts_and_the_title_names_the_search(results: SearchPage) -> None:
    """What changed is announced and stands in the window's title."""
    expect(results.status).to_have_text("10 similar products, the most similar first.")
    expect(results.page).to_have_title(re.compile("^Products that look like your photo . Lookalike$"))


def test_a_hit_leads_to_more_like_it_and_back(results: SearchPage) -> None:
    """The browser's Back returns to the earlier hits, without asking again, with the focus where it was."""
    titles = results.hits.all_inner_texts()
    results.hits.nth(2).click()
    expect(results.title).to_contain_text("Products that look like “Mug")
    results.wait_for_hits()
    assert "?product=mugs-" in results.page.url
    expect(results.trail).to_have_count(3)

    asked: list[str] = []
    results.page.on("request", lambda request: asked.append(request.url))
    results.page.go_back()
    expect(results.title).to_have_text("Products that look like your photo")
    assert results.hits.all_inner_texts() == titles
    expect(results.hits.nth(2)).to_be_focused()
    assert not [url for url in asked if "/similar" in url or url.endswith("/search")]

    results.page.go_forward()
    expect(results.title).to_contain_text("Products that look like “Mug")


def test_a_product_is_not_its_own_hit(results: SearchPage) -> None:
    """More like this shows others."""
    results.hits.first.click()
    expect(results.title).to_have_text("Products that look like “Mug 01”")
    results.wait_for_hits()
    expect(results.page.get_by_role("link", name="Mug 01", exact=True)).to_have_count(0)


def test_the_trail_leads_back_over_several_steps(results: SearchPage) -> None:
    """Every earlier step is a link, and Start begins anew."""
    for depth in (3, 4):
        results.hits.first.click()
        expect(results.trail).to_have_count(depth)
        results.wait_for_hits()
    results.trail.get_by_role("link", name="Your photo").click()
    expect(results.title).to_have_text("Products that look like your photo")
    expect(results.trail).to_have_count(2)
    results.trail.get_by_role("link", name="Start").click()
    expect(results.title).to_have_text("Find products that look like your photo")
    expect(results.title).to_be_focused()


def test_a_long_trail_shows_its_ends(results: SearchPage) -> None:
    """Of many steps the first and the last few are shown, and lead where they say."""
    visited = []
    for _ in range(6):
        visited.append(results.hits.first.locator(".name").inner_text())
        results.hits.first.click()
        expect(results.title).to_contain_text(visited[-1])
        results.wait_for_hits()
    expect(results.trail).to_have_text(["Start", "Your photo", "…", *visited[-4:]])
    results.trail.get_by_role("link", name=visited[-4]).first.click()
    expect(results.title).to_contain_text(visited[-4])
    expect(results.trail).to_have_count(5)


def test_an_example_starts_a_search(home: SearchPage) -> None:
    """The page invites with a few products of the shop."""
    expect(home.examples).to_have_count(12)
    home.examples.first.click()
    home.wait_for_hits()
    expect(home.trail).to_have_count(2)
    home.page.go_back()
    expect(home.title).to_have_text("Find products that look like your photo")


def test_a_product_has_an_address_of_its_own(open_page: OpenPage) -> None:
    """The address of a search by product can be opened, reloaded and passed on."""
    window = open_page("/?product=bags-03")
    window.wait_for_hits()
    expect(window.title).to_have_text("Products that look like “Bag 03”")
    expect(window.page.get_by_role("img", name="Bag 03")).to_be_visible()
    window.page.reload()
    window.wait_for_hits()
    expect(window.title).to_have_text("Products that look like “Bag 03”")


def test_a_reload_repeats_the_search_with_the_photo(results: SearchPage) -> None:
    """The service remembers the query for a while, though nobody keeps the photo."""
    titles = results.hits.all_inner_texts()
    results.page.reload()
    results.wait_for_hits()
    assert results.hits.all_inner_texts() == titles
    expect(results.page.locator(".query-tile")).to_have_count(0)


def test_more_hits_can_be_shown(results: SearchPage) -> None:
    """Show more keeps the hits that are there, adds others and moves the focus to the first of them."""
    titles = results.hits.all_inner_texts()
    results.page.get_by_role("button", name="Show more").click()
    expect(results.hits).to_have_count(24)
    assert results.hits.all_inner_texts()[:10] == titles
    expect(results.hits.nth(10)).to_be_focused()
    expect(results.page.get_by_role("button", name="Show more")).to_be_hidden()


def test_a_new_photo_replaces_the_one_before(results: SearchPage) -> None:
    """Another photo begins a new trail, and Back returns to the hits of the first."""
    titles = results.hits.all_inner_texts()
    results.choose(draw_product("lamps", "#d4ac0d", view=2))
    expect(results.hits.first).to_contain_text("Lamp")
    expect(results.trail).to_have_count(2)
    results.page.go_back()
    expect(results.hits.first).to_contain_text("Mug")
    assert results.hits.all_inner_texts() == titles


def test_a_photo_of_one_colour_is_said_to_mean_little(home: SearchPage) -> None:
    """Hits for a nearly uniform photo come with a warning."""
    home.choose(uniform_photo(), "photo.png", "image/png")
    home.wait_for_hits()
    expect(home.page.locator(".verdict")).to_contain_text("these matches mean little")
    expect(home.status).to_contain_text("mean little")


def test_a_link_leads_to_the_shop_s_own_page(results: SearchPage) -> None:
    """Of a product that has an address of its own."""
    link = results.page.get_by_role("link", name="View in the shop (Mug 01)")
    expect(link).to_have_attribute("href", "https://shop.example/mugs-01")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,hello", "http://", "", None])
def test_what_is_no_web_address_becomes_no_link(home: SearchPage, url: str | None) -> None:
    """An address from the shop's data can run nothing."""
    alter_json(home, "**/search", {"url": url})
    home.choose(BLUE_MUG)
    home.wait_for_hits()
    expect(home.page.locator(".out")).to_have_count(0)


def test_text_of_the_shop_stays_text(home: SearchPage) -> None:
    """Markup in a title or a category is shown as it was written."""
    markup = "<img src=x onerror=document.title='taken'>"
    alter_json(home, "**/search", {"title": markup, "category": markup, "brand": markup})
    home.choose(BLUE_MUG)
    home.wait_for_hits()
    expect(home.page.locator("#hits .name").first).to_have_text(markup)
    expect(home.page.locator("img[src=x]")).to_have_count(0)
    expect(home.page).not_to_have_title("taken")


def test_odd_prices_are_shown_as_they_are(home: SearchPage) -> None:
    """A currency that is none does not keep the hits from being shown."""
    alter_json(home, "**/search", {"price": 5, "currency": "pieces of gold"})
    home.choose(BLUE_MUG)
    home.wait_for_hits()
    expect(home.page.locator("#hits .price").first).to_have_text("5 pieces of gold")


def test_a_picture_that_is_gone_leaves_its_place(home: SearchPage) -> None:
    """A card without its picture keeps its shape; the name stands below."""
    home.page.route("**/images/*", lambda route: route.fulfill(status=404))
    home.choose(BLUE_MUG)
    home.wait_for_hits()
    expect(home.page.locator("#hits .tile img").first).to_be_hidden()
    box = home.page.locator("#hits .tile").first.bounding_box()
    assert box is not None
    assert box["height"] == pytest.approx(box["width"] * 5 / 4, rel=0.02)


def test_a_shop_without_products_is_no_fault(home: SearchPage) -> None:
    """Nothing found is said in words, and nothing is offered that is not there."""
    home.page.route(
        "**/products?*",
        lambda route: route.fulfill(body='{"products": [], "next_cursor": null}', content_type="application/json"),
    )

    def empty(route: Route) -> None:
        answer = route.fetch().json() | {"results": [], "categories": []}
        route.fulfill(body=json.dumps(answer), content_type="application/json")

    home.page.route("**/search", empty)
    home.page.reload()
    expect(home.page.get_by_role("heading", name="Or start from one of these")).to_be_hidden()
    home.choose(BLUE_MUG)
    expect(home.status).to_have_text("No similar product was found.")
