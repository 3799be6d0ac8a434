"""The page of administration: the key, a job from its start to its end, snapshots, and who can use it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Request, expect

from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.db.database import Database
from tests.support.desk import Desk, Worker
from tests.support.keys import create_key
from tests.support.search_page import TIMEOUT_MS, watched_windows
from tests.support.services import ADMIN_KEY as KEY
from tests.support.shop import Shop, publish, write_shop
from tests.support.waiting import wait_until

pytestmark = pytest.mark.browser

OpenDesk = Callable[..., Desk]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with a key and two snapshots, the smaller one live."""
    root: Path = tmp_path_factory.mktemp("admin-shop")
    settings = Settings.load(data_dir=root / "data", runtime="torch-float32", threads=1, port=0, admin_key=KEY)
    shop = write_shop(root, settings)
    publish(shop, product_ids=["mugs-00", "mugs-01"])
    return shop


@pytest.fixture
def worker(shop: Shop) -> Iterator[Worker]:
    """The one who plays the worker; there is no job at first."""
    database = Database(shop.settings.resolved_database_url)
    worker = Worker(database)
    worker.forget_everything()
    yield worker
    database.close()


@pytest.fixture
def open_desk(browser: Browser, admin_url: str, worker: Worker) -> Iterator[OpenDesk]:  # noqa: ARG001  # clears the table
    """Open the page in a window of its own; afterwards nothing of what a page must never do has happened."""
    with watched_windows(browser, admin_url) as open_window:

        def open_desk(**options: Any) -> Desk:  # noqa: ANN401  # Playwright's context options
            page = open_window(**options)
            page.goto(f"{admin_url}/admin")
            return Desk(page, admin_url)

        yield open_desk


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """The page in a desktop window, before a key was given."""
    return open_desk()


def show_door(_desk: Desk, _worker: Worker) -> None:
    """Do nothing."""


def show_wrong_key(desk: Desk, _worker: Worker) -> None:
    """Give a wrong key."""
    desk.give_key("not the key at all")
    expect(desk.complaint).not_to_be_empty()


def show_empty_desk(desk: Desk, _worker: Worker) -> None:
    """Open the desk when there was no job yet."""
    desk.enter()


def show_history(desk: Desk, worker: Worker) -> None:
    """Open the desk after jobs of each outcome."""
    error = {"slug": "disk-full", "message": "The disk is full: " + "x" * 200}
    for state, outcome in (("succeeded", {"result": {"snapshot": "x", "new": True}}), ("failed", {"error": error})):
        worker.begin()
        worker.end(state, **outcome)
    worker.begin()
    worker.end("cancelled")
    desk.enter()
    expect(desk.jobs).to_have_count(4)


def show_running(desk: Desk, worker: Worker) -> None:
    """Open the desk while a job runs."""
    worker.begin()
    desk.enter()
    expect(desk.meter).to_be_visible()


def show_question(desk: Desk, _worker: Worker) -> None:
    """Ask to make another snapshot live."""
    desk.enter()
    desk.page.get_by_role("button", name="Make live").click()
    expect(desk.page.get_by_role("dialog")).to_be_visible()


STATES = [show_door, show_wrong_key, show_empty_desk, show_history, show_running, show_question]


@pytest.mark.parametrize("show", STATES, ids=lambda show: show.__name__)
def test_axe_finds_nothing(
    open_desk: OpenDesk, worker: Worker, phone: dict[str, Any], show: Callable[[Desk, Worker], None]
) -> None:
    """No state breaks one of axe-core's rules or scrolls sideways, on a desktop or a phone, light or dark."""
    for options in ({}, phone):
        worker.forget_everything()
        desk = open_desk(**options)
        show(desk, worker)
        desk.assert_accessible()


def test_targets_are_large_enough_for_a_thumb(open_desk: OpenDesk, worker: Worker, phone: dict[str, Any]) -> None:
    """On a phone whatever can be tapped is at least 44 pixels high."""
    desk = open_desk(**phone)
    show_history(desk, worker)
    small = desk.page.evaluate(
        """() => [...document.querySelectorAll("a[href]:not(.skip), button, input:not([type=checkbox]), label.choice")]
            .filter((element) => element.checkVisibility() && element.getBoundingClientRect().height < 44)
            .map((element) => element.outerHTML)"""
    )
    assert not small, small


