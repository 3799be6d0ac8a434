"""Looking through the catalogue again without a source: its own pictures, files of the shop and fetched ones."""

import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from app.core.errors import VerificationFailed
from app.core.picture_store import PictureStore
from app.core.products import from_line
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.db.catalogue_writer import CatalogueWriter
from app.db.database import Database
from app.db.tables import fetched_pictures
from indexer.pipeline import IndexResult, SourceOptions, index_source, reindex_catalogue
from indexer.progress import Silent
from indexer.publish import ADDRESS_AGE, PICTURE_AGE_S
from indexer.reindex import ReindexParams, run_reindex
from tests.support.bad_server import status
from tests.support.catalogue import connection_of
from tests.support.indexing import OTHER_NETWORK, catalogue_of, live_products, write_picture
from tests.support.web_shop import WebShop

PHOTOS = 30


class _Noting(Silent):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        """Remember it."""
        self.warnings.append(message)


@pytest.fixture
def mugs(settings: Settings, tmp_path: Path) -> Path:
    """A folder of products with a photo each, indexed."""
    folder = tmp_path / "photos"
    for number in range(PHOTOS):
        write_picture(folder / "mugs" / f"{number:02d}.jpg", number)
    _index(settings, folder)
    return folder / "mugs"


def _index(settings: Settings, source: Path) -> IndexResult:
    return index_source(settings, str(source), SourceOptions(), Silent())


def _live_ids(settings: Settings) -> list[str]:
    return [from_line(line).id for line in live_products(settings).splitlines()]


@pytest.mark.usefixtures("mugs")
def test_nothing_changed_publishes_nothing(settings: Settings) -> None:
    """Unless every picture shall be looked at anew: then a snapshot of the same content is."""
    live = SnapshotFolder(settings.snapshots_dir).current()
    products = live_products(settings)

    result = reindex_catalogue(settings, Silent())
    unchanged = SnapshotFolder(settings.snapshots_dir).current() == live
    full = reindex_catalogue(settings, Silent(), full=True)

    assert (result.published.is_new, unchanged) == (False, True)
    assert (result.ingest.embedded, full.ingest.embedded) == (0, 0)
    assert full.published.is_new
    assert live_products(settings) == products


def test_a_file_that_changed_in_its_place_is_embedded(settings: Settings, mugs: Path) -> None:
    """Even with the same size and time."""
    before = catalogue_of(settings)
    path = mugs / "07.jpg"
    write_picture(path, 700)
    os.utime(path, (0, 0))

    result = reindex_catalogue(settings, Silent())

    after = catalogue_of(settings)
    assert (result.ingest.embedded, result.published.is_new) == (1, True)
    assert [name for name in after if after[name] != before[name]] == ["mugs-07"]


def test_a_file_that_is_gone_keeps_its_product(settings: Settings, mugs: Path) -> None:
    """Perhaps a disk is not there today; nothing is published for it, and the report counts it."""
    before = catalogue_of(settings)
    (mugs / "07.jpg").unlink()

    result = reindex_catalogue(settings, Silent())

    assert (result.ingest.kept, result.published.is_new) == (1, False)
    assert dict(result.ingest.skipped_by_reason) == {"unreadable": 1}
    assert catalogue_of(settings) == before
    with closing(Database(settings.resolved_database_url)) as database, database.reading_refusals() as refusals:
        (noted,) = refusals.list().refused
        assert [report.run for report in refusals.reports()] == ["import", "reindex"]
    assert (noted.product_id, noted.kept, noted.run) == ("mugs-07", True, "reindex")


