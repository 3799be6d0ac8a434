"""Fetching from a server that does everything wrong: each way of failing has its name, and none takes long."""

import random
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from app import __version__
from app.core.download import DownloadLimits
from app.core.errors import (
    DiskFull,
    FetchFailed,
    LookalikeError,
    UpstreamBroken,
    UpstreamGivenUp,
    UpstreamStatus,
    UpstreamTimedOut,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from app.core.fetching.blocking import BlockingFetcher, fetching
from app.core.fetching.fetcher import NotModified
from app.core.fetching.guard import Guard
from app.core.fetching.limits import FetchLimits
from app.core.fetching.receiving import Fetched, Validators, retry_after_s
from tests.support.bad_server import (
    Answer,
    BadServer,
    Exchange,
    bad_server,
    cut_off,
    endless,
    file,
    gzip_bomb,
    in_turn,
    raw,
    redirect,
    silence,
    silence_after,
    status,
    trickle,
)

PICTURE = random.Random(7).randbytes(200_000)
PATIENT = FetchLimits(max_bytes=1_000_000, timeout_s=30, connect_timeout_s=30, attempts=2, backoff_s=0.001)
HASTY = replace(PATIENT, timeout_s=0.3)
FEED_LIMITS = DownloadLimits(timeout_s=30, max_bytes=1_000_000)


@pytest.fixture
def web() -> Iterator[BadServer]:
    """A server on this machine."""
    with bad_server() as server:
        yield server


def _fetching(web: BadServer, limits: FetchLimits = PATIENT) -> AbstractContextManager[BlockingFetcher]:
    """Allow the server under both of its names, which are two hosts to the fetcher."""
    return fetching(Guard(trusted={web.origin, _other_name(web.origin)}), limits)


def _other_name(address: str) -> str:
    return address.replace("127.0.0.1", "localhost")


def _picture(fetched: Fetched | NotModified) -> bytes:
    assert isinstance(fetched, Fetched)
    return fetched.data


def test_a_picture_arrives_with_what_names_its_version(web: BadServer) -> None:
    """The bytes as they are, and both validators."""
    address = web.at("/a.jpg?v=1", file(PICTURE, ETag='"one"', Last_Modified="Sat, 21 Nov 2026 08:00:00 GMT"))
    with _fetching(web) as fetcher:
        fetched = fetcher.fetch(address)
    assert fetched == Fetched(PICTURE, Validators('"one"', "Sat, 21 Nov 2026 08:00:00 GMT"))


def test_what_is_no_picture_arrives_too(web: BadServer) -> None:
    """Whatever the server calls it, the decoder decides."""
    with _fetching(web) as fetcher:
        assert _picture(fetcher.fetch(web.at("/a", file(b"<html>", Content_Type="image/png")))) == b"<html>"
        assert _picture(fetcher.fetch(web.at("/b", file(b"")))) == b""


def test_the_server_is_told_who_asks_and_nothing_else(web: BadServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cookie comes back, no proxy of the environment is used, and nothing compressed is asked for."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    address = web.at("/a.jpg", file(PICTURE, Set_Cookie="who=you"))
    with _fetching(web) as fetcher:
        fetcher.fetch(address)
        fetcher.fetch(address)
    assert web.headers["/a.jpg"].keys() == {"Host", "User-Agent", "Accept", "Accept-Encoding"}
    assert web.headers["/a.jpg"]["User-Agent"] == f"Lookalike/{__version__}"
    assert web.headers["/a.jpg"]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("validators", [{"ETag": 'W/"one"'}, {"Last_Modified": "Sat, 21 Nov 2026 08:00:00 GMT"}])
def test_an_unchanged_picture_is_not_sent_again(web: BadServer, validators: dict[str, str]) -> None:
    """What the server gave is given back to it; another version is sent whole."""
    address = web.at("/a.jpg", file(PICTURE, **validators))
    with _fetching(web) as fetcher:
        first = fetcher.fetch(address)
        assert isinstance(first, Fetched)
        assert fetcher.fetch(address, first.validators) == NotModified()
        web.at("/a.jpg", file(b"another", ETag='"two"'))
        assert _picture(fetcher.fetch(address, first.validators)) == b"another"


@pytest.mark.parametrize("etag", ['"' + "e" * 2000 + '"', '"é"'])
def test_a_validator_that_no_server_should_send_is_dropped(web: BadServer, etag: str) -> None:
    """It would have to be stored and sent back."""
    with _fetching(web) as fetcher:
        fetched = fetcher.fetch(web.at("/a.jpg", file(PICTURE, ETag=etag)))
    assert fetched == Fetched(PICTURE, Validators())


def test_three_redirects_are_followed(web: BadServer) -> None:
    """Relative ones too; the validators are those of what arrived."""
    web.at("/2", redirect("3?x=1", 301))
    web.at("/3?x=1", redirect(f"{web.origin}/4", 307))
    web.at("/4", file(PICTURE, ETag='"four"'))
    with _fetching(web) as fetcher:
        assert fetcher.fetch(web.at("/1", redirect("/2"))) == Fetched(PICTURE, Validators('"four"'))


BAD_ANSWERS: dict[str, tuple[Answer, type[FetchFailed], FetchLimits]] = {
    "redirected for ever": (redirect("/picture.jpg"), UpstreamBroken, PATIENT),
    "redirected to nowhere": (status(302), UpstreamStatus, PATIENT),
    "empty status": (status(204), UpstreamStatus, PATIENT),
    "a part that nobody asked for": (status(206), UpstreamStatus, PATIENT),
    "not modified although nobody asked": (status(304), UpstreamStatus, PATIENT),
    "forbidden": (status(403), UpstreamStatus, PATIENT),
    "gone": (status(410), UpstreamStatus, PATIENT),
    "an error for ever": (status(500), UpstreamStatus, PATIENT),
    "busy for ever": (status(503), UpstreamStatus, PATIENT),
    "silence": (silence, UpstreamTimedOut, HASTY),
    "silence in the middle": (silence_after(PICTURE), UpstreamTimedOut, HASTY),
    "a byte now and then": (trickle(0.01), UpstreamTimedOut, HASTY),
    "a body without an end": (endless, UpstreamTooLarge, PATIENT),
    "too much, as announced": (cut_off(b"", 1_000_001), UpstreamTooLarge, PATIENT),
    "too much, not announced": (raw(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1_000_001)), UpstreamTooLarge, PATIENT),
    "compressed zeros": (gzip_bomb(50_000_000), UpstreamBroken, PATIENT),
    "less than announced": (cut_off(PICTURE, len(PICTURE) + 1), UpstreamBroken, PATIENT),
    "hanging up": (raw(b""), UpstreamBroken, PATIENT),
    "no HTTP": (raw(b"220 mail.example ESMTP\r\n"), UpstreamBroken, PATIENT),
    "headers without an end": (raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000), UpstreamBroken, PATIENT),
    "two lengths": (
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        UpstreamBroken,
        PATIENT,
    ),
    "broken chunks": (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), UpstreamBroken, PATIENT),
}


