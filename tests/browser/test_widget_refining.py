"""A part of the photo, filters, "more like this" and "less like this": what is asked for, and the way back."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Route, expect

from tests.support.shop import draw_product
from tests.support.shop_page import Fields, ShopPage, answer_with, form_of

pytestmark = pytest.mark.browser

OpenShop = Callable[..., ShopPage]
BLUE_MUG = draw_product("mugs", "#2471a3")
IN_PAGE = '<lookalike-search layout="page"></lookalike-search>'
# Two things that a service may see in a photo; the second lies within the first.
THINGS = [
    {"region": [0.1, 0.1, 0.9, 0.9], "query_id": "thing-one", "categories": [{"label": "mugs", "probability": 0.9}]},
    {"region": [0.55, 0.35, 0.9, 0.75], "query_id": "thing-two", "categories": []},
]


class Searched(ShopPage):
    """A page with an element that has searched, and the forms that were sent since."""

    sent: list[Fields]

    def last(self) -> Fields:
        """Return the form of the last search."""
        return self.sent[-1]

    def wait_for(self, count: int) -> None:
        """Wait until this many searches were sent and the last is answered."""
        for _ in range(100):
            if len(self.sent) >= count:
                break
            self.page.wait_for_timeout(50)
        assert len(self.sent) == count
        self.wait_for_hits()


@pytest.fixture
def searched(open_shop: OpenShop) -> Searched:
    """A page with an element in it that has searched with a photo."""
    return search_in(open_shop(IN_PAGE))


def search_in(shop: ShopPage, things: list[dict[str, Any]] | None = None) -> Searched:
    """Search with a photo; each answer has `things`, and each later form is kept."""
    page = Searched(shop.page, shop.service)
    page.sent = []

    def keep(fields: Fields, answer: dict[str, Any]) -> None:
        page.sent.append(fields)
        if fields.get("regions") and things:
            answer["regions"] = things

    answer_with(shop.page, keep)
    page.choose(BLUE_MUG)
    page.wait_for_hits()
    return page


def two_products() -> bytes:
    """Return a photo of a mug and a bag beside each other."""
    both = Image.new("RGB", (800, 400), "#f0efe9")
    for left, category, colour in ((20, "mugs", "#2471a3"), (420, "bags", "#b03a2e")):
        with Image.open(io.BytesIO(draw_product(category, colour))) as product:
            both.paste(product.convert("RGB").resize((360, 360)), (left, 20))
    data = io.BytesIO()
    both.save(data, "JPEG")
    return data.getvalue()


def region_of(fields: Fields) -> list[float]:
    """Return the region that was asked for."""
    return [float(share) for share in fields["region"].split(",")]


def centre(locator: Locator) -> tuple[float, float, float, float]:
    """Return where an element's centre is, and half its sides."""
    box = locator.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"] / 2, box["height"] / 2


def click(shop: ShopPage, target: Locator) -> None:
    """Click, and wait for the answer to the search that follows from it."""
    with shop.page.expect_response("**/search"):
        target.click()