def test_another_network_embeds_everything_anew_from_what_is_stored(web_shop: WebShop) -> None:
    """Pictures that were fetched are not fetched again; another time with that network there is nothing to do."""
    web_shop.import_feed()
    web_shop.web.requests.clear()
    other = web_shop.settings.model_copy(update={"network": OTHER_NETWORK})

    first = reindex_catalogue(other, Silent())
    second = reindex_catalogue(other, Silent())

    live = SnapshotFolder(other.snapshots_dir).open_live_or_previous().snapshot
    assert not web_shop.web.requests
    assert (first.ingest.embedded, second.ingest.embedded, second.published.is_new) == (16, 0, False)
    assert (live.manifest.network, live.manifest.images) == (OTHER_NETWORK, 16)


def test_another_network_leaves_out_what_is_gone(settings: Settings, mugs: Path) -> None:
    """A picture that cannot be had has no embedding; it is told and left out, and is back with its file."""
    other = settings.model_copy(update={"network": OTHER_NETWORK})
    gone, away = mugs / "07.jpg", mugs.with_name("away.jpg")
    gone.rename(away)
    noting = _Noting()

    reindex_catalogue(other, noting)
    without = _live_ids(other)
    away.rename(gone)
    reindex_catalogue(other, Silent())

    assert any("1 of 30 pictures" in warning for warning in noting.warnings)
    assert "mugs-07" not in without
    assert len(without) == PHOTOS - 1
    assert "mugs-07" in catalogue_of(settings)
    assert len(_live_ids(other)) == PHOTOS


def test_another_network_with_some_products_only_is_refused(settings: Settings, mugs: Path) -> None:
    """The others would be lost to searches; the message says what embeds them."""
    live = live_products(settings)
    other = settings.model_copy(update={"network": OTHER_NETWORK})

    with pytest.raises(VerificationFailed, match=r"25 of 30 pictures .* `lookalike reindex`"):
        index_source(other, str(mugs.parent), SourceOptions(limit=5), Silent())

    assert live_products(settings) == live


def test_fetched_pictures_are_asked_for_only_in_full(web_shop: WebShop) -> None:
    """Then with what names their versions; one that changed is embedded, one that is gone stays."""
    web_shop.import_feed()
    web_shop.web.requests.clear()
    web_shop.picture("/p01-0.jpg", 999)
    web_shop.web.at("/p02-0.jpg", status(404))
    web_shop.settings = web_shop.settings.model_copy(update={"max_unfetched_share": 0.1})
    before = catalogue_of(web_shop.settings)

    plain = reindex_catalogue(web_shop.settings, Silent())
    asked = len(web_shop.web.requests)
    full = reindex_catalogue(web_shop.settings, Silent(), full=True)

    after = catalogue_of(web_shop.settings)
    assert (plain.published.is_new, asked) == (False, 0)
    assert len(web_shop.web.requests) == 16
    assert all("If-None-Match" in headers for headers in web_shop.web.headers.values())
    assert (full.ingest.embedded, full.ingest.kept) == (1, 1)
    assert [name for name in after if after[name] != before[name]] == ["p01"]


def test_live_changes_are_folded_in_and_those_made_meanwhile_are_kept(web_shop: WebShop) -> None:
    """A product that is put or removed while the catalogue is looked through is not put back."""
    web_shop.import_feed()
    before = catalogue_of(web_shop.settings)
    _change(web_shop.settings, lambda catalogue: catalogue.put_live(replace(before["p01"], title="before")))

    class Meanwhile(Silent):
        def phase(self, title: str, total: int | None = None) -> None:  # noqa: ARG002  # the protocol's
            if title == "Looking at the pictures":
                _change(
                    web_shop.settings,
                    lambda catalogue: (
                        catalogue.put_live(replace(before["p02"], title="meanwhile")),
                        catalogue.remove_live("p04"),
                    ),
                )

    reindex_catalogue(web_shop.settings, Meanwhile())

    after = catalogue_of(web_shop.settings)
    assert (after["p01"].title, after["p02"].title) == ("before", "meanwhile")
    assert after.keys() == before.keys() - {"p04"}
    assert _live_ids(web_shop.settings) == list(after)