def test_the_key_stays_in_this_tab(desk: Desk, open_desk: OpenDesk) -> None:
    """It is in no address and in no lasting store, outlives a reload, and another window asks for it anew."""
    asked: list[Request] = []
    desk.page.on("request", lambda request: asked.append(request))  # noqa: PLW0108  # Playwright marks what it gets
    desk.enter()
    desk.page.reload()
    expect(desk.snapshots).to_have_count(3)
    assert len(asked) > 5
    assert not [request.url for request in asked if KEY in request.url]
    assert desk.page.url == f"{desk.url}/admin"
    assert KEY not in desk.page.evaluate("JSON.stringify(localStorage) + document.cookie")
    assert KEY not in desk.page.content()
    expect(open_desk().key).to_be_visible()


def test_the_key_can_be_forgotten(desk: Desk) -> None:
    """The page asks for it again, also after a reload."""
    desk.enter()
    desk.page.get_by_role("button", name="Forget the key").click()
    expect(desk.key).to_be_focused()
    expect(desk.key).to_have_value("")
    assert desk.page.evaluate("sessionStorage.length") == 0
    desk.page.reload()
    expect(desk.key).to_be_visible()


@pytest.mark.parametrize("key", ["wrong", "schlüssel", f"{KEY}x"])
def test_a_wrong_key_opens_nothing(desk: Desk, key: str) -> None:
    """The page says so, and asks again."""
    desk.give_key(key)
    expect(desk.complaint).to_have_text("This is not the key of this service.")
    expect(desk.key).to_be_focused()
    desk.enter()
    expect(desk.complaint).to_be_empty()


def test_a_key_that_allows_less_is_told_so(desk: Desk, shop: Shop) -> None:
    """That of a shop's own program does not open the desk."""
    _, text = create_key(shop.settings, "search")
    headers = {"Authorization": f"Bearer {text}"}
    wait_until(lambda: desk.page.request.get(f"{desk.url}/products", headers=headers).status == 200)
    desk.give_key(text)
    expect(desk.complaint).to_have_text("The scope of this key is search; this needs a key of scope admin.")
    expect(desk.key).to_be_focused()
    desk.enter()


def test_a_service_without_a_key_says_so(browser: Browser, shop_url: str) -> None:
    """The page names the setting."""
    with browser.new_page() as page:
        page.goto(f"{shop_url}/admin")
        desk = Desk(page, shop_url)
        desk.give_key()
        expect(desk.complaint).to_contain_text("LOOKALIKE_ADMIN_KEY")


def test_a_reindex_is_followed_from_its_start_to_its_end(desk: Desk, worker: Worker) -> None:
    """Waiting, running with all its numbers, over; said aloud once a phase, and the focus is never lost."""
    desk.enter()
    desk.page.get_by_label("Full").check()
    desk.start.click()
    expect(desk.said).to_have_text("Reindex: Waiting for a worker.")
    expect(desk.cancel).to_be_focused()
    assert worker.newest().params == {"full": True}
    assert desk.meter.get_attribute("aria-valuenow") is None

    worker.begin()
    expect(desk.said).to_have_text("Reindex: Indexing pictures.")
    expect(desk.meter).to_have_attribute("aria-valuenow", "25")
    shown = desk.page.get_by_role("region", name="Reindex")
    for text in ("1,250 of 5,000", "63 a second", "1 min", "1 of 3", "Refused: 15", "12 not-an-image"):
        expect(shown).to_contain_text(text)

    worker.end("succeeded", result={"snapshot": "000003-0a0b0c0d", "new": True, "warnings": ["Old ones stayed."]})
    expect(desk.said).to_have_text("The reindex succeeded.")
    expect(desk.jobs.nth(1)).to_contain_text("Snapshot 000003-0a0b0c0d. Old ones stayed.")
    expect(desk.start).to_be_focused()


def test_a_job_that_no_worker_takes_says_so(desk: Desk, worker: Worker) -> None:
    """After a while; one that a worker had, and gave back, waits for something else."""
    desk.page.clock.install()
    desk.enter()
    desk.start.click()
    shown = desk.page.get_by_role("region", name="Reindex")
    expect(shown).to_contain_text("Waiting for a worker")
    desk.page.clock.fast_forward("00:15")
    expect(shown).to_contain_text("no worker takes it")
    worker.begin()
    worker.give_back()
    desk.page.clock.fast_forward("00:15")
    expect(shown).to_contain_text("Waiting for another run to end")


def test_a_worker_that_is_silent_is_not_taken_for_one_that_works(desk: Desk, worker: Worker) -> None:
    """What it said last is no rate any more; when it is heard of again, all is as before."""
    desk.page.clock.install()
    show_running(desk, worker)
    shown = desk.page.get_by_role("region", name="Reindex")
    desk.page.clock.fast_forward("00:30")
    expect(shown).to_contain_text("63 a second")
    desk.page.clock.fast_forward("00:30")
    expect(shown).to_contain_text("Its worker is silent")
    expect(shown).not_to_contain_text("63 a second")
    worker.beat()
    desk.page.clock.fast_forward("00:05")
    expect(shown).to_contain_text("63 a second")


