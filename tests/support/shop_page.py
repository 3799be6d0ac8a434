"""A page of somebody's shop, with the custom elements in it, in a real browser."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.support.search_page import PUT_FILE_ON, as_text, assert_accessible, assert_fits_width

SHOP_PATH = "/a-shop"
CLASSIC = '<script async src="{service}/widget/lookalike.js"></script>'
SEARCH = "<lookalike-search></lookalike-search>"
FRAME = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A shop</title>
<link rel="icon" href="data:,">{head}</head><body><main><h1>A shop</h1>{body}</main></body></html>"""


class ShopPage:
    """The page, and one element in it."""

    def __init__(self, page: Page, service: str, element: str = "lookalike-search") -> None:
        self.page = page
        self.service = service
        self.element = page.locator(element)
        self.opener = self.element.get_by_role("button", name="Search with a photo")
        self.dialog = page.get_by_role("dialog", name="Search with a photo")
        self.hits = self.element.locator("#hits .card-link")
        self.status = self.element.get_by_role("status").first
        self.problem = self.element.get_by_role("alert")
        self.box = self.element.get_by_role("application")
        self.chips = self.element.locator(".chip [dir]")

    def choose(self, photo: bytes) -> None:
        """Choose a photo in the element's file picker."""
        self.element.locator("#choose").set_input_files(
            {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo}
        )

    def search(self, photo: bytes) -> None:
        """Open the dialog, choose a photo and wait for what is found."""
        self.opener.click()
        self.choose(photo)
        self.wait_for_hits()

    def wait_for_hits(self) -> None:
        """Wait until the element says how many products it shows."""
        expect(self.status).to_contain_text("similar product")
        expect(self.hits.first).to_be_visible()

    def put(self, kind: str, photo: bytes) -> None:
        """Dispatch a `drop`, `dragenter` or `paste` event on the page that carries a photo."""
        self.page.evaluate(PUT_FILE_ON, [kind, "photo.jpg", "image/jpeg", as_text(photo)])

    def button(self, name: str) -> Locator:
        """Return a button of the element."""
        return self.element.get_by_role("button", name=name, exact=True)

    def hear(self, event: str, *, prevent: bool = False) -> None:
        """Keep the details of an event as `window.heard`, where it arrives from the element: at the document."""
        self.page.evaluate(
            """([name, prevent]) => {
                window.heard = [];
                document.addEventListener(name, (event) => {
                    if (prevent) event.preventDefault();
                    window.heard.push({ ...event.detail, tag: event.target.localName, composed: event.composed });
                });
            }""",
            [event, prevent],
        )

    def heard(self) -> list[dict[str, Any]]:
        """Return what `hear` kept."""
        kept: list[dict[str, Any]] = self.page.evaluate("window.heard")
        return kept

    def assert_accessible(self) -> None:
        """Fail with a report when axe-core finds anything, light or dark."""
        # axe-core takes the page's ground for white where nothing is painted on it.
        self.page.evaluate("document.body.style.background = 'Canvas'")
        for scheme in ("light", "dark"):
            self.page.evaluate("(scheme) => document.documentElement.style.setProperty('color-scheme', scheme)", scheme)
            assert_accessible(self.page)

    def assert_fits_width(self) -> None:
        """Fail when the page scrolls sideways."""
        assert_fits_width(self.page)


def shop_html(service: str, body: str, head: str, lang: str) -> str:
    """Return the page; `{service}` in its parts is where the service is."""
    frame = FRAME.format(lang=lang, head=head, body=body)
    return frame.replace("{service}", service)


def serve_shop(page: Page, service: str, html: str, headers: Mapping[str, str]) -> str:
    """Let the browser find the page beside the service, and return its address."""
    address = f"{service}{SHOP_PATH}"
    page.route(
        address, lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8", headers={**headers})
    )
    return address


Fields = dict[str, str]


def form_of(route: Route) -> Fields:
    """Return the fields of a form that was sent, except files, which are marked as such."""
    body = route.request.post_data_buffer or b""
    boundary = body[: body.index(b"\r\n")]
    fields: Fields = {}
    for part in body.split(boundary)[1:-1]:
        head, _, value = part.strip(b"\r\n").partition(b"\r\n\r\n")
        name = head.split(b'name="')[1].split(b'"')[0].decode()
        fields[name] = "(a file)" if b"filename=" in head else value.decode()
    return fields


def answer_with(page: Page, change: Callable[[Fields, dict[str, Any]], None]) -> None:
    """Let searches have other answers: `change` gets the form that was sent and the service's answer."""

    def alter(route: Route) -> None:
        fields = form_of(route)
        answer = route.fetch().json()
        change(fields, answer)
        route.fulfill(body=json.dumps(answer), content_type="application/json")

    page.route("**/search", alter)
