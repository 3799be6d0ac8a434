"""The micro-batcher: bounds, fairness to neighbours, and what happens when callers go away."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import wraps

import pytest

from app.core.errors import Overloaded
from app.search.batcher import Batcher


def run_async(test: Callable[..., Coroutine[object, object, None]]) -> Callable[..., None]:
    """Run an async test to its end on a loop of its own."""

    @wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class Gate:
    """A batch function that squares numbers, records its batches, and waits while it is closed."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.started = threading.Event()
        self.opened = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        """Square the items once the gate is open."""
        self.batches.append(list(items))
        self.started.set()
        assert self.opened.wait(20)
        if any(item < 0 for item in items):
            message = f"negative in {list(items)}"
            raise ValueError(message)
        return [item * item for item in items]


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # a test polls from outside; the batcher has no event for this
        await asyncio.sleep(0.001)


async def _occupy(batcher: Batcher[int, int], gate: Gate, item: int = 1) -> "asyncio.Task[int]":
    """Have one item run, so that whatever comes now has to wait."""
    task = asyncio.create_task(batcher.submit(item))
    await _until(gate.started.is_set)
    return task


async def _queued(batcher: Batcher[int, int], items: Sequence[int]) -> "list[asyncio.Task[int]]":
    tasks = [asyncio.create_task(batcher.submit(item)) for item in items]
    await asyncio.sleep(0)
    assert batcher.depth == len(items)
    return tasks


@run_async
async def test_an_idle_batcher_runs_a_single_item_at_once() -> None:
    """Nothing is gathered while nothing runs."""
    gate = Gate()
    gate.opened.set()
    async with Batcher(gate, max_batch=16, queue_size=4, max_wait_s=1) as batcher:
        assert await batcher.submit(7) == 49
    assert gate.batches == [[7]]


class Unwritable:
    """An item that cannot be turned into text, as an image's pixels never should be: that takes milliseconds."""

    def __repr__(self) -> str:
        message = "written out"
        raise AssertionError(message)


@run_async
async def test_items_are_never_written_out_as_text() -> None:
    """`deque.remove` puts the repr of what it does not find into its error's message."""

    def run_batch(items: Sequence[Unwritable]) -> list[int]:
        return [id(item) for item in items]

    async with Batcher(run_batch, max_batch=16, queue_size=4, max_wait_s=1) as batcher:
        item = Unwritable()
        assert await batcher.submit(item) == id(item)


@run_async
async def test_items_that_arrive_while_a_batch_runs_form_the_next_batches() -> None:
    """They are taken in their order, at most `max_batch` at once, and each caller gets its own result."""
    gate = Gate()
    sizes: list[int] = []
    async with Batcher(gate, max_batch=4, queue_size=16, observe_batch=sizes.append, max_wait_s=1) as batcher:
        first = await _occupy(batcher, gate)
        rest = await _queued(batcher, range(2, 8))
        gate.opened.set()
        assert await asyncio.gather(first, *rest) == [1, 4, 9, 16, 25, 36, 49]
    assert gate.batches == [[1], [2, 3, 4, 5], [6, 7]]
    assert sizes == [1, 4, 2]


@run_async
async def test_a_full_queue_refuses_at_once() -> None:
    """The item past the bound is answered Overloaded with a time to come back; those inside are served."""
    gate = Gate()
    async with Batcher(gate, max_batch=4, queue_size=2, max_wait_s=1) as batcher:
        first = await _occupy(batcher, gate)
        rest = await _queued(batcher, [2, 3])
        with pytest.raises(Overloaded, match="LOOKALIKE_QUEUE_SIZE") as refused:
            await batcher.submit(4)
        assert refused.value.retry_after_s == 1
        gate.opened.set()
        assert await asyncio.gather(first, *rest) == [1, 4, 9]


@run_async
async def test_one_bad_item_fails_alone() -> None:
    """The batch is run again item by item, and only the bad one's caller sees the error."""
    gate = Gate()
    async with Batcher(gate, max_batch=4, queue_size=8, max_wait_s=1) as batcher:
        first = await _occupy(batcher, gate)
        rest = await _queued(batcher, [2, -3, 4])
        gate.opened.set()
        assert await first == 1
        before, bad, after = rest
        assert await before == 4
        with pytest.raises(ValueError, match=r"negative in \[-3\]"):
            await bad
        assert await after == 16


@run_async
async def test_a_cancelled_caller_is_not_run() -> None:
    """Its place in the queue is free at once, and its item never reaches the network."""
    gate = Gate()
    async with Batcher(gate, max_batch=4, queue_size=2, max_wait_s=1) as batcher:
        first = await _occupy(batcher, gate)
        gone, stays = await _queued(batcher, [2, 3])
        gone.cancel()
        await _until(lambda: batcher.depth == 1)
        gate.opened.set()
        assert await first == 1
        assert await stays == 9
        assert gone.cancelled()
    assert gate.batches == [[1], [3]]


@run_async
async def test_a_caller_cancelled_while_its_batch_runs_leaves_the_others_alone() -> None:
    """The result nobody waits for is dropped without a trace."""
    gate = Gate()
    async with Batcher(gate, max_batch=4, queue_size=8, max_wait_s=1) as batcher:
        first = await _occupy(batcher, gate)
        first.cancel()
        (other,) = await _queued(batcher, [5])
        gate.opened.set()
        assert await other == 25


@run_async
async def test_an_item_that_waits_too_long_is_refused_and_not_run() -> None:
    """A caller gets Overloaded although the network is still busy with another batch."""
    gate = Gate()
    async with Batcher(gate, max_batch=4, queue_size=8, max_wait_s=0.01) as batcher:
        first = await _occupy(batcher, gate)
        (late,) = await _queued(batcher, [2])
        with pytest.raises(Overloaded, match="waited"):
            await late
        gate.opened.set()
        assert await first == 1
    assert gate.batches == [[1]]


@run_async
async def test_leaving_drains_what_was_accepted_and_refuses_what_comes_after() -> None:
    """Every accepted item is answered before the thread ends."""
    gate = Gate()
    batcher = Batcher(gate, max_wait_s=1, max_batch=2, queue_size=8)
    await batcher.__aenter__()
    first = await _occupy(batcher, gate)
    rest = await _queued(batcher, [2, 3, 4])
    leaving: Awaitable[None] = asyncio.create_task(batcher.__aexit__(None, None, None))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="stopping"):
        await batcher.submit(9)
    gate.opened.set()
    assert await asyncio.gather(first, *rest) == [1, 4, 9, 16]
    await leaving
