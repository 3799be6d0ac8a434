"""Blocking work off the event loop: a few threads, and a bound on how many and how long callers wait for one."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from app.core.errors import Overloaded

Result = TypeVar("Result")


class BoundedExecutor:
    """
    Runs blocking functions in `threads` threads of its own.

    At most `max_waiting` callers wait for a thread, none longer than `max_wait_s`; both limits answer `Overloaded`.
    `work` names what is waited for in the message.
    """

    def __init__(self, work: str, *, threads: int, max_waiting: int, max_wait_s: float) -> None:
        self._work = work
        self._max_waiting = max_waiting
        self._max_wait_s = max_wait_s
        self._waiting = 0
        self._free = asyncio.Semaphore(threads)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=work)

    async def run(self, function: Callable[[], Result]) -> Result:
        """
        Return what the function returns, or raise what it raises.

        A caller that is cancelled gets out at once; its thread counts as taken until the function ends.

        Raises:
            Overloaded: Too many wait already, or no thread was free in time.
        """
        await self._acquire()
        loop = asyncio.get_running_loop()

        def release(_done: Future[Result]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process is on its way out
                loop.call_soon_threadsafe(self._free.release)

        future = self._executor.submit(function)
        # Also called for one that is cancelled before its thread has taken it, and so never runs.
        future.add_done_callback(release)
        return await asyncio.wrap_future(future)

    async def _acquire(self) -> None:
        if self._waiting >= self._max_waiting:
            raise Overloaded(f"{self._waiting} requests already wait for {self._work}, the limit.")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._max_wait_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise Overloaded(f"The request waited more than {self._max_wait_s:g} s for {self._work}.") from error
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Wait for what runs, and end the threads."""
        self._executor.shutdown(wait=True)