@pytest.mark.parametrize("row", BAD_ANSWERS)
def test_a_bad_answer_has_a_name_and_does_not_stop_the_next(web: BadServer, row: str) -> None:
    """The message names the host and not the address; the same fetcher goes on with the next picture."""
    answer, error, limits = BAD_ANSWERS[row]
    address = web.at("/picture.jpg", answer)
    with _fetching(web, limits) as fetcher, pytest.raises(error, match=r"127\.0\.0\.1") as failed:
        fetcher.fetch(address)
    assert "picture.jpg" not in str(failed.value)
    with _fetching(web) as fetcher:
        with pytest.raises(FetchFailed):
            fetcher.fetch(web.at("/missing.jpg", status(404)))
        assert _picture(fetcher.fetch(web.at("/good.jpg", file(PICTURE)))) == PICTURE


def test_a_status_is_told(web: BadServer) -> None:
    """By number, for whoever decides on it; a 404 is not asked for twice."""
    with _fetching(web) as fetcher, pytest.raises(UpstreamStatus) as failed:
        fetcher.fetch(web.origin + "/missing.jpg")
    assert failed.value.status == 404
    assert web.requests == {"/missing.jpg": 1}


@pytest.mark.parametrize("answer", [status(500), status(502), status(503), status(504), status(429), cut_off(b"", 9)])
def test_a_failure_that_passes_is_waited_for(web: BadServer, answer: Answer) -> None:
    """The second request gets the picture."""
    with _fetching(web) as fetcher:
        assert _picture(fetcher.fetch(web.at("/a.jpg", in_turn(answer, file(PICTURE))))) == PICTURE
    assert web.requests == {"/a.jpg": 2}


