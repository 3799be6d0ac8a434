"""Downloads, against a real web server on this machine that stalls, breaks off, changes its mind and lies."""

import fcntl
import hashlib
import random
import socket
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest

from app.core.download import MAX_ATTEMPTS, DownloadLimits, download
from app.core.errors import DiskFull, DownloadCorrupt, DownloadRefused, DownloadTimedOut
from app.core.https import refuse_unsafe
from tests.support.web_file import WebFile, serving

CONTENT = random.Random(7).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
LIMITS = DownloadLimits(timeout_s=60, stall_timeout_s=0.5)


@pytest.fixture
def web() -> Iterator[WebFile]:
    """A server that gives CONTENT, until the test says otherwise."""
    with serving(WebFile(CONTENT)) as file:
        yield file


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A path in a folder that does not exist yet."""
    return tmp_path / "weights" / "file.bin"


def _left_over(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_a_file_arrives_whole_and_alone(web: WebFile, target: Path) -> None:
    """The folder is made, and nothing but the finished file is left in it."""
    download(web.url, target, sha256=SHA256, limits=LIMITS)
    assert target.read_bytes() == CONTENT
    assert _left_over(target) == ["file.bin"]


def test_progress_goes_up_to_the_whole(web: WebFile, target: Path) -> None:
    """Each call says how much is there and how much there will be; the last one is all."""
    calls: list[tuple[int, int | None]] = []
    download(web.url, target, sha256=None, limits=LIMITS, progress=lambda done, total: calls.append((done, total)))
    assert calls == sorted(calls)
    assert calls[-1] == (len(CONTENT), len(CONTENT))


def test_a_file_of_unknown_length_arrives(web: WebFile, target: Path) -> None:
    """Without Content-Length, the end of the connection is the end of the file."""
    web.sends_length = False
    download(web.url, target, sha256=SHA256, limits=LIMITS)
    assert target.read_bytes() == CONTENT


def test_a_broken_connection_is_gone_on_with(web: WebFile, target: Path) -> None:
    """What came before the break is not asked for again."""
    web.ends_after = [100_000, 50_000]
    download(web.url, target, sha256=SHA256, limits=LIMITS)
    assert target.read_bytes() == CONTENT
    assert [request.get("Range") for request in web.requests] == [None, "bytes=100000-", "bytes=150000-"]


def test_a_connection_that_always_breaks_is_given_up(web: WebFile, target: Path) -> None:
    """After five attempts the download fails, and the next call goes on from what arrived."""
    web.ends_after = [10_000] * MAX_ATTEMPTS
    with pytest.raises(DownloadRefused, match="broke off"):
        download(web.url, target, sha256=SHA256, limits=LIMITS)
    assert not target.exists()
    download(web.url, target, sha256=SHA256, limits=LIMITS)
    assert target.read_bytes() == CONTENT
    assert web.requests[-1]["Range"] == f"bytes={MAX_ATTEMPTS * 10_000}-"


def test_a_stall_is_noticed_and_gone_on_with(web: WebFile, target: Path) -> None:
    """Silence ends the call with an error that says so; what arrived serves the next call."""
    web.stalls_after = 120_000
    with pytest.raises(DownloadTimedOut, match=r"127\.0\.0\.1 sent nothing for 0\.5 s"):
        download(web.url, target, sha256=SHA256, limits=LIMITS)
    web.stalls_after = None
    download(web.url, target, sha256=SHA256, limits=LIMITS)
    assert target.read_bytes() == CONTENT
    assert web.requests[-1]["Range"] == "bytes=120000-"


def test_the_whole_download_has_a_time_limit(web: WebFile, target: Path) -> None:
    """Past the limit it ends, however fast the bytes come, and names the setting."""
    with pytest.raises(DownloadTimedOut, match="LOOKALIKE_DOWNLOAD_TIMEOUT_S"):
        download(web.url, target, sha256=SHA256, limits=DownloadLimits(timeout_s=0))


def test_a_server_without_ranges_sends_all_again(web: WebFile, target: Path) -> None:
    """A 200 to a range request replaces what was there instead of being appended."""
    web.ends_after, web.knows_ranges = [100_000], False
    download(web.url, target, sha256=SHA256, limits=LIMITS)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("etag", ['"two"', ""], ids=["another", "none"])
def test_a_file_that_changed_meanwhile_is_fetched_anew(web: WebFile, target: Path, etag: str) -> None:
    """Halves of two versions are never joined."""
    web.content, web.stalls_after = bytes(len(CONTENT)), 90_000
    with pytest.raises(DownloadTimedOut):
        download(web.url, target, sha256=SHA256, limits=LIMITS)
    web.content, web.stalls_after, web.etag = CONTENT, None, etag
    download(web.url, target, sha256=SHA256, limits=LIMITS)
    assert target.read_bytes() == CONTENT


def test_a_server_without_a_validator_is_asked_for_all(web: WebFile, target: Path) -> None:
    """Where nothing says that the file is the same, what arrived before is dropped."""
    web.etag, web.ends_after = "", [100_000]
    download(web.url, target, sha256=SHA256, limits=LIMITS)
    assert target.read_bytes() == CONTENT
    assert "Range" not in web.requests[-1]


def test_what_another_address_gave_is_not_gone_on_with(web: WebFile, target: Path) -> None:
    """The part file belongs to the address that it came from."""
    web.ends_after = [10_000] * MAX_ATTEMPTS
    with pytest.raises(DownloadRefused):
        download(web.url, target, sha256=SHA256, limits=LIMITS)
    with serving(WebFile(CONTENT), "other.bin") as other:
        download(other.url, target, sha256=SHA256, limits=LIMITS)
        assert "Range" not in other.requests[0]


def test_a_part_that_is_already_whole_is_finished(web: WebFile, target: Path) -> None:
    """A process that was killed just before the rename leaves nothing to fetch again."""
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(CONTENT)
    target.with_name("file.bin.part.etag").write_text(f'{web.url}\n"one"')
    download(web.url, target, sha256=SHA256, limits=LIMITS)
    assert target.read_bytes() == CONTENT


def test_what_another_process_finishes_meanwhile_is_not_touched(
    web: WebFile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gave its part the final name after we had opened it, and before we had locked it."""
    part = target.with_name("file.bin.part")
    part.parent.mkdir()
    part.write_bytes(b"finished")
    lock = fcntl.flock

    def lock_late(file: FileIO, operation: int) -> None:
        if not target.exists():
            part.rename(target)
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    with part.open("rb") as finished:
        download(web.url, target, sha256=SHA256, limits=LIMITS)
        assert finished.read() == b"finished"
    assert target.read_bytes() == CONTENT
    assert _left_over(target) == ["file.bin"]


