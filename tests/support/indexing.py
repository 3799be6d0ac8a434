"""Runs of the indexer in the test's own process, with a real network that is loaded once."""

import os
import sys
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from app.core.embedder import Embedder, open_embedder
from app.core.networks.fingerprint import Fingerprint
from app.core.products import ProductRecord
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.db.database import Database
from indexer.pipeline import IndexResult, SourceOptions, index_source
from indexer.progress import Silent
from tests.support.images import picture_bytes

PHOTOS = 24
NETWORK = "efficientnet_lite0"
OTHER_NETWORK = "efficientnet_lite0+efficientnet_lite0"
"""The same twice, and so another fingerprint; both have their weights in the installation."""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty data folder; loading the network takes most of a small run's time, so it is done once."""

    def load(settings: Settings, network: str, *, recorded: Fingerprint | None = None) -> Embedder:
        if network not in {NETWORK, OTHER_NETWORK}:
            return open_embedder(settings, network, recorded=recorded)
        return _loaded(network)

    monkeypatch.setattr("indexer.workplace.open_embedder", load)
    return Settings(data_dir=tmp_path / "data", network=NETWORK, runtime="openvino-float32")


@cache
def _loaded(network: str) -> Embedder:
    return open_embedder(Settings(runtime="openvino-float32"), network)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of `PHOTOS` products in two categories."""
    folder = tmp_path / "photos"
    for number in range(PHOTOS):
        write_picture(folder / ("mugs" if number % 2 else "lamps") / f"product {number}.jpg", number)
    return folder


def index_folder(settings: Settings, folder: Path) -> IndexResult:
    """Index a folder, whatever that removes."""
    return index_source(settings, str(folder), SourceOptions(allows_removals=True), Silent())


def index_command(settings: Settings, source: Path | str) -> list[str]:
    """Return the command that indexes a folder or a feed."""
    return [sys.executable, "-m", "lookalike", "index", str(source), "--data-dir", str(settings.data_dir)]


def index_environment() -> dict[str, str]:
    """Return the environment of that command."""
    return {**os.environ, "LOOKALIKE_RUNTIME": "torch-float32", "LOOKALIKE_THREADS": "1"}


def write_picture(path: Path, seed: int) -> None:
    """Write a picture that is like no other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture_bytes("JPEG", 200, 240, seed))


def catalogue_of(settings: Settings) -> dict[str, ProductRecord]:
    """Return all products of the catalogue by their ids."""
    with closing(Database(settings.resolved_database_url)) as database, database.reading() as catalogue:
        return {product.id: product for product in catalogue.iter_products()}


def live_products(settings: Settings) -> bytes:
    """Return the products of the live snapshot, as they are stored in it."""
    return SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot.products
