"""A generator that a traced function returns may be somebody else's, too: it outlives its users."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import pytest

from openlayer_otel import current_step, log_output, trace, using_session
from tests.support.span_log import SpanLog, json_attribute

DECORATORS = [trace, using_session(user_id="u")]


@pytest.mark.parametrize("decorate", DECORATORS)
def test_a_dropped_generator_of_an_object_goes_on(
    decorate: Callable[..., Any], steps: SpanLog
) -> None:
    class Source:
        def __init__(self) -> None:
            self.numbers = (number for number in range(5))

        @decorate
        def stream(self) -> Generator[int, None, None]:
            return self.numbers

    source = Source()
    assert [next(source.stream()), next(source.stream())] == [0, 1]
    assert list(source.stream()) == [2, 3, 4]
    assert steps.open == []


@pytest.mark.parametrize("decorate", DECORATORS)
async def test_a_dropped_async_generator_of_an_object_goes_on(
    decorate: Callable[..., Any], steps: SpanLog
) -> None:
    async def count() -> AsyncGenerator[int, None]:
        for number in range(5):
            yield number

    class Source:
        def __init__(self) -> None:
            self.numbers = count()

        @decorate
        def stream(self) -> AsyncGenerator[int, None]:
            return self.numbers

    async def first() -> int:
        number = await source.stream().__anext__()
        gc.collect()
        await asyncio.sleep(0.01)  # the loop closes what was dropped
        return number

    source = Source()
    assert [await first(), await first()] == [0, 1]
    assert [number async for number in source.stream()] == [2, 3, 4]
    assert steps.open == []


def test_a_dropped_generator_of_nobody_is_closed_inside_its_step(steps: SpanLog) -> None:
    closed_in: list[Any] = []

    @trace
    def stream() -> Generator[int, None, None]:
        try:
            yield 1
        finally:
            closed_in.append(current_step())
            log_output("left")

    for _ in stream():
        break
    gc.collect()
    assert closed_in[0] is not None
    assert closed_in[0].name == "stream"
    assert json_attribute(steps.only(), "openlayer.step.output") == "left"


async def test_a_dropped_async_generator_of_nobody_is_closed_inside_its_step(
    steps: SpanLog,
) -> None:
    @trace
    async def stream() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            log_output("left")

    async for _ in stream():
        break
    gc.collect()
    await asyncio.sleep(0.01)
    assert json_attribute(steps.only(), "openlayer.step.output") == "left"
