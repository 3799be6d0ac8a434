"""Fixtures around the tiny shop: the shop, a client of its service in this process, and the service in its own."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from app.core.settings import Settings
from app.db.database import Database
from app.main import create_app
from app.search import opening
from tests.support.server import Server, running_server
from tests.support.shop import Shop, write_shop
from tests.support.waiting import PATIENCE_S

ADMIN_KEY = "a-key-for-tests-only"


def shop_settings(data_dir: Path, **overrides: object) -> Settings:
    """Return settings for a small and predictable service."""
    values = {
        "rate_per_minute": 0,
        "keyless_search": "anyone",  # the client of Starlette's is of no machine
        "runtime": "torch-float32",
        "threads": 1,
        "decode_workers": 2,
        "decode_timeout_s": 20.0,
        "port": 0,
    }
    return Settings.load(data_dir=data_dir, **{**values, **overrides})


def copied_settings(shop: Shop, folder: Path, **overrides: object) -> Settings:
    """Copy the shop's data into the folder, and return settings with a key for a service that may change them."""
    shutil.copytree(shop.settings.data_dir, folder / "data")
    return shop_settings(folder / "data", admin_key=ADMIN_KEY, **overrides)


def slug(reply: httpx2.Response) -> str:
    """Return the kind of problem of an answer."""
    return str(reply.json()["type"]).removeprefix("/problems/")


@pytest.fixture(scope="session", autouse=True)
def patient_services() -> Iterator[None]:
    """No request is told to come back later because other tests had the processor for a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "SEARCH_WAIT_S", PATIENCE_S)
        yield


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop of 24 products, for tests that change nothing."""
    root = tmp_path_factory.mktemp("shop")
    return write_shop(root, shop_settings(root / "data"))


@pytest.fixture(scope="module")
def shared_settings(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of one service for the tests of a module, on a copy of the shop's data, with a key."""
    return copied_settings(shop, tmp_path_factory.mktemp("shared"))


@pytest.fixture
def shared_database(shared_settings: Settings) -> Iterator[Database]:
    """The database of that service."""
    with closing(Database(shared_settings.resolved_database_url)) as database:
        yield database


@pytest.fixture
def own_shop(shop: Shop, tmp_path: Path) -> Shop:
    """A copy of the shop's data, for a test to change; the photos stay where they are."""
    return Shop(copied_settings(shop, tmp_path), shop.photos)


@pytest.fixture(scope="session")
def client(shop: Shop) -> Iterator[TestClient]:
    """A client of the shop's service, for tests that change nothing."""
    with TestClient(create_app(shop.settings)) as client:
        yield client


@pytest.fixture(scope="session")
def server(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The shop's service in a process of its own, with short deadlines for what arrives."""
    folder = tmp_path_factory.mktemp("server")
    settings = shop_settings(shop.settings.data_dir, receive_timeout_s=2.0, decode_timeout_s=10.0)
    with running_server(settings, folder) as server:
        yield server
