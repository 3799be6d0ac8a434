"""
Snapshots that are published and rolled back under load, with two servers on one data folder.

LOOKALIKE_TEST_SEED decides which snapshot comes next; `make soak` asks 10,000 times.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from app.core.snapshot_folder import SnapshotFolder
from tests.support.imports import Answer, Imports, Questions, ask_all, contents, serves, write_state
from tests.support.server import Server, running_server
from tests.support.services import shop_settings
from tests.support.soak import sample, seeded, soaks
from tests.support.waiting import wait_until

SNAPSHOTS = 3


@dataclass(frozen=True, slots=True)
class Servers:
    """Two servers of one data folder with three snapshots, and what is the answer to every question in each."""

    folder: SnapshotFolder
    both: list[Server]
    photo: bytes
    answers: dict[str, dict[str, Answer]]

    def wait_until_served(self, snapshot_id: str) -> None:
        """Return when both servers answer from a snapshot."""
        for server in self.both:
            wait_until(lambda server=server: serves(server, snapshot_id))  # type: ignore[misc]

    def publish_another(self, choose: random.Random) -> str:
        """Make another snapshot live, or roll back where that is possible; return which one."""
        current = self.folder.current()
        assert current is not None
        if current.history and choose.random() < 0.5:
            return self.folder.rollback()
        snapshot_id = choose.choice([each for each in self.answers if each != current.id])
        self.folder.publish(snapshot_id)
        return snapshot_id

    def resident_bytes(self) -> int:
        """Return the memory of the larger one."""
        return max(server.resident_bytes() for server in self.both)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """No answer is the same in two of the snapshots."""
    folder = tmp_path_factory.mktemp("switching")
    settings = shop_settings(folder / "data", network="efficientnet_lite0")
    with Imports(settings) as imports:
        for state in range(SNAPSHOTS):
            assert imports.run(write_state(folder / "shop", state)).slug is None
    snapshots = SnapshotFolder(settings.snapshots_dir)
    photo = (folder / "shop" / "05-0.jpg").read_bytes()
    for name in ("one", "two"):
        (folder / name).mkdir()
    with running_server(settings, folder / "one") as one, running_server(settings, folder / "two") as two:
        answers: dict[str, dict[str, Answer]] = {}
        found = Servers(snapshots, [one, two], photo, answers)
        for info in snapshots.list():
            snapshots.publish(info.id)
            found.wait_until_served(info.id)
            answers[info.id] = ask_all(one, photo)
        assert len(set[tuple[str, str]]().union(*map(contents, answers.values()))) == SNAPSHOTS * len(answers[info.id])
        yield found


def expect_each_from_one_snapshot(servers: Servers, seen: set[Answer]) -> None:
    """Check that each answer is, to the byte, that of the snapshot that it names."""
    for answer in seen:
        question, snapshot_id, _ = answer
        assert answer == servers.answers[snapshot_id][question]


@soaks
def test_each_answer_of_two_servers_is_wholly_from_the_snapshot_that_it_names(servers: Servers) -> None:
    """While snapshots are published and rolled back all the time; no request fails."""
    choose = seeded()
    with Questions([*servers.both, *servers.both], servers.photo, pause_s=0).asking() as questions:
        while questions.asked < sample(200, soak=10_000) and not questions.failures:
            live = servers.publish_another(choose)
            if choose.random() < 0.3:
                servers.wait_until_served(live)
        servers.wait_until_served(live)
    expect_each_from_one_snapshot(servers, questions.seen)
    assert {snapshot_id for _, snapshot_id, _ in questions.seen} == set(servers.answers)


@soaks
def test_a_rollback_is_served_without_a_restart_or_a_failed_request(servers: Servers) -> None:
    """By both servers; and so is what is published again."""
    first, second, _ = servers.answers
    servers.folder.publish(first)
    servers.folder.publish(second)
    servers.wait_until_served(second)
    with Questions(servers.both, servers.photo).asking() as questions:
        for _ in range(sample(2, soak=50)):
            assert servers.folder.rollback() == first
            servers.wait_until_served(first)
            servers.folder.publish(second)
            servers.wait_until_served(second)
    expect_each_from_one_snapshot(servers, questions.seen)


@soaks
def test_a_storm_of_switches_leaves_no_memory_behind(servers: Servers) -> None:
    """Under load; what the servers take afterwards is what they took after the first few."""
    choose = seeded()
    with Questions(servers.both, servers.photo).asking() as questions:
        for switches in (5, sample(5, soak=200)):
            before = servers.resident_bytes()
            for _ in range(switches):
                servers.wait_until_served(servers.publish_another(choose))
    assert servers.resident_bytes() < 1.1 * before
    expect_each_from_one_snapshot(servers, questions.seen)
