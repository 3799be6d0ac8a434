"""What was in use of late: values by key, bounded in memory and in time."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

Value = TypeVar("Value")


class _Kept(NamedTuple, Generic[Value]):
    expires_at_s: float
    size_bytes: int
    value: Value


class Recent(Generic[Value]):
    """The values used last, at most `max_bytes` in all, each for `lifetime_s` after its last use; for one thread."""

    def __init__(self, max_bytes: int, lifetime_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._lifetime_s = lifetime_s
        self._clock = clock
        self._kept: OrderedDict[str, _Kept[Value]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, key: str, value: Value, size_bytes: int) -> None:
        """Keep a value under a new key; what was used longest ago makes room."""
        self._kept[key] = _Kept(self._clock() + self._lifetime_s, size_bytes, value)
        self._bytes += size_bytes
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def get(self, key: str) -> Value | None:
        """Return the value of a key, which counts as its use; None when there is none, or its time is over."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.expires_at_s <= self._clock():
            self._drop(key)
            return None
        self._kept[key] = kept._replace(expires_at_s=self._clock() + self._lifetime_s)
        self._kept.move_to_end(key)
        return kept.value

    def _drop(self, key: str) -> None:
        self._bytes -= self._kept.pop(key).size_bytes
