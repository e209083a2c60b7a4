"""Guardrails on what is awaited, or read, only after the function has returned it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed
from typing import Any

import pytest

from openlayer_otel import trace
from openlayer_otel.tracing import (
    GuardrailAction,
    GuardrailBlockedException,
    GuardrailResult,
)
from tests.support.span_log import SpanLog, json_attribute


class Secrets:
    """Blocks outputs with 'secret', and changes those with 'name'."""

    name = "Secrets"

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def check_output(self, output: Any, inputs: dict[str, Any]) -> GuardrailResult:
        self.asked.append(output)
        if "secret" in str(output):
            return GuardrailResult(GuardrailAction.BLOCK, reason="secret")
        if "name" in str(output):
            return GuardrailResult(GuardrailAction.MODIFY, "hidden")
        return GuardrailResult(GuardrailAction.ALLOW)


async def said(text: str) -> str:
    await asyncio.sleep(0)
    return text


class Awaitable:
    """To be awaited or entered, as ``aiohttp``'s requests are."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __await__(self) -> Any:
        return said(self._text).__await__()

    async def __aenter__(self) -> str:
        return self._text

    async def __aexit__(self, *details: object) -> None:
        pass


class Driven(Awaitable, Coroutine[Any, Any, str]):
    """Passes for a coroutine."""

    def send(self, value: Any) -> Any:
        raise AssertionError("past the guardrails")

    def throw(self, *error: Any) -> Any:
        raise AssertionError("past the guardrails")


class Paginator(Awaitable):
    """To be awaited or iterated over."""

    async def __aiter__(self) -> AsyncIterator[str]:
        yield self._text


def future(text: str) -> asyncio.Future[str]:
    made = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(made.set_result, text)
    return made


KINDS: dict[str, Callable[[str], Any]] = {
    "task": lambda text: asyncio.create_task(said(text)),
    "future": future,
    "awaitable": Awaitable,
    "passes for a coroutine": Driven,
    "paginator": Paginator,
}
kinds = pytest.mark.parametrize("kind", list(KINDS))


def guarded(kind: str, guard: Secrets) -> Any:
    return trace(name="answer", guardrails=[guard])(lambda text: KINDS[kind](text))


@kinds
async def test_what_is_awaited_is_checked(kind: str, steps: SpanLog) -> None:
    guard = Secrets()
    assert await guarded(kind, guard)("fine") == "fine"
    assert steps.tree() == [["answer", ["Secrets - Output"]]]
    assert json_attribute(steps.named("answer"), "openlayer.step.output") == "fine"
    assert await guarded(kind, guard)("a name") == "hidden"
    with pytest.raises(GuardrailBlockedException):
        await guarded(kind, guard)("secret")
    assert guard.asked == ["fine", "a name", "secret"]
    assert steps.open == []


@kinds
async def test_what_is_awaited_is_checked_where_nobody_traces(kind: str) -> None:
    assert await guarded(kind, Secrets())("a name") == "hidden"
    with pytest.raises(GuardrailBlockedException):
        await guarded(kind, Secrets())("secret")


@pytest.mark.parametrize("kind", ["awaitable", "passes for a coroutine"])
async def test_what_it_gives_when_it_is_entered_is_checked(kind: str, steps: SpanLog) -> None:
    async with guarded(kind, Secrets())("a name") as given:
        assert given == "hidden"
    with pytest.raises(GuardrailBlockedException):
        await guarded(kind, Secrets())("secret").__aenter__()
    assert steps.open == []


async def test_the_items_of_a_paginator_are_checked(steps: SpanLog) -> None:
    assert [item async for item in guarded("paginator", Secrets())("a name")] == ["hidden"]
    with pytest.raises(GuardrailBlockedException):
        async for _ in guarded("paginator", Secrets())("secret"):
            raise AssertionError
    assert steps.open == []


async def test_a_task_is_cancelled_with_the_one_that_stands_for_it(steps: SpanLog) -> None:
    inner: list[asyncio.Task[None]] = []

    @trace(guardrails=[Secrets()])
    def sleeping() -> asyncio.Task[None]:
        inner.append(asyncio.create_task(asyncio.sleep(60), name="sleeper"))
        return inner[-1]

    for wait in (0, 1):
        task = sleeping()
        assert task.get_name() == "sleeper"
        for _ in range(wait):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task, inner[-1]], timeout=5)
        assert task.cancelled()
        assert inner[-1].cancelled()
    assert steps.open == []


def test_the_future_of_a_pool_is_checked(steps: SpanLog) -> None:
    with ThreadPoolExecutor(1) as pool:

        @trace(name="answer", guardrails=[Secrets()])
        def submitted(text: str) -> Future[str]:
            return pool.submit(lambda: text if text else 1 / 0)  # type: ignore[arg-type,return-value]

        assert submitted("a name").result(5) == "hidden"
        assert [each.result() for each in as_completed([submitted("fine")], 5)] == ["fine"]
        with pytest.raises(GuardrailBlockedException):
            submitted("secret").result(5)
        with pytest.raises(ZeroDivisionError):
            submitted("").result(5)
    assert steps.tree()[0] == ["answer", ["Secrets - Output"]]
    assert steps.open == []


def test_the_future_of_a_pool_can_be_cancelled(steps: SpanLog) -> None:
    release = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        submitted = trace(guardrails=[Secrets()])(lambda: pool.submit(release.wait, 5))
        running, waiting = submitted(), submitted()
        assert waiting.cancel()
        assert not running.cancel()
        release.set()
        with pytest.raises(CancelledError):
            waiting.result(5)
        assert running.result(5) is True
    assert steps.open == []


@pytest.mark.may_warn
async def test_a_future_of_another_threads_loop_is_warned_about(
    steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:

        @trace(guardrails=[Secrets()])
        def elsewhere() -> asyncio.Future[str]:
            return loop.create_future()

        made = elsewhere()
        assert "elsewhere returned a Future" in caplog.text
        assert "not checked" in caplog.text
        loop.call_soon_threadsafe(made.set_result, "fine")
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.may_warn
def test_a_context_manager_that_cannot_be_checked_is_warned_about(
    steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    @trace(guardrails=[Secrets()])
    @contextlib.contextmanager
    def opened() -> Iterator[str]:
        yield "fine"

    with opened() as given:
        assert given == "fine"
    assert "opened returned a _GeneratorContextManager" in caplog.text


class Either:
    """A stream for both kinds of caller, as LiteLLM's is."""

    def __init__(self, text: str) -> None:
        self._items = iter(text.split())

    def __iter__(self) -> Either:
        return self

    def __next__(self) -> str:
        return next(self._items)

    def __aiter__(self) -> Either:
        return self

    async def __anext__(self) -> str:
        for item in self._items:
            return item
        raise StopAsyncIteration


@pytest.mark.parametrize("traced", [False, True])
async def test_a_stream_for_both_kinds_of_caller(
    traced: bool, request: pytest.FixtureRequest
) -> None:
    if traced:
        request.getfixturevalue("steps")
    given = trace(guardrails=[Secrets()])(lambda text: Either(text))

    @trace(guardrails=[Secrets()])
    async def given_later(text: str) -> Either:
        return Either(text)

    with pytest.raises(GuardrailBlockedException):
        list(given("a secret"))
    for stream in (given("a secret"), await given_later("a secret")):
        with pytest.raises(GuardrailBlockedException):
            await anext(stream)
    assert list(given("a b")) == ["a", "b"]
    assert [item async for item in await given_later("a b")] == ["a", "b"]
