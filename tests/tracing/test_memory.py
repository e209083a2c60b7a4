"""Nothing of a step is left when it is over, without waiting for the garbage collector."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from openlayer_otel import start_step, trace, using_session
from openlayer_otel.tracing import Step
from tests.support.span_log import SpanLog


@trace
def plain() -> int:
    return 1


@trace
def fails() -> None:
    raise ValueError


@trace
def stream() -> Iterator[int]:
    yield 1
    yield 2


@trace
async def coroutine() -> int:
    return plain()


@trace
async def async_stream() -> AsyncIterator[int]:
    yield 1
    yield 2


def _fail() -> None:
    try:
        fails()
    except ValueError:
        pass


def _drop() -> None:
    next(stream())


def _close() -> None:
    running = stream()
    next(running)
    running.close()  # type: ignore[attr-defined]


def _block() -> None:
    with start_step("outer"), using_session("s"), start_step("inner"):
        pass


async def _use_async() -> None:
    await coroutine()
    assert [item async for item in async_stream()] == [1, 2]
    running = async_stream()
    await running.__anext__()
    await running.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "use",
    [
        plain,
        _fail,
        lambda: list(stream()),
        _drop,
        _close,
        _block,
        lambda: asyncio.run(_use_async()),
    ],
)
def test_no_step_waits_for_the_garbage_collector(use: Callable[[], object], steps: SpanLog) -> None:
    use()
    gc.collect()
    # Other tests may hold steps of their own, such as those of a future that never ends.
    others = _steps()
    gc.disable()
    try:
        use()
        assert [each for each in _steps() if not any(each is other for other in others)] == []
    finally:
        gc.enable()


def _steps() -> list[Step]:
    return [each for each in gc.get_objects() if isinstance(each, Step)]
