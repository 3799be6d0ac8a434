"""The search page in a real browser: what a shopper does on it, and a watch over what a page must never do."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, Route, expect

# Chromium's own note on every refused request; the page cannot suppress it, and tests refuse requests on purpose.
REFUSED_REQUEST = "Failed to load resource"
TIMEOUT_MS = 30_000  # other tests have the processor for seconds

PUT_FILE_ON = """
([kind, name, type, data]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type }));
    const event = kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true })
        : new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
}
"""


@dataclass
class Watch:
    """Collects what no page of ours may do: log an error, break its policy, or ask another origin for anything."""

    origin: str
    faults: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        """Begin to watch."""
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", f"blob:{self.origin}/", "data:")):
            self.faults.append(f"asked elsewhere: {request.url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(REFUSED_REQUEST):
            self.faults.append(f"{message.type}: {message.text}")


@contextmanager
def watched_windows(browser: Browser, origin: str) -> Iterator[Callable[..., Page]]:
    """Give what opens a window, with options of Playwright's; in the end no page has done what none may do."""
    watch = Watch(origin)
    contexts: list[BrowserContext] = []

    def open_window(**options: Any) -> Page:  # noqa: ANN401  # Playwright's context options
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **options}
        )
        context.set_default_timeout(TIMEOUT_MS)
        contexts.append(context)
        page = context.new_page()
        watch.over(page)
        return page

    yield open_window
    for context in contexts:
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")
        context.close()
    assert not watch.faults, "\n".join(watch.faults)


def assert_accessible(page: Page) -> None:
    """Fail with a report when axe-core finds anything."""
    results = Axe().run(page)
    found = results.response["violations"]  # the library's own report cannot tell what lies in a shadow root
    assert not found, "\n".join(
        f"{rule['id']}: {node['target']} {node['html']}" for rule in found for node in rule["nodes"]
    )


def assert_fits_width(page: Page) -> None:
    """Fail when the page scrolls sideways."""
    widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1], f"the page is {widths[0]} px wide in a window of {widths[1]} px"


class SearchPage:
    """The page as a shopper meets it."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin
        self.hits = page.locator("#hits .card-link")
        self.scores = page.locator("#hits .score")
        self.status = page.get_by_role("status").first
        self.title = page.locator("h1:visible")
        self.problem = page.get_by_role("alert")
        self.trail = page.get_by_role("navigation", name="Your way here").get_by_role("listitem")
        self.examples = page.locator("#example-list .card-link")

    def open(self, path: str = "/") -> None:
        """Open the page and wait until it has come to rest."""
        self.page.goto(self.origin + path)
        self.page.wait_for_load_state("networkidle")

    def choose(self, photo: bytes, name: str = "photo.jpg", mime_type: str = "image/jpeg") -> None:
        """Choose a file in the file picker."""
        self.page.get_by_label("Choose a photo").set_input_files({"name": name, "mimeType": mime_type, "buffer": photo})

    def put(self, kind: str, photo: bytes, name: str = "photo.jpg", mime_type: str = "image/jpeg") -> None:
        """Dispatch a `drop`, `dragenter` or `paste` event that carries a file."""
        self.page.evaluate(PUT_FILE_ON, [kind, name, mime_type, as_text(photo)])

    def wait_for_hits(self) -> None:
        """Wait until the page shows hits and says how many."""
        expect(self.status).to_contain_text("similar product")
        expect(self.scores.first).to_be_visible()

    def wait_for_problem(self, title: str) -> None:
        """Wait until a problem of this title is shown."""
        expect(self.problem.get_by_role("heading", name=title)).to_be_visible()

    def uploaded_by(self, photo: bytes, name: str = "photo.jpg", mime_type: str = "image/jpeg") -> bytes:
        """Choose a photo, wait for the answer, and return the bytes of the picture that was sent."""
        sent: list[bytes] = []

        def keep(route: Route) -> None:
            sent.append(route.request.post_data_buffer or b"")
            route.continue_()

        self.page.route("**/search", keep)
        with self.page.expect_response("**/search"):
            self.choose(photo, name, mime_type)
        self.page.unroute("**/search")
        return image_part(sent[0])

    def answer_searches(self, status: int, slug: str, title: str, detail: str = "", **headers: str) -> None:
        """Let every search with a photo end in this problem, until `let_searches_pass`."""
        problem = {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail}
        self.page.route(
            "**/search",
            lambda route: route.fulfill(
                status=status,
                headers={name.replace("_", "-"): value for name, value in headers.items()},
                content_type="application/problem+json",
                body=json.dumps(problem),
            ),
        )

    def let_searches_pass(self) -> None:
        """Undo `answer_searches`."""
        self.page.unroute("**/search")

    @contextmanager
    def searches_held(self) -> Iterator[None]:
        """Within, searches with a photo get no answer; at the end those that still wait are broken off."""
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        self.page.route("**/search", hold)
        yield
        for route in held:
            route.abort()
        self.page.unroute("**/search", hold)

    def press_tab_to(self, target: Locator, limit: int = 60) -> None:
        """Press Tab until the target has the focus."""
        for _ in range(limit):
            if target.evaluate("element => element === element.getRootNode().activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab did not reach {target} in {limit} steps")

    def assert_accessible(self) -> None:
        """Fail with a report when axe-core finds anything."""
        assert_accessible(self.page)

    def assert_fits_width(self) -> None:
        """Fail when the page scrolls sideways."""
        assert_fits_width(self.page)


def as_text(data: bytes) -> str:
    """Return bytes as a page's script can take them."""
    return base64.b64encode(data).decode()


def image_part(body: bytes) -> bytes:
    """Return the content of the part named image of a multipart body."""
    boundary = body[: body.index(b"\r\n")]
    part = next(part for part in body.split(boundary) if b'name="image"' in part)
    return part[part.index(b"\r\n\r\n") + 4 : -2]


OpenPage = Callable[..., SearchPage]
"""What the fixture `open_page` gives: it takes a path and the options of a Playwright context."""
