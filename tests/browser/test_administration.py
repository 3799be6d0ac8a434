"""The page of administration beyond jobs: roll back, relevance over time, what was refused, keys."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.db.database import Database
from tests.support.desk import Desk
from tests.support.keys import SHOP_ORIGIN, create_key, revoke_key
from tests.support.refusals import note, refused
from tests.support.search_page import TIMEOUT_MS, watched_windows
from tests.support.services import ADMIN_KEY
from tests.support.shop import Shop, publish, write_shop

pytestmark = pytest.mark.browser

OpenDesk = Callable[..., Desk]

FORMER = {"category_precision_at_10": 0.8, "product_recall_at_10": 0.9, "recall_at_10": 1.0}
FIGURES = {
    "category_precision_at_10": 0.871,
    "category_precision_at_10_low": 0.86,
    "category_precision_at_10_high": 0.88,
    "product_recall_at_10": 0.9,
    "recall_at_10": 0.998,
}
PICTURE = "https://cdn.shop.example/a.jpg?v=1"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with two snapshots that were measured, the second live, and pictures that were refused."""
    root: Path = tmp_path_factory.mktemp("administration-shop")
    settings = Settings.load(data_dir=root / "data", runtime="torch-float32", threads=1, port=0, admin_key=ADMIN_KEY)
    shop = write_shop(root, settings, metrics=FORMER)
    publish(shop, product_ids=["mugs-00", "mugs-01"], metrics=FIGURES)
    special = [
        refused(100, "upstream-status", place=PICTURE, product_id="mugs-02", message=HOSTILE, kept=True),
        refused(101, "missing-image", place="row 17", product_id=None),
        refused(102, "upstream-status", place="javascript:alert(1)"),
    ]
    with closing(Database(settings.resolved_database_url)) as database:
        note(database, "import", *special, *(refused(number) for number in range(25)))
    return shop


@pytest.fixture
def open_desk(browser: Browser, admin_url: str) -> Iterator[OpenDesk]:
    """Open the page in a window of its own; afterwards nothing of what a page must never do has happened."""
    with watched_windows(browser, admin_url) as open_window:

        def open_desk(key: str = ADMIN_KEY, **options: Any) -> Desk:  # noqa: ANN401  # Playwright's context options
            desk = Desk(open_window(permissions=["clipboard-read", "clipboard-write"], **options), admin_url)
            desk.page.goto(f"{admin_url}/admin")
            desk.give_key(key)
            expect(desk.snapshots).to_have_count(3)
            return desk

        yield open_desk


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """The desk in a desktop window."""
    return open_desk()


def part(page: Page, name: str) -> Any:  # noqa: ANN401  # Playwright's locator
    """Return a part of the page by its heading."""
    return page.get_by_role("region", name=name)


def fill_new_key(page: Page, name: str, *origins: str) -> None:
    """Fill the form for a search key, and send it."""
    form = page.locator("#new-key-fold")
    if form.get_attribute("open") is None:
        form.locator("summary").click()
    form.get_by_label("Name").fill(name)
    form.get_by_label("Pages that use it").fill("\n".join(origins))
    form.get_by_role("button", name="Create the key").click()


def in_use(page: Page, url: str, key: str) -> int:
    """Return the status of a search with a key from a page of the shop."""
    headers = {"Authorization": f"Bearer {key}", "Origin": SHOP_ORIGIN}
    return page.request.get(f"{url}/products", headers=headers).status


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_axe_finds_nothing_in_any_state(open_desk: OpenDesk, shop: Shop, phone: dict[str, Any], device: str) -> None:
    """One walk through all of them: light on a desktop, dark on a phone of 360 pixels; nothing scrolls sideways."""
    options = {"color_scheme": "light"} if device == "desktop" else {**phone, "color_scheme": "dark"}
    desk = open_desk(**options)
    page = desk.page
    scheme: Literal["light", "dark"] = "light" if device == "desktop" else "dark"
    page.get_by_text("All figures").click()
    desk.assert_accessible(scheme)
    page.get_by_role("button", name="It is not a picture").click()
    fill_new_key(page, "Wrong", "https://shop.example/path")
    expect(desk.complaint).to_contain_text("An origin is the scheme")
    desk.assert_accessible(scheme)
    fill_new_key(page, "Walk", SHOP_ORIGIN)
    expect(page.get_by_label("The new key")).to_be_visible()
    desk.assert_accessible(scheme)
    for button in ("Revoke (Walk)", "Roll back to", "Make live"):
        page.get_by_role("button", name=button).first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        desk.assert_accessible(scheme)
        page.keyboard.press("Escape")
    small = page.evaluate(
        """() => [...document.querySelectorAll("a[href]:not(.skip, .place), button, summary, label.choice, .field")]
            .filter((element) => element.checkVisibility() && element.getBoundingClientRect().height < 44)
            .map((element) => element.outerHTML)"""
    )
    assert device == "desktop" or not small, small
    with closing(Database(shop.settings.resolved_database_url)) as database, database.reading_keys() as keys:
        created = [key.id for key in keys.list() if key.name == "Walk" and key.state == "active"]
    for key_id in created:
        revoke_key(shop.settings, key_id)


