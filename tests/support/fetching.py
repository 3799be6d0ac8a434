"""Fetching from a server of this machine, under both of its names, which are two hosts to the fetcher."""

import random
from contextlib import AbstractContextManager
from dataclasses import replace

from app.core.errors import LookalikeError
from app.core.fetching.blocking import BlockingFetcher, fetching
from app.core.fetching.fetcher import NotModified
from app.core.fetching.guard import Guard
from app.core.fetching.limits import FetchLimits
from app.core.fetching.receiving import Fetched
from tests.support.bad_server import BadServer

PICTURE = random.Random(7).randbytes(200_000)
PATIENT = FetchLimits(max_bytes=1_000_000, timeout_s=30, connect_timeout_s=30, attempts=2, backoff_s=0.001)
HASTY = replace(PATIENT, timeout_s=0.3)


def fetching_from(web: BadServer, limits: FetchLimits = PATIENT) -> AbstractContextManager[BlockingFetcher]:
    """Allow the server, under both of its names."""
    return fetching(Guard(trusted={web.origin, other_name(web.origin)}), limits)


def other_name(address: str) -> str:
    """Return the address of the same thing on another host."""
    return address.replace("127.0.0.1", "localhost")


def picture_of(fetched: Fetched | NotModified) -> bytes:
    """Return the picture that arrived."""
    assert isinstance(fetched, Fetched)
    return fetched.data


def slug_of(fetcher: BlockingFetcher, address: str) -> str:
    """Fetch a picture; return why that failed, or nothing."""
    try:
        fetcher.fetch(address)
    except LookalikeError as error:
        return error.slug
    return ""