def test_a_failure_that_does_not_pass_is_not_asked_for_more_often_than_allowed(web: BadServer) -> None:
    """As many requests as there are attempts."""
    with _fetching(web, replace(PATIENT, attempts=3)) as fetcher, pytest.raises(UpstreamStatus):
        fetcher.fetch(web.at("/a.jpg", status(500)))
    assert web.requests == {"/a.jpg": 3}


def test_all_attempts_share_the_time_of_one_picture(web: BadServer) -> None:
    """A server that is silent until the end is not asked again."""
    with _fetching(web, replace(HASTY, attempts=3)) as fetcher, pytest.raises(UpstreamTimedOut):
        fetcher.fetch(web.at("/a.jpg", silence))
    assert web.requests == {"/a.jpg": 1}


def test_nobody_listening_is_told() -> None:
    """A refused connection has its own name."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with fetching(Guard(trusted={origin}), PATIENT) as fetcher, pytest.raises(UpstreamUnreachable, match="refused"):
        fetcher.fetch(f"{origin}/a.jpg")


def test_an_unknown_host_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that nobody knows ends in the same error as a machine without internet."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with fetching(Guard(), PATIENT) as fetcher, pytest.raises(UpstreamUnreachable, match="Name or service not known"):
        fetcher.fetch("https://cdn.example/a.jpg")


def test_a_server_that_never_takes_a_connection_times_out() -> None:
    """A full backlog drops connections silently, as a firewall does."""
    limits = replace(PATIENT, connect_timeout_s=0.2, attempts=1)
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with fetching(Guard(trusted={origin}), limits) as fetcher, pytest.raises(UpstreamTimedOut, match="connected"):
            fetcher.fetch(f"{origin}/a.jpg")


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    """A server whose name anybody could have taken gives nothing, trusted or not."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    certificate = tmp_path / "server.pem"
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    names = [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(certificate),
        "-out",
        str(tmp_path / "public.pem"),
    ]
    subprocess.run([openssl, *request.split(), *names], check=True, capture_output=True)
    with certificate.open("ab") as both:
        both.write((tmp_path / "public.pem").read_bytes())
    with (
        bad_server(certificate) as web,
        _fetching(web) as fetcher,
        pytest.raises(UpstreamUnreachable, match="certificate"),
    ):
        fetcher.fetch(web.at("/a.jpg", file(PICTURE)))
    assert not web.requests


def _meeting(people: int) -> Answer:
    """Answer a little after so many requests are there together: time for more to come, if more may."""
    barrier = threading.Barrier(people)

    def answer(exchange: Exchange) -> None:
        barrier.wait(20)
        exchange.wait(0.05)
        exchange.start(Content_Length=0)

    return answer


def test_a_host_is_asked_a_few_times_at_once_and_no_more(web: BadServer) -> None:
    """Eight pictures of one host go two by two, whatever else there would be room for."""
    meeting = _meeting(2)
    with _fetching(web, replace(PATIENT, at_once_per_host=2)) as fetcher:
        for future in [fetcher.submit(web.at(f"/{number}", meeting)) for number in range(8)]:
            future.result()
    assert web.most_at_once == 2


def test_all_hosts_together_are_asked_a_few_times_at_once_and_no_more(web: BadServer) -> None:
    """Two hosts that may both be asked thrice get three requests at a time between them."""
    meeting = _meeting(3)
    addresses = [web.at(f"/{number}", meeting) for number in range(6)]
    with _fetching(web, replace(PATIENT, at_once=3, at_once_per_host=3)) as fetcher:
        for future in [fetcher.submit(name(address)) for address in addresses for name in (str, _other_name)]:
            future.result()
    assert web.most_at_once == 3


