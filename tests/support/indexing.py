"""Runs of the indexer in the test's own process, with a real network that is loaded once."""

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
from tests.support.images import picture_bytes

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
