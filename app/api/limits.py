"""How many searches one address may ask for."""

import ipaddress
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from app.core.errors import RateLimited

WINDOW_S = 60.0
MAX_ADDRESSES = 20_000


class RateLimiter:
    """
    At most `per_minute` requests of one address in any 60 s; 0 means no limit, and this machine has none.

    The times of the last requests are kept (a moving window), on the monotonic clock: with the system's clock, as the
    library `limits` has it, a clock set back locks everybody out until the time has come round again. An IPv6 client
    has at least a /64 to choose addresses from, so it counts as one.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._requests: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, host: str | None) -> None:
        """
        Count a request.

        Raises:
            RateLimited: It is one too many; it does not count.
        """
        address = _counted_address(host)
        if self._per_minute == 0 or address is None:
            return
        now_s = self._clock()
        times = self._requests.setdefault(address, deque())
        self._requests.move_to_end(address)
        if len(self._requests) > MAX_ADDRESSES:
            self._requests.popitem(last=False)
        while times and times[0] <= now_s - WINDOW_S:
            times.popleft()
        if len(times) >= self._per_minute:
            raise RateLimited(
                f"{self._per_minute} searches a minute are allowed (LOOKALIKE_RATE_PER_MINUTE).",
                retry_after_s=max(1, math.ceil(times[0] + WINDOW_S - now_s)),
            )
        times.append(now_s)


def _counted_address(host: str | None) -> str | None:
    """Return what an address is counted under; None for this machine."""
    try:
        address = ipaddress.ip_address((host or "").partition("%")[0])
    except ValueError:
        return host or "unknown"
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.is_loopback:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address)
