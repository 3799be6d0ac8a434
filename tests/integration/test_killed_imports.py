"""
Imports that are killed, while a server answers: always from the old snapshot or the new one, and the next run finishes.

LOOKALIKE_TEST_SEED decides at which moments; `make soak` kills 200 times.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from tests.support.imports import Imports, Questions, ask_all, contents, serves, write_state
from tests.support.index_child import POINTS
from tests.support.server import Server, running_server
from tests.support.services import shop_settings
from tests.support.snapshots import hidden
from tests.support.soak import sample, seeded, soaks
from tests.support.waiting import wait_until

BATCH = 16  # of the network on one thread
SWITCHED = ("P10", "P11")  # phases
NEW_PICTURES = 20 + 3  # from one state to the next


class Shop:
    """A folder in which imports are killed, and a server over it."""

    def __init__(self, settings: Settings, imports: Imports, server: Server, folder: Path) -> None:
        self.snapshots = SnapshotFolder(settings.snapshots_dir)
        self.imports = imports
        self.server = server
        self._folder = folder
        self._state = 0
        self.photo = (folder / "05-0.jpg").read_bytes()

    def change(self) -> Path:
        """Change what the shop states; return its feed."""
        self._state += 1
        return write_state(self._folder, self._state)

    def live(self) -> str:
        """Return the id of the live snapshot, which is whole, as are all others, and at most one is half made."""
        for info in self.snapshots.list():
            self.snapshots.open(info.id)
        assert len(self.half_made()) <= 1
        live = self.snapshots.open_live_or_previous()
        assert live.degraded_reason is None
        return live.snapshot.id

    def half_made(self) -> list[str]:
        """Return the folders that nobody will serve."""
        return [name for name in hidden(self.snapshots._root) if name.startswith((".new", ".trash"))]

    def finish(self, feed: Path) -> str:
        """Import undisturbed; return the snapshot that is served then."""
        assert self.imports.run(feed).slug is None
        assert self.half_made() == []
        live = self.live()
        wait_until(lambda: serves(self.server, live))
        return live


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop whose first import is done."""
    folder = tmp_path_factory.mktemp("killed-imports")
    settings = shop_settings(folder / "data", network="efficientnet_lite0")
    with Imports(settings) as imports:
        assert imports.run(write_state(folder / "shop", 0)).slug is None
        with running_server(settings, folder) as server:
            yield Shop(settings, imports, server, folder / "shop")


@soaks
def test_a_kill_at_each_phase_leaves_the_old_answers_or_the_new_ones(shop: Shop) -> None:
    """
    One import after the other is killed one step later, from the lock to the removal of what is old.

    What the shop states changes whenever an import has got as far as the switch.
    """
    feed = shop.change()
    old_live, old = shop.live(), ask_all(shop.server, shop.photo)
    with Questions([shop.server], shop.photo).asking() as questions:
        for point in POINTS:
            assert shop.imports.run(feed, kill_at=point).killed, point
            live = shop.live()
            assert (live != old_live) == point.startswith(SWITCHED), point
            if live == old_live:
                assert questions.take() == {*old.values()}, point
                continue
            wait_until(lambda live=live: serves(shop.server, live))  # type: ignore[misc]
            new = ask_all(shop.server, shop.photo)
            assert not contents(new) & contents(old)
            assert questions.take() <= {*old.values(), *new.values()}, point
            old_live, old = live, new
            feed = shop.change()
        shop.finish(feed)


@soaks
def test_a_kill_at_any_moment_leaves_the_old_answers_or_the_new_ones(shop: Shop) -> None:
    """Each time the shop has changed; the next run completes, and at most one batch is embedded twice."""
    choose = seeded()
    began_s = time.monotonic()
    shop.finish(shop.change())
    duration_s = time.monotonic() - began_s
    for attempt in range(sample(3, soak=200)):
        old = ask_all(shop.server, shop.photo)
        embedded = shop.imports.embedded
        feed = shop.change()
        with Questions([shop.server], shop.photo).asking() as questions:
            shop.imports.run(feed, kill_after_s=choose.uniform(0, duration_s))
            shop.live()
            shop.finish(feed)
            served = questions.take()
        new = ask_all(shop.server, shop.photo)
        assert served <= {*old.values(), *new.values()}, attempt
        assert NEW_PICTURES <= shop.imports.embedded - embedded <= NEW_PICTURES + BATCH, attempt
