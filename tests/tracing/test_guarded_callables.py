"""Guardrails see the inputs of every callable, and leave it of the kind that it is."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from openlayer_otel import trace
from openlayer_otel.tracing import (
    GuardrailAction,
    GuardrailBlockedException,
    GuardrailResult,
)
from tests.support.span_log import SpanLog, json_attribute


class Inputs:
    """Remembers the inputs, and changes some."""

    name = "Inputs"

    def __init__(self, **changes: Any) -> None:
        self._changes = changes
        self.asked: list[dict[str, Any]] = []

    def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
        self.asked.append(inputs)
        if not self._changes:
            return GuardrailResult(GuardrailAction.ALLOW)
        return GuardrailResult(GuardrailAction.MODIFY, {**inputs, **self._changes})


class Waiting:
    """Blocks everything, once it has been awaited."""

    name = "Waiting"

    async def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
        await asyncio.sleep(0)
        return GuardrailResult(GuardrailAction.BLOCK, reason="no")


def pair(a: Any, b: Any = None) -> tuple[Any, Any]:
    return a, b


async def coroutine(a: Any) -> Any:
    return a


async def async_items(a: Any) -> AsyncIterator[Any]:
    yield a


class Owner:
    def method(self, a: Any, b: Any) -> tuple[Any, Any]:
        return a, b


PARTIALS: dict[str, Callable[[], Any]] = {
    "positional": lambda: functools.partial(pair, 1),
    "keyword": lambda: functools.partial(pair, b=1),
    "nested": lambda: functools.partial(functools.partial(pair, 1), 2),
    "of a method": lambda: functools.partial(Owner().method, 1),
    "of an unbound method": lambda: functools.partial(Owner.method, Owner(), 1),
}
GIVEN: dict[str, tuple[Any, ...]] = {"nested": ()}
INPUTS: dict[str, dict[str, Any]] = {
    "keyword": {"a": "given", "b": 1},
    "nested": {"a": 1, "b": 2},
}


@pytest.mark.parametrize("kind", list(PARTIALS))
def test_a_partial_is_checked_with_what_it_has_bound(kind: str, steps: SpanLog) -> None:
    inputs = INPUTS.get(kind, {"a": 1, "b": "given"})
    given = GIVEN.get(kind, ("given",))
    guard = Inputs()
    assert trace(guardrails=[guard])(PARTIALS[kind]())(*given) == (inputs["a"], inputs["b"])
    assert guard.asked == [inputs]
    for name in inputs:
        changed = {**inputs, name: "changed"}
        traced = trace(guardrails=[Inputs(**{name: "changed"})])(PARTIALS[kind]())
        assert traced(*given) == (changed["a"], changed["b"])


class Cached:
    @trace
    @functools.lru_cache  # noqa: B019 - what is tested
    def plain(self, a: Any, b: Any = 2) -> tuple[Any, Any]:
        return a, b

    @trace(guardrails=[Inputs(a="changed")])
    @functools.lru_cache  # noqa: B019 - what is tested
    def guarded(self, a: Any, b: Any = 2) -> tuple[Any, Any]:
        return a, b


def test_the_inputs_of_a_cached_method(steps: SpanLog) -> None:
    for call in (lambda: Cached().plain(1), lambda: Cached.plain(Cached(), 1)):
        steps.ended.clear()
        assert call() == (1, 2)
        assert json_attribute(steps.named("plain"), "openlayer.step.inputs") == {"a": 1, "b": 2}
    assert Cached().guarded(1) == ("changed", 2)
    assert Cached.guarded(Cached(), 1) == ("changed", 2)


def test_a_plain_function_around_a_coroutine_function_gives_its_value(steps: SpanLog) -> None:
    @trace(guardrails=[Inputs(a="changed")])
    @functools.wraps(coroutine)
    def run(a: Any) -> Any:
        return asyncio.run(coroutine(a))

    assert run(1) == "changed"


@pytest.mark.may_warn  # of the guardrail that cannot be awaited
async def test_a_context_manager_stays_one(steps: SpanLog) -> None:
    @trace(guardrails=[Inputs(), Waiting()])
    @contextlib.contextmanager
    def opened(a: Any) -> Iterator[Any]:
        yield a

    @trace(guardrails=[Inputs(), Waiting()])
    @contextlib.asynccontextmanager
    async def opened_async(a: Any) -> AsyncIterator[Any]:
        yield a

    with opened(1) as given:
        assert given == 1
    async with opened_async(1) as given:
        assert given == 1


class CallableObject:
    async def __call__(self, a: Any) -> Any:
        raise AssertionError("blocked")


def _around(function: Any, asynchronous: bool) -> Any:
    @functools.wraps(function)
    async def offloading(*args: Any) -> Any:
        return function(*args)

    @functools.wraps(function)
    def passing(*args: Any) -> Any:
        return function(*args)

    return offloading if asynchronous else passing


AWAITED: dict[str, Any] = {
    "coroutine function around a function": _around(pair, True),
    "function around a coroutine function": _around(coroutine, False),
    "function around an async generator function": _around(async_items, False),
    "callable object": CallableObject(),
    "partial of a callable object": functools.partial(CallableObject(), 1),
    "traced callable object": trace(CallableObject()),
}


@pytest.mark.parametrize("kind", list(AWAITED))
async def test_an_asynchronous_guardrail_is_not_bypassed(kind: str, steps: SpanLog) -> None:
    given = trace(guardrails=[Waiting()])(AWAITED[kind])(*([] if "partial" in kind else [1]))
    with pytest.raises(GuardrailBlockedException):
        await (anext(given) if "generator" in kind else given)


class WithOutput(Inputs):
    def check_output(self, output: Any, inputs: dict[str, Any]) -> GuardrailResult:
        return GuardrailResult(GuardrailAction.ALLOW)


async def test_an_async_generator_can_be_sent_to_and_thrown_at(steps: SpanLog) -> None:
    closed = []

    @trace(guardrails=[Inputs()])
    async def answering() -> AsyncIterator[Any]:
        got = None
        try:
            while got != "enough":
                try:
                    got = yield got
                except ValueError as error:
                    got = f"caught {error}"
        finally:
            closed.append(got)

    running: Any = answering()
    assert await running.asend(None) is None
    assert await running.asend("hello") == "hello"
    assert await running.athrow(ValueError("it")) == "caught it"
    await running.aclose()
    assert closed == ["caught it"]
    running = answering()
    await running.asend(None)
    with pytest.raises(StopAsyncIteration):
        await running.asend("enough")
    assert steps.open == []


def test_a_generators_return_value_is_kept(steps: SpanLog) -> None:
    @trace(guardrails=[WithOutput()])
    def answering() -> Any:
        yield "a"
        return 42

    def reading() -> Any:
        return (yield from answering())

    running = reading()
    assert next(running) == "a"
    with pytest.raises(StopIteration) as stop:
        next(running)
    assert stop.value.value == 42


class Secrets:
    """Blocks outputs with a secret, gracefully."""

    name = "Secrets"

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def check_output(self, output: Any, inputs: dict[str, Any]) -> GuardrailResult:
        self.asked.append(output)
        if "secret" not in output:
            return GuardrailResult(GuardrailAction.ALLOW)
        return GuardrailResult(GuardrailAction.MODIFY, "hidden")


@pytest.mark.parametrize(
    ("item", "returned", "expected"),
    [
        ("a", "b", ("a", "b")),
        ("secret", "b", ("hidden", "b")),
        ("a", "secret", ("a", "hidden")),
    ],
)
def test_a_generators_return_value_is_checked(
    item: str, returned: str, expected: tuple[str, str], steps: SpanLog
) -> None:
    guard = Secrets()

    @trace(name="answer", guardrails=[guard])
    def answering() -> Any:
        yield item
        return returned

    running = answering()
    first = next(running)
    with pytest.raises(StopIteration) as stop:
        next(running)
    assert (first, stop.value.value) == expected
    assert guard.asked == [item, returned]
    metadata = json_attribute(steps.named("answer"), "openlayer.step.metadata")
    assert metadata["guardrail_modified"] is ("hidden" in expected)


def generated(a: Any) -> Iterator[Any]:
    yield a


@pytest.mark.parametrize("function", [generated, coroutine, async_items])
def test_wrong_arguments_raise_at_the_call(function: Any, steps: SpanLog) -> None:
    for traced in (
        trace(guardrails=[Inputs()])(function),
        trace(guardrails=[Inputs()])(functools.partial(function, 1)),
    ):
        with pytest.raises(TypeError, match=function.__name__):
            traced(1, 2, 3)
    assert steps.open == []
