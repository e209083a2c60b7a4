"""Every way a coroutine, a task or a future can end: right, once, and in silence."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Coroutine
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


@pytest.mark.may_warn
async def test_a_task_that_nobody_awaits_is_still_reported_by_asyncio(
    steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails() -> None:
        raise BodyError("lost")

    @trace(name="stream")
    def spawn() -> asyncio.Task[None]:
        return asyncio.create_task(fails())

    spawn()
    await asyncio.sleep(0.01)
    gc.collect()
    assert "Task exception was never retrieved" in caplog.text
    check(steps, None, None, None, BODY_ERROR)


class Request:
    """As aiohttp's ``session.get()`` and a database pool's ``acquire()``: awaited or entered."""

    def __init__(self) -> None:
        self.left = False

    def __await__(self) -> Any:
        return self._sent().__await__()

    async def _sent(self) -> str:
        return str(get_current_span().name)  # type: ignore[attr-defined]

    async def __aenter__(self) -> str:
        return await self._sent()

    async def __aexit__(self, *details: object) -> None:
        self.left = True


async def test_what_can_be_awaited_or_entered_ends_its_step_when_entered(steps: SpanLog) -> None:
    request = Request()
    async with trace(name="stream")(lambda: request)() as result:
        assert result == "stream"
        check(steps, None, "stream")
    assert request.left


async def test_what_can_be_awaited_or_entered_ends_its_step_when_awaited(steps: SpanLog) -> None:
    assert await trace(name="stream")(lambda: Request())() == "stream"
    check(steps, None, "stream")


class SentRequest(Request, Coroutine[Any, Any, str]):
    """As aiohttp's: a coroutine to :mod:`collections.abc`, which a task drives by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.coroutine = self._sent()

    def __await__(self) -> Any:
        return self.coroutine.__await__()

    def send(self, value: Any) -> Any:
        return self.coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        return self.coroutine.throw(*error)

    def close(self) -> None:
        self.coroutine.close()


async def test_what_a_task_drives_ends_its_step_with_its_result(steps: SpanLog) -> None:
    request: Any = trace(name="stream")(lambda: SentRequest())()
    assert await asyncio.wait_for(asyncio.create_task(request), 60) == "stream"
    del request
    check(steps, None, "stream")


async def test_what_gives_itself_when_entered_is_finished_then(steps: SpanLog) -> None:
    class Pool(Request):
        async def __aenter__(self) -> Any:
            return self

    pool = Pool()
    async with trace(name="stream")(lambda: pool)() as given:
        assert given is pool
        assert "openlayer.step.output" in (steps.only().attributes or {})
    assert pool.left


class Paginator:
    """As OpenAI's: awaited for the first page, or iterated over."""

    def __await__(self) -> Any:
        return self._page().__await__()

    async def _page(self) -> str:
        return str(get_current_span().name)  # type: ignore[attr-defined]

    async def __aiter__(self) -> Any:
        yield await self._page()
        yield "!"


async def test_a_paginator_ends_its_step_when_awaited(steps: SpanLog) -> None:
    assert await trace(name="stream")(lambda: Paginator())() == "stream"
    check(steps, None, "stream")


async def test_a_paginator_ends_its_step_when_iterated_over(steps: SpanLog) -> None:
    given: Any = trace(name="stream")(lambda: Paginator())()
    assert [item async for item in given] == ["stream", "!"]
    check(steps, None, "stream!")


async def test_a_stream_that_can_be_awaited_is_followed_all_the_same(steps: SpanLog) -> None:
    class Cursor:
        def __init__(self) -> None:
            self.items = iter("ab")

        def __await__(self) -> Any:
            yield from asyncio.sleep(0).__await__()
            return self

        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> str:
            for item in self.items:
                return item
            raise StopAsyncIteration

    cursor: Any = await trace(name="stream")(lambda: Cursor())()
    assert [item async for item in cursor] == ["a", "b"]
    check(steps, None, "ab")
