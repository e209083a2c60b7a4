"""A decorated generator is a generator: send, throw, close and their async kin work as before."""

from __future__ import annotations

import asyncio
import inspect
import types
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any

import pytest
from opentelemetry.trace import INVALID_SPAN, get_current_span

from openlayer_otel import start_step, trace, using_session
from tests.support.span_log import SpanLog, json_attribute


def echo() -> Generator[Any, Any, str]:
    """Yields what it is sent; answers a ValueError with a text; returns a value."""
    sent: Any = "start"
    while sent != "stop":
        try:
            sent = yield sent
        except ValueError as error:
            sent = f"caught {error}"
    return "returned"


async def async_echo() -> AsyncGenerator[Any, Any]:
    """The same, async."""
    sent: Any = "start"
    while sent != "stop":
        try:
            sent = yield sent
            await asyncio.sleep(0)
        except ValueError as error:
            sent = f"caught {error}"


def conversation(generator: Any) -> list[Any]:
    said = [next(generator), generator.send("x"), generator.throw(ValueError("v"))]
    try:
        generator.send("stop")
    except StopIteration as stop:
        said.append(stop.value)
    return said


def test_send_throw_and_the_returned_value_work(steps: SpanLog) -> None:
    decorated = trace(echo)()
    assert type(decorated) is types.GeneratorType
    assert conversation(decorated) == conversation(echo())
    step = steps.only()
    assert json_attribute(step, "openlayer.step.output") == "startxcaught v"


async def test_asend_and_athrow_work(steps: SpanLog) -> None:
    decorated = trace(async_echo)()
    assert type(decorated) is types.AsyncGeneratorType
    assert await decorated.__anext__() == "start"
    assert await decorated.asend("x") == "x"
    assert await decorated.athrow(ValueError("v")) == "caught v"
    with pytest.raises(StopAsyncIteration):
        await decorated.asend("stop")
    steps.only()


def test_yield_from_passes_everything_through(steps: SpanLog) -> None:
    def outer() -> Generator[Any, Any, str]:
        return (yield from trace(echo)())

    assert conversation(outer()) == conversation(echo())


def test_an_exception_thrown_in_that_the_body_does_not_catch_is_the_steps(steps: SpanLog) -> None:
    generator = trace(echo)()
    next(generator)
    error = LookupError("thrown")
    with pytest.raises(LookupError) as caught:
        generator.throw(error)
    assert caught.value is error
    assert (steps.only().attributes or {})["error.type"] == "LookupError"


def test_a_body_that_ignores_close_is_told_so_as_before() -> None:
    def stubborn() -> Iterator[int]:
        while True:
            try:
                yield 1
            except GeneratorExit:
                yield 2

    for function in (stubborn, trace(stubborn)):
        generator = function()
        next(generator)
        with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
            generator.close()  # type: ignore[attr-defined]


def test_a_stop_iteration_raised_inside_stays_a_runtime_error(steps: SpanLog) -> None:
    @trace
    def raises() -> Iterator[int]:
        yield 1
        raise StopIteration

    with pytest.raises(RuntimeError, match="raised StopIteration"):
        list(raises())
    assert (steps.only().attributes or {})["error.type"] == "RuntimeError"


def test_the_generator_carries_the_functions_name() -> None:
    generator = trace(echo)()
    assert (generator.__name__, generator.__qualname__) == ("echo", "echo")
    assert inspect.getgeneratorstate(generator) == inspect.GEN_CREATED
    generator.close()


def test_a_block_around_a_yield_is_current_inside_only(steps: SpanLog) -> None:
    seen = []

    @trace(name="stream")
    def stream() -> Iterator[int]:
        with start_step("block"), using_session("s1"):
            seen.append(get_current_span().name)  # type: ignore[attr-defined]
            yield 1
            seen.append(get_current_span().name)  # type: ignore[attr-defined]
            with start_step("deeper"):
                yield 2
                seen.append(get_current_span().name)  # type: ignore[attr-defined]
        seen.append(get_current_span().name)  # type: ignore[attr-defined]
        yield 3

    for _ in stream():
        assert get_current_span() is INVALID_SPAN
        with start_step("the consumer's"):
            pass
    assert seen == ["block", "block", "deeper", "stream"]
    assert steps.tree() == [
        ["stream", ["block", ["deeper"]]],
        ["the consumer's"],
        ["the consumer's"],
        ["the consumer's"],
    ]
    assert (steps.named("deeper").attributes or {})["session.id"] == "s1"
    assert "session.id" not in (steps.ended[-1].attributes or {})


def test_a_block_around_a_yield_ends_well_in_another_thread(steps: SpanLog) -> None:
    import threading

    seen = []

    @trace(name="stream")
    def stream() -> Iterator[int]:
        with using_session("s1"), start_step("block"):
            yield 1
        seen.append(get_current_span().name)  # type: ignore[attr-defined]
        with start_step("after"):
            yield 2

    generator = stream()
    for _ in range(3):
        thread = threading.Thread(target=lambda: next(generator, None))
        thread.start()
        thread.join()
    assert seen == ["stream"]
    assert steps.tree() == [["stream", ["block"], ["after"]]]
    assert "session.id" not in (steps.named("after").attributes or {})


async def test_the_consumers_spans_are_not_children_of_the_stream(steps: SpanLog) -> None:
    @trace(name="stream")
    async def stream() -> AsyncIterator[int]:
        for number in range(2):
            with start_step("inside"):
                await asyncio.sleep(0)
            yield number

    with start_step("consumer"):
        async for _ in stream():
            with start_step("outside"):
                pass
    assert steps.tree() == [
        ["consumer", ["stream", ["inside"], ["inside"]], ["outside"], ["outside"]]
    ]


async def test_a_generator_belongs_where_it_was_called_not_where_it_is_consumed(
    steps: SpanLog,
) -> None:
    @trace(name="stream")
    async def stream() -> AsyncIterator[int]:
        yield 1

    @trace(name="endpoint")
    async def endpoint() -> list[AsyncIterator[int]]:
        return [stream()]

    with start_step("elsewhere"):
        (kept,) = await endpoint()
    assert [item async for item in kept] == [1]
    assert steps.tree() == [["elsewhere", ["endpoint", ["stream"]]]]


async def test_many_streams_at_once_keep_to_themselves(steps: SpanLog) -> None:
    @trace(name="stream")
    async def stream(number: int) -> AsyncIterator[str]:
        for _ in range(3):
            with start_step(f"inside {number}"):
                await asyncio.sleep(0)
            yield str(number)

    async def consume(number: int) -> None:
        with start_step(f"root {number}"):
            assert [item async for item in stream(number)] == [str(number)] * 3

    await asyncio.gather(*(consume(number) for number in range(20)))
    inside = [f"inside {0}"] * 3
    assert len(steps.tree()) == 20
    assert ["root 0", ["stream", *([name] for name in inside)]] in steps.tree()
    for branch in steps.tree():
        number = branch[0].split()[1]
        assert branch[1] == ["stream", *([f"inside {number}"] for _ in range(3))]


async def test_a_fire_and_forget_task_is_part_of_the_trace_from_the_start(steps: SpanLog) -> None:
    @trace(name="background")
    async def background() -> str:
        await asyncio.sleep(0.01)
        return "done"

    tasks = []

    @trace(name="root")
    async def root() -> str:
        tasks.append(asyncio.create_task(background()))
        return "answered"

    await root()
    # The child is known before the root has ended: whoever waits for the whole trace waits for it.
    assert [span.name for span in steps.open] == ["background"]
    await tasks[0]
    assert steps.tree() == [["root", ["background"]]]