def test_a_part_that_is_too_long_is_fetched_anew(web: WebFile, target: Path) -> None:
    """A 416 that contradicts the part file empties it."""
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(CONTENT + b"more")
    target.with_name("file.bin.part.etag").write_text(f'{web.url}\n"one"')
    download(web.url, target, sha256=SHA256, limits=LIMITS)
    assert target.read_bytes() == CONTENT


def test_a_damaged_file_is_discarded(web: WebFile, target: Path) -> None:
    """Another hash than the expected one leaves nothing behind, so that the next call begins afresh."""
    web.content = CONTENT[:-1] + b"?"
    with pytest.raises(DownloadCorrupt, match="SHA-256"):
        download(web.url, target, sha256=SHA256, limits=LIMITS)
    assert not target.exists()
    web.content = CONTENT
    download(web.url, target, sha256=SHA256[:8], limits=LIMITS)
    assert target.read_bytes() == CONTENT


def test_a_file_that_is_there_survives_a_failed_download(web: WebFile, target: Path) -> None:
    """Only a checked file replaces an older one."""
    target.parent.mkdir()
    target.write_bytes(b"old")
    web.content = b"damaged"
    with pytest.raises(DownloadCorrupt):
        download(web.url, target, sha256=SHA256, limits=LIMITS)
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_an_error_of_the_server_is_told(web: WebFile, target: Path, status: int) -> None:
    """The message holds the host and the status."""
    web.status = status
    with pytest.raises(DownloadRefused, match=rf"127\.0\.0\.1 answered {status}"):
        download(web.url, target, sha256=SHA256, limits=LIMITS)


