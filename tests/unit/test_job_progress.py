"""What is told of a job while it runs."""

import pytest

from indexer.job_progress import RATE_OVER_S, Halted, Tally
from indexer.progress import Silent


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def test_nothing_is_told_before_anything_happened() -> None:
    """Neither a phase nor a rate."""
    told = Tally().read()
    assert (told.phase, told.total, told.done, told.refused, told.rate) == (None, None, 0, {}, None)


def test_steps_are_counted_for_each_phase_and_refusals_for_all() -> None:
    """What is refused is done too; the commonest reason comes first."""
    tally = Tally()
    tally.phase("Indexing pictures", 10)
    tally.advance(4)
    for reason in ("image-corrupt", "not-an-image", "not-an-image"):
        tally.skip(reason)
    told = tally.read()
    assert (told.phase, told.total, told.done) == ("Indexing pictures", 10, 7)
    assert list(told.refused.items()) == [("not-an-image", 2), ("image-corrupt", 1)]
    tally.phase("Building the index")
    told = tally.read()
    assert (told.phase, told.total, told.done) == ("Building the index", None, 0)
    assert told.refused == {"not-an-image": 2, "image-corrupt": 1}


def test_the_rate_is_that_of_the_last_seconds() -> None:
    """A quick beginning, with pictures that are known, is forgotten."""
    clock = Clock()
    tally = Tally(clock=clock)
    tally.phase("Indexing pictures", 100_000)
    for second in range(1, 11):
        clock.now_s += 1
        tally.advance(1000)
        assert tally.read().rate == 1000.0, second
    for _ in range(int(RATE_OVER_S) + 10):
        clock.now_s += 1
        tally.advance(5)
        tally.read()
    assert tally.read().rate == 5.0


def test_a_download_is_told_in_mib() -> None:
    """So that its numbers can be read."""
    tally = Tally()
    tally.phase("Looking for the network's weights (MiB)")
    tally.download(3 * 2**20, 8 * 2**20)
    assert (tally.read().done, tally.read().total) == (3, 8)


@pytest.mark.parametrize("name", ["phase", "advance", "skip", "download"])
def test_every_sign_of_progress_ends_a_job_that_is_halted(name: str) -> None:
    """And no step that minds failures takes it for one."""
    tally = Tally()
    tally.phase("Indexing pictures", 10)
    tally.halt()
    arguments = {"phase": ("Publishing",), "advance": (1,), "skip": ("not-an-image",), "download": (1, 2)}[name]
    with pytest.raises(Halted):
        getattr(tally, name)(*arguments)
    assert tally.read().done == 0
    assert not issubclass(Halted, Exception)


def test_warnings_are_kept_and_everything_is_shown() -> None:
    """Whoever watches sees what the row is told."""
    shown: list[tuple[object, ...]] = []

    class Display(Silent):
        """Notes what it is told."""

        def phase(self, title: str, total: int | None = None) -> None:
            """Note it."""
            shown.append((title, total))

        def advance(self, steps: int = 1) -> None:
            """Note it."""
            shown.append((steps,))

        def skip(self, reason: str) -> None:
            """Note it."""
            shown.append((reason,))

        def download(self, done_bytes: int, total_bytes: int | None) -> None:
            """Note it."""
            shown.append((done_bytes, total_bytes))

        def warn(self, message: str) -> None:
            """Note it."""
            shown.append((message,))

    tally = Tally(Display())
    tally.phase("Indexing pictures", 3)
    tally.advance(2)
    tally.skip("not-an-image")
    tally.download(1, 2)
    tally.warn("Old snapshots could not be removed.")
    assert shown == [
        ("Indexing pictures", 3),
        (2,),
        ("not-an-image",),
        (1, 2),
        ("Old snapshots could not be removed.",),
    ]
    assert tally.warnings == ["Old snapshots could not be removed."]
