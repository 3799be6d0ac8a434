"""How many searches one address may ask for, and how many requests may be made with one key."""

import ipaddress
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from app.core.errors import RateLimited

WINDOW_S = 60.0
MAX_ADDRESSES = 20_000


class _MovingWindow:
    """
    Counts what happened under a name in the last 60 s.

    The times of what happened are kept, on the monotonic clock: with the system's clock, as the library `limits` has
    it, a clock set back locks everybody out until the time has come round again.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._times)

    def wait_s(self, name: str, per_minute: int) -> int:
        """Count one more and return 0, or return in how many whole seconds it may happen; then it does not count."""
        now_s = self._clock()
        times = self._times.setdefault(name, deque())
        self._times.move_to_end(name)
        if len(self._times) > MAX_ADDRESSES:
            self._times.popitem(last=False)
        while times and times[0] <= now_s - WINDOW_S:
            times.popleft()
        if len(times) >= per_minute:
            return max(1, math.ceil(times[0] + WINDOW_S - now_s))
        times.append(now_s)
        return 0


class RateLimiter:
    """
    At most `per_minute` searches of one address in any 60 s; 0 means no limit, and this machine has none.

    An IPv6 client has at least a /64 to choose addresses from, so it counts as one.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._window = _MovingWindow(clock)

    def check(self, host: str | None) -> None:
        """
        Count a request.

        Raises:
            RateLimited: It is one too many; it does not count.
        """
        address = _counted_address(host)
        if self._per_minute == 0 or address is None:
            return
        if wait_s := self._window.wait_s(address, self._per_minute):
            raise RateLimited(
                f"{self._per_minute} searches a minute are allowed (LOOKALIKE_RATE_PER_MINUTE).", retry_after_s=wait_s
            )


class KeyLimiter:
    """As many requests with one key in any 60 s as that key has; in this process, as addresses are counted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = _MovingWindow(clock)

    def check(self, key_id: str, per_minute: int) -> None:
        """
        Count a request with a key; 0 means no limit.

        Raises:
            RateLimited: It is one too many; it does not count.
        """
        if per_minute and (wait_s := self._window.wait_s(key_id, per_minute)):
            raise RateLimited(
                f"With this key, {per_minute} requests a minute are allowed (lookalike keys create --per-minute).",
                retry_after_s=wait_s,
            )


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
