"""<lookalike-search> in a shop's page: what a shopper does with it, and what the page around it may be like."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Request, expect

from tests.support.shop import draw_product
from tests.support.shop_page import CLASSIC, SEARCH, ShopPage

pytestmark = pytest.mark.browser

OpenShop = Callable[..., ShopPage]
BLUE_MUG = draw_product("mugs", "#2471a3")
RED_BAG = draw_product("bags", "#b03a2e")

STRICT_POLICY = (
    "default-src 'none'; script-src {service}; connect-src {service}; img-src {service} data:; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HOSTILE = """<style>
* { all: unset !important; display: block !important; color: red !important; font: 9px serif !important;
    position: static !important; opacity: 0.9 !important; text-transform: uppercase !important; direction: ltr }
html { font-size: 62.5% } button, dialog, input, img { display: none !important }
</style>"""


def test_two_lines_make_a_search(open_shop: OpenShop) -> None:
    """A button opens a dialog; a photo chosen there finds products, which lead to the shop's own pages."""
    shop = open_shop()
    shop.search(BLUE_MUG)
    expect(shop.dialog).to_be_visible()
    expect(shop.dialog.get_by_role("heading", name="Products that look like your photo")).to_be_visible()
    expect(shop.hits).to_have_count(10)
    expect(shop.hits.first).to_have_attribute("href", "https://shop.example/mugs-01")
    expect(shop.element.get_by_text("Seen in the photo")).to_have_count(0)


def test_nothing_is_asked_before_it_is_used(open_shop: OpenShop) -> None:
    """Loading the page loads the script and nothing else."""
    asked: list[str] = []
    shop = open_shop()
    shop.page.on("request", lambda request: asked.append(request.url))
    shop.page.reload()
    shop.page.wait_for_load_state("networkidle")
    shop.opener.click()
    shop.page.wait_for_timeout(200)
    assert [url.removeprefix(shop.service) for url in asked] == ["/a-shop", "/widget/lookalike.js"]


def test_escape_closes_the_dialog_and_what_was_found_stays(open_shop: OpenShop) -> None:
    """The focus returns to the button, and opening again shows the same."""
    shop = open_shop()
    shop.search(BLUE_MUG)
    shop.page.keyboard.press("Escape")
    expect(shop.dialog).to_be_hidden()
    expect(shop.opener).to_be_focused()
    shop.page.keyboard.press("Enter")
    expect(shop.hits).to_have_count(10)
    shop.button("Close").click()
    expect(shop.dialog).to_be_hidden()


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_only_an_open_dialog_takes_what_is_pasted_or_dropped(open_shop: OpenShop, kind: str) -> None:
    """The shop's page keeps its clipboard and its drops to itself otherwise."""
    shop = open_shop()
    shop.put(kind, BLUE_MUG)
    expect(shop.dialog).to_be_hidden()
    shop.opener.click()
    shop.put(kind, BLUE_MUG)
    shop.wait_for_hits()