def test_a_host_that_asks_for_a_pause_gets_it_from_everyone(web: BadServer) -> None:
    """Neither the picture that was refused nor another one of the host is asked for before the pause is over."""
    asked_s: list[float] = []

    def answer(exchange: Exchange) -> None:
        asked_s.append(time.monotonic())
        exchange.start(429, Retry_After=1, Content_Length=0) if len(asked_s) == 1 else file(PICTURE)(exchange)

    with _fetching(web, replace(PATIENT, at_once_per_host=1)) as fetcher:
        futures = [fetcher.submit(web.at(path, answer)) for path in ("/a.jpg", "/b.jpg")]
        assert [_picture(future.result()) for future in futures] == [PICTURE, PICTURE]
    first_s, *later_s = asked_s
    assert len(later_s) == 2
    assert min(later_s) - first_s >= 0.9


def test_a_host_that_asks_for_a_long_pause_is_given_up(web: BadServer) -> None:
    """Nobody waits for an hour; the host is not asked before, and other hosts are asked as ever."""
    address = web.at("/a.jpg", status(503, Retry_After="3600"))
    with _fetching(web) as fetcher:
        for _ in range(2):
            with pytest.raises(UpstreamGivenUp, match=r"127\.0\.0\.1 .* 3600 s"):
                fetcher.fetch(address)
        web.at("/a.jpg", file(PICTURE))
        assert _picture(fetcher.fetch(_other_name(address))) == PICTURE
    assert web.requests == {"/a.jpg": 2}


def test_a_host_that_only_fails_is_given_up(web: BadServer) -> None:
    """After so many pictures in a row it is not asked for the others, and their error says so."""
    addresses = [web.at(f"/{number}.jpg", status(500)) for number in range(5)]
    with _fetching(web, replace(PATIENT, attempts=1, failures_to_give_up=2)) as fetcher:
        slugs = [_slug(fetcher, address) for address in addresses]
    assert slugs == ["upstream-status"] * 2 + ["upstream-given-up"] * 3
    assert web.requests.total() == 2