def _change(settings: Settings, change: Callable[[CatalogueWriter], object]) -> None:
    with closing(Database(settings.resolved_database_url)) as database, database.writing() as catalogue:
        change(catalogue)


def test_a_source_that_is_set_is_imported_first(settings: Settings, mugs: Path) -> None:
    """As the command would, and its document says what a job's row shows."""
    write_picture(mugs / "new.jpg", 4321)
    (mugs / "07.jpg").unlink()
    sourced = settings.model_copy(update={"source": str(mugs.parent)})

    document = run_reindex(sourced, ReindexParams(), Silent())

    assert (document["new"], document["embedded"], document["removed_products"]) == (True, 1, 1)
    assert document["products"] == document["images"] == PHOTOS
    assert {"mugs-new"} == set(_live_ids(settings)) - {f"mugs-{number:02d}" for number in range(PHOTOS)}


def test_columns_of_a_source_may_have_names_of_the_shops_own(web_shop: WebShop) -> None:
    """As with `--map` of `lookalike index`."""
    for product in web_shop.products.values():
        product["artikel"] = product.pop("id")
    sourced = {"source": str(web_shop.write()), "source_map": {"artikel": "id"}}

    document = run_reindex(web_shop.settings.model_copy(update=sourced), ReindexParams(), Silent())

    assert document["products"] == len(web_shop.products)
    assert catalogue_of(web_shop.settings).keys() == web_shop.products.keys()


def test_old_pictures_that_nothing_refers_to_are_removed_after_a_publish(web_shop: WebShop) -> None:
    """Those of the catalogue and of every snapshot that is kept stay, however old, and so do new ones."""
    store = PictureStore(web_shop.settings.pictures_dir)
    web_shop.settings = web_shop.settings.model_copy(update={"snapshots_kept": 2})
    web_shop.import_feed()
    first = catalogue_of(web_shop.settings)["p01"].images[0].sha256
    orphans = [store.put(b"an old picture"), store.put(b"a new picture")]
    _age(web_shop.settings, but=orphans[1].path)

    web_shop.picture("/p01-0.jpg", 801)
    web_shop.import_feed()
    assert [orphan.path.exists() for orphan in orphans] == [False, True]
    assert store.path(first).exists()  # the older snapshot shows it

    second = catalogue_of(web_shop.settings)["p01"].images[0].sha256
    for seed in (802, 803):
        _age(web_shop.settings, but=orphans[1].path)
        web_shop.picture("/p01-0.jpg", seed)
        web_shop.import_feed()

    assert not store.path(first).exists()
    assert not store.path(second).exists()
    assert all(
        store.path(image.sha256).exists() for p in catalogue_of(web_shop.settings).values() for image in p.images
    )


def test_addresses_that_nothing_refers_to_are_forgotten_after_a_publish(web_shop: WebShop) -> None:
    """Those that products still have are remembered, so that their pictures are not fetched again."""
    web_shop.import_feed()
    images = [image for product in catalogue_of(web_shop.settings).values() for image in product.images]
    addresses = {image.address for image in images if image.address is not None}
    long_ago = datetime.now(UTC) - ADDRESS_AGE - timedelta(minutes=1)
    _change(
        web_shop.settings,
        lambda catalogue: connection_of(catalogue).execute(update(fetched_pictures).values(fetched_at=long_ago)),
    )
    del web_shop.products["p01"]

    web_shop.import_feed()

    with closing(Database(web_shop.settings.resolved_database_url)) as database, database.reading() as catalogue:
        known = catalogue.validators(addresses)
    assert addresses - known.keys() == {f"{web_shop.web.origin}/p01-0.jpg"}


def _age(settings: Settings, but: Path) -> None:
    """Make all pictures but one older than they have to be to be removed."""
    long_ago = time.time() - PICTURE_AGE_S - 60
    for path in settings.pictures_dir.glob("*/*"):
        if path != but:
            os.utime(path, (long_ago, long_ago))
