"""Every way a coroutine, a task or a future can end: right, once, and in silence."""

from __future__ import annotations

import asyncio
import gc
import warnings
from typing import Any

import pytest
from opentelemetry.trace import get_current_span

from openlayer_otel import trace
from tests.support.span_log import SpanLog, json_attribute
from tests.tracing.streaming_kinds import (
    BODY_ERROR,
    BodyError,
    check,
)


async def test_a_coroutine_that_fails(steps: SpanLog) -> None:
    error = BodyError("broke")

    @trace(name="stream")
    async def fails() -> None:
        await asyncio.sleep(0)
        raise error

    with pytest.raises(BodyError) as caught:
        await fails()
    assert caught.value is error
    check(steps, None, None, None, BODY_ERROR)


async def test_a_coroutine_that_is_cancelled(steps: SpanLog) -> None:
    @trace(name="stream")
    async def waits() -> None:
        await asyncio.sleep(3600)

    task = asyncio.create_task(waits())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    check(steps, None, None, "cancelled")


async def test_a_coroutine_that_times_out(steps: SpanLog) -> None:
    @trace(name="stream")
    async def waits() -> None:
        await asyncio.sleep(3600)

    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(waits(), 0.01)
    check(steps, None, None, "cancelled")


async def test_a_coroutine_that_is_never_awaited_is_warned_about_once(steps: SpanLog) -> None:
    @trace(name="stream")
    async def forgotten() -> None:
        """Never runs."""

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        forgotten()
        said = [str(each.message) for each in warned]
        warned.clear()  # a record of such a warning holds the coroutine
        gc.collect()
        said += [str(each.message) for each in warned]
    assert said == [f"coroutine '{forgotten.__qualname__}' was never awaited"]
    check(steps, None, None, "dropped")


async def test_a_coroutine_dropped_half_way(steps: SpanLog) -> None:
    @trace(name="stream")
    async def waits() -> None:
        await asyncio.sleep(3600)

    coroutine = waits()
    coroutine.send(None)
    del coroutine
    gc.collect()
    check(steps, None, None, "dropped")


async def test_a_task_that_a_function_returns_ends_its_step_when_done(steps: SpanLog) -> None:
    @trace(name="stream")
    def start() -> asyncio.Task[str]:
        return asyncio.create_task(asyncio.sleep(0.01, "done"))

    task = start()
    assert isinstance(task, asyncio.Task)
    assert steps.ended == []
    assert await task == "done"
    await asyncio.sleep(0)
    check(steps, None, "done")


async def test_a_task_that_is_cancelled_ends_its_step(steps: SpanLog) -> None:
    @trace(name="stream")
    def start() -> asyncio.Task[None]:
        return asyncio.create_task(asyncio.sleep(3600))

    task = start()
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0)
    check(steps, None, None, "cancelled")


def test_a_future_of_an_executor_ends_its_step_when_done(steps: SpanLog) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as pool:
        future = trace(name="stream")(lambda: pool.submit(lambda: 5))()
        assert future.result(60) == 5
    assert json_attribute(steps.only(), "openlayer.step.output") == 5


async def test_an_awaitable_object_ends_its_step_when_awaited(steps: SpanLog) -> None:
    class Awaitable:
        extra = "kept"

        def __await__(self) -> Any:
            yield from asyncio.sleep(0).__await__()
            return get_current_span().name  # type: ignore[attr-defined]

    result: Any = trace(name="stream")(lambda: Awaitable())()
    assert isinstance(result, Awaitable)
    assert result.extra == "kept"
    assert await result == "stream"
    check(steps, None, "stream")
