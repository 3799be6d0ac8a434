"""Looks that are repeated in a thread: what fails is told once, and nothing but closing ends them."""

from collections.abc import Callable

from structlog.testing import capture_logs

from app.core.errors import DatabaseUnavailable
from app.search.following import Follower
from tests.support.waiting import wait_until


def followed(*failures: Exception) -> list[tuple[str, str | None]]:
    """Look until all failures were met and some looks succeeded; return the events and reasons in the log."""
    waiting, looks = list(failures), 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if waiting:
            raise waiting.pop(0)

    with capture_logs() as logs:
        follower = Follower("things", look, poll_s=0.001)
        follower.start()
        wait_until(lambda: looks > len(failures) + 2)
        follower.close()
    return [(entry["event"], entry.get("reason")) for entry in logs]


def test_looks_that_succeed_say_nothing() -> None:
    """Four times a second there is nothing to tell."""
    assert followed() == []


def test_a_failure_is_told_once_and_so_is_its_end() -> None:
    """However long it lasts; another reason is another failure."""
    away, full = DatabaseUnavailable("It is away."), DatabaseUnavailable("It is full.")
    assert followed(away, away, away, full) == [
        ("things.unreachable", "It is away."),
        ("things.unreachable", "It is full."),
        ("things.followed_again", None),
    ]


def test_a_failure_that_nobody_foresaw_ends_nothing() -> None:
    """The log has its cause; its text is not shown as a reason."""
    assert followed(ZeroDivisionError("secret")) == [
        ("things.unreachable", "The things cannot be read; the log has the cause."),
        ("things.followed_again", None),
    ]


def test_closing_ends_the_looks() -> None:
    """At once, whatever the time between two of them; closing what was not begun does no harm."""
    looks: list[None] = []
    look: Callable[[], None] = lambda: looks.append(None)  # noqa: E731
    Follower("things", look).close()
    follower = Follower("things", look, poll_s=0.001)
    follower.start()
    wait_until(lambda: len(looks) > 1)
    follower.close()
    seen = len(looks)
    assert not follower._thread.is_alive()
    assert len(looks) == seen
