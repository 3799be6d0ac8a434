"""Requests that are wrong in their shape: each gets its problem document, and costs nobody else anything."""

import gzip
import json
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.api.forms import MAX_FIELD_BYTES
from app.core.files import MIB
from tests.support.server import Server
from tests.support.shop import Shop, draw_product
from tests.support.waiting import wait_until
from tests.support.wire import (
    BOUNDARY,
    CLOSED,
    MULTIPART,
    Reply,
    chunked,
    exchange,
    form,
    part,
    receive,
    request,
    send,
)

MARKER = "MARKER-5cf1"  # text of the user's, which may show up neither in an answer nor in the log
PHOTO = draw_product("mugs", "#2471a3")
IMAGE = part("image", PHOTO, "Content-Type: image/jpeg", filename=f"{MARKER}.jpg")
GOOD = form(IMAGE)
LIMIT_BYTES = 10 * MIB

Send = Callable[[Server], Reply]


@dataclass(frozen=True, slots=True)
class Row:
    """One bad request: what is sent, and which status and slug come back; status 0 means only closed."""

    name: str
    send: Send
    status: int
    slug: str = ""


def raw(name: str, status: int, slug: str, *pieces: bytes) -> Row:
    """Return a row whose request is these bytes."""
    return Row(name, lambda server: exchange(server, *pieces), status, slug)


def body(name: str, status: int, slug: str, content: bytes, content_type: str | None = MULTIPART) -> Row:
    """Return a row whose body is this, sent to /search."""
    return raw(name, status, slug, request(content, content_type=content_type))


def field(name: str, status: int, slug: str, field_name: str, value: str) -> Row:
    """Return a row with a good photo and one more field."""
    return body(name, status, slug, form(IMAGE, part(field_name, value.encode())))


def get(name: str, status: int, slug: str, target: str) -> Row:
    """Return a row that gets an address."""
    return raw(name, status, slug, request(target=target, method="GET", content_type=None, content_length=None))


def filename(name: str, value: str | bytes) -> Row:
    """Return a row with a good photo under an odd file name."""
    return body(name, 200, "", form(part("image", PHOTO, filename=value)))


