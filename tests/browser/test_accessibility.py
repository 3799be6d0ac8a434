"""The page with a keyboard alone, with a screen reader, on a small phone, in the dark, and by axe-core's rules."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.support.photos import drawn_photo, uniform_photo
from tests.support.search_page import OpenPage, SearchPage

pytestmark = pytest.mark.browser

PHOTO = drawn_photo()


def show_hits(window: SearchPage) -> None:
    """Search with a photo."""
    window.choose(PHOTO)
    window.wait_for_hits()


def show_doubtful_hits(window: SearchPage) -> None:
    """Search with a photo of one colour."""
    window.choose(uniform_photo(), "photo.png", "image/png")
    window.wait_for_hits()


def show_more_like_a_hit(window: SearchPage) -> None:
    """Search with a photo and then with a hit."""
    show_hits(window)
    window.hits.first.click()
    expect(window.trail).to_have_count(3)
    window.wait_for_hits()


def show_search_under_way(window: SearchPage) -> None:
    """Search with a photo and get no answer."""
    window.page.route("**/search", lambda _route: None)
    window.choose(PHOTO)
    expect(window.page.get_by_role("progressbar")).to_be_visible()


def show_problem(window: SearchPage) -> None:
    """Search with a file that is no photo."""
    window.choose(b"no photo")
    window.wait_for_problem("That is no picture that we can open")


def show_wait(window: SearchPage) -> None:
    """Search once too often."""
    window.answer_searches(429, "rate-limited", "Too many requests", "60 a minute.", Retry_After="50")
    window.choose(PHOTO)
    window.wait_for_problem("That was a lot of searches in a short time")


def show_camera(window: SearchPage) -> None:
    """Open the camera's dialog."""
    window.page.get_by_role("button", name="Take a photo").click()
    expect(window.page.get_by_role("dialog").get_by_role("button", name="Take a photo")).to_be_enabled()


def show_home(window: SearchPage) -> None:
    """Do nothing."""
    expect(window.examples).to_have_count(12)


STATES = [
    show_home,
    show_hits,
    show_doubtful_hits,
    show_more_like_a_hit,
    show_search_under_way,
    show_problem,
    show_wait,
    show_camera,
]


@pytest.mark.parametrize("show", STATES, ids=lambda show: show.__name__)
def test_axe_finds_nothing(home: SearchPage, show: Callable[[SearchPage], None]) -> None:
    """No state of the page, light or dark, breaks one of axe-core's rules."""
    show(home)
    home.assert_accessible()
    home.page.emulate_media(color_scheme="dark")
    home.assert_accessible()


@pytest.mark.parametrize(
    "show", [state for state in STATES if state is not show_camera], ids=lambda show: show.__name__
)
def test_a_small_phone_shows_everything(
    open_page: OpenPage, phone: dict[str, Any], show: Callable[[SearchPage], None]
) -> None:
    """At 360 pixels nothing scrolls sideways, and axe-core finds nothing there either."""
    window = open_page(**phone)
    show(window)
    window.assert_fits_width()
    window.assert_accessible()


def test_the_page_can_be_magnified_four_times(open_page: OpenPage) -> None:
    """At 400 % a window of 1280 pixels is 320 wide, and still nothing scrolls sideways."""
    window = open_page(viewport={"width": 320, "height": 256})
    window.assert_fits_width()
    show_more_like_a_hit(window)
    window.assert_fits_width()


def test_long_words_do_not_widen_the_page(open_page: OpenPage, phone: dict[str, Any]) -> None:
    """A title without a space is broken and not let out of its card."""
    title = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
    window = open_page(**phone)

    def lengthen(route: Route) -> None:
        answer = route.fetch().json()
        for hit in answer["results"]:
            hit["product"] |= {"title": title, "category": title, "brand": title}
        answer["classes"][0]["label"] = title
        route.fulfill(json=answer)

    window.page.route("**/search", lengthen)
    show_hits(window)
    window.assert_fits_width()
    window.hits.first.click()
    expect(window.trail).to_have_count(3)
    window.assert_fits_width()


def test_targets_are_large_enough_for_a_thumb(open_page: OpenPage, phone: dict[str, Any]) -> None:
    """On a phone whatever can be tapped is at least 44 pixels high, or its card is."""
    window = open_page(**phone)
    show_more_like_a_hit(window)
    small = window.page.evaluate(
        """() => [document, document.querySelector("lookalike-search").shadowRoot]
            .flatMap((root) => [...root.querySelectorAll("a[href]:not(.card-link, .skip), button, summary, label.b")])
            .filter((element) => element.checkVisibility())
            .map((element) => [element.textContent.trim(), element.getBoundingClientRect()])
            .filter(([, box]) => box.height < 44 || box.width < 44)
            .map(([text, box]) => `${text}: ${box.width} x ${box.height}`)"""
    )
    assert not small, small


