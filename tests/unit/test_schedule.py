"""What a cron expression means: in local time, over the nights when the clocks change, and when it is none."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.core.errors import InvalidSetting
from indexer.schedule import Schedule

BERLIN = ZoneInfo("Europe/Berlin")


def due(expression: str, now: str) -> str:
    """Return what is due at a moment in Berlin, as that clock shows it."""
    newest = Schedule(expression, BERLIN).newest_due(datetime.fromisoformat(now).astimezone(UTC))
    return newest.astimezone(BERLIN).strftime("%m-%d %H:%M %Z")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-06-10T02:59:59.999+02:00", "06-09 03:00 CEST"),
        ("2026-06-10T03:00:00+02:00", "06-10 03:00 CEST"),
        ("2026-06-10T03:00:00.5+02:00", "06-10 03:00 CEST"),
        ("2026-06-11T02:00:00+02:00", "06-10 03:00 CEST"),
    ],
)
def test_the_newest_time_that_was_due(now: str, expected: str) -> None:
    """The moment itself included."""
    assert due("0 3 * * *", now) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-29T01:59:00+01:00", "03-28 02:30 CET"),
        ("2026-03-29T03:01:00+02:00", "03-29 03:00 CEST"),
        ("2026-03-30T02:29:00+02:00", "03-29 03:00 CEST"),
        ("2026-03-30T02:30:00+02:00", "03-30 02:30 CEST"),
    ],
)
def test_a_time_that_is_skipped_in_spring_comes_right_after(now: str, expected: str) -> None:
    """Half past two does not exist that night, and yet the job runs."""
    assert due("30 2 * * *", now) == expected


@pytest.mark.parametrize(
    ("now", "not_later_than"),
    [
        ("2026-10-25T02:45:00+02:00", "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T02:15:00+01:00", "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T02:45:00+01:00", "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T12:00:00+01:00", "2026-10-25T02:30:00+02:00"),
    ],
)
def test_a_time_that_comes_twice_in_autumn_is_due_once(now: str, not_later_than: str) -> None:
    """Half past two comes a second time that night; what was done the first time is not due again."""
    newest = Schedule("30 2 * * *", BERLIN).newest_due(datetime.fromisoformat(now))
    assert newest <= datetime.fromisoformat(not_later_than)


@pytest.fixture
def machine_in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's own time zone is that of New York."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("machine_in_new_york")
@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-07-01T06:59:00+00:00", "2026-06-30T07:00:00+00:00"),
        ("2026-07-01T07:00:00+00:00", "2026-07-01T07:00:00+00:00"),
        ("2026-12-01T07:30:00+00:00", "2026-11-30T08:00:00+00:00"),
        ("2026-12-01T08:00:00+00:00", "2026-12-01T08:00:00+00:00"),
        ("2026-11-01T08:00:00+00:00", "2026-11-01T08:00:00+00:00"),
    ],
)
def test_without_a_zone_the_machines_is_meant(now: str, expected: str) -> None:
    """With its summer time, whatever time of the year it is now."""
    assert Schedule("0 3 * * *").newest_due(datetime.fromisoformat(now)).isoformat() == expected


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("0 3 * *", "five parts"),
        ("0 0 3 * * *", "five parts"),
        ("@daily", "five parts"),
        ("nightly at three o'clock please", "wrong minute"),
        ("60 3 * * *", "wrong minute"),
        ("0 24 * * *", "wrong hour"),
        ("0 3 31 2 *", "wrong day-of-month"),
        ("0 3 1,21 * 1L#3", "wrong day-of-week"),
    ],
)
def test_what_is_no_schedule_is_refused(expression: str, said: str) -> None:
    """The sentence names the setting, what it holds and what is wrong with it."""
    with pytest.raises(InvalidSetting, match=f"LOOKALIKE_REINDEX_SCHEDULE.*{said}") as refusal:
        Schedule(expression)
    assert expression in refusal.value.message


def test_a_time_that_never_comes_is_refused() -> None:
    """The day of the month is 1 or 21, and the last Monday, which is never before the 22nd."""
    with pytest.raises(InvalidSetting, match="never comes"):
        Schedule("0 3 */20 * 1L")
