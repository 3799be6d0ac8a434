"""What fetching may cost: us, and the servers that are asked."""

from dataclasses import dataclass
from typing import Final

from app.core.download import DownloadLimits
from app.core.files import MIB


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """
    What pictures may cost.

    Attributes:
        max_bytes: Of one picture.
        connect_timeout_s: For the name look-up, the connection and the TLS handshake together.
        timeout_s: For one picture in all: every attempt and redirect, but not the waiting for a turn.
        attempts: How often a request is sent when it fails in a way that may pass.
        backoff_s: Pause after the first such failure; doubled after each further one, and shortened at random by up to
            a half, so that those who failed together do not come back together.
        longest_pause_s: A server that asks for a longer one (Retry-After) is given up instead.
        failures_to_give_up: As many pictures in a row that failed so make a host given up.
        given_up_s: A host that was given up is refused for so long, then tried again.
        at_once: Requests under way at a time.
        at_once_per_host: The same, for one host.
    """

    max_bytes: int = 15 * MIB
    connect_timeout_s: float = 3.0
    timeout_s: float = 10.0
    attempts: int = 3
    backoff_s: float = 0.5
    longest_pause_s: float = 60.0
    failures_to_give_up: int = 10
    given_up_s: float = 300.0
    at_once: int = 16
    at_once_per_host: int = 4


FEED_LIMITS: Final = DownloadLimits(timeout_s=1800, max_bytes=1024 * MIB)
"""What a feed may cost: ten million rows of it compressed, at the speed of a slow line."""