def test_a_running_job_is_cancelled(desk: Desk, worker: Worker) -> None:
    """The page says that it will be after its step, and then that it was."""
    show_running(desk, worker)
    desk.cancel.click()
    expect(desk.page.get_by_text("will be cancelled after this step")).to_be_visible()
    expect(desk.cancel).to_be_disabled()
    assert worker.newest().cancel_requested
    worker.end("cancelled")
    expect(desk.jobs.nth(1)).to_contain_text("cancelled")


def test_a_job_that_failed_says_why_and_is_tried_again(desk: Desk, worker: Worker) -> None:
    """What the service says of it is text and never markup."""
    message = "<img src=x onerror=alert(1)> is <b>not</b> writable."
    worker.begin()
    worker.end("failed", error={"slug": "data-dir-not-writable", "message": message})
    desk.enter()
    expect(desk.jobs.nth(1)).to_contain_text(message)
    desk.page.get_by_role("button", name="Try again").click()
    expect(desk.meter).to_be_visible()
    assert worker.newest().state == "queued"


def test_a_refusal_is_shown_and_goes_away(desk: Desk, worker: Worker) -> None:
    """Somebody else was quicker: the page says what the service says, and then shows their job."""
    desk.page.clock.install()
    desk.enter()
    job_id = worker.begin()
    desk.start.click()
    expect(desk.complaint).to_contain_text(job_id)
    expect(desk.meter).to_be_visible()
    desk.page.clock.fast_forward("00:15")
    expect(desk.complaint).to_be_empty()


def test_a_snapshot_is_made_live_after_a_question(desk: Desk, shop: Shop) -> None:
    """Whoever says no changes nothing; the focus comes back to where it was."""
    desk.enter()
    before = SnapshotFolder(shop.settings.snapshots_dir).current()
    assert before is not None
    button = desk.page.get_by_role("button", name="Make live")
    button.click()
    desk.page.keyboard.press("Escape")
    expect(desk.page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()
    assert SnapshotFolder(shop.settings.snapshots_dir).current() == before

    row = desk.snapshots.filter(has=button)
    other = (row.locator(".whole").first.text_content() or "").strip()
    button.click()
    desk.page.get_by_role("button", name="Make it live").click()
    expect(desk.snapshots.filter(has_text=f"{other} live")).to_be_visible()
    current = SnapshotFolder(shop.settings.snapshots_dir).current()
    assert current is not None
    assert current.id == other


def test_a_service_that_does_not_answer_is_asked_again(desk: Desk, worker: Worker) -> None:
    """What was shown stays, and is current again when the service is back."""
    show_running(desk, worker)
    desk.page.route("**/jobs*", lambda route: route.abort())
    expect(desk.complaint).to_contain_text("does not answer", timeout=TIMEOUT_MS)
    expect(desk.meter).to_be_visible()
    desk.page.unroute("**/jobs*")
    expect(desk.complaint).to_be_empty(timeout=TIMEOUT_MS)


def test_nothing_is_asked_while_nobody_looks(desk: Desk, worker: Worker) -> None:
    """A tab in the background is silent; brought to the front, it asks at once."""
    show_running(desk, worker)
    become = "state => { Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });"
    become += " document.dispatchEvent(new Event('visibilitychange')); }"
    desk.page.evaluate(become, "hidden")
    desk.page.wait_for_timeout(500)  # for an answer that is on its way
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))
    desk.page.wait_for_timeout(2_500)
    assert not asked
    with desk.page.expect_request("**/jobs*"):
        desk.page.evaluate(become, "visible")


def test_the_keyboard_alone_is_enough(desk: Desk, worker: Worker) -> None:
    """Key, full, start and cancel, without a mouse."""
    keyboard = desk.page.keyboard
    for _ in range(3):
        keyboard.press("Tab")
    expect(desk.key).to_be_focused()
    keyboard.type(KEY)
    keyboard.press("Enter")
    expect(desk.start).to_be_visible()
    expect(desk.page.get_by_role("main")).to_be_focused()
    for _ in range(6):  # five ways to the parts of the page
        keyboard.press("Tab")
    keyboard.press("Space")
    expect(desk.page.get_by_label("Full")).to_be_checked()
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(desk.cancel).to_be_focused()
    keyboard.press("Enter")
    expect(desk.start).to_be_focused()
    assert (worker.newest().state, worker.newest().params) == ("cancelled", {"full": True})