def test_the_keyboard_alone_is_enough(home: SearchPage) -> None:
    """From the file picker over a hit to the hits like it and back, without a mouse."""
    keyboard = home.page.keyboard
    with home.page.expect_file_chooser() as chooser:  # Chromium takes a moment to hand the dialog over to the test
        home.press_tab_to(home.page.get_by_label("Choose a photo"))
        keyboard.press("Enter")
    chooser.value.set_files({"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": PHOTO})
    home.wait_for_hits()
    expect(home.title).to_be_focused()
    home.press_tab_to(home.hits.nth(1))
    keyboard.press("Enter")
    expect(home.trail).to_have_count(3)
    home.wait_for_hits()
    expect(home.title).to_be_focused()
    keyboard.press("Shift+Tab")
    expect(home.trail.get_by_role("link", name="Your photo")).to_be_focused()
    keyboard.press("Enter")
    expect(home.title).to_have_text("Products that look like your photo")
    expect(home.hits.nth(1)).to_be_focused()


def test_the_first_tab_offers_to_skip_to_the_content(home: SearchPage) -> None:
    """The skip link appears on focus and works without leaving a trace in the history."""
    address = home.page.url
    home.page.keyboard.press("Tab")
    skip = home.page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    home.page.keyboard.press("Enter")
    expect(home.page.get_by_role("main")).to_be_focused()
    assert home.page.url == address


def test_focus_is_visible_on_everything_that_takes_it(home: SearchPage) -> None:
    """Whatever Tab reaches has an outline, of its own or of the label or card that stands for it."""
    show_hits(home)
    home.page.evaluate("document.querySelector('lookalike-search').shadowRoot.activeElement.blur()")
    unmarked = []
    for _ in range(30):
        home.page.keyboard.press("Tab")
        marked = home.page.evaluate(
            """() => {
                const outer = document.activeElement;
                if (outer === document.body) return "end";
                const element = outer.shadowRoot?.activeElement ?? outer;
                const styles = [getComputedStyle(element), getComputedStyle(element, "::after")];
                if (element.labels?.length) styles.push(getComputedStyle(element.labels[0]));
                return styles.some((style) => style.outlineStyle === "solid") ? "" : element.outerHTML;
            }"""
        )
        if marked == "end":
            break
        if marked:
            unmarked.append(marked)
    assert not unmarked, unmarked


def test_landmarks_and_live_regions_are_there(home: SearchPage) -> None:
    """A screen reader finds its way: banner, main, navigation, regions, a status and an alert."""
    show_hits(home)
    page = home.page
    for role in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(role)).to_have_count(1)
    expect(page.get_by_role("navigation", name="Your way here")).to_be_visible()
    expect(page.get_by_role("region", name="Your photo", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Products that look like your photo")).to_be_visible()
    expect(page.get_by_role("list").last.get_by_role("listitem")).to_have_count(10)
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_the_status_region_stays_in_place(home: SearchPage) -> None:
    """What is said is said in one region that was there before, or screen readers would miss it."""
    find = "document.querySelector('lookalike-search').shadowRoot.querySelector('[role=status]')"
    home.page.evaluate(f"window.region = {find}")
    show_hits(home)
    assert home.page.evaluate(f"region === {find} && region.checkVisibility() && region.textContent !== ''")


def test_nothing_moves_for_those_who_want_no_motion(open_page: OpenPage) -> None:
    """With reduced motion no animation runs on."""
    window = open_page(reduced_motion="reduce")
    show_search_under_way(window)
    window.page.wait_for_timeout(100)
    running = "root.getAnimations().filter((a) => a.playState === 'running')"
    roots = "[document, document.querySelector('lookalike-search').shadowRoot]"
    assert window.page.evaluate(f"{roots}.flatMap((root) => {running}).length") == 0


def test_the_dark_scheme_is_dark(open_page: OpenPage) -> None:
    """Who prefers dark gets a dark page."""
    brightness = (
        r"getComputedStyle(document.body).backgroundColor.match(/\d+/g).reduce((sum, part) => sum + Number(part), 0)"
    )
    dark = open_page(color_scheme="dark").page.evaluate(brightness)
    light = open_page(color_scheme="light").page.evaluate(brightness)
    assert dark < 120
    assert light > 600


def test_the_picture_of_a_search_does_not_move_the_page(home: SearchPage) -> None:
    """Places are kept for what is still coming: hits do not push anything around."""
    held: list[Route] = []
    home.page.route("**/similar*", lambda route: held.append(route))  # noqa: PLW0108  # Playwright looks at it
    home.examples.first.click()
    expect(home.page.locator("#hits .skeleton")).to_have_count(10)
    home.page.evaluate(
        """() => {
            window.shift = 0;
            new PerformanceObserver((list) => {
                for (const entry of list.getEntries()) window.shift += entry.value;
            }).observe({ type: "layout-shift" });
        }"""
    )
    held[0].continue_()
    home.wait_for_hits()
    home.page.wait_for_load_state("networkidle")
    assert home.page.evaluate("window.shift") < 0.1
