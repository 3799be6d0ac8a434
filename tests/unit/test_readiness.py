"""When a service calls itself ready."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from app.core.arrays import Float32Array
from app.core.errors import DecodeTimedOut, IndexNotReady, LookalikeError, Overloaded
from app.core.snapshot_folder import SnapshotFolder
from app.search import readiness
from app.search.live_index import LiveIndex
from app.search.queries import Query
from app.search.readiness import ReadinessCheck
from tests.support import live
from tests.support.snapshots import publish_small


class Service:
    """Gives this embedding for the probe, or fails with this error."""

    def __init__(self, embedding: Float32Array) -> None:
        self.embedding = embedding
        self.failure: LookalikeError | None = None
        self.asked = 0

    async def look_at(self, *_photo: object) -> Query:
        """Embed the probe."""
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return Query(self.embedding[np.newaxis])


class Clock:
    """A clock that a test turns; nothing expires by itself."""

    now_s = 100.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the readiness check."""
    clock = Clock()
    monkeypatch.setattr(readiness, "time", clock)
    return clock


@pytest.fixture
def live_index(tmp_path: Path) -> Iterator[LiveIndex]:
    """A live index over a small snapshot."""
    publish_small(SnapshotFolder(tmp_path / "snapshots"))
    with live.live_index(tmp_path) as opened:
        yield opened


@pytest.fixture
def service(live_index: LiveIndex) -> Service:
    """A service that gives the embedding of the first probe."""
    return Service(live_index.view.snapshot.probes[0])


def _outcomes(live_index: LiveIndex, service: Service, clock: Clock, steps: Sequence[tuple[float, Any]]) -> list[str]:
    """Check after each step (seconds later, with this failure) and return what came out, by class."""

    async def scenario() -> list[str]:
        check = ReadinessCheck(live_index, cast("Any", service))
        outcomes = []
        for seconds, failure in steps:
            clock.now_s += seconds
            service.failure = failure
            try:
                outcomes.append(type(await check.check()).__name__)
            except LookalikeError as error:
                outcomes.append(type(error).__name__)
        return outcomes

    return asyncio.run(scenario())


def test_an_outcome_is_good_for_three_seconds(live_index: LiveIndex, service: Service, clock: Clock) -> None:
    """However often it is asked for, good or bad."""
    broken = IndexNotReady("out of order")
    steps = [(0, None), (1, broken), (1, broken), (1.5, broken), (1, None), (3, None)]
    expected = ["Ready", "Ready", "Ready", "IndexNotReady", "IndexNotReady", "Ready"]
    assert _outcomes(live_index, service, clock, steps) == expected
    assert service.asked == 3


def test_a_busy_service_stays_ready_for_half_a_minute(live_index: LiveIndex, service: Service, clock: Clock) -> None:
    """It is at work; but one where no probe gets through for longer is out of order."""
    busy = Overloaded("full")
    steps = [(0, None), (10, busy), (15, busy), (10, busy), (5, None)]
    assert _outcomes(live_index, service, clock, steps) == ["Ready", "Ready", "Ready", "Overloaded", "Ready"]


def test_a_service_that_was_never_ready_is_not_ready_when_busy(
    live_index: LiveIndex, service: Service, clock: Clock
) -> None:
    """There is nothing to believe in."""
    assert _outcomes(live_index, service, clock, [(0, Overloaded("full"))]) == ["Overloaded"]


def test_a_probe_that_cannot_be_decoded_is_our_failure(live_index: LiveIndex, service: Service, clock: Clock) -> None:
    """Not a bad request of whoever asks."""
    assert _outcomes(live_index, service, clock, [(0, DecodeTimedOut("killed"))]) == ["IndexNotReady"]


@pytest.mark.parametrize("row", [1, 2])
def test_another_embedding_than_at_indexing_is_not_ready(
    live_index: LiveIndex, service: Service, clock: Clock, row: int
) -> None:
    """Such as a runtime that has begun to compute nonsense would give; NaN is no exception."""
    service.embedding = live_index.view.snapshot.probes[row]
    if row == 2:
        service.embedding = np.full_like(service.embedding, np.nan)
    assert _outcomes(live_index, service, clock, [(0, None)]) == [IndexNotReady.__name__]
