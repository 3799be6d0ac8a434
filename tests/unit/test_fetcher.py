"""Fetching from a server that does everything wrong: each way of failing has its name, and none takes long."""

import shutil
import socket
import subprocess
import threading
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path

import pytest

from app import __version__
from app.core.errors import (
    FetchFailed,
    UpstreamBroken,
    UpstreamStatus,
    UpstreamTimedOut,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from app.core.fetching.blocking import fetching
from app.core.fetching.fetcher import NotModified
from app.core.fetching.guard import Guard
from app.core.fetching.limits import FetchLimits
from app.core.fetching.receiving import Fetched, Validators
from app.core.files import MIB
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
    web,
)
from tests.support.fetching import HASTY, PATIENT, PICTURE, fetching_from, picture_of

__all__ = ["web"]


def test_a_picture_arrives_with_what_names_its_version(web: BadServer) -> None:
    """The bytes as they are, and both validators."""
    address = web.at("/a.jpg?v=1", file(PICTURE, ETag='"one"', Last_Modified="Sat, 21 Nov 2026 08:00:00 GMT"))
    with fetching_from(web) as fetcher:
        fetched = fetcher.fetch(address)
    assert fetched == Fetched(PICTURE, Validators('"one"', "Sat, 21 Nov 2026 08:00:00 GMT"))


def test_what_is_no_picture_arrives_too(web: BadServer) -> None:
    """Whatever the server calls it, the decoder decides."""
    with fetching_from(web) as fetcher:
        assert picture_of(fetcher.fetch(web.at("/a", file(b"<html>", Content_Type="image/png")))) == b"<html>"
        assert picture_of(fetcher.fetch(web.at("/b", file(b"")))) == b""


def test_the_server_is_told_who_asks_and_nothing_else(web: BadServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cookie comes back, no proxy of the environment is used, and nothing compressed is asked for."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    address = web.at("/a.jpg", file(PICTURE, Set_Cookie="who=you"))
    with fetching_from(web) as fetcher:
        fetcher.fetch(address)
        fetcher.fetch(address)
    assert web.headers["/a.jpg"].keys() == {"Host", "User-Agent", "Accept", "Accept-Encoding"}
    assert web.headers["/a.jpg"]["User-Agent"] == f"Lookalike/{__version__}"
    assert web.headers["/a.jpg"]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("validators", [{"ETag": 'W/"one"'}, {"Last_Modified": "Sat, 21 Nov 2026 08:00:00 GMT"}])
def test_an_unchanged_picture_is_not_sent_again(web: BadServer, validators: dict[str, str]) -> None:
    """What the server gave is given back to it; another version is sent whole."""
    address = web.at("/a.jpg", file(PICTURE, **validators))
    with fetching_from(web) as fetcher:
        first = fetcher.fetch(address)
        assert isinstance(first, Fetched)
        assert fetcher.fetch(address, first.validators) == NotModified()
        web.at("/a.jpg", file(b"another", ETag='"two"'))
        assert picture_of(fetcher.fetch(address, first.validators)) == b"another"


@pytest.mark.parametrize("etag", ['"' + "e" * 2000 + '"', '"é"'])
def test_a_validator_that_no_server_should_send_is_dropped(web: BadServer, etag: str) -> None:
    """It would have to be stored and sent back."""
    with fetching_from(web) as fetcher:
        fetched = fetcher.fetch(web.at("/a.jpg", file(PICTURE, ETag=etag)))
    assert fetched == Fetched(PICTURE, Validators())


def test_three_redirects_are_followed(web: BadServer) -> None:
    """Relative ones too; the validators are those of what arrived."""
    web.at("/2", redirect("3?x=1", 301))
    web.at("/3?x=1", redirect(f"{web.origin}/4", 307))
    web.at("/4", file(PICTURE, ETag='"four"'))
    with fetching_from(web) as fetcher:
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
    with fetching_from(web, limits) as fetcher, pytest.raises(error, match=r"127\.0\.0\.1") as failed:
        fetcher.fetch(address)
    assert "picture.jpg" not in str(failed.value)
    with fetching_from(web) as fetcher:
        with pytest.raises(FetchFailed):
            fetcher.fetch(web.at("/missing.jpg", status(404)))
        assert picture_of(fetcher.fetch(web.at("/good.jpg", file(PICTURE)))) == PICTURE


def test_a_body_without_an_end_is_not_read_to_it(web: BadServer) -> None:
    """It is left soon after the limit; the kernels on both sides hold a few megabytes more."""
    with fetching_from(web) as fetcher, pytest.raises(UpstreamTooLarge):
        fetcher.fetch(web.at("/endless.jpg", endless))
    assert PATIENT.max_bytes < web.sent_bytes + 64 * 1024 < PATIENT.max_bytes + 12 * MIB


def test_a_status_is_told(web: BadServer) -> None:
    """By number, for whoever decides on it; a 404 is not asked for twice."""
    with fetching_from(web) as fetcher, pytest.raises(UpstreamStatus) as failed:
        fetcher.fetch(web.origin + "/missing.jpg")
    assert failed.value.status == 404
    assert web.requests == {"/missing.jpg": 1}


@pytest.mark.parametrize("answer", [status(500), status(502), status(503), status(504), status(429), cut_off(b"", 9)])
def test_a_failure_that_passes_is_waited_for(web: BadServer, answer: Answer) -> None:
    """The second request gets the picture."""
    with fetching_from(web) as fetcher:
        assert picture_of(fetcher.fetch(web.at("/a.jpg", in_turn(answer, file(PICTURE))))) == PICTURE
    assert web.requests == {"/a.jpg": 2}


def test_a_failure_that_does_not_pass_is_not_asked_for_more_often_than_allowed(web: BadServer) -> None:
    """As many requests as there are attempts."""
    with fetching_from(web, replace(PATIENT, attempts=3)) as fetcher, pytest.raises(UpstreamStatus):
        fetcher.fetch(web.at("/a.jpg", status(500)))
    assert web.requests == {"/a.jpg": 3}


def test_all_attempts_share_the_time_of_one_picture(web: BadServer) -> None:
    """A server that is silent until the end is not asked again."""
    with fetching_from(web, replace(HASTY, attempts=3)) as fetcher, pytest.raises(UpstreamTimedOut):
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
        fetching_from(web) as fetcher,
        pytest.raises(UpstreamUnreachable, match="certificate"),
    ):
        fetcher.fetch(web.at("/a.jpg", file(PICTURE)))
    assert not web.requests


def test_a_cancelled_picture_ends_at_once(web: BadServer) -> None:
    """Nobody waits for a silent server when the result is no longer wanted."""
    asked = threading.Event()

    def answer(exchange: Exchange) -> None:
        asked.set()
        silence(exchange)

    with fetching_from(web) as fetcher:
        future = fetcher.submit(web.at("/a.jpg", answer))
        assert asked.wait(20)
        assert future.cancel()


def test_leaving_cancels_what_is_under_way(web: BadServer) -> None:
    """A thread that still waits is told, instead of waiting for ever."""
    with fetching_from(web) as fetcher:
        future = fetcher.submit(web.at("/a.jpg", silence))
    with pytest.raises(CancelledError):
        future.result(20)
