"""A feed arrives whole or not at all, and is waited for only as long as somebody wants it."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.core.download import DownloadLimits
from app.core.errors import (
    DiskFull,
    FetchFailed,
    UpstreamBroken,
    UpstreamStatus,
    UpstreamTimedOut,
    UpstreamTooLarge,
)
from tests.support.bad_server import (
    Answer,
    BadServer,
    cut_off,
    endless,
    file,
    gzip_bomb,
    in_turn,
    redirect,
    silence,
    silence_after,
    status,
    trickle,
    web,
)
from tests.support.fetching import PICTURE, fetching_from, picture_of

__all__ = ["web"]

FEED_LIMITS = DownloadLimits(timeout_s=30, max_bytes=1_000_000)


def test_a_feed_arrives_whole_and_alone(web: BadServer, tmp_path: Path) -> None:
    """The folder is made, nothing but the feed is left in it, and progress goes up to the whole."""
    target = tmp_path / "feeds" / "feed.csv"
    calls: list[tuple[int, int | None]] = []
    with fetching_from(web) as fetcher:
        address = web.at("/feed.csv", redirect(web.at("/real.csv", file(PICTURE))))
        fetcher.download_feed(address, target, progress=lambda done, total: calls.append((done, total)))
    assert target.read_bytes() == PICTURE
    assert [path.name for path in target.parent.iterdir()] == ["feed.csv"]
    assert calls == sorted(calls)
    assert calls[-1] == (len(PICTURE), len(PICTURE))


class Stopped(BaseException):
    """An order to stop, which is no Exception: nothing on the way takes it for a failure."""


@pytest.mark.parametrize("answer", [trickle(0.01), silence, silence_after(PICTURE)], ids=["slow", "silent", "stalled"])
def test_a_feed_is_no_longer_waited_for_once_its_progress_raises(
    web: BadServer, tmp_path: Path, answer: Answer
) -> None:
    """Whether anything arrives or not; what was raised comes out, nothing is left, and the fetcher goes on."""

    def progress(_done_bytes: int, _total_bytes: int | None) -> None:
        raise Stopped

    with fetching_from(web) as fetcher:
        with pytest.raises(Stopped):
            fetcher.download_feed(web.at("/feed", answer), tmp_path / "feed", limits=FEED_LIMITS, progress=progress)
        assert picture_of(fetcher.fetch(web.at("/a.jpg", file(PICTURE)))) == PICTURE
    assert not list(tmp_path.iterdir())
    with pytest.raises(Stopped), fetching_from(web) as fetcher:
        fetcher.download_feed(web.at("/feed", answer), tmp_path / "feed", limits=FEED_LIMITS, progress=progress)


def test_a_compressed_feed_stays_compressed(web: BadServer, tmp_path: Path) -> None:
    """Who reads it decides how much of it may become."""
    with fetching_from(web) as fetcher:
        fetcher.download_feed(web.at("/feed.csv.gz", gzip_bomb(5_000_000)), tmp_path / "feed", limits=FEED_LIMITS)
    assert (tmp_path / "feed").read_bytes()[:2] == b"\x1f\x8b"


def test_a_feed_that_breaks_off_is_fetched_anew(web: BadServer, tmp_path: Path) -> None:
    """The half that came first is not kept."""
    with fetching_from(web) as fetcher:
        fetcher.download_feed(
            web.at("/feed", in_turn(cut_off(PICTURE[:1000] * 2, 300_000), file(PICTURE))), tmp_path / "feed"
        )
    assert (tmp_path / "feed").read_bytes() == PICTURE


@pytest.mark.parametrize(
    ("answer", "error", "limits"),
    [
        (endless, UpstreamTooLarge, FEED_LIMITS),
        (cut_off(b"", 1_000_001), UpstreamTooLarge, FEED_LIMITS),
        (silence_after(PICTURE), UpstreamTimedOut, replace(FEED_LIMITS, stall_timeout_s=0.2)),
        (trickle(0.01), UpstreamTimedOut, replace(FEED_LIMITS, timeout_s=0.3)),
        (cut_off(PICTURE, 900_000), UpstreamBroken, FEED_LIMITS),
        (status(404), UpstreamStatus, FEED_LIMITS),
    ],
    ids=["endless", "announced", "stall", "trickle", "cut-off", "missing"],
)
def test_a_feed_that_does_not_arrive_leaves_the_old_one(
    web: BadServer, tmp_path: Path, answer: Answer, error: type[FetchFailed], limits: DownloadLimits
) -> None:
    """What was there before is untouched, and nothing lies beside it."""
    (tmp_path / "feed").write_bytes(b"old")
    with fetching_from(web) as fetcher, pytest.raises(error):
        fetcher.download_feed(web.at("/feed", answer), tmp_path / "feed", limits=limits)
    assert [path.name for path in tmp_path.iterdir()] == ["feed"]
    assert (tmp_path / "feed").read_bytes() == b"old"


def test_a_feed_that_does_not_fit_on_the_disk_is_refused(
    web: BadServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is not filled half-way first."""
    monkeypatch.setattr("app.core.files.shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with fetching_from(web) as fetcher, pytest.raises(DiskFull):
        fetcher.download_feed(web.at("/feed", file(PICTURE)), tmp_path / "feed")
    assert not list(tmp_path.iterdir())