def drag(shop: ShopPage, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag with the mouse."""
    mouse = shop.page.mouse
    mouse.move(*start)
    mouse.down()
    mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    mouse.move(*end)
    mouse.up()


def test_a_box_is_drawn_moved_and_resized_with_the_mouse(searched: Searched) -> None:
    """Each time it comes to rest that part is searched, with the photo itself."""
    x, y, half_x, half_y = centre(searched.element.locator(".layer"))
    drag(searched, (x - half_x * 0.8, y - half_y * 0.6), (x, y))
    searched.wait_for(2)
    assert searched.last()["image"] == "(a file)"
    assert region_of(searched.last()) == pytest.approx([0.1, 0.2, 0.5, 0.5], abs=0.02)
    assert "regions" not in searched.last()

    with searched.page.expect_response("**/search"):
        drag(searched, centre(searched.box)[:2], (x, y))
    assert region_of(searched.last()) == pytest.approx([0.3, 0.35, 0.7, 0.65], abs=0.02)

    with searched.page.expect_response("**/search"):
        drag(searched, centre(searched.element.locator("[data-at=se]"))[:2], (x + half_x * 0.8, y + half_y * 0.8))
    assert region_of(searched.last()) == pytest.approx([0.3, 0.35, 0.9, 0.9], abs=0.02)
    searched.wait_for_hits()

    with searched.page.expect_response("**/search"):
        searched.button("Whole photo").click()
    assert "region" not in searched.last()
    assert "query_id" in searched.last()
    expect(searched.box).to_be_hidden()


def test_a_box_is_moved_with_the_keyboard(searched: Searched) -> None:
    """Arrows move it, with Shift they change its size, Enter searches, Escape returns to the whole photo."""
    keyboard = searched.page.keyboard
    searched.button("Choose a part").focus()
    keyboard.press("Enter")
    expect(searched.box).to_be_focused()
    for _ in range(5):
        keyboard.press("ArrowLeft")
    for _ in range(5):
        keyboard.press("Shift+ArrowDown")
    expect(searched.status).to_have_text(re.compile("10.70 % . 20.90 %"))
    with searched.page.expect_response("**/search"):
        keyboard.press("Enter")
    assert region_of(searched.last()) == pytest.approx([0.1, 0.2, 0.7, 0.9], abs=0.001)
    searched.wait_for_hits()
    expect(searched.box).to_be_focused()
    with searched.page.expect_response("**/search"):
        keyboard.press("ArrowRight")  # and then nothing for a while
    assert region_of(searched.last()) == pytest.approx([0.12, 0.2, 0.72, 0.9], abs=0.001)
    searched.wait_for_hits()
    with searched.page.expect_response("**/search"):
        keyboard.press("Escape")
    assert "region" not in searched.last()
    expect(searched.box).to_be_hidden()


def test_a_box_is_drawn_with_a_finger(open_shop: OpenShop, phone: dict[str, Any]) -> None:
    """On a phone the photo becomes large first, and is drawn on instead of scrolled."""
    shop = search_in(open_shop(IN_PAGE, **phone))
    layer = shop.element.locator(".layer")
    small = centre(layer)[2]
    shop.button("Choose a part").click()
    x, y, half_x, half_y = centre(layer)
    assert half_x > 2 * small
    expect(layer).to_have_css("touch-action", "none")
    touch = shop.page.context.new_cdp_session(shop.page)
    path = [(x - half_x * 0.9, y - half_y * 0.9), (x - half_x * 0.5, y), (x - half_x * 0.2, y + half_y * 0.2)]
    kinds = ["touchStart", "touchMove", "touchMove"]
    with shop.page.expect_response("**/search"):
        for kind, (at_x, at_y) in zip(kinds, path, strict=True):
            points = [{"x": at_x, "y": at_y}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert region_of(shop.last()) == pytest.approx([0.05, 0.05, 0.4, 0.6], abs=0.03)
    shop.assert_fits_width()


def test_things_in_the_photo_are_suggested(open_shop: OpenShop) -> None:
    """A suggestion is searched without sending the photo again, and the whole photo neither."""
    shop = search_in(open_shop(IN_PAGE), THINGS)
    assert shop.last()["regions"] == "auto"
    things = shop.element.locator(".thing")
    expect(things).to_have_count(2)
    expect(things.first).to_have_accessible_name("Choose a part 1 Mugs")
    shop.assert_accessible()
    shop.page.unroute("**/search")
    forms: list[Fields] = []

    def answer(route: Route) -> None:
        forms.append(form_of(route))
        route.fulfill(json={"request_id": "r", "query_id": "thing", "results": [], "facets": {}})

    shop.page.route("**/search", answer)
    things.first.click()
    expect(things.first).to_have_attribute("aria-pressed", "true")
    expect(things.first).to_be_focused()
    expect(shop.box).to_be_visible()
    assert forms[-1]["query_id"] == "thing-one"
    assert "image" not in forms[-1]
    shop.button("Whole photo").click()
    expect(shop.box).to_be_hidden()
    assert "image" not in forms[-1]


def test_the_service_sees_the_things_itself(open_shop: OpenShop) -> None:
    """Two products in one photo are two suggestions; each finds its own kind."""
    shop = open_shop(IN_PAGE)
    shop.choose(two_products())
    shop.wait_for_hits()
    things = shop.element.locator(".thing")
    expect(things.first).to_be_visible()
    with shop.page.expect_response("**/search") as response:
        things.first.click()
    assert response.value.status == 200
    expect(things.first).to_have_attribute("aria-pressed", "true")
    expect(shop.box).to_be_visible()


def test_filters_narrow_what_is_found(searched: Searched) -> None:
    """Facets with counts; several values of one; prices; each with a way back, and one for all."""
    element = searched.element
    element.get_by_text("Filter", exact=True).click()
    facets = element.get_by_role("group", name="Category")
    expect(facets.get_by_role("checkbox")).to_have_count(3)
    expect(facets).to_contain_text("Mugs (8)")
    facets.get_by_role("checkbox", name="Bags").check()
    expect(searched.hits.first).to_contain_text("Bag")
    expect(searched.hits).to_have_count(8)
    expect(facets.get_by_label("Bags")).to_be_focused()
    expect(facets.get_by_role("checkbox")).to_have_count(3)
    assert searched.last()["filter"] == '{"category":{"in":["bags"]}}'
    facets.get_by_label("Lamps").check()
    expect(searched.hits).to_have_count(10)
    expect(searched.chips).to_have_text(["Bags", "Lamps"])
    expect(element.locator("summary")).to_have_text("Filter (2)")

    searched.chips.first.click()
    expect(searched.hits.first).to_contain_text("Lamp")
    element.get_by_label("To", exact=True).fill("5")
    element.get_by_label("To", exact=True).press("Enter")
    expect(searched.status).to_have_text("No similar product was found.")
    assert '"price":{"lte":5}' in searched.last()["filter"]
    searched.button("Clear all").click()
    expect(searched.hits.first).to_contain_text("Mug")
    expect(searched.chips).to_have_count(0)


def test_the_shop_says_what_can_be_filtered(open_shop: OpenShop) -> None:
    """The attribute facets names fields, attributes among them; one value is no choice."""
    shop = search_in(open_shop('<lookalike-search layout="page" facets="brand,attributes.colour"></lookalike-search>'))
    shop.element.get_by_text("Filter", exact=True).click()
    expect(shop.element.get_by_role("group", name="Colour").get_by_role("checkbox")).to_have_count(8)
    expect(shop.element.get_by_role("group", name="Brand")).to_have_count(0)


def test_more_and_less_like_a_hit(searched: Searched) -> None:
    """Both are sent with the query, stand above the hits, and can be taken back."""
    more = searched.element.get_by_role("button", name="More like Mug 02", exact=True)
    click(searched, more)
    expect(searched.chips).to_have_text(["More like Mug 02"])
    expect(more).to_have_attribute("aria-pressed", "true")
    assert searched.last()["more_like"] == "mugs-02"
    assert "query_id" in searched.last()
    click(searched, searched.element.get_by_role("button", name="Less like Mug 03", exact=True))
    expect(searched.chips).to_have_count(2)
    assert {"more_like": "mugs-02", "less_like": "mugs-03"}.items() <= searched.last().items()
    expect(searched.element.locator("[data-product=mugs-03]")).to_have_count(0)
    searched.assert_accessible()

    click(searched, searched.element.get_by_role("button", name="Less like Mug 02", exact=True))
    expect(searched.chips).to_have_text(["Less like Mug 03", "Less like Mug 02"])
    assert searched.last()["less_like"] == "mugs-03,mugs-02"
    assert "more_like" not in searched.last()
    click(searched, searched.chips.first)
    expect(searched.chips).to_have_text(["Less like Mug 02"])
    click(searched, searched.chips.first)
    expect(searched.chips).to_have_count(0)
    assert "less_like" not in searched.last()


def test_a_refinement_that_fails_keeps_the_hits(searched: Searched) -> None:
    """The search can be tried again, and what was chosen can be taken back."""
    searched.page.unroute("**/search")
    problem = {"type": "/problems/overloaded", "title": "Busy", "status": 503}
    searched.page.route("**/search", lambda route: route.fulfill(status=503, json=problem))
    searched.element.get_by_role("button", name="More like Mug 02").click()
    expect(searched.problem).to_contain_text("The service is busy right now")
    expect(searched.hits).to_have_count(10)
    searched.page.unroute("**/search")
    answer_with(searched.page, lambda fields, _answer: searched.sent.append(fields))
    click(searched, searched.button("Try again"))
    expect(searched.problem).to_be_empty()
    assert searched.last()["more_like"] == "mugs-02"
