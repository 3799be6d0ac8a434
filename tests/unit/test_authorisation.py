"""What a request says of who sends it."""

from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.requests import Request

from app.api.authorisation import bearer_of, is_from_an_origin_of, is_local
from app.api.limits import KeyLimiter
from app.core.errors import InvalidKey, RateLimited
from tests.support.keys import PUBLISHABLE

Pairs = list[tuple[bytes, bytes]]


def asked(*, peer: str | None = "127.0.0.1", **headers: str | list[str]) -> Request:
    """Return a request from an address with these headers, whose names have _ for -."""
    raw: Pairs = []
    for name, values in {"host": "127.0.0.1:8000", **headers}.items():
        for value in [values] if isinstance(values, str) else values:
            raw.append((name.replace("_", "-").encode(), value.encode("latin-1")))
    scope: dict[str, Any] = {"type": "http", "headers": raw, "client": None if peer is None else (peer, 5000)}
    return Request(scope)


@pytest.mark.parametrize(
    ("value", "text"),
    [(b"Bearer abc", b"abc"), (b"bearer abc", b"abc"), (b"BEARER  abc ", b"abc"), (b"Bearer a\xffc", b"a\xffc")],
)
def test_the_key_of_a_request_is_read(value: bytes, text: bytes) -> None:
    """Whatever bytes it has; the scheme is of any case."""
    assert bearer_of(Headers(raw=[(b"authorization", value)])) == text


@pytest.mark.parametrize("raw", [[], [(b"authorization", b"")], [(b"x-api-key", b"abc")], [(b"cookie", b"key=abc")]])
def test_a_request_without_a_key(raw: Pairs) -> None:
    """There is one header for it."""
    assert bearer_of(Headers(raw=raw)) is None


@pytest.mark.parametrize(
    "values",
    [
        [b"Bearer"],
        [b"Bearer "],
        [b"Bearer\tabc"],
        [b"abc"],
        [b"Basic YWRtaW46YWRtaW4="],
        [b"Token abc"],
        [b"Digest username=admin"],
        [b"Bearer:abc"],
        ["Bearer\u00a0abc".encode()],
        [b"\xff\xfe"],
        [b"Bearer abc", b"Bearer abc"],
        [b"Bearer abc", b"Basic abc"],
        [b"", b"Bearer abc"],
    ],
)
def test_a_malformed_key_is_refused(values: list[bytes]) -> None:
    """Of another scheme, without a text, or two of them, of which it is unclear which counts."""
    with pytest.raises(InvalidKey, match="Authorization: Bearer"):
        bearer_of(Headers(raw=[(b"authorization", value) for value in values]))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost"},
        {"host": "LOCALHOST:8000"},
        {"host": "shop.localhost:8000"},
        {"host": "[::1]:8000"},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "http://localhost:9000"},
        {"origin": "https://[::1]"},
        {"peer": "::1"},
        {"peer": "::ffff:127.0.0.1"},
    ],
)
def test_programs_and_pages_of_this_machine_are_local(headers: dict[str, Any]) -> None:
    """Under any of its names."""
    assert is_local(asked(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"peer": "192.0.2.7"},
        {"peer": "10.0.0.1"},
        {"peer": "testclient"},
        {"peer": None},
        # a name of somebody else's that was made to lead here
        {"host": "evil.example"},
        {"host": "evil.example:8000"},
        {"host": "localhost.evil.example"},
        {"host": "127.0.0.1.evil.example:8000"},
        {"host": "127.0.0.1:8000@evil.example"},
        {"host": "evil/..%2fadmin"},
        {"host": ""},
        {"host": []},
        {"host": ["127.0.0.1:8000", "evil.example"]},
        {"host": "0.0.0.0:8000"},
        {"host": "127.0.0.1:port"},
        {"host": "l\u00f6calhost"},
        # a page of somebody else's
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://localhost.evil.example"},
        {"origin": "http://evil.example/http://localhost"},
        {"origin": "http://localhost@evil.example"},
        {"origin": "chrome-extension://localhost"},
        {"origin": "http://[::1"},
        {"origin": ["http://localhost", "https://evil.example"]},
        # a proxy that asks for somebody else
        {"x_forwarded_for": "127.0.0.1"},
        {"x_forwarded_for": ""},
        {"x_forwarded_host": "shop.example"},
        {"x_forwarded_proto": "https"},
        {"x_real_ip": "127.0.0.1"},
        {"forwarded": "for=127.0.0.1"},
        {"via": "1.1 proxy"},
    ],
)
def test_nobody_else_is_local(headers: dict[str, Any]) -> None:
    """Though the connection comes from this machine."""
    assert not is_local(asked(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://shop.example"},
        {"origin": "http://localhost:9000"},
        # browsers leave the origin out where a page reads from its own
        {"host": "shop.example", "sec_fetch_site": "same-origin"},
        {"host": "localhost:9000", "sec_fetch_site": "same-origin"},
    ],
)
def test_pages_of_a_keys_origins_may_use_it(headers: dict[str, Any]) -> None:
    """Each of them."""
    assert is_from_an_origin_of(PUBLISHABLE, asked(**headers).headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": ""},
        {"origin": "null"},
        {"origin": "*"},
        {"origin": "http://shop.example"},
        {"origin": "https://shop.example:8443"},
        {"origin": "https://shop.example/"},
        {"origin": "https://SHOP.example"},
        {"origin": "https://www.shop.example"},
        {"origin": "https://shop.example.evil.example"},
        {"origin": "https://evilshop.example"},
        {"origin": "https://shop.example https://evil.example"},
        {"origin": ["https://shop.example", "https://evil.example"]},
        {"origin": ["https://shop.example", "https://shop.example"]},
        {"referer": "https://shop.example/page"},
        {"host": "shop.example"},
        {"host": "shop.example", "sec_fetch_site": "same-site"},
        {"host": "shop.example", "sec_fetch_site": "cross-site"},
        {"host": "evil.example", "sec_fetch_site": "same-origin"},
        {"host": "shop.example", "sec_fetch_site": "same-origin", "origin": "https://evil.example"},
    ],
)
def test_no_other_page_may_use_a_publishable_key(headers: dict[str, Any]) -> None:
    """Nor one that does not say where it is from."""
    assert not is_from_an_origin_of(PUBLISHABLE, asked(**headers).headers)


def test_each_key_has_its_own_limit() -> None:
    """One that is used too often costs the others nothing; 0 is no limit."""
    limiter = KeyLimiter()
    for _ in range(3):
        limiter.check("busy", 3)
    with pytest.raises(RateLimited, match="3 requests a minute") as refused:
        limiter.check("busy", 3)
    assert 1 <= refused.value.retry_after_s <= 60
    for _ in range(10):
        limiter.check("free", 0)
    limiter.check("other", 1)