def _endless_chunks(server: Server) -> Reply:
    """Send a chunked body without end; the server must stop reading soon after its limit."""
    head = request(content_length=None)[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
    opening = b"--" + BOUNDARY.encode() + b"\r\n" + part("image", b"", filename="x")
    endless = (b"\xff" * 65_536 for _ in iter(int, 1))
    with server.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        sent = send(connection, [head, *chunked([opening])])
        connection.settimeout(10)
        with ThreadPoolExecutor(1) as thread:
            sending = thread.submit(send, connection, chunked(endless))
            reply = receive(connection)
            sent += sending.result(20)
    # What the kernels on both sides buffer comes on top of what the server reads.
    assert LIMIT_BYTES < sent < LIMIT_BYTES + 8 * MIB
    return reply


def _hang_up(server: Server) -> Reply:
    """Announce more than is sent, and leave."""
    with server.connect() as connection:
        send(connection, [request(GOOD, content_length=len(GOOD) + 1000)])
    wait_until(lambda: any(line.get("status") == 499 for line in server.log_lines()))
    return CLOSED


def _trickle_headers(server: Server) -> Reply:
    with server.connect() as connection:
        for byte in request(GOOD)[:200]:
            if send(connection, [bytes([byte])]) == 0:
                break
            time.sleep(0.05)
        return receive(connection)


def _trickle_body(server: Server) -> Reply:
    with server.connect() as connection:
        send(connection, [request(content_length=len(GOOD))])
        connection.settimeout(0.05)
        for start in range(0, 10_000, 5):
            send(connection, [GOOD[start : start + 5]])
            try:
                connection.recv(1, socket.MSG_PEEK)
                break
            except TimeoutError:
                continue
        connection.settimeout(20)
        return receive(connection)


MALFORMED, TOO_MANY = "malformed-multipart", "too-many-parts"
DELIMITER = b"--" + BOUNDARY.encode()

ROWS = [
    body("B1 no image", 422, "missing-image", form(part("k", b"10"))),
    raw("B1 no body", 422, "missing-image", request(content_type=None)),
    body("B2 JSON", 415, "unsupported-media-type", b'{"image": 1}', content_type="application/json"),
    body("B2 no type", 415, "unsupported-media-type", GOOD, content_type=None),
    body("B2 urlencoded", 415, "unsupported-media-type", b"k=1", content_type="application/x-www-form-urlencoded"),
    body("B3 empty file", 422, "empty-image", form(part("image", b"", filename="x.jpg"))),
    body("B4 image twice", 400, TOO_MANY, form(IMAGE, IMAGE)),
    body("B4 field twice", 400, TOO_MANY, form(IMAGE, part("k", b"1"), part("k", b"2"))),
    raw("B5 one byte too many", 413, "body-too-large", request(b"x" * (LIMIT_BYTES + 1))),
    raw("B5 far too many", 413, "body-too-large", request(content_length=10**15)),
    Row("B6 endless chunks", _endless_chunks, 413, "body-too-large"),
    raw("B7 length too small", 400, "malformed-request", request(GOOD, content_length=len(GOOD) // 2)),
    raw("B7 last bytes missing", 400, "malformed-request", request(GOOD, content_length=len(GOOD) - 10)),
    raw("B7 length not a number", 400, "malformed-request", request(GOOD, "Content-Length: 1e3", content_length=None)),
    Row("B8 length too large, then gone", _hang_up, 0),
    body("B9 no boundary", 400, MALFORMED, GOOD, content_type="multipart/form-data"),
    body("B9 empty boundary", 400, MALFORMED, GOOD, content_type="multipart/form-data; boundary="),
    body("B10 garbage", 400, MALFORMED, bytes(range(256)) * 40),
    body("B10 nothing", 400, MALFORMED, b""),
    body("B11 cut off in the file", 400, MALFORMED, GOOD[: len(GOOD) // 2]),
    body("B11 cut off in a header", 400, MALFORMED, GOOD[:60]),
    body("B11 last boundary missing", 400, MALFORMED, GOOD.removesuffix(DELIMITER + b"--\r\n")),
    body("B12 1,001 files", 400, TOO_MANY, form(*[part(f"f{i}", b"", filename="x") for i in range(1_001)])),
    body("B12 1,001 fields", 400, TOO_MANY, form(*[part(f"f{i}", b"x") for i in range(1_001)])),
    field("B13 field of 2 MB", 400, "field-too-large", "product_id", "x" * 2 * MIB),
    field("B13 one character too many", 400, "field-too-large", "product_id", "x" * (MAX_FIELD_BYTES + 1)),
    body(
        "B14 boundary of 300 bytes",
        400,
        MALFORMED,
        form(IMAGE, boundary="b" * 300),
        content_type=f"multipart/form-data; boundary={'b' * 300}",
    ),
    body("B15 9 headers in a part", 400, MALFORMED, form(part("image", PHOTO, *["X-Y: z"] * 8, filename="x"))),
    body("B16 part header of 64 KiB", 400, MALFORMED, form(part("image", PHOTO, "X-Y: " + "z" * 65_536, filename="x"))),
    body("B17 5 MB before", 400, MALFORMED, b"\r\n" * (5 * MIB // 2) + GOOD),
    body("B17 5 MB after", 400, MALFORMED, GOOD + b"\r\n" * (5 * MIB // 2)),
    body("B17 5 MB after a boundary", 400, MALFORMED, DELIMITER + b" " * 5 * MIB + GOOD),
    raw(
        "B18 compressed",
        415,
        "unsupported-media-type",
        request(gzip.compress(bytes(10 * MIB)), "Content-Encoding: gzip"),
    ),
    filename("B19 path with NUL", f"../../etc/{MARKER}\0.jpg"),
    filename("B19 4,000 characters", MARKER + "a" * 4_000),
    filename("B19 right to left", f"\u202e{MARKER}gpj.exe"),
    filename("B19 encoded line end", f"{MARKER}%0D%0AX-Evil: 1"),
    filename("B19 not UTF-8", b"\xff\xfe" + MARKER.encode()),
    *[
        field(f"B20 k={k}", 422, "invalid-parameter", "k", k)
        for k in ("0", "-1", "101", "1e9", "NaN", "\N{FULLWIDTH DIGIT ONE}0", "", " 5")
    ],
    *[
        field(f"B20 min_score={score}", 422, "invalid-parameter", "min_score", score)
        for score in ("nan", "inf", "1.5", "-2", "0,5", "", "1e-1")
    ],
    *[
        field(f"B20 region={region}", 422, "invalid-parameter", "region", region)
        for region in ("0,0,1", "0,0,0,0", "0.5,0,0.4,1", "0,0,1,nan", "0,0,2,1", MARKER)
    ],
    raw("B21 query parameter", 422, "invalid-parameter", request(GOOD, target=f"/search?{MARKER}=1")),
    field("B21 unknown field", 422, "invalid-parameter", MARKER, "1"),
    field("B21 filter", 422, "invalid-parameter", "filter", '{"colour": "red"}'),
    body("B21 unknown file", 422, "invalid-parameter", form(part("photo", PHOTO, filename="x"))),
    field("B21 image and product", 422, "invalid-parameter", "product_id", "mugs-00"),
    get("B21 query parameter of a list", 422, "invalid-parameter", f"/products?{MARKER}=1"),
    get("B21 k of a product", 422, "invalid-parameter", "/products/mugs-00/similar?k=101"),
    get("B21 full-width k", 422, "invalid-parameter", "/products/mugs-00/similar?k=%EF%BC%91%EF%BC%90"),
    get("B21 score of a product", 422, "invalid-parameter", "/products/mugs-00/similar?min_score=nan"),
    get("B21 cursor", 422, "invalid-parameter", f"/products?cursor={MARKER}"),
    get("B21 size", 422, "invalid-parameter", f"/images/0123456789abcdef?size={MARKER}"),
    get("B22 10 kB", 422, "invalid-parameter", f"/products?category={'x' * 10_000}"),
    get("B23 GET on POST", 405, "method-not-allowed", "/search"),
    get("B23 unknown route", 404, "not-found", f"/{MARKER}"),
    get("B23 trailing slash", 404, "not-found", "/search/"),
    raw("B23 POST on GET", 405, "method-not-allowed", request(GOOD, target="/products")),
    raw("B23 upload to nowhere", 404, "not-found", request(GOOD, target="/uploads")),
    get("B24 request line", 431, "header-too-large", "/" + "a" * 66_000),
    raw("B24 headers", 431, "header-too-large", request(GOOD, f"X-Long: {'a' * 66_000}")),
    raw("B24 headers without end", 431, "header-too-large", b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000),
    raw("B24 many headers", 431, "header-too-large", request(GOOD, *[f"X-{i}: {'a' * 100}" for i in range(700)])),
    Row("B25 trickled headers", _trickle_headers, 0),
    Row("B26 trickled body", _trickle_body, 408, "request-timeout"),
    raw("not HTTP", 400, "malformed-request", b"\x16\x03\x01\x02\x00 hello\r\n\r\n"),
    raw("no Host", 400, "malformed-request", b"GET /livez HTTP/1.1\r\n\r\n"),
    raw(
        "broken chunk",
        400,
        "malformed-request",
        request(content_length=None)[:-2] + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ),
]


@pytest.fixture
def files_before(server: Server, shop: Shop) -> Iterator[None]:
    """No request leaves a file behind, in the data folder or among the temporary ones of the service."""
    before = _files(shop.settings.data_dir) | _files(server.temporary_dir)
    yield
    assert _files(shop.settings.data_dir) | _files(server.temporary_dir) <= before


@pytest.mark.usefixtures("files_before")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name[:60])
def test_a_bad_request_gets_its_problem_document(server: Server, row: Row) -> None:
    """Status and slug are as listed, nothing of the user's is echoed or logged, and everybody else is served."""
    with ThreadPoolExecutor(1) as thread, server.client() as client:
        answering = thread.submit(row.send, server)
        assert client.get("/livez").json() == {"status": "alive"}
        reply = answering.result(60)
    assert reply.status == row.status
    if row.status not in {0, 200}:
        _check_problem(reply, row)
    assert server.process.poll() is None
    log = server.log_file.read_text()
    assert MARKER not in log
    assert "Traceback" not in log
    if row.status == 200:
        assert MARKER.encode() not in reply.body


def _check_problem(reply: Reply, row: Row) -> None:
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.problem
    assert list(problem) == ["type", "title", "status", "detail", "instance"]
    assert (problem["type"], problem["status"]) == (f"/problems/{row.slug}", row.status)
    assert problem["instance"].startswith("urn:uuid:")
    text = json.dumps(problem)
    assert not [word for word in (MARKER, "Traceback", "uvicorn", "starlette", "/app/", "DROP") if word in text]


@pytest.mark.parametrize(
    "category", ["'; DROP TABLE products;--", "%", "_", "mug_", "\0", "\ud800".encode("utf-8", "surrogatepass")]
)
def test_a_category_is_a_value_and_never_a_statement(server: Server, category: str | bytes) -> None:
    """B22: a hostile category finds nothing, and the catalogue is as it was."""
    with server.client() as client:
        reply = client.get("/products", params={"category": category})
        assert (reply.status_code, reply.json()["products"]) == (200, [])
        assert len(client.get("/products", params={"limit": 100}).json()["products"]) == 24


def test_each_answered_request_leaves_one_log_line(server: Server) -> None:
    """The line of a photo tells its hash, size, format and dimensions, or why there are none."""
    good, bad = (
        exchange(server, request(GOOD)),
        exchange(server, request(form(part("image", b"x" * 500, filename="x")))),
    )
    ids = [json.loads(good.body)["request_id"], bad.problem["instance"].removeprefix("urn:uuid:")]
    # A request is logged after its last byte went out, so possibly after the client has gone on.
    wait_until(lambda: set(ids) <= {line.get("request_id") for line in server.log_lines()})
    (seen,), (refused,) = ([line for line in server.log_lines() if line.get("request_id") == each] for each in ids)
    assert (seen["format"], seen["width_px"], seen["height_px"], seen["size_bytes"]) == ("JPEG", 320, 320, len(PHOTO))
    assert len(seen["sha256_prefix"]) == 12
    assert seen["embed_ms"] > 0
    assert (refused["status"], refused["reason"], refused["size_bytes"]) == (415, "not-an-image", 500)


def test_repeated_bad_requests_cost_no_memory(server: Server) -> None:
    """A hundred large uploads that break off leave the service as big as it was."""
    broken = request(form(part("image", b"\xff" * MIB, filename="x"))[:-40])
    for _ in range(20):  # what the allocator keeps once is no leak
        exchange(server, broken)
    before = server.resident_bytes()
    for _ in range(100):
        assert exchange(server, broken).status == 400
    assert server.resident_bytes() - before <= 20 * MIB


@pytest.mark.parametrize("size_bytes", [1_000, 5 * MIB])
def test_an_upload_needs_no_disk(client: TestClient, monkeypatch: pytest.MonkeyPatch, size_bytes: int) -> None:
    """Small and large photos are answered where no temporary file can be made, as on a read-only root."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere"])
    reply = client.post("/search", files={"image": ("x.jpg", PHOTO + bytes(size_bytes))})
    assert reply.status_code == 200


def test_a_connection_is_used_again_after_an_early_answer(server: Server) -> None:
    """A client that reads 413 and finishes its upload finds the connection closed and opens another; none hangs."""
    with server.client() as client:
        for _ in range(3):
            reply = client.post("/search", files={"image": ("x", bytes(LIMIT_BYTES + 1))})
            assert (reply.status_code, reply.headers["connection"]) == (413, "close")
            assert client.get("/livez").status_code == 200


def test_two_requests_at_once_on_one_connection_are_both_answered(server: Server) -> None:
    """Bytes after a complete request are the next request, not an error."""
    with server.connect() as connection:
        send(connection, [request(form(part("k", b"1"))) + request(GOOD, "Connection: close")])
        assert receive(connection).problem["type"] == "/problems/missing-image"


def _files(folder: Path) -> set[Path]:
    # SQLite's own files come and go with connections.
    return {path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("catalogue.db")}
