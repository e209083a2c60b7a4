"""Functions that Python itself treats in a special way, traced."""

from __future__ import annotations

import asyncio
import functools
import inspect
import types
from collections.abc import Generator
from typing import Any

import pytest

from openlayer_otel import current_step, trace, using_session
from openlayer_otel.tracing import get_current_user_id
from tests.support.span_log import SpanLog, json_attribute


async def test_a_generator_that_is_a_coroutine_can_be_awaited(steps: SpanLog) -> None:
    @trace
    @types.coroutine
    def work(number: int) -> Generator[Any, Any, tuple[int, str]]:
        yield from asyncio.sleep(0.001).__await__()
        step = current_step()
        assert step is not None
        return number, step.name

    assert await work(3) == (3, "work")
    assert current_step() is None
    assert json_attribute(steps.only(), "openlayer.step.output") == [3, "work"]


async def test_a_generator_that_is_a_coroutine_can_be_in_a_block(steps: SpanLog) -> None:
    @using_session(user_id="u")
    @types.coroutine
    def work() -> Generator[Any, Any, str | None]:
        yield from asyncio.sleep(0.001).__await__()
        return get_current_user_id()

    assert await work() == "u"
    assert get_current_user_id() is None


def test_any_other_generator_cannot_be_awaited(steps: SpanLog) -> None:
    @trace
    def stream() -> Generator[int, None, None]:
        yield 1

    assert not inspect.isawaitable(stream())


def test_what_is_called_when_a_class_is_derived(steps: SpanLog) -> None:
    class Base:
        options: dict[str, Any]

        @trace
        def __init_subclass__(cls, **options: Any) -> None:
            super().__init_subclass__()
            cls.options = options

    class Derived(Base, size=1):
        pass

    assert Derived.options == {"size": 1}
    assert json_attribute(steps.only(), "openlayer.step.inputs") == {"options": {"size": 1}}


def test_what_is_called_when_a_class_gets_an_index(steps: SpanLog) -> None:
    class Box:
        @trace
        def __class_getitem__(cls, item: str) -> tuple[type, str]:
            return cls, item

    assert Box["x"] == (Box, "x")  # type: ignore[misc]
    assert json_attribute(steps.only(), "openlayer.step.inputs") == {"item": "x"}


class Shout:
    """An object that is called."""

    def __call__(self, text: str) -> str:
        return text.upper()


@pytest.mark.parametrize(
    ("function", "argument"), [(len, "abc"), (functools.partial(max, 3), 5), (Shout(), "abc")]
)
def test_what_python_does_not_bind_stays_so_in_a_class(
    function: Any, argument: Any, steps: SpanLog
) -> None:
    class Tools:
        used = trace(function)

    assert Tools().used(argument) == Tools.used(argument) == function(argument)
    assert len(steps.ended) == 2
