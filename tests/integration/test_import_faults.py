"""
Imports on a full disk, beside another import, and in a data folder that they may not write.

LOOKALIKE_TEST_SEED decides at which writes the disk is full; `make soak` tries every one.
"""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from tests.support.imports import Imports, ask_all, write_state
from tests.support.server import Server, running_server
from tests.support.services import shop_settings
from tests.support.soak import SOAK, sample, seeded, soaks
from tests.support.waiting import wait_until

NOBODY = 65_534


class DataFolder:
    """A data folder with one import done, and how to spoil it; `restore` takes it back to that."""

    def __init__(self, settings: Settings, imports: Imports, shop: Path) -> None:
        self.path = settings.data_dir
        self.snapshots = SnapshotFolder(settings.snapshots_dir)
        self.settings = settings
        self.imports = imports
        self.shop = shop
        self.feed = write_state(shop, 1)
        self.photo = (shop / "05-0.jpg").read_bytes()
        self._copy = settings.data_dir.with_name("copy")
        shutil.copytree(self.path, self._copy)

    def restore(self) -> None:
        """Make it what it was after its first import."""
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self._copy, self.path)

    def files(self) -> set[str]:
        """Return what is in it, without the parts of the database and of locks."""
        names = {str(path.relative_to(self.path)) for path in self.path.rglob("*")}
        return {name for name in names if "catalogue.db" not in name and not name.endswith("lock")}


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataFolder]:
    """A data folder for all tests of this module."""
    folder = tmp_path_factory.mktemp("import-faults")
    settings = shop_settings(folder / "data", network="efficientnet_lite0")
    with Imports(settings) as imports:
        assert imports.run(write_state(folder / "shop", 0)).slug is None
        yield DataFolder(settings, imports, folder / "shop")


@pytest.fixture
def data(imported: DataFolder) -> Iterator[DataFolder]:
    """The data folder, as it was after its first import, and so again afterwards."""
    yield imported
    imported.restore()


@pytest.fixture
def server(data: DataFolder, tmp_path: Path) -> Iterator[Server]:
    """A server of that folder."""
    with running_server(data.settings, tmp_path) as server:
        yield server


def fails_of_full_disk(data: DataFolder, writes: int) -> bool:
    """Import on a disk that takes so many writes; whether that failed. Nothing half made may be left."""
    before, live = data.files(), data.snapshots.current()
    ended = data.imports.run(data.feed, full_from=writes)
    if ended.slug is None:
        return False
    assert not ended.killed
    assert ended.slug == "disk-full", (writes, ended.message)
    assert data.snapshots.current() == live
    assert data.snapshots.open_live_or_previous().degraded_reason is None
    # What is done is done; a snapshot that is whole has an id.
    kept = ("vectors/", "pictures/", "snapshots/0", "unfinished-import")
    assert {name for name in data.files() - before if not name.startswith(kept)} == set()
    return True


@soaks
def test_a_full_disk_changes_nothing_that_is_live(data: DataFolder) -> None:
    """Whichever write is the first that does not fit; the import says so, and works when there is space again."""
    choose = seeded()
    for writes in range(1, 10_000) if SOAK else sorted(choose.sample(range(1, 250), 4)):
        data.restore()
        if not fails_of_full_disk(data, writes):
            break
    data.restore()
    assert fails_of_full_disk(data, 5)
    assert data.imports.run(data.feed).slug is None


def test_a_server_does_not_notice_a_full_disk(data: DataFolder, server: Server) -> None:
    """It answers as before, and is ready."""
    before = ask_all(server, data.photo)
    assert fails_of_full_disk(data, 100)
    assert ask_all(server, data.photo) == before
    with server.client() as client:
        assert client.get("/readyz").json()["status"] == "ready"


@soaks
def test_of_two_imports_at_once_one_is_refused_by_name(data: DataFolder) -> None:
    """The other one is not disturbed, and what is live never goes back."""
    feeds = [data.feed, write_state(data.shop, 2)]
    with Imports(data.settings) as others:
        both = [data.imports, others]
        for attempt in range(sample(3, soak=100)):
            before = data.snapshots.current()
            for imports, feed in zip(both, feeds, strict=True):
                imports.start(feed)
            slugs = {imports.end().slug for imports in both}
            assert slugs <= {None, "already-running"}, attempt
            assert None in slugs
            after = data.snapshots.current()
            assert before is not None
            assert after is not None
            assert after.id >= before.id
            feeds.reverse()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can let an import run as somebody else")
@pytest.mark.parametrize("owner", [0, NOBODY], ids=["of another user", "read-only"])
def test_a_data_folder_that_may_not_be_written_is_refused_before_any_work(data: DataFolder, owner: int) -> None:
    """By name; nothing is read, embedded or changed."""
    for path in [data.path, *data.path.rglob("*")]:
        os.chown(path, owner, owner)
        path.chmod(0o555 if path.is_dir() else 0o444)
    for parent in data.path.parents:
        if parent.stat().st_mode & 0o011 != 0o011:
            parent.chmod(parent.stat().st_mode | 0o011)  # the temporary folders of tests are closed to others
    files, embedded, live = data.files(), data.imports.embedded, data.snapshots.current()
    ended = data.imports.run(data.feed, user=NOBODY)
    assert (ended.slug, ended.killed) == ("data-dir-not-writable", False), ended.message
    assert (data.files(), data.imports.embedded, data.snapshots.current()) == (files, embedded, live)


@soaks
def test_a_data_folder_that_is_deleted_meanwhile_ends_the_import_in_one_sentence(data: DataFolder) -> None:
    """At whatever moment; the error is one of ours."""
    choose = seeded()
    for attempt in range(sample(4, soak=100)):
        data.imports.start(data.feed)
        time.sleep(choose.uniform(0, 2))
        shutil.rmtree(data.path, ignore_errors=True)
        ended = data.imports.end()
        assert not ended.killed
        assert ended.slug != "unforeseen", (attempt, ended.message)
        data.restore()


def test_a_server_goes_on_without_its_data_folder(data: DataFolder, server: Server) -> None:
    """From memory, as before; it says that it is degraded, and why."""
    before = ask_all(server, data.photo)
    shutil.rmtree(data.path)
    with server.client() as client:
        wait_until(lambda: client.get("/readyz").json()["status"] == "degraded")
        assert "CURRENT" in client.get("/readyz").json()["reason"]
    assert ask_all(server, data.photo) == before