def test_a_host_that_was_given_up_gets_another_chance(web: BadServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One failure then gives it up again, one answer makes it a host like any other."""
    now_s = 1000.0
    monkeypatch.setattr("app.core.fetching.politeness.time", SimpleNamespace(monotonic=lambda: now_s))
    down, up = web.at("/down.jpg", status(500)), web.at("/up.jpg", file(PICTURE))
    with _fetching(web, replace(PATIENT, attempts=1, failures_to_give_up=2, given_up_s=300)) as fetcher:
        assert [_slug(fetcher, down) for _ in range(2)] == ["upstream-status"] * 2
        now_s += 299
        assert _slug(fetcher, up) == "upstream-given-up"
        now_s += 1
        assert [_slug(fetcher, down), _slug(fetcher, up)] == ["upstream-status", "upstream-given-up"]
        now_s += 300
        assert [_slug(fetcher, up), _slug(fetcher, down), _slug(fetcher, up)] == ["", "upstream-status", ""]


def test_a_host_that_lacks_pictures_is_not_given_up(web: BadServer) -> None:
    """A 404 is an answer of a server that works, and so is any picture in between."""
    missing, failing = web.origin + "/missing.jpg", web.at("/failing.jpg", status(500))
    with _fetching(web, replace(PATIENT, attempts=1, failures_to_give_up=2)) as fetcher:
        slugs = [_slug(fetcher, address) for _ in range(3) for address in (failing, missing)]
    assert slugs == ["upstream-status"] * 6


def _slug(fetcher: BlockingFetcher, address: str) -> str:
    try:
        fetcher.fetch(address)
    except LookalikeError as error:
        return error.slug
    return ""


def test_a_mixed_catalogue_is_fetched_to_its_end_with_reasons(web: BadServer) -> None:
    """Pictures that are missing, silent or broken, and a host that only fails, cost no other picture."""
    answers = {"good": file(b"picture"), "missing": status(404), "silent": silence, "broken": cut_off(b"", 9)}
    kinds = ["good"] * 79 + ["missing"] * 10 + ["silent"] * 10 + ["broken"]
    addresses = [web.at(f"/{number}/{kind}", answers[kind]) for number, kind in enumerate(kinds)]
    addresses += [_other_name(web.at(f"/failing/{number}", status(500))) for number in range(30)]
    random.Random(1).shuffle(addresses)
    limits = replace(PATIENT, timeout_s=1.5, attempts=1, at_once=32, at_once_per_host=16, failures_to_give_up=10)
    reasons: Counter[str] = Counter()
    with _fetching(web, limits) as fetcher:
        for future in [fetcher.submit(address) for address in addresses]:
            error = future.exception()
            assert error is None or isinstance(error, FetchFailed)
            reasons[error.slug if error else "fetched"] += 1
    failures = sum(path.startswith("/failing/") for path in web.requests)
    assert 10 <= failures < 30
    assert reasons == {
        "fetched": 79,
        "upstream-status": 10 + failures,
        "upstream-timeout": 10,
        "upstream-broken": 1,
        "upstream-given-up": 30 - failures,
    }


def test_a_cancelled_picture_ends_at_once(web: BadServer) -> None:
    """Nobody waits for a silent server when the result is no longer wanted."""
    asked = threading.Event()

    def answer(exchange: Exchange) -> None:
        asked.set()
        silence(exchange)

    with _fetching(web) as fetcher:
        future = fetcher.submit(web.at("/a.jpg", answer))
        assert asked.wait(20)
        assert future.cancel()


def test_leaving_cancels_what_is_under_way(web: BadServer) -> None:
    """A thread that still waits is told, instead of waiting for ever."""
    with _fetching(web) as fetcher:
        future = fetcher.submit(web.at("/a.jpg", silence))
    with pytest.raises(CancelledError):
        future.result(20)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("999999999999", 3600),
        ("Mon, 22 Nov 2027 12:00:00 GMT", 3600),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("²", None),
        ("", None),
    ],
)
def test_a_pause_is_asked_for_in_seconds_or_by_date(header: str, seconds: float | None) -> None:
    """At most an hour; what is neither says nothing."""
    assert retry_after_s(header, datetime(2026, 11, 22, 12, tzinfo=UTC)) == seconds


def test_a_feed_arrives_whole_and_alone(web: BadServer, tmp_path: Path) -> None:
    """The folder is made, nothing but the feed is left in it, and progress goes up to the whole."""
    target = tmp_path / "feeds" / "feed.csv"
    calls: list[tuple[int, int | None]] = []
    with _fetching(web) as fetcher:
        address = web.at("/feed.csv", redirect(web.at("/real.csv", file(PICTURE))))
        fetcher.download_feed(address, target, progress=lambda done, total: calls.append((done, total)))
    assert target.read_bytes() == PICTURE
    assert [path.name for path in target.parent.iterdir()] == ["feed.csv"]
    assert calls == sorted(calls)
    assert calls[-1] == (len(PICTURE), len(PICTURE))


def test_a_compressed_feed_stays_compressed(web: BadServer, tmp_path: Path) -> None:
    """Who reads it decides how much of it may become."""
    with _fetching(web) as fetcher:
        fetcher.download_feed(web.at("/feed.csv.gz", gzip_bomb(5_000_000)), tmp_path / "feed", limits=FEED_LIMITS)
    assert (tmp_path / "feed").read_bytes()[:2] == b"\x1f\x8b"


def test_a_feed_that_breaks_off_is_fetched_anew(web: BadServer, tmp_path: Path) -> None:
    """The half that came first is not kept."""
    with _fetching(web) as fetcher:
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
    with _fetching(web) as fetcher, pytest.raises(error):
        fetcher.download_feed(web.at("/feed", answer), tmp_path / "feed", limits=limits)
    assert [path.name for path in tmp_path.iterdir()] == ["feed"]
    assert (tmp_path / "feed").read_bytes() == b"old"


def test_a_feed_that_does_not_fit_on_the_disk_is_refused(
    web: BadServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is not filled half-way first."""
    monkeypatch.setattr("app.core.files.shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with _fetching(web) as fetcher, pytest.raises(DiskFull):
        fetcher.download_feed(web.at("/feed", file(PICTURE)), tmp_path / "feed")
    assert not list(tmp_path.iterdir())