def test_a_key_is_created_shown_once_and_revoked_by_keyboard(desk: Desk) -> None:
    """Its text is on the clipboard, works at once, and is nowhere in the page when it was put away."""
    page, keyboard = desk.page, desk.page.keyboard
    page.locator("#new-key-fold summary").focus()
    keyboard.press("Enter")
    for text in (None, "Spring", SHOP_ORIGIN, "30", "90"):  # past the choice of the scope
        keyboard.press("Tab")
        if text:
            keyboard.type(text)
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copy")).to_be_focused()
    keyboard.press("Enter")
    expect(desk.said).to_have_text("The key is copied.")
    key = str(page.evaluate("navigator.clipboard.readText()"))
    assert key.startswith("lkp_")
    assert in_use(page, desk.url, key) == 200
    row = part(page, "Keys").get_by_role("row").filter(has_text="Spring")
    for text in ("Search", SHOP_ORIGIN, "90 a minute", "active", "until", key[4:16]):
        expect(row).to_contain_text(text)

    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(page.locator("#new-key-fold summary")).to_be_focused()
    shown = page.content() + str(page.evaluate("[...document.querySelectorAll('input')].map(i => i.value).join()"))
    assert key not in shown + str(page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)"))

    revoke = row.get_by_role("button", name="Revoke")
    revoke.focus()
    keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    keyboard.press("Enter")
    expect(revoke).to_be_focused()
    assert in_use(page, desk.url, key) == 200
    keyboard.press("Enter")
    keyboard.press("Shift+Tab")
    keyboard.press("Enter")
    expect(row).to_contain_text("revoked")
    assert in_use(page, desk.url, key) == 401


def test_a_key_that_cannot_be_created_keeps_what_was_typed(desk: Desk) -> None:
    """The page says why; only a search key asks for pages."""
    fill_new_key(desk.page, "Spring", "https://*.shop.example")
    expect(desk.complaint).to_contain_text("without *")
    expect(desk.page.get_by_label("Name", exact=True)).to_have_value("Spring")
    desk.page.get_by_label("Everything").check()
    expect(desk.page.get_by_label("Pages that use it")).to_be_hidden()


def test_the_key_that_is_used_can_be_revoked(open_desk: OpenDesk, shop: Shop) -> None:
    """The question says so; then the page asks for another one, and says what became of this."""
    record, text = create_key(shop.settings, "admin", name="Mine")
    desk = open_desk(text)
    desk.page.get_by_role("button", name="Revoke (Mine)").click()
    expect(desk.page.get_by_role("dialog")).to_contain_text("It is the key that this page uses")
    desk.page.get_by_role("button", name="Revoke", exact=True).click()
    expect(desk.complaint).to_have_text("This key was revoked.")
    expect(desk.key).to_be_focused()
    expect(desk.page.get_by_text(record.id)).to_be_hidden()


def test_a_roll_back_asks_first_and_goes_back_once(desk: Desk, shop: Shop) -> None:
    """Where somebody else was quicker, nothing is taken back but what was seen, and the page says so."""
    folder = SnapshotFolder(shop.settings.snapshots_dir)
    second, first = (info.id for info in folder.list())
    button = desk.page.get_by_role("button", name=f"Roll back to {first}")
    button.click()
    desk.page.get_by_role("button", name="Leave it").click()
    expect(button).to_be_focused()
    button.click()
    folder.publish(first)
    desk.page.get_by_role("button", name="Roll back", exact=True).click()
    expect(desk.complaint).to_contain_text("Another snapshot is live by now")
    expect(desk.snapshots.filter(has_text=f"{first} live")).to_be_visible()

    desk.page.get_by_role("button", name=f"Roll back to {second}").click()
    expect(desk.page.get_by_role("dialog")).to_contain_text(f"{first} is taken back.")
    desk.page.get_by_role("button", name="Roll back", exact=True).click()
    expect(desk.snapshots.filter(has_text=f"{second} live")).to_be_visible()
    expect(desk.said).to_have_text(f"Snapshot {second} is live.")
    expect(desk.page.get_by_role("button", name="Roll back to")).to_be_hidden()
    folder.publish(first)
    folder.publish(second)


