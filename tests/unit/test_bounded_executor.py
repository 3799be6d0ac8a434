"""Blocking work off the event loop: bounds, and callers that go away."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from app.core.errors import NotFound, Overloaded
from app.search.bounded_executor import BoundedExecutor


@contextmanager
def executor_of(threads: int, *, max_waiting: int = 8, max_wait_s: float = 20.0) -> Iterator[BoundedExecutor]:
    """An executor that is closed in the end."""
    executor = BoundedExecutor("the oven", threads=threads, max_waiting=max_waiting, max_wait_s=max_wait_s)
    yield executor
    executor.close()


class Oven:
    """Work that takes until the door is opened."""

    def __init__(self) -> None:
        self.baked: list[int] = []
        self._door = threading.Event()

    def bake(self, number: int) -> Callable[[], int]:
        """Return a piece of work."""

        def work() -> int:
            assert self._door.wait(20)
            self.baked.append(number)
            return number

        return work

    def open(self) -> None:
        """Let all work finish."""
        self._door.set()


async def _turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_work_returns_or_raises_what_the_function_does() -> None:
    """In another thread than the loop's."""

    def fail() -> None:
        raise NotFound("nothing")

    async def scenario() -> None:
        with executor_of(1) as executor:
            assert await executor.run(threading.get_ident) != threading.get_ident()
            with pytest.raises(NotFound):
                await executor.run(fail)

    asyncio.run(scenario())


def test_one_waiting_caller_too_many_is_refused() -> None:
    """Those that wait already are served."""
    oven = Oven()

    async def scenario() -> list[int]:
        with executor_of(1, max_waiting=2) as executor:
            accepted = [asyncio.create_task(executor.run(oven.bake(number))) for number in range(3)]
            await _turns()
            with pytest.raises(Overloaded, match="2 requests already wait for the oven"):
                await executor.run(oven.bake(3))
            oven.open()
            return await asyncio.gather(*accepted)

    assert asyncio.run(scenario()) == [0, 1, 2]


def test_a_caller_that_waits_too_long_is_refused() -> None:
    """And its work is not done."""
    oven = Oven()

    async def scenario() -> None:
        with executor_of(1, max_wait_s=0.01) as executor:
            first = asyncio.create_task(executor.run(oven.bake(0)))
            await _turns()
            with pytest.raises(Overloaded, match="waited more than"):
                await executor.run(oven.bake(1))
            oven.open()
            await first

    asyncio.run(scenario())
    assert oven.baked == [0]


def test_a_cancelled_caller_frees_its_place_only_when_its_thread_is_free() -> None:
    """No more work runs than there are threads; one that waited and left is not run at all."""
    oven = Oven()

    async def scenario() -> int:
        with executor_of(1) as executor:
            running, waiting, last = (asyncio.create_task(executor.run(oven.bake(number))) for number in range(3))
            await _turns()
            running.cancel()
            waiting.cancel()
            await _turns()
            assert not last.done()
            oven.open()
            return await last

    assert asyncio.run(scenario()) == 2
    assert oven.baked == [0, 2]


def test_a_caller_that_is_cancelled_before_its_thread_begins_leaves_its_place_to_others() -> None:
    """A thread that has just freed its place may still be on its way to the next piece of work."""
    oven = Oven()

    async def scenario() -> int:
        with executor_of(1, max_wait_s=5.0) as executor:
            executor._executor.submit(oven.bake(0))
            late = asyncio.create_task(executor.run(oven.bake(1)))
            await _turns()
            late.cancel()
            await _turns()
            oven.open()
            return await executor.run(oven.bake(2))

    assert asyncio.run(scenario()) == 2
    assert oven.baked == [0, 2]
