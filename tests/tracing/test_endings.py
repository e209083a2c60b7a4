"""Every way a stream of the user's own can end, sync and async: right, once, and in silence."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import INVALID_SPAN, StatusCode, get_current_span

from openlayer_otel import trace
from tests.support.span_log import SpanLog, json_attribute

OUTCOME = "openlayer.operation.outcome"


class BodyError(Exception):
    """What the user's code raises."""


class Body:
    """The user's code: yields a, b, c; notes which span is current whenever it runs."""

    def __init__(self, fail_after: int | None = None, error: BaseException | None = None) -> None:
        self.fail_after = fail_after
        self.error = error or BodyError("body broke")
        self.current: set[str] = set()
        self.cleaned_up = False

    def note(self) -> None:
        self.current.add(getattr(get_current_span(), "name", "no span"))

    def sync(self) -> Iterator[str]:
        try:
            for count, item in enumerate("abc"):
                self.note()
                if count == self.fail_after:
                    raise self.error
                yield item
                self.note()
        finally:
            self.note()
            self.cleaned_up = True

    async def asynchronous(self) -> AsyncIterator[str]:
        try:
            for count, item in enumerate("abc"):
                self.note()
                await asyncio.sleep(0)
                self.note()
                if count == self.fail_after:
                    raise self.error
                yield item
                self.note()
        finally:
            self.note()
            self.cleaned_up = True


class OwnIterator:
    """An iterator of the user's own, with a close."""

    def __init__(self, source: Iterator[str]) -> None:
        self.source = source
        self.extra = "kept"

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self.source)

    def close(self) -> None:
        self.source.close()  # type: ignore[attr-defined]

    def throw(self, error: BaseException) -> Any:
        return self.source.throw(error)  # type: ignore[attr-defined]


class OwnAsyncIterator:
    """An async iterator of the user's own, with a close."""

    def __init__(self, source: AsyncIterator[str]) -> None:
        self.source = source
        self.extra = "kept"

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        return await self.source.__anext__()

    async def aclose(self) -> None:
        await self.source.aclose()  # type: ignore[attr-defined]


def _generator(body: Body) -> Any:
    @trace(name="stream")
    def stream() -> Iterator[str]:
        yield from body.sync()

    return stream()


def _method(body: Body) -> Any:
    class Owner:
        @trace(name="stream")
        def stream(self) -> Iterator[str]:
            yield from body.sync()

    return Owner().stream()


SYNC: dict[str, Callable[[Body], Any]] = {
    "generator function": _generator,
    "generator method": _method,
    "function that returns a generator": lambda body: trace(name="stream")(lambda: body.sync())(),
    "function that returns an iterator": lambda body: trace(name="stream")(
        lambda: OwnIterator(body.sync())
    )(),
}


async def _async_generator(body: Body) -> Any:
    @trace(name="stream")
    async def stream() -> AsyncIterator[str]:
        async for item in body.asynchronous():
            yield item

    return stream()


async def _returns_async_generator(body: Body) -> Any:
    return trace(name="stream")(lambda: body.asynchronous())()


async def _awaited(body: Body) -> Any:
    @trace(name="stream")
    async def stream() -> Any:
        return body.asynchronous()

    return await stream()


async def _own_async_iterator(body: Body) -> Any:
    return trace(name="stream")(lambda: OwnAsyncIterator(body.asynchronous()))()


ASYNC: dict[str, Callable[[Body], Any]] = {
    "async generator function": _async_generator,
    "function that returns an async generator": _returns_async_generator,
    "coroutine that returns an async generator": _awaited,
    "function that returns an async iterator": _own_async_iterator,
}
sync_kinds = pytest.mark.parametrize("kind", SYNC)
async_kinds = pytest.mark.parametrize("kind", ASYNC)