def test_a_server_that_cannot_take_the_snapshot_is_told(desk: Desk) -> None:
    """With its reason, instead of a list that looks as if all were well."""
    told = {"status": "degraded", "snapshot": "000001-00000000", "reason": "Restart the service to use it."}
    notice = part(desk.page, "Snapshots").locator("#behind")
    expect(notice).to_be_hidden()
    desk.page.route("**/readyz", lambda route: route.fulfill(json=told))
    desk.page.reload()
    expect(notice).to_have_text(
        "Searches are still answered from 000001-00000000. Restart the service to use it.", timeout=TIMEOUT_MS
    )
    desk.assert_accessible("light")


def test_relevance_is_drawn_and_told_in_numbers(desk: Desk) -> None:
    """A line a figure with a point a snapshot; now, what changed, and every value with its interval in a table."""
    relevance = part(desk.page, "Relevance over time")
    for text in ("87.1%", "7.1 points more than before", "90.0%", "as before"):
        expect(relevance).to_contain_text(text)
    chart = relevance.get_by_role("img")
    expect(chart).to_have_accessible_name(
        desk.page.evaluate("document.getElementById('chart').getAttribute('aria-label')")
    )
    assert "Right category: from 80.0% to 87.1%" in (chart.get_attribute("aria-label") or "")
    assert chart.locator(".dot").count() == 4
    assert chart.locator(".dot.live").count() == 2
    rows = relevance.get_by_role("table").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("86.0% to 88.0%")
    expect(rows.nth(2)).to_contain_text("80.0%")
    box = chart.bounding_box()
    desk.page.set_viewport_size({"width": 500, "height": 800})
    expect(chart).to_have_attribute("viewBox", f"0 0 {desk.page.evaluate('chart.clientWidth')} 240")
    assert box is not None
    assert box["width"] > 600


@pytest.mark.parametrize(("known", "shown"), [(0, "No snapshot has been measured yet"), (1, "80.0%")])
def test_few_figures_need_no_chart(open_desk: OpenDesk, known: int, shown: str) -> None:
    """None are said to come; of one there is no course."""
    desk = open_desk()
    desk.page.route(
        "**/snapshots/figures*",
        lambda route: route.fulfill(json={"figures": route.fetch().json()["figures"][:known]}),
    )
    desk.page.reload()
    relevance = part(desk.page, "Relevance over time")
    expect(relevance).to_contain_text(shown)
    expect(relevance.get_by_role("img")).to_be_hidden()


def test_what_was_refused_is_told_page_by_page(desk: Desk) -> None:
    """Which picture, of which product, why and what to do; of one reason too; what a server says is never markup."""
    catalogue = part(desk.page, "Catalogue")
    rows = catalogue.get_by_role("table").get_by_role("row")
    expect(catalogue).to_contain_text("refused 28")
    first = rows.nth(1)
    why = "The picture's server does not give it"
    for text in ("Mug 02", "its earlier picture stays", why, HOSTILE, "may have moved"):
        expect(first).to_contain_text(text)
    link = first.get_by_role("link")
    expect(link).to_have_attribute("href", PICTURE)
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(rows.nth(2)).to_contain_text("row 17")
    expect(rows.nth(3).get_by_role("link")).to_have_count(0)
    expect(rows).to_have_count(21)

    where = catalogue.locator("#refused-where")
    catalogue.get_by_role("button", name="Next page").click()
    expect(where).to_have_text("21 to 28 of 28")
    expect(where).to_be_focused()
    expect(rows).to_have_count(9)
    catalogue.get_by_role("button", name="Previous page").click()
    expect(where).to_have_text("1 to 20 of 28")
    chosen = catalogue.get_by_role("button", name=why)
    chosen.press("Enter")
    expect(rows).to_have_count(3)
    expect(chosen).to_be_focused()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(desk.said).to_have_text("1 to 2 of 2")
