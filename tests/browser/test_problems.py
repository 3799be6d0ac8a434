"""What the page says when something goes wrong, and what one can do then."""

import os
import re

import pytest
from playwright.sync_api import expect

from tests.support.photos import drawn_photo
from tests.support.search_page import OpenPage, SearchPage

pytestmark = pytest.mark.browser

PHOTO = drawn_photo()


def test_a_file_that_is_no_picture_is_named_so(home: SearchPage) -> None:
    """The service's refusal of a web page called photo.jpg is shown in words, once."""
    home.choose(b"<html>no photo</html>")
    home.wait_for_problem("That is no picture that we can open")
    expect(home.problem).to_contain_text("Choose a JPEG, PNG or WebP file.")
    expect(home.problem.locator(".fine")).to_have_count(0)
    expect(home.page.get_by_role("button", name="Try again")).to_be_hidden()
    expect(home.page.get_by_label("Choose a photo")).to_be_focused()


def test_a_picture_that_is_too_small_is_named_so(home: SearchPage) -> None:
    """A refusal because of the pixels says what to do about them."""
    home.choose(drawn_photo(15, 15, file_format="PNG"), "icon.png", "image/png")
    home.wait_for_problem("This picture is too small")


def test_an_empty_file_is_named_so(home: SearchPage) -> None:
    """A file of no bytes has a sentence of its own."""
    home.choose(b"")
    home.wait_for_problem("That is no picture that we can open")


def test_a_file_that_is_too_large_is_named_so(home: SearchPage) -> None:
    """What the browser cannot shrink and the service will not take is too large."""
    home.choose(b"\xff\xd8" + os.urandom(11_000_000))
    home.wait_for_problem("This photo is too large")


def test_a_hopelessly_large_file_is_not_sent(home: SearchPage) -> None:
    """A film is refused before it uses up anybody's memory and connection."""
    sent: list[str] = []
    home.page.on("request", lambda request: sent.append(request.url))
    home.page.evaluate(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(65 * 1024 * 1024)], "film.mp4", { type: "video/mp4" }));
            const input = document.querySelector("lookalike-search").shadowRoot.getElementById("choose");
            input.files = transfer.files;
            input.dispatchEvent(new Event("change"));
        }"""
    )
    home.wait_for_problem("That is no picture that we can open")
    assert not [url for url in sent if url.endswith("/search")]


def test_another_photo_can_be_chosen_at_once(home: SearchPage) -> None:
    """The way on stands below the problem, and the problem goes away."""
    home.choose(b"no photo")
    home.wait_for_problem("That is no picture that we can open")
    home.choose(PHOTO)
    home.wait_for_hits()
    expect(home.problem).to_be_empty()


def test_too_many_searches_can_be_repeated_after_the_wait(home: SearchPage) -> None:
    """Of a 429 the seconds of Retry-After are counted down on the button, which then works."""
    home.answer_searches(429, "rate-limited", "Too many requests", "60 searches a minute.", Retry_After="2")
    home.choose(PHOTO)
    home.wait_for_problem("That was a lot of searches in a short time")
    retry = home.page.get_by_role("button", name="Try again")
    expect(retry).to_have_text(re.compile(r"Try again \([12] s\)"))
    expect(retry).to_be_disabled()
    expect(retry).to_be_focused()
    home.let_searches_pass()
    expect(retry).to_be_enabled()
    home.page.keyboard.press("Enter")
    home.wait_for_hits()


def test_a_busy_service_can_be_tried_again(home: SearchPage) -> None:
    """Of a 503 the same."""
    home.answer_searches(503, "overloaded", "The service is busy", Retry_After="1")
    home.choose(PHOTO)
    home.wait_for_problem("The service is busy right now")
    home.let_searches_pass()
    home.page.get_by_role("button", name="Try again", exact=True).click()
    home.wait_for_hits()


def test_a_retry_after_as_a_date_is_understood(home: SearchPage) -> None:
    """Some proxies say when and not how long."""
    home.answer_searches(503, "overloaded", "Busy", Retry_After="Thu, 01 Jan 2015 00:00:00 GMT")
    home.choose(PHOTO)
    home.wait_for_problem("The service is busy right now")
    expect(home.page.get_by_role("button", name="Try again", exact=True)).to_be_enabled()


def test_every_kind_of_refusal_has_words(home: SearchPage) -> None:
    """A known slug has a sentence, an unknown one has the service's; below it what only the service can tell."""
    for status, slug, title, is_told_more in (
        (413, "body-too-large", "This photo is too large", True),
        (415, "format-not-allowed", "That is no picture that we can open", False),
        (422, "image-corrupt", "That is no picture that we can open", False),
        (422, "image-too-large", "This photo is too large", True),
        (422, "aspect-not-allowed", "This picture is too small", True),
        (422, "decode-timeout", "That is no picture that we can open", False),
        (503, "index-not-ready", "The service is busy right now", True),
        (500, "internal-error", "Something went wrong on our side", True),
        (418, "never-heard-of", "The service's own title", True),
    ):
        home.answer_searches(status, slug, "The service's own title", f"The service's own detail on {slug}.")
        home.choose(PHOTO)
        home.wait_for_problem(title)
        detail = expect(home.problem.get_by_text(f"The service's own detail on {slug}."))
        detail.to_have_count(1 if is_told_more else 0)
        home.let_searches_pass()