def test_a_picture_is_pasted_by_its_button(open_shop: OpenShop) -> None:
    """Where there is no keyboard, the clipboard is read when asked to."""
    shop = open_shop(permissions=["clipboard-read", "clipboard-write"])
    shop.opener.click()
    shop.button("Paste a photo").click()
    expect(shop.status).to_contain_text("That is no picture that we can open")
    shop.page.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(400, 500);
            canvas.getContext("2d").fillRect(100, 100, 200, 300);
            const png = await canvas.convertToBlob({ type: "image/png" });
            await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
        }"""
    )
    shop.button("Paste a photo").click()
    shop.wait_for_hits()


def test_a_camera_photo_is_searched_from_the_dialog(open_shop: OpenShop) -> None:
    """The camera's dialog lies over the element's."""
    shop = open_shop()
    shop.opener.click()
    shop.button("Take a photo").click()
    take = shop.page.get_by_role("dialog", name="Take a photo").get_by_role("button", name="Take a photo")
    expect(take).to_be_enabled()
    take.click()
    shop.wait_for_hits()


def test_it_works_under_a_strict_policy(open_shop: OpenShop, shop_url: str) -> None:
    """No inline script or style, no blob: picture, no HTML from text; the watch would see a breach."""
    shop = open_shop(headers={"Content-Security-Policy": STRICT_POLICY.replace("{service}", shop_url)})
    shop.search(BLUE_MUG)
    picture = shop.element.get_by_role("img", name="Your photo")
    expect(picture).to_be_visible()
    shop.element.locator("#hits .why").first.click()
    expect(shop.element.get_by_text("Most alike:").first).to_be_visible()
    assert shop.page.evaluate(
        "getComputedStyle(document.querySelector('lookalike-search').shadowRoot.querySelector('dialog')).borderRadius"
    ) == ("20px")


def test_two_on_a_page_do_not_disturb_each_other(open_shop: OpenShop) -> None:
    """Each has its own photo, way and results; what is pasted goes to the open one."""
    shop = open_shop('<lookalike-search id="one"></lookalike-search><lookalike-search id="two"></lookalike-search>')
    one, two = ShopPage(shop.page, shop.service, "#one"), ShopPage(shop.page, shop.service, "#two")
    one.search(BLUE_MUG)
    shop.page.keyboard.press("Escape")
    two.opener.click()
    two.put("paste", RED_BAG)
    two.wait_for_hits()
    expect(two.hits.first).to_contain_text("Bag")
    expect(one.hits.first).to_contain_text("Mug")


def test_the_shops_styles_do_not_reach_inside(open_shop: OpenShop) -> None:
    """Whatever a page does to every element, ours look as they are meant to."""
    looks = """() => {
        const root = document.querySelector("lookalike-search").shadowRoot;
        return [".b", "dialog", "#hits .card-title", ".status"].map((selector) => {
            const style = getComputedStyle(root.querySelector(selector));
            return ["fontSize", "color", "display", "position", "textTransform", "width"].map((name) => style[name]);
        });
    }"""
    plain = open_shop()
    plain.search(BLUE_MUG)
    hostile = open_shop(head=HOSTILE + CLASSIC)
    hostile.search(BLUE_MUG)
    assert hostile.page.evaluate(looks) == plain.page.evaluate(looks)


def test_it_may_be_loaded_late_twice_and_as_a_module(open_shop: OpenShop) -> None:
    """What was in the page before the script becomes alive, with the texts that it was given; again is no fault."""
    shop = open_shop(head="")
    shop.page.evaluate("document.querySelector('lookalike-search').texts = { open: 'Snap it' }")
    for name, kind in (("lookalike.js", ""), ("lookalike.mjs", "module"), ("lookalike.js", "")):
        shop.page.add_script_tag(url=f"{shop.service}/widget/{name}", type=kind)
    shop.button("Snap it").click()
    shop.choose(BLUE_MUG)
    shop.wait_for_hits()


def test_it_may_be_taken_out_and_put_back(open_shop: OpenShop) -> None:
    """A search under way ends with it, what was found returns with it, and it works on."""
    shop = open_shop()
    shop.search(BLUE_MUG)
    shop.page.evaluate(
        """() => {
            const search = document.querySelector("lookalike-search");
            search.remove();
            window.kept = search;
        }"""
    )
    shop.put("paste", RED_BAG)
    shop.page.evaluate("document.body.append(window.kept)")
    shop.opener.click()
    expect(shop.hits.first).to_contain_text("Mug")
    shop.put("paste", RED_BAG)
    expect(shop.hits.first).to_contain_text("Bag")


def test_an_attribute_may_change_at_any_time(open_shop: OpenShop) -> None:
    """Another language, and it says the same in it, with what was found."""
    shop = open_shop()
    shop.search(BLUE_MUG)
    shop.page.keyboard.press("Escape")
    shop.page.evaluate("document.querySelector('lookalike-search').setAttribute('lang', 'de')")
    shop.button("Mit einem Foto suchen").click()
    expect(shop.element.get_by_role("heading", name="Produkte, die aussehen wie Ihr Foto")).to_be_visible()
    expect(shop.hits).to_have_count(10)


def test_a_german_page_has_a_german_element(open_shop: OpenShop) -> None:
    """The language of the page around it counts, prices included."""
    shop = open_shop(lang="de")
    shop.button("Mit einem Foto suchen").click()
    shop.choose(BLUE_MUG)
    expect(shop.status).to_have_text("10 ähnliche Produkte, die ähnlichsten zuerst.")
    expect(shop.element.locator("#hits .price").first).to_have_text("19,90\u00a0€")
    expect(shop.element.locator("#hits .score").first).to_have_text("Ähnlichkeit 1,00")


def test_words_and_looks_can_be_the_shops(open_shop: OpenShop) -> None:
    """Texts by a property and by slots, colours by custom properties, anything by parts."""
    body = '<lookalike-search limit="4"><span slot="open">Find it</span><p slot="lede">Ours.</p></lookalike-search>'
    style = """<style>
        lookalike-search { --lookalike-accent: rgb(120, 40, 140); --lookalike-button-radius: 2px }
        lookalike-search::part(open) { text-decoration: underline }
    </style>"""
    shop = open_shop(body, head=style + CLASSIC)
    shop.page.evaluate("document.querySelector('lookalike-search').texts = { choose: 'Upload', score: '{n} alike' }")
    opener = shop.element.get_by_role("button", name="Find it")
    expect(opener).to_have_css("background-color", "rgb(120, 40, 140)")
    expect(opener).to_have_css("border-radius", "2px")
    expect(opener).to_have_css("text-decoration-line", "underline")
    opener.click()
    expect(shop.page.get_by_text("Ours.")).to_be_visible()
    expect(shop.element.get_by_label("Upload", exact=True)).to_have_count(1)
    shop.choose(BLUE_MUG)
    expect(shop.hits).to_have_count(4)
    expect(shop.element.locator("#hits .score").first).to_have_text("1.00 alike")


def test_in_the_page_it_leaves_the_page_alone(open_shop: OpenShop) -> None:
    """Without a dialog: no address or title changes, and text pasted elsewhere is not commented on."""
    shop = open_shop('<input aria-label="Other"><lookalike-search layout="page"></lookalike-search>')
    address = shop.page.url
    shop.page.evaluate(
        """() => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", "a red shirt");
            document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }"""
    )
    expect(shop.status).to_have_text("")
    shop.choose(BLUE_MUG)
    shop.wait_for_hits()
    assert shop.page.url == address
    assert shop.page.title() == "A shop"


def test_a_choice_is_told_to_the_page_which_may_act_instead(open_shop: OpenShop) -> None:
    """`lookalike:select` arrives at the document with the product; prevented, nobody leaves the page."""
    shop = open_shop()
    shop.search(BLUE_MUG)
    shop.hear("lookalike:select", prevent=True)
    sent: list[Request] = []
    shop.page.on("request", lambda request: sent.append(request))  # noqa: PLW0108  # Playwright looks at it
    shop.hits.first.click()
    [heard] = shop.heard()
    assert (heard["product"]["id"], heard["rank"], heard["tag"], heard["composed"]) == (
        "mugs-01",
        1,
        "lookalike-search",
        True,
    )
    assert shop.page.url.endswith("/a-shop")
    [event] = [request for request in sent if request.url.endswith("/events")]
    assert event.post_data_json == {"type": "select", "request_id": heard["requestId"], "product_id": "mugs-01"}
    shop.page.evaluate("document.querySelector('lookalike-search').addToCart('mugs-01')")
    shop.page.evaluate("document.querySelector('lookalike-search').addToCart('never-found-here')")
    told = [request.post_data_json or {} for request in sent if request.url.endswith("/events")]
    assert [entry["type"] for entry in told] == ["select", "add_to_cart"]


def test_reporting_can_be_switched_off(open_shop: OpenShop) -> None:
    """With events="off" the service is told nothing."""
    shop = open_shop('<lookalike-search events="off"></lookalike-search>')
    shop.search(BLUE_MUG)
    shop.hear("lookalike:select", prevent=True)
    sent: list[str] = []
    shop.page.on("request", lambda request: sent.append(request.url))
    shop.hits.first.click()
    assert shop.heard()
    assert not sent


def test_results_and_errors_are_told_to_the_page_which_may_show_them_itself(open_shop: OpenShop) -> None:
    """`lookalike:results` and `lookalike:error`, prevented, leave the showing to the shop."""
    shop = open_shop()
    shop.hear("lookalike:results", prevent=True)
    shop.opener.click()
    shop.choose(BLUE_MUG)
    expect(shop.dialog).to_be_hidden()
    [heard] = shop.heard()
    assert len(heard["answer"]["results"]) == 10

    failing = open_shop()
    failing.hear("lookalike:error", prevent=True)
    failing.opener.click()
    failing.choose(b"no photo")
    failing.page.wait_for_function("window.heard.length === 1")
    assert failing.heard()[0]["slug"] == "not-an-image"
    expect(failing.element.locator("#problem")).to_be_hidden()


def test_a_wrong_key_is_said_in_words(open_shop: OpenShop) -> None:
    """What a shopper can do about it is tell the shop."""
    shop = open_shop('<lookalike-search key="wrong"></lookalike-search>')
    keys: list[str | None] = []

    def refuse(route: Any) -> None:  # noqa: ANN401  # Playwright's Route
        keys.append(route.request.headers.get("authorization"))
        problem = {"type": "/problems/invalid-key", "title": "Unauthorized", "status": 401, "detail": "No such key."}
        route.fulfill(status=401, json=problem, content_type="application/problem+json")

    shop.page.route("**/search", refuse)
    shop.opener.click()
    shop.choose(BLUE_MUG)
    expect(shop.problem).to_contain_text("search is locked")
    assert keys == ["Bearer wrong"]


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_axe_finds_nothing(open_shop: OpenShop, phone: dict[str, Any], device: str) -> None:
    """No state, light or dark, wide or 360 pixels wide, breaks one of axe-core's rules or scrolls sideways."""
    shop = open_shop(SEARCH, **(phone if device == "phone" else {}))

    def check() -> None:
        shop.assert_fits_width()
        shop.assert_accessible()

    check()
    shop.opener.click()
    check()
    shop.choose(BLUE_MUG)
    shop.wait_for_hits()
    shop.element.locator("#hits .why").first.click()
    expect(shop.element.get_by_text("Most alike:").first).to_be_visible()
    check()
    shop.element.get_by_text("Filter", exact=True).click()
    shop.element.get_by_role("checkbox", name="Mugs").check()
    expect(shop.chips).to_have_count(1)
    shop.button("Choose a part").click()
    expect(shop.box).to_be_focused()
    check()
    shop.choose(b"no photo")
    expect(shop.problem).to_contain_text("That is no picture")
    check()


def test_the_keyboard_alone_is_enough(open_shop: OpenShop) -> None:
    """Open, choose, filter, refine, and back to the page, without a mouse."""
    shop = open_shop()
    keyboard = shop.page.keyboard
    keyboard.press("Tab")
    expect(shop.opener).to_be_focused()
    keyboard.press("Enter")
    for _ in range(4):
        keyboard.press("Tab")
        if shop.element.locator("#choose").evaluate("input => input === input.getRootNode().activeElement"):
            break
    with shop.page.expect_file_chooser() as chooser:
        keyboard.press("Enter")
    chooser.value.set_files({"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": BLUE_MUG})
    shop.wait_for_hits()
    expect(shop.element.get_by_role("heading", name="Products that look like your photo")).to_be_focused()
    shop.element.locator("summary").focus()
    keyboard.press("Enter")
    keyboard.press("Tab")
    keyboard.press("Space")
    expect(shop.chips).to_have_count(1)
    expect(shop.element.locator(".facets input").first).to_be_focused()
    keyboard.press("Escape")
    expect(shop.opener).to_be_focused()
