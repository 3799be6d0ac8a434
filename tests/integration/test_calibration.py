"""What a snapshot knows of its own scores, on drawn photos."""

import shutil
from pathlib import Path

import pytest

from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.core.verdict import Calibration
from indexer.copies import AS_IT_COMES
from indexer.sample_catalogue import draw_sample_catalogue
from tests.support.indexing import index_folder, write_picture

PRODUCTS = 48
COPIED = 40


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn catalogue."""
    folder = tmp_path_factory.mktemp("sample") / "photos"
    draw_sample_catalogue(folder, products=PRODUCTS)
    return folder


@pytest.fixture(autouse=True)
def _few_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let copies be made of fewer pictures than in a shop, for the sake of time."""
    for module in ("indexer.copies", "indexer.calibration"):
        monkeypatch.setattr(f"{module}.COPIED", COPIED)


def calibration_of(settings: Settings) -> Calibration | None:
    """Return that of the live snapshot."""
    return SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot.manifest.calibration


def test_what_copies_look_like_is_learned_once(settings: Settings, sample: Path, tmp_path: Path) -> None:
    """The next snapshot of the same network takes it over; nearness is measured anew."""
    photos = tmp_path / "shop"
    shutil.copytree(sample, photos)
    index_folder(settings, photos)
    first = calibration_of(settings)
    assert first is not None
    assert first.copies.pictures == COPIED
    assert first.nearness == tuple(sorted(first.nearness))
    shutil.rmtree(next(path for path in photos.iterdir() if path.is_dir()))
    index_folder(settings, photos)
    second = calibration_of(settings)
    assert second is not None
    assert second.copies == first.copies
    assert second.nearness != first.nearness


def test_pictures_without_signatures_teach_nothing(settings: Settings, sample: Path) -> None:
    """A data folder of an earlier version has none: a detector that was learned elsewhere is used."""
    index_folder(settings, sample)
    shutil.rmtree(settings.signatures_dir)
    shutil.rmtree(settings.snapshots_dir)
    index_folder(settings, sample)
    calibration = calibration_of(settings)
    assert calibration is not None
    assert calibration.copies == AS_IT_COMES


def test_a_handful_of_products_is_not_calibrated(settings: Settings, tmp_path: Path) -> None:
    """Nineteen say nothing about what is near; twenty do, with what was learned elsewhere of copies."""
    for number in range(19):
        write_picture(tmp_path / "shop" / "mugs" / f"{number}.jpg", number)
    index_folder(settings, tmp_path / "shop")
    assert calibration_of(settings) is None
    write_picture(tmp_path / "shop" / "mugs" / "19.jpg", 19)
    index_folder(settings, tmp_path / "shop")
    calibration = calibration_of(settings)
    assert calibration is not None
    assert calibration.copies == AS_IT_COMES
    assert calibration.right_slope is None


def test_where_every_first_hit_is_right_a_near_photo_is_surely_right(settings: Settings, sample: Path) -> None:
    """That nothing was wrong yet makes it surer, not a matter of rank; of the farthest it is less sure."""
    index_folder(settings, sample)
    calibration = calibration_of(settings)
    assert calibration is not None
    middle, far = calibration.nearness[50], calibration.nearness[3]
    assert calibration.judge(middle).confidence > 0.9
    assert calibration.judge(far).confidence < calibration.judge(middle).confidence
