"""Hosts are asked a few times at once, are left alone when they want to be, and are given up when they only fail."""

import random
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from app.core.errors import FetchFailed, UpstreamGivenUp
from app.core.fetching.receiving import retry_after_s
from tests.support.bad_server import Answer, BadServer, Exchange, cut_off, file, silence, status, web
from tests.support.fetching import PATIENT, PICTURE, fetching_from, other_name, picture_of, slug_of

__all__ = ["web"]


def _meeting(people: int) -> Answer:
    """Answer a little after so many requests are there together: time for more to come, if more may."""
    barrier = threading.Barrier(people)

    def answer(exchange: Exchange) -> None:
        barrier.wait(20)
        exchange.wait(0.05)
        exchange.server.end()
        exchange.start(Content_Length=0)

    return answer


def test_a_host_is_asked_a_few_times_at_once_and_no_more(web: BadServer) -> None:
    """Eight pictures of one host go two by two, whatever else there would be room for."""
    meeting = _meeting(2)
    with fetching_from(web, replace(PATIENT, at_once_per_host=2)) as fetcher:
        for future in [fetcher.submit(web.at(f"/{number}", meeting)) for number in range(8)]:
            future.result()
    assert web.most_at_once == 2


def test_all_hosts_together_are_asked_a_few_times_at_once_and_no_more(web: BadServer) -> None:
    """Two hosts that may both be asked thrice get three requests at a time between them."""
    meeting = _meeting(3)
    addresses = [web.at(f"/{number}", meeting) for number in range(6)]
    with fetching_from(web, replace(PATIENT, at_once=3, at_once_per_host=3)) as fetcher:
        for future in [fetcher.submit(name(address)) for address in addresses for name in (str, other_name)]:
            future.result()
    assert web.most_at_once == 3


def test_a_host_that_asks_for_a_pause_gets_it_from_everyone(web: BadServer) -> None:
    """Neither the picture that was refused nor another one of the host is asked for before the pause is over."""
    asked_s: list[float] = []

    def answer(exchange: Exchange) -> None:
        asked_s.append(time.monotonic())
        exchange.start(429, Retry_After=1, Content_Length=0) if len(asked_s) == 1 else file(PICTURE)(exchange)

    with fetching_from(web, replace(PATIENT, at_once_per_host=1)) as fetcher:
        futures = [fetcher.submit(web.at(path, answer)) for path in ("/a.jpg", "/b.jpg")]
        assert [picture_of(future.result()) for future in futures] == [PICTURE, PICTURE]
    first_s, *later_s = asked_s
    assert len(later_s) == 2
    assert min(later_s) - first_s >= 0.9


def test_a_host_that_asks_for_a_long_pause_is_given_up(web: BadServer) -> None:
    """Nobody waits for an hour; the host is not asked before, and other hosts are asked as ever."""
    address = web.at("/a.jpg", status(503, Retry_After="3600"))
    with fetching_from(web) as fetcher:
        for _ in range(2):
            with pytest.raises(UpstreamGivenUp, match=r"127\.0\.0\.1 .* 3600 s"):
                fetcher.fetch(address)
        web.at("/a.jpg", file(PICTURE))
        assert picture_of(fetcher.fetch(other_name(address))) == PICTURE
    assert web.requests == {"/a.jpg": 2}


def test_a_host_that_only_fails_is_given_up(web: BadServer) -> None:
    """After so many pictures in a row it is not asked for the others, and their error says so."""
    addresses = [web.at(f"/{number}.jpg", status(500)) for number in range(5)]
    with fetching_from(web, replace(PATIENT, attempts=1, failures_to_give_up=2)) as fetcher:
        slugs = [slug_of(fetcher, address) for address in addresses]
    assert slugs == ["upstream-status"] * 2 + ["upstream-given-up"] * 3
    assert web.requests.total() == 2


def test_a_host_that_was_given_up_gets_another_chance(web: BadServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One failure then gives it up again, one answer makes it a host like any other."""
    now_s = 1000.0
    monkeypatch.setattr("app.core.fetching.politeness.time", SimpleNamespace(monotonic=lambda: now_s))
    down, up = web.at("/down.jpg", status(500)), web.at("/up.jpg", file(PICTURE))
    with fetching_from(web, replace(PATIENT, attempts=1, failures_to_give_up=2, given_up_s=300)) as fetcher:
        assert [slug_of(fetcher, down) for _ in range(2)] == ["upstream-status"] * 2
        now_s += 299
        assert slug_of(fetcher, up) == "upstream-given-up"
        now_s += 1
        assert [slug_of(fetcher, down), slug_of(fetcher, up)] == ["upstream-status", "upstream-given-up"]
        now_s += 300
        assert [slug_of(fetcher, up), slug_of(fetcher, down), slug_of(fetcher, up)] == ["", "upstream-status", ""]


def test_a_host_that_lacks_pictures_is_not_given_up(web: BadServer) -> None:
    """A 404 is an answer of a server that works, and so is any picture in between."""
    missing, failing = web.origin + "/missing.jpg", web.at("/failing.jpg", status(500))
    with fetching_from(web, replace(PATIENT, attempts=1, failures_to_give_up=2)) as fetcher:
        slugs = [slug_of(fetcher, address) for _ in range(3) for address in (failing, missing)]
    assert slugs == ["upstream-status"] * 6


def test_a_mixed_catalogue_is_fetched_to_its_end_with_reasons(web: BadServer) -> None:
    """Pictures that are missing, silent or broken, and a host that only fails, cost no other picture."""
    answers = {"good": file(b"picture"), "missing": status(404), "silent": silence, "broken": cut_off(b"", 9)}
    kinds = ["good"] * 79 + ["missing"] * 10 + ["silent"] * 10 + ["broken"]
    addresses = [web.at(f"/{number}/{kind}", answers[kind]) for number, kind in enumerate(kinds)]
    addresses += [other_name(web.at(f"/failing/{number}", status(500))) for number in range(30)]
    random.Random(1).shuffle(addresses)
    limits = replace(PATIENT, timeout_s=1.5, attempts=1, at_once=32, at_once_per_host=16, failures_to_give_up=10)
    reasons: Counter[str] = Counter()
    with fetching_from(web, limits) as fetcher:
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