def check(
    steps: SpanLog,
    body: Body | None,
    output: str | None,
    outcome: str | None = None,
    error: str | None = None,
) -> ReadableSpan:
    """The one step of a stream has ended as it should; outside of it, no span is current."""
    step = steps.only()
    said = dict(step.attributes or {})
    assert get_current_span() is INVALID_SPAN
    if body is not None:
        assert body.current == {"stream"}
        assert body.cleaned_up
    if output is None:
        assert "openlayer.step.output" not in said
    else:
        assert json_attribute(step, "openlayer.step.output") == output
    assert said.get(OUTCOME) == outcome
    assert said.get("error.type") == error
    assert step.status.status_code is (StatusCode.ERROR if error else StatusCode.UNSET)
    assert [event.name for event in step.events] == (["exception"] if error else [])
    return step


# --- sync ---


@sync_kinds
def test_exhausted(kind: str, steps: SpanLog) -> None:
    body = Body()
    seen = []
    for item in SYNC[kind](body):
        assert get_current_span() is INVALID_SPAN
        seen.append(item)
    assert seen == ["a", "b", "c"]
    check(steps, body, "abc")


@sync_kinds
def test_closed_after_a_break(kind: str, steps: SpanLog) -> None:
    body = Body()
    stream = SYNC[kind](body)
    for item in stream:
        if item == "b":
            break
    assert steps.ended == []
    stream.close()
    stream.close()
    check(steps, body, "ab", "closed")


@sync_kinds
def test_dropped_after_a_break(kind: str, steps: SpanLog) -> None:
    body = Body()
    for item in SYNC[kind](body):
        if item == "b":
            break
    gc.collect()
    # What an iterator of the user's own does when it is collected, nobody can see coming.
    check(steps, None if "iterator" in kind else body, "ab", "dropped")


@sync_kinds
def test_never_iterated_and_dropped(kind: str, steps: SpanLog) -> None:
    SYNC[kind](Body())
    gc.collect()
    check(steps, None, None, "dropped")


@sync_kinds
def test_failed_half_way(kind: str, steps: SpanLog) -> None:
    body = Body(fail_after=2)
    seen = []
    with pytest.raises(BodyError) as caught:
        for item in SYNC[kind](body):
            seen.append(item)
    assert caught.value is body.error
    assert seen == ["a", "b"]
    check(steps, body, "ab", None, f"{__name__}.BodyError")


@sync_kinds
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupted_half_way(kind: str, error: type[BaseException], steps: SpanLog) -> None:
    body = Body(fail_after=1, error=error())
    with pytest.raises(error):
        list(SYNC[kind](body))
    check(steps, body, "a", "cancelled")


@sync_kinds
def test_an_exception_of_the_consumer_is_not_the_streams(kind: str, steps: SpanLog) -> None:
    def consume() -> None:
        for _ in SYNC[kind](Body()):
            raise LookupError("the consumer's own")

    with pytest.raises(LookupError):
        consume()
    gc.collect()
    check(steps, None, "a", "dropped")


@sync_kinds
def test_consumed_in_other_threads(kind: str, steps: SpanLog) -> None:
    body = Body()
    stream = SYNC[kind](body)
    seen: list[Any] = []
    for _ in range(4):
        thread = threading.Thread(target=lambda: seen.append(next(stream, None)))
        thread.start()
        thread.join()
    assert seen == ["a", "b", "c", None]
    check(steps, body, "abc")


@sync_kinds
def test_consumed_in_other_contexts_and_closed_in_yet_another(kind: str, steps: SpanLog) -> None:
    body = Body()
    stream = SYNC[kind](body)
    for _ in range(2):
        contextvars.Context().run(next, stream)
    contextvars.Context().run(stream.close)
    check(steps, body, "ab", "closed")


# --- async ---


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
    check(steps, body, "ab", None, f"{__name__}.BodyError")


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


# --- coroutines and futures ---


async def test_a_coroutine_that_fails(steps: SpanLog) -> None:
    error = BodyError("broke")

    @trace(name="stream")
    async def fails() -> None:
        await asyncio.sleep(0)
        raise error

    with pytest.raises(BodyError) as caught:
        await fails()
    assert caught.value is error
    check(steps, None, None, None, f"{__name__}.BodyError")


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
