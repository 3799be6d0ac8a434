"""Feeds with pictures on other servers: fetched once, then asked whether they changed; a change costs what it is."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.core.key_table import RECORD_BYTES
from app.core.picture_store import PictureStore
from app.core.products import from_line, image_id
from app.core.snapshot_folder import SnapshotFolder
from app.db.database import Database
from app.search.live_view import view_of
from app.search.neighbours import nearest_products
from indexer.pipeline import SourceOptions, index_source, reindex_catalogue
from indexer.progress import Silent
from tests.support.bad_server import file, silence_after
from tests.support.feeds import delimited, json_lines
from tests.support.images import picture_bytes
from tests.support.indexing import catalogue_of, index_command, index_environment, live_products
from tests.support.soak import seeded
from tests.support.waiting import wait_until
from tests.support.web_shop import WebShop

PRODUCTS, PICTURES = 12, 16
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _asked_conditionally(web_shop: WebShop) -> int:
    return sum("If-None-Match" in headers for headers in web_shop.web.headers.values())


@pytest.mark.parametrize("name", ["feed.jsonl", "feed.csv"])
def test_a_feed_becomes_products_that_are_found_by_each_of_their_pictures(web_shop: WebShop, name: str) -> None:
    """Every picture is fetched once, kept in the picture store, and finds its product, with itself as the winner."""
    web_shop.feed = web_shop.feed.with_name(name)
    products = list(web_shop.products.values())
    web_shop.feed.write_bytes(json_lines(products) if name.endswith("jsonl") else delimited(products))

    result = index_source(web_shop.settings, str(web_shop.feed), SourceOptions(), Silent())

    view = view_of(SnapshotFolder(web_shop.settings.snapshots_dir).open_live_or_previous())
    store = PictureStore(web_shop.settings.pictures_dir)
    assert (result.ingest.products, result.ingest.images, result.ingest.embedded) == (PRODUCTS, PICTURES, PICTURES)
    assert set(web_shop.web.requests.values()) == {1}
    for product in catalogue_of(web_shop.settings).values():
        assert [image.address for image in product.images] == web_shop.products[product.id]["images"]
        for image in product.images:
            assert image.location == str(store.path(image.sha256))
            row = view.base.image_ids.row(image.id)
            assert row is not None
            query = view.snapshot.index.embedding(row)[None]
            (hit,) = nearest_products(view.segments(), query, 1)
            assert (hit.product.id, hit.product.price, hit.image_id) == (product.id, product.price, image.id)


def test_the_same_feed_again_asks_and_changes_nothing(web_shop: WebShop) -> None:
    """Each picture is asked for with what names its version; nothing is sent, embedded, written or published."""
    first = web_shop.import_feed()
    revision = _revision(web_shop)

    second = web_shop.import_feed()

    assert _asked_conditionally(web_shop) == len(web_shop.web.requests) == PICTURES
    assert (second.ingest.embedded, second.ingest.reused, second.ingest.images) == (0, PICTURES, PICTURES)
    assert (second.published.is_new, second.published.snapshot_id) == (False, first.published.snapshot_id)
    assert _revision(web_shop) == revision


def _revision(web_shop: WebShop) -> int:
    with closing(Database(web_shop.settings.resolved_database_url)) as database, database.reading() as catalogue:
        return catalogue.revision()


def test_a_server_without_versions_is_asked_for_everything_and_still_nothing_is_embedded(web_shop: WebShop) -> None:
    """What counts is the content of a picture."""
    for number in range(PRODUCTS):
        web_shop.web.at(f"/p{number:02d}-0.jpg", file(picture_bytes("JPEG", 100, 120, number)))
    web_shop.import_feed()

    second = web_shop.import_feed()

    assert (second.ingest.embedded, second.published.is_new) == (0, False)
    assert _asked_conditionally(web_shop) == PICTURES - PRODUCTS


def test_a_title_and_a_price_cost_a_snapshot_and_no_embedding(web_shop: WebShop) -> None:
    """What is found carries the new ones."""
    web_shop.import_feed()
    web_shop.products["p01"] |= {"title": "renamed", "price": "99.00 EUR"}

    result = web_shop.import_feed()

    product = view_of(SnapshotFolder(web_shop.settings.snapshots_dir).open_live_or_previous()).product("p01")
    assert product is not None
    assert (product.title, product.price) == ("renamed", Decimal("99.00"))
    assert (result.ingest.embedded, result.published.is_new) == (0, True)


def test_a_changed_picture_is_the_only_one_that_is_fetched_and_embedded(web_shop: WebShop) -> None:
    """The others answer that they are still the same; the product has the new one in the place of the old."""
    web_shop.import_feed()
    before = catalogue_of(web_shop.settings)["p03"]
    web_shop.picture("/p03-1.jpg", 555)

    result = web_shop.import_feed()

    after = catalogue_of(web_shop.settings)["p03"]
    assert _asked_conditionally(web_shop) == PICTURES
    assert (result.ingest.embedded, result.published.is_new) == (1, True)
    assert after.images[0] == before.images[0]
    assert after.images[1].address == before.images[1].address
    assert after.images[1].sha256 != before.images[1].sha256


def test_new_and_removed_products_cost_what_they_add(web_shop: WebShop) -> None:
    """One fetched anew and embedded, one gone from the catalogue and from the snapshot."""
    web_shop.import_feed()
    web_shop.add("new", 777)
    del web_shop.products["p05"]

    result = web_shop.import_feed()

    assert (result.ingest.embedded, result.ingest.removed) == (1, 1)
    assert web_shop.web.requests["/new-0.jpg"] == 1
    assert web_shop.web.requests["/p05-0.jpg"] == 0
    assert set(catalogue_of(web_shop.settings)) == set(web_shop.products)
    assert b'"p05"' not in live_products(web_shop.settings)


def test_a_picture_at_a_new_address_is_fetched_and_not_embedded_again(web_shop: WebShop) -> None:
    """A shop that moves its pictures to another server keeps their embeddings."""
    web_shop.import_feed()
    web_shop.products["p01"]["images"] = [web_shop.picture("/moved.jpg", 1)]

    result = web_shop.import_feed()

    assert (result.ingest.embedded, result.published.is_new) == (0, True)
    assert catalogue_of(web_shop.settings)["p01"].images[0].address == web_shop.web.origin + "/moved.jpg"


@pytest.mark.parametrize("options", [{"is_partial": True}, {"limit": 2}], ids=["partial", "limit"])
def test_a_statement_of_some_products_removes_none(web_shop: WebShop, options: dict[str, Any]) -> None:
    """What it does not name stays, however much that is."""
    web_shop.import_feed()
    all_products = set(web_shop.products)
    web_shop.products = {name: web_shop.products[name] for name in ("p00", "p01", "p02")}
    web_shop.products["p00"]["title"] = "renamed"

    result = web_shop.import_feed(**options)

    assert result.ingest.removed == 0
    assert set(catalogue_of(web_shop.settings)) == all_products
    assert catalogue_of(web_shop.settings)["p00"].title == "renamed"


def test_a_row_that_was_stated_earlier_does_not_overwrite(web_shop: WebShop) -> None:
    """The product stays as the shop last said, is not removed either, and is counted."""
    web_shop.products["p01"] |= {"title": "newer", "updated_at": NOON.isoformat()}
    web_shop.import_feed()
    web_shop.products["p01"] |= {"title": "older", "updated_at": (NOON - HOUR).isoformat()}

    older = web_shop.import_feed()
    kept = catalogue_of(web_shop.settings)["p01"].title
    web_shop.products["p01"] |= {"title": "newest", "updated_at": (NOON + HOUR).isoformat()}
    newest = web_shop.import_feed()

    assert (older.ingest.outdated, older.published.is_new, kept) == (1, False, "newer")
    assert (newest.ingest.outdated, catalogue_of(web_shop.settings)["p01"].title) == (0, "newest")


class _At(Silent):
    """Does something once, when a phase begins."""

    def __init__(self, phase: str, act: Callable[[], None]) -> None:
        self._phase = phase
        self._act = act

    def phase(self, title: str, total: int | None = None) -> None:  # noqa: ARG002  # the protocol's
        """Act, if it is the one."""
        if title == self._phase:
            self._act()


@pytest.mark.parametrize("phase", ["Reading the source", "Indexing pictures"])
def test_a_live_change_during_an_import_stays(web_shop: WebShop, phase: str) -> None:
    """What the shop changes, adds and removes meanwhile is newer than the feed, which was there before."""
    web_shop.import_feed()
    before = catalogue_of(web_shop.settings)
    for name in ("p01", "p02", "p04"):
        web_shop.products[name]["title"] = "from the feed"

    def change() -> None:
        image = replace(before["p03"].images[0], id=image_id("added-live", before["p03"].images[0].sha256))
        with closing(Database(web_shop.settings.resolved_database_url)) as database, database.writing() as catalogue:
            catalogue.put_live(replace(before["p01"], title="put live"))
            catalogue.put_live(replace(before["p03"], id="added-live", images=(image,)))
            catalogue.remove_live("p04")

    result = web_shop.import_feed(_At(phase, change))

    after = catalogue_of(web_shop.settings)
    assert {name: after[name].title for name in ("p01", "p02")} == {"p01": "put live", "p02": "from the feed"}
    assert after.keys() == (before.keys() | {"added-live"}) - {"p04"}
    assert (result.ingest.outdated, result.ingest.removed) == (2, 0)
    assert [from_line(line) for line in live_products(web_shop.settings).splitlines()] == list(after.values())


def test_a_feed_from_an_address_is_fetched_and_left_nowhere(web_shop: WebShop) -> None:
    """Its pictures have addresses; what was downloaded is gone when the run has ended."""
    address = web_shop.web.at("/feed.csv", file(delimited(list(web_shop.products.values()))))

    result = index_source(web_shop.settings, address, SourceOptions(), Silent())

    assert result.ingest.images == PICTURES
    assert set(catalogue_of(web_shop.settings)) == set(web_shop.products)
    assert not list(web_shop.settings.data_dir.rglob("*tmp*"))


def test_a_killed_import_leaves_nothing_that_the_next_run_does_not_remove(web_shop: WebShop) -> None:
    """Whatever that run does: here a feed was half fetched, and a reindex comes after."""
    web_shop.import_feed()
    address = web_shop.web.at("/feed.csv", silence_after(b"id,image_link\n"))
    with _killed_import(web_shop, address):
        wait_until(lambda: any(path.stat().st_size for path in _scratch(web_shop)))
    left = _scratch(web_shop)

    reindex_catalogue(web_shop.settings, Silent())

    assert left
    assert _scratch(web_shop) == []


def _scratch(web_shop: WebShop) -> list[Path]:
    """Return the temporary files directly or indirectly in the data folder."""
    data_dir = web_shop.settings.data_dir
    return [path for path in data_dir.rglob("*") if path.is_file() and "tmp" in str(path.relative_to(data_dir))]


def test_a_killed_import_goes_on_and_ends_as_one_that_was_not(web_shop: WebShop, tmp_path: Path) -> None:
    """What is on the disk is not embedded again, and the content is the same in the end."""
    for number in range(80):
        web_shop.add(f"q{number:03d}", 1000 + number)
    pictures = PICTURES + 80
    with _killed_import(web_shop, web_shop.write()):
        wait_until(lambda: _stored(web_shop) > 0)
        time.sleep(seeded().uniform(0, 0.1))
    stored = _stored(web_shop)
    assert SnapshotFolder(web_shop.settings.snapshots_dir).current() is None, "it ended before it was killed"

    killed = web_shop.import_feed()
    content = live_products(web_shop.settings)
    data_dir = web_shop.settings.data_dir
    web_shop.settings = web_shop.settings.model_copy(update={"data_dir": tmp_path / "undisturbed"})
    web_shop.import_feed()

    assert stored
    assert killed.ingest.embedded == pictures - stored
    undisturbed = live_products(web_shop.settings)
    assert content.replace(bytes(data_dir), b"") == undisturbed.replace(bytes(web_shop.settings.data_dir), b"")


@contextmanager
def _killed_import(web_shop: WebShop, source: Path | str) -> Iterator[None]:
    """Import the feed in a process that is killed at the end of the block."""
    environment = {
        **index_environment(),
        "LOOKALIKE_NETWORK": web_shop.settings.network,
        "LOOKALIKE_FETCH_TRUSTED": ",".join(web_shop.settings.fetch_trusted),
    }
    command = index_command(web_shop.settings, source)
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def _stored(web_shop: WebShop) -> int:
    """Return how many embeddings are on the disk."""
    return sum(path.stat().st_size // RECORD_BYTES for path in web_shop.settings.vectors_dir.glob("*/keys.bin"))