def test_an_answer_that_is_no_json_is_a_fault_of_the_service(home: SearchPage) -> None:
    """A proxy's own error page is not shown, but explained."""
    home.page.route("**/search", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    home.choose(PHOTO)
    home.wait_for_problem("Something went wrong on our side")
    expect(home.page.get_by_role("button", name="Try again")).to_be_enabled()


def test_being_offline_is_recognised(home: SearchPage) -> None:
    """Without a network the page says so, and tries again when asked."""
    home.page.context.set_offline(True)
    home.choose(PHOTO)
    home.wait_for_problem("You are offline")
    home.page.context.set_offline(False)
    home.page.get_by_role("button", name="Try again").click()
    home.wait_for_hits()


def test_a_service_that_is_gone_is_recognised(home: SearchPage) -> None:
    """A connection that breaks while the device is online is the service's."""
    home.page.route("**/search", lambda route: route.abort("connectionrefused"))
    home.choose(PHOTO)
    home.wait_for_problem("The service does not answer")


def test_a_slow_search_shows_progress_and_can_be_cancelled(home: SearchPage) -> None:
    """While a search hangs there are a bar, a sentence and a way out; after a while the page says that it is slow."""
    home.page.clock.install()
    with home.searches_held():
        home.choose(PHOTO)
        expect(home.status).to_have_text("Looking for similar products…")
        expect(home.page.get_by_role("progressbar", name="Search with a photo")).to_be_visible()
        expect(home.page.locator("#hits .skeleton")).to_have_count(10)
        expect(home.page.get_by_role("img", name="Your photo")).to_be_visible()
        home.page.clock.fast_forward(7_000)
        expect(home.status).to_contain_text("This is taking longer than usual.")
        home.page.get_by_role("button", name="Cancel").click()
        expect(home.title).to_have_text("Find products that look like your photo")
        expect(home.page.get_by_role("progressbar")).to_be_hidden()


def test_a_search_that_never_ends_is_given_up(home: SearchPage) -> None:
    """After a minute, which this test shortens, the page stops waiting."""
    home.page.evaluate(
        """() => {
            const original = AbortSignal.timeout.bind(AbortSignal);
            AbortSignal.timeout = (limitMs) => original(limitMs / 200);
        }"""
    )
    with home.searches_held():
        home.choose(PHOTO)
        home.wait_for_problem("The service does not answer")


def test_a_second_photo_stops_the_search_with_the_first(home: SearchPage) -> None:
    """Only the answer to the last photo is shown."""
    with home.searches_held():
        home.choose(PHOTO)
        expect(home.page.get_by_role("progressbar")).to_be_visible()
        with home.page.expect_event("requestfailed") as failed:
            home.choose(drawn_photo(colour="#2471a3"))
        assert failed.value.url.endswith("/search")
    home.choose(PHOTO)
    home.wait_for_hits()
    expect(home.trail).to_have_count(2)


def test_after_a_file_that_was_no_picture_a_reload_begins_anew(home: SearchPage) -> None:
    """There is nothing to come back to, and nothing went wrong that anybody would have to be told again."""
    home.choose(b"no photo")
    home.wait_for_problem("That is no picture that we can open")
    home.page.reload()
    expect(home.title).to_have_text("Find products that look like your photo")
    expect(home.problem).to_be_empty()
    expect(home.examples.first).to_be_visible()


def test_a_product_that_is_gone_is_named_so(open_page: OpenPage) -> None:
    """An old address leads to a sentence and a way on."""
    window = open_page("/?product=no-such-product")
    window.wait_for_problem("This product is no longer in the shop")
    expect(window.title).to_have_text("Similar products")
    window.trail.get_by_role("link", name="Start").click()
    expect(window.title).to_have_text("Find products that look like your photo")
    expect(window.problem).to_be_empty()


def test_a_forgotten_photo_search_is_named_so(home: SearchPage) -> None:
    """A reload after the service forgot the query asks for the photo again."""
    home.choose(PHOTO)
    home.wait_for_hits()
    home.answer_searches(404, "not-found", "Not found")
    home.page.reload()
    home.wait_for_problem("This search is over")


def test_more_that_cannot_be_shown_keeps_the_hits(home: SearchPage) -> None:
    """A failure to show more takes nothing away, and can be tried again."""
    home.choose(PHOTO)
    home.wait_for_hits()
    home.answer_searches(503, "overloaded", "Busy")
    home.page.get_by_role("button", name="Show more").click()
    home.wait_for_problem("The service is busy right now")
    expect(home.hits).to_have_count(10)
    home.let_searches_pass()
    home.page.get_by_role("button", name="Try again").click()
    expect(home.hits).to_have_count(24)


def test_a_failing_catalogue_does_not_stop_the_page(home: SearchPage) -> None:
    """Without examples one can still search."""
    home.page.route("**/products?*", lambda route: route.fulfill(status=503, body="{}"))
    home.page.reload()
    expect(home.page.get_by_role("heading", name="Or start from one of these")).to_be_hidden()
    home.choose(PHOTO)
    home.wait_for_hits()
