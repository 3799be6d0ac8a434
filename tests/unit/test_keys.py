"""Keys as such: how they are made and recognised, and what may be asked for when one is created."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.core.errors import InvalidParameter
from app.core.keys import (
    MAX_ORIGINS,
    SCOPES,
    KeyWanted,
    Scope,
    checked,
    digest_of,
    id_of,
    new_key,
    normal_origin,
)
from app.core.this_machine import is_this_machine
from tests.support.keys import RECORD


@pytest.mark.parametrize("is_publishable", [True, False])
def test_a_key_tells_its_id_and_whether_it_may_be_published(*, is_publishable: bool) -> None:
    """Its first letters say which kind it is, so that a secret one is seen where it must not be."""
    key_id, text = new_key(is_publishable=is_publishable)
    assert re.fullmatch(r"lk[ps]_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", text)
    assert text.startswith("lkp_" if is_publishable else "lks_")
    assert id_of(text.encode()) == key_id


def test_no_two_keys_are_alike() -> None:
    """Neither their ids nor their secrets."""
    made = [new_key(is_publishable=False) for _ in range(500)]
    assert len({key_id for key_id, _ in made}) == len({text[17:] for _, text in made}) == 500


@pytest.mark.parametrize("change", [0, 2, 4, 17, 40, 59])
def test_every_letter_of_a_key_counts(change: int) -> None:
    """Also those before the secret, and the last one, of whose bits two belong to no byte."""
    _, text = new_key(is_publishable=False)
    other = text[:change] + chr(ord(text[change]) ^ 1) + text[change + 1 :]
    assert digest_of(other.encode()) != digest_of(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"lks_",
        b"lks_0123456789ab_",
        b"lks_0123456789ab_" + b"a" * 42,
        b"lks_0123456789ab_" + b"a" * 44,
        b"lks_0123456789AB_" + b"a" * 43,
        b"lkx_0123456789ab_" + b"a" * 43,
        b" lks_0123456789ab_" + b"a" * 43,
        b"lks_0123456789ab_" + b"a" * 43 + b"\n",
        "lks_0123456789ab_ä".encode() + b"a" * 41,
        b"lks_" + "\N{FULLWIDTH DIGIT ONE}".encode() * 12 + b"_" + b"a" * 43,
        b"\x00" * 60,
        b"lks_" * 20_000,
    ],
)
def test_what_does_not_look_like_a_key_names_none(text: bytes) -> None:
    """Whatever its length and its letters."""
    assert id_of(text) is None


def test_a_scope_allows_what_those_before_it_allow() -> None:
    """And nothing more."""
    allowed = {(has, asks) for has in SCOPES for asks in SCOPES if replace(RECORD, scope=has).allows(asks)}
    assert allowed == {
        ("search", "search"),
        ("catalogue", "search"),
        ("catalogue", "catalogue"),
        ("admin", "search"),
        ("admin", "catalogue"),
        ("admin", "admin"),
    }


def test_a_key_is_active_until_it_expires_or_is_revoked() -> None:
    """Whichever comes first; a revoked one stays that after its time."""
    now = datetime.now(UTC)
    past, future = now - timedelta(seconds=1), now + timedelta(days=1)
    assert RECORD.state == replace(RECORD, expires_at=future).state == "active"
    assert replace(RECORD, expires_at=past).state == "expired"
    assert replace(RECORD, expires_at=past, revoked_at=past).state == "revoked"


def test_a_record_tells_nothing_of_its_secret() -> None:
    """Not even its hash, wherever it is printed."""
    assert RECORD.digest not in repr(RECORD)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        ("https://shop.example/", "https://shop.example"),
        ("HTTPS://Shop.Example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("https://shop.example:8443", "https://shop.example:8443"),
        ("https://shop.example:08443", "https://shop.example:8443"),
        ("http://localhost:9000", "http://localhost:9000"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://a_b.shop-1.example", "https://a_b.shop-1.example"),
    ],
)
def test_an_origin_becomes_what_browsers_send(text: str, origin: str) -> None:
    """Lower case, without a port that goes without saying and without a slash."""
    assert normal_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "null",
        "shop.example",
        "//shop.example",
        "https://",
        "https://*",
        "https://*.shop.example",
        "https://shop.example/path",
        "https://shop.example//",
        "https://shop.example?x=1",
        "https://shop.example#x",
        "https://user@shop.example",
        "https://user:pass@shop.example",
        "https://shop.example:0",
        "https://shop.example:99999",
        "https://shop.example:port",
        "https://shop.example https://other.example",
        "https://shop.example,https://other.example",
        "https://shop.example\r\nX: y",
        "https://sh\top.example",
        "https://bücher.example",
        "https://-shop.example",
        "https://shop..example",
        "https://shop.example.",
        "https://127.1",
        "https://1.2.3.4.5",
        "https://[::1",
        "https://[fe80::1%25eth0]",
        "ftp://shop.example",
        "file:///shop",
        "javascript:alert(1)",
        "chrome-extension://abcdefgh",
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    """Wildcards too: each page that may use a key is named; and the message repeats nothing of what was given."""
    with pytest.raises(InvalidParameter, match=r"https://shop\.example or http://localhost:9000") as refused:
        normal_origin(text)
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("scope", "fields", "message"),
    [
        ("catalogue", {"origins": ("https://shop.example",)}, "Only a search key"),
        ("admin", {"origins": ("https://shop.example",)}, "Only a search key"),
        ("search", {"origins": tuple(f"https://{n}.example" for n in range(MAX_ORIGINS + 1))}, "at most 50 origins"),
        ("search", {"origins": ("*",)}, "exact, without a path"),
        ("search", {"name": "x" * 101}, "at most 100 characters"),
        ("search", {"name": "a\nb"}, "can be seen"),
        ("search", {"name": "a\x00b"}, "can be seen"),
        ("search", {"name": "a\ud800b"}, "can be seen"),
        ("search", {"name": "a\u202eb"}, "can be seen"),
        ("search", {"per_minute": -1}, "0 means no limit"),
        ("search", {"per_minute": 100_001}, "at most 100000"),
        ("search", {"expires_in_days": 0}, "1 to 3650 days"),
        ("search", {"expires_in_days": 3651}, "1 to 3650 days"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(scope: Scope, fields: dict[str, object], message: str) -> None:
    """With what would make sense."""
    with pytest.raises(InvalidParameter, match=message):
        checked(KeyWanted(scope=scope, **fields))  # type: ignore[arg-type]


def test_what_was_not_said_of_a_key_is_decided() -> None:
    """A search key has a limit, the shop's own programs have none; the same origin counts once."""
    found = checked(KeyWanted(scope="search", origins=("https://a.example", "https://A.example/"), name=" pages "))
    assert (found.per_minute, found.origins, found.name) == (600, ("https://a.example",), "pages")
    assert checked(KeyWanted(scope="catalogue")).per_minute == 0
    assert checked(KeyWanted(scope="search", per_minute=0)).per_minute == 0


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST", "localhost.", "shop.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"],
)
def test_names_of_this_machine(host: str) -> None:
    """Those that never mean another one."""
    assert is_this_machine(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "0.0.0.0",  # noqa: S104  # told apart, not listened on
        "::",
        "10.0.0.1",
        "localhost.example",
        "127.0.0.1.example",
        "127.1",
        "2130706433",
        "notlocalhost",
        "::2",
    ],
)
def test_names_of_other_machines(host: str) -> None:
    """And those that may mean one, such as all addresses at once."""
    assert not is_this_machine(host)