@pytest.mark.parametrize("sends_length", [True, False], ids=["announced", "not-announced"])
def test_a_file_that_is_far_too_large_is_refused(web: WebFile, target: Path, *, sends_length: bool) -> None:
    """Not more than the limit is written, whether or not the server says how much comes."""
    web.sends_length = sends_length
    with pytest.raises(DownloadRefused, match="more than 200,000 bytes"):
        download(web.url, target, sha256=None, limits=DownloadLimits(timeout_s=60, max_bytes=200_000))
    assert target.with_name("file.bin.part").stat().st_size <= 200_000


def test_a_file_that_does_not_fit_on_the_disk_is_refused(
    web: WebFile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written when the announced size is more than there is space for."""
    monkeypatch.setattr("app.core.files.shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(DiskFull):
        download(web.url, target, sha256=SHA256, limits=LIMITS)


def test_nobody_listening_is_told_at_once(target: Path) -> None:
    """A refused connection is an error of ours, with the host in it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(DownloadRefused, match=r"127\.0\.0\.1 could not be reached"):
        download(f"http://127.0.0.1:{port}/file.bin", target, sha256=SHA256, limits=LIMITS)


def test_an_unknown_host_is_told(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that nobody knows ends in the same error as a machine without internet."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(DownloadRefused, match="Name or service not known"):
        download("https://weights.example/file.bin", target, sha256=SHA256, limits=LIMITS)


def test_a_server_that_never_answers_a_connection_times_out(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full backlog drops connections silently, as a firewall does."""
    monkeypatch.setattr("app.core.https.CONNECT_TIMEOUT_S", 0.3)
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        with pytest.raises(DownloadTimedOut, match="could not be reached within"):
            download(f"http://127.0.0.1:{listener.getsockname()[1]}/x", target, sha256=None, limits=LIMITS)


@pytest.mark.parametrize("url", ["http://weights.example/x", "file:///etc/passwd", "ftp://weights.example/x", "x"])
def test_other_addresses_than_https_are_refused(target: Path, url: str) -> None:
    """Weights that came in the clear could be anybody's."""
    with pytest.raises(DownloadRefused, match="not https"):
        download(url, target, sha256=SHA256, limits=LIMITS)


@pytest.mark.parametrize("url", ["http://weights.example/x", "file:///etc/passwd"])
def test_redirects_are_held_to_the_same(web: WebFile, target: Path, url: str) -> None:
    """A server cannot send us where we would not have gone."""
    web.redirect_to = url
    with pytest.raises(DownloadRefused):
        download(web.url, target, sha256=SHA256, limits=LIMITS)


def test_a_server_elsewhere_cannot_send_us_to_this_machine() -> None:
    """Http on this machine is for tests, which start there."""
    with pytest.raises(DownloadRefused):
        refuse_unsafe("http://127.0.0.1:8000/admin", came_from="https://weights.example/file.bin")


def test_a_redirect_that_is_allowed_is_followed(web: WebFile, target: Path) -> None:
    """The file may come from another server than the address says."""
    with serving(WebFile(redirect_to=web.url)) as first:
        download(first.url, target, sha256=SHA256, limits=LIMITS)
    assert target.read_bytes() == CONTENT


def test_two_downloads_of_one_file_do_not_mix(web: WebFile, target: Path) -> None:
    """The second one is told to wait while the first one runs."""

    def start_another(*_: object) -> None:
        with pytest.raises(DownloadRefused, match="Another process"):
            download(web.url, target, sha256=SHA256, limits=LIMITS)

    download(web.url, target, sha256=SHA256, limits=LIMITS, progress=start_another)
    assert target.read_bytes() == CONTENT
