"""
A bounded micro-batcher: single items in, batches to one thread, single results out.

An idle batcher starts at once; while a batch runs, the next one gathers. So batches grow with the load and nobody
waits for a timer. (`batched` and `fast-dynamic-batcher` on PyPI have the shape, without the bounds a service needs.)
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.core.errors import Overloaded

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    future: asyncio.Future[Result]


class Batcher(Generic[Item, Result]):
    """
    Runs `run_batch` on up to `max_batch` items at a time, in one thread of its own; it may return errors among results.

    At most `queue_size` items wait, none longer than `max_wait_s`; both limits answer `Overloaded`. An item whose
    caller was cancelled is not run. When a batch fails, its items run one by one, so that one bad item fails alone.
    `observe_batch` is told the size of every batch. Use it as an async context manager; leaving drains what waits.
    """

    def __init__(
        self,
        run_batch: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        *,
        max_batch: int,
        queue_size: int,
        max_wait_s: float,
        observe_batch: Callable[[int], None] = lambda _size: None,
    ) -> None:
        self._run_batch = run_batch
        self._max_batch = max_batch
        self._queue_size = queue_size
        self._max_wait_s = max_wait_s
        self._observe_batch = observe_batch
        self._queue: deque[_Waiting[Item, Result]] = deque()
        self._arrived = asyncio.Event()
        self._closing = False
        self._loop_task: asyncio.Task[None] | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="network")

    async def __aenter__(self) -> "Batcher[Item, Result]":
        self._loop_task = asyncio.create_task(self._work(), name="batcher")
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._closing = True
        self._arrived.set()
        if self._loop_task is not None:
            await self._loop_task
        self._executor.shutdown(wait=True)

    @property
    def depth(self) -> int:
        """The number of items that wait for the next batch."""
        return len(self._queue)

    async def submit(self, item: Item) -> Result:
        """
        Return the result for one item, once a batch with it has run.

        Raises:
            Overloaded: The queue is full, the item waited too long, or the service is stopping.
        """
        if self._closing:
            raise Overloaded("The service is stopping.")
        if len(self._queue) >= self._queue_size:
            raise Overloaded(
                f"{self._queue_size} photos already wait for the network, the limit (LOOKALIKE_QUEUE_SIZE)."
            )
        loop = asyncio.get_running_loop()
        waiting = _Waiting(item, loop.create_future())
        self._queue.append(waiting)
        self._arrived.set()
        expiry = loop.call_later(self._max_wait_s, self._expire, waiting)
        try:
            result: Result = await waiting.future
            return result  # typed here: the future comes out of the loop as Any
        finally:
            expiry.cancel()
            self._drop(waiting)

    def _expire(self, waiting: _Waiting[Item, Result]) -> None:
        """Answer an item that is still in the queue; one that is already in a batch is left to finish."""
        if self._drop(waiting) and not waiting.future.done():
            waiting.future.set_exception(
                Overloaded(f"The photo waited more than {self._max_wait_s:g} s for the network, the limit.")
            )

    def _drop(self, waiting: _Waiting[Item, Result]) -> bool:
        if waiting not in self._queue:  # `remove` would tell so in a message with the item's repr: 6 ms for an image
            return False
        self._queue.remove(waiting)
        return True

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            if not self._queue:
                if self._closing:
                    return
                self._arrived.clear()
                continue
            batch = [self._queue.popleft() for _ in range(min(self._max_batch, len(self._queue)))]
            items = [waiting.item for waiting in batch]
            self._observe_batch(len(items))
            outcomes = await loop.run_in_executor(self._executor, self._run_with_retries, items)
            for waiting, outcome in zip(batch, outcomes, strict=True):
                _settle(waiting.future, outcome)

    def _run_with_retries(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        try:
            return self._run_batch(items)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is handed to the callers
            if len(items) == 1:
                return [error]
        return [outcome for item in items for outcome in self._run_with_retries([item])]


def _settle(future: asyncio.Future[Result], outcome: Result | Exception) -> None:
    if future.done():  # the caller was cancelled while the batch ran
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
