"""Every way an asynchronous stream of the user's own can end: right, once, and in silence."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from opentelemetry.trace import INVALID_SPAN, get_current_span

from openlayer_otel import trace
from tests.support.span_log import SpanLog
from tests.tracing.streaming_kinds import (
    ASYNC,
    BODY_ERROR,
    Body,
    BodyError,
    async_kinds,
    check,
)


@async_kinds
async def test_exhausted_async(kind: str, steps: SpanLog) -> None:
    body = Body()
    seen = []
    async for item in await ASYNC[kind](body):
        assert get_current_span() is INVALID_SPAN
        seen.append(item)
    assert seen == ["a", "b", "c"]
    check(steps, body, "abc")


@async_kinds
async def test_closed_after_a_break_async(kind: str, steps: SpanLog) -> None:
    body = Body()
    stream = await ASYNC[kind](body)
    async for item in stream:
        if item == "b":
            break
    assert steps.ended == []
    await stream.aclose()
    await stream.aclose()
    await asyncio.sleep(0.05)
    check(steps, None, "ab", "closed")


@async_kinds
async def test_dropped_after_a_break_async(kind: str, steps: SpanLog) -> None:
    async def consume() -> None:
        async for item in await ASYNC[kind](Body()):
            if item == "b":
                break

    await consume()
    gc.collect()
    for _ in range(10):
        await asyncio.sleep(0)
    check(steps, None, "ab", "dropped")


@async_kinds
async def test_never_iterated_and_dropped_async(kind: str, steps: SpanLog) -> None:
    await ASYNC[kind](Body())
    gc.collect()
    check(steps, None, None, "dropped")


@async_kinds
async def test_failed_half_way_async(kind: str, steps: SpanLog) -> None:
    body = Body(fail_after=2)
    with pytest.raises(BodyError) as caught:
        [item async for item in await ASYNC[kind](body)]
    assert caught.value is body.error
    check(steps, body, "ab", None, BODY_ERROR)


@async_kinds
async def test_cancelled_while_it_runs(kind: str, steps: SpanLog) -> None:
    started = asyncio.Event()

    class Slow(Body):
        async def asynchronous(self) -> AsyncIterator[str]:
            self.note()
            yield "a"
            started.set()
            try:
                await asyncio.sleep(3600)
            finally:
                self.note()
                self.cleaned_up = True

    body = Slow()

    async def consume() -> None:
        async for _ in await ASYNC[kind](body):
            pass

    task = asyncio.create_task(consume())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    check(steps, body, "a", "cancelled")


@async_kinds
async def test_consumed_in_other_tasks(kind: str, steps: SpanLog) -> None:
    body = Body()
    stream = await ASYNC[kind](body)

    async def read() -> str | None:
        try:
            return await stream.__anext__()  # type: ignore[no-any-return]
        except StopAsyncIteration:
            return None

    seen = [await asyncio.create_task(read()) for _ in range(4)]
    assert seen == ["a", "b", "c", None]
    check(steps, body, "abc")


@async_kinds
async def test_closed_in_another_task(kind: str, steps: SpanLog) -> None:
    stream = await ASYNC[kind](Body())
    assert await stream.__anext__() == "a"
    await asyncio.create_task(_closed(stream))
    check(steps, None, "a", "closed")


async def _closed(stream: Any) -> None:
    await stream.aclose()


def test_left_open_when_the_loop_ends(steps: SpanLog) -> None:
    body = Body()
    kept = []

    @trace(name="stream")
    async def stream() -> AsyncIterator[str]:
        try:
            async for item in body.asynchronous():
                yield item
        finally:
            await asyncio.sleep(0)  # what a loop that shuts down in any order stumbles over

    async def main() -> None:
        kept.append(stream())
        await kept[0].__anext__()

    asyncio.run(main())
    check(steps, None, "a", "closed")


class Queue:
    """An async iterator that can be read again after a read was cancelled, as a queue can."""

    def __init__(self) -> None:
        self.items: asyncio.Queue[str | None] = asyncio.Queue()

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        item = await self.items.get()
        if item is None:
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """Nothing to do."""


async def _timed_out(stream: Any) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(stream.__anext__(), 0.01)


async def test_a_read_that_times_out_does_not_end_the_stream(steps: SpanLog) -> None:
    queue = Queue()
    stream: Any = trace(name="stream")(lambda: queue)()
    for item in ("a", "b"):
        await _timed_out(stream)
        queue.items.put_nowait(item)
        assert await stream.__anext__() == item
    assert steps.ended == []
    queue.items.put_nowait(None)
    with pytest.raises(StopAsyncIteration):
        await stream.__anext__()
    check(steps, None, "ab")


async def test_a_stream_that_is_closed_after_a_cancelled_read_was_cancelled(
    steps: SpanLog,
) -> None:
    queue = Queue()
    queue.items.put_nowait("a")
    stream: Any = trace(name="stream")(lambda: queue)()
    assert await stream.__anext__() == "a"
    await _timed_out(stream)
    await stream.aclose()
    check(steps, None, "a", "cancelled")


async def test_a_stream_that_is_dropped_after_a_cancelled_read_ended_with_that(
    steps: SpanLog,
) -> None:
    stream: Any = trace(name="stream")(lambda: Queue())()
    await _timed_out(stream)
    cancelled = time.time_ns()
    await asyncio.sleep(0.02)
    del stream
    gc.collect()
    step = check(steps, None, None, "cancelled")
    assert step.end_time is not None
    assert step.end_time <= cancelled
