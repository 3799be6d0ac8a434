"""Whatever can be found has a code of its regions, so that it can be explained, whichever way it came."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from app.core.errors import DiskFull
from app.core.regions import RegionCodes
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.core.vector_store import VectorStore
from app.db.database import Database
from indexer import region_sample
from indexer.evaluation.catalogues import open_catalogue
from indexer.pipeline import reindex_catalogue
from indexer.progress import Silent
from tests.support.changes import changing_shop
from tests.support.images import picture_bytes
from tests.support.indexing import OTHER_NETWORK, PHOTOS, index_folder, write_picture
from tests.support.shop import Shop
from tests.support.web_shop import WebShop


def _explained(settings: Settings) -> tuple[int, int]:
    """Return how many of the catalogue's different pictures have a code of the live network, and how many there are."""
    with closing(Database(settings.resolved_database_url)) as database, database.reading() as catalogue:
        pictures = {image.sha256 for product in catalogue.iter_products() for image in product.images}
    live = SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot
    with RegionCodes(settings.regions_dir, live.manifest.fingerprint_sha256) as codes:
        return sum(codes.get(picture) is not None for picture in pictures), len(pictures)


def test_every_picture_of_a_folder_has_a_code(settings: Settings, photos: Path) -> None:
    """And one that is added later has a code on the same basis."""
    index_folder(settings, photos)
    assert _explained(settings) == (PHOTOS, PHOTOS)
    write_picture(photos / "mugs" / "new.jpg", 700)
    index_folder(settings, photos)
    assert _explained(settings) == (PHOTOS + 1, PHOTOS + 1)


def test_pictures_that_are_fetched_have_codes(web_shop: WebShop) -> None:
    """No file is at hand before the first of them come; none is fetched twice for it."""
    web_shop.import_feed()
    have, count = _explained(web_shop.settings)
    assert have == count == 16
    assert len(web_shop.web.requests) == 16


def test_pictures_of_an_earlier_version_get_theirs_in_a_full_reindex(settings: Settings, photos: Path) -> None:
    """They are embedded once more only then: that takes as long as the first time."""
    index_folder(settings, photos)
    shutil.rmtree(settings.regions_dir)
    assert index_folder(settings, photos).ingest.embedded == 0
    assert reindex_catalogue(settings, Silent()).ingest.embedded == 0
    assert _explained(settings) == (0, PHOTOS)

    assert reindex_catalogue(settings, Silent(), full=True).ingest.embedded == PHOTOS

    assert _explained(settings) == (PHOTOS, PHOTOS)
    assert reindex_catalogue(settings, Silent(), full=True).ingest.embedded == 0


def test_pictures_that_an_evaluation_embedded_have_codes(settings: Settings, photos: Path) -> None:
    """Those of a network that was compared or tried before it is indexed with: nothing is embedded again for it."""
    index_folder(settings, photos)
    assert len(open_catalogue(settings, Silent(), network=OTHER_NETWORK).images) == PHOTOS
    other = settings.model_copy(update={"network": OTHER_NETWORK})

    result = index_folder(other, photos)

    assert (result.network, result.ingest.embedded) == (OTHER_NETWORK, 0)
    assert _explained(other) == (PHOTOS, PHOTOS)


def test_an_embedding_is_kept_only_after_its_code(
    settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that ends between the two embeds the picture again; the other way round it would stay without a code."""

    def full(*_arguments: object) -> None:
        raise DiskFull("There is no space left.")

    with monkeypatch.context() as stopped:
        stopped.setattr(VectorStore, "append", full)
        with pytest.raises(DiskFull):
            index_folder(settings, photos)
    assert index_folder(settings, photos).ingest.embedded == PHOTOS
    assert _explained(settings) == (PHOTOS, PHOTOS)


def test_the_sample_is_spread_over_all_files() -> None:
    """Not the first of them, which are of one category; and the same ones each time."""
    files = [Path(f"{number}.jpg") for number in range(10 * region_sample.SAMPLE)]
    chosen = region_sample._spread(iter(files))
    assert chosen == region_sample._spread(iter(files))
    assert len(set(chosen)) == region_sample.SAMPLE
    assert sum(int(file.stem) for file in chosen) / region_sample.SAMPLE > region_sample.SAMPLE * 3
    assert region_sample._spread(files[:5]) == files[:5]


def test_a_product_that_is_put_has_codes(shop: Shop, tmp_path: Path) -> None:
    """Its hits can be explained at once."""
    with changing_shop(shop, tmp_path) as changing:
        before = _explained(changing.settings)
        assert changing.upload("new", picture_bytes(seed=901), picture_bytes(seed=902)).status_code == 201
        assert _explained(changing.settings) == (before[0] + 2, before[1] + 2)
