"""Who may ask which host when: a few at once, none while it wants to be left alone, none once it only fails."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from app.core.errors import UpstreamGivenUp
from app.core.fetching.limits import FetchLimits

_HOSTS_REMEMBERED: Final = 10_000  # a feed may name a host of its own for each of its pictures


@dataclass(slots=True)
class _Host:
    places: asyncio.Semaphore
    visitors: int = 0
    failures: int = 0
    resumes_s: float = 0.0  # on the monotonic clock
    is_given_up: bool = False

    @property
    def pause_s(self) -> float:
        return self.resumes_s - time.monotonic()


class Politeness:
    """What is known about the hosts of one event loop: who is being asked, who paused, who failed how often."""

    def __init__(self, limits: FetchLimits) -> None:
        self._limits = limits
        self._everywhere = asyncio.Semaphore(limits.at_once)
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def visit(self, name: str) -> AsyncIterator[None]:
        """
        Wait for a turn to ask the host, and keep it for the block.

        Raises:
            UpstreamGivenUp: The host is not asked for now.
        """
        host = self._host(name)
        host.visitors += 1
        try:
            _refuse_given_up(name, host)
            async with host.places:
                while host.pause_s > 0:
                    _refuse_given_up(name, host)
                    await asyncio.sleep(host.pause_s)
                async with self._everywhere:
                    yield
        finally:
            host.visitors -= 1

    def pause(self, name: str, seconds: float) -> None:
        """Leave the host alone for so long, whoever wants to ask; for too long a pause, give it up until then."""
        host = self._host(name)
        if seconds > host.pause_s:
            host.resumes_s = time.monotonic() + seconds
            host.is_given_up = seconds > self._limits.longest_pause_s

    def answered(self, name: str) -> None:
        """Note that the host works."""
        self._host(name).failures = 0

    def failed(self, name: str) -> None:
        """Note that the host failed in a way that does not come from the address; too often, and it is given up."""
        host = self._host(name)
        host.failures += 1
        if host.failures >= self._limits.failures_to_give_up:
            host.resumes_s = time.monotonic() + self._limits.given_up_s
            host.is_given_up = True

    def _host(self, name: str) -> _Host:
        if name not in self._hosts:
            if len(self._hosts) >= _HOSTS_REMEMBERED:
                self._hosts = {name: host for name, host in self._hosts.items() if host.visitors}
            self._hosts[name] = _Host(asyncio.Semaphore(self._limits.at_once_per_host))
        return self._hosts[name]


def _refuse_given_up(name: str, host: _Host) -> None:
    if host.is_given_up and host.pause_s > 0:
        raise UpstreamGivenUp(
            f"{name} failed too often or asked to be left alone; it is not asked again for {host.pause_s:.0f} s."
        )
