"""Following the head's file while serving."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.category_head import head_path
from app.search.live_head import LiveHead
from tests.support.snapshots import FINGERPRINT
from tests.support.training import small_head
from tests.support.waiting import wait_until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the head would be."""
    return head_path(tmp_path / "heads", FINGERPRINT)


@pytest.fixture
def live(path: Path) -> Iterator[LiveHead]:
    """What follows it."""
    live = LiveHead(path.parent, FINGERPRINT, poll_s=0.01)
    live.start()
    yield live
    live.close()


def _seed(live: LiveHead) -> object:
    return None if live.head is None else live.head.card["seed"]


def test_a_head_is_there_from_the_start(path: Path) -> None:
    """Before anything is followed."""
    small_head(1).save(path)
    assert _seed(LiveHead(path.parent, FINGERPRINT)) == 1


def test_a_head_is_taken_up_exchanged_and_given_up_while_serving(path: Path, live: LiveHead) -> None:
    """Training needs no restart, and removing the file goes back to the neighbours."""
    assert live.head is None
    for seed in (1, 2):
        small_head(seed).save(path)
        wait_until(lambda seed=seed: _seed(live) == seed)  # type: ignore[misc]
    path.unlink()
    wait_until(lambda: live.head is None)


@pytest.mark.parametrize("other", ["damaged", "of another network"])
def test_a_file_that_cannot_be_used_leaves_the_head_in_use(path: Path, live: LiveHead, other: str) -> None:
    """Until there is one that can."""
    small_head(1).save(path)
    wait_until(lambda: _seed(live) == 1)
    if other == "damaged":
        broken = path.with_name("broken")
        broken.write_bytes(path.read_bytes()[:-3])
        broken.replace(path)
    else:
        small_head(2, fingerprint_sha256="cd" * 32).save(path)
    wait_until(lambda: live._seen == (os.stat(path).st_ino, os.stat(path).st_mtime_ns))  # noqa: PTH116
    assert _seed(live) == 1
    small_head(3).save(path)
    wait_until(lambda: _seed(live) == 3)


def test_the_head_of_another_network_is_not_looked_at(path: Path, live: LiveHead) -> None:
    """Each network has its own file."""
    small_head(fingerprint_sha256="cd" * 32).save(head_path(path.parent, "cd" * 32))
    live.look()
    assert live.head is None


def test_what_is_held_stays_usable_when_it_is_closed(path: Path, live: LiveHead) -> None:
    """For the answers that are still under way."""
    small_head(1).save(path)
    wait_until(lambda: _seed(live) == 1)
    live.close()
    assert _seed(live) == 1
