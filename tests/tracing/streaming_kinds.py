"""Every kind of stream of the user's own, and what its one step has to say when it has ended."""

from __future__ import annotations

import asyncio
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


BODY_ERROR = f"{__name__}.BodyError"


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
