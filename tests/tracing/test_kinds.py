"""Every kind of callable: one step, its inputs, its output, and nothing about it has changed."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from opentelemetry.trace import StatusCode, get_current_span

from openlayer_otel import trace
from tests.support.span_log import SpanLog, json_attribute

INPUTS = {"a": 1, "b": 2}


def function(a: int, b: int = 2) -> list[int]:
    """Doc of the function."""
    return [a, b]


async def coroutine_function(a: int, b: int = 2) -> list[int]:
    """Doc of the function."""
    await asyncio.sleep(0)
    return [a, b]


def generator_function(a: int, b: int = 2) -> Iterator[int]:
    """Doc of the function."""
    yield a
    yield b


async def async_generator_function(a: int, b: int = 2) -> AsyncIterator[int]:
    """Doc of the function."""
    yield a
    await asyncio.sleep(0)
    yield b


FUNCTIONS = [function, coroutine_function, generator_function, async_generator_function]


class Sync:
    """Every way to put a function into a class."""

    @trace
    def method(self, a: int, b: int = 2) -> list[int]:
        return [a, b]

    @trace
    @classmethod
    def traced_class_method(cls, a: int, b: int = 2) -> list[int]:
        assert cls is Sync
        return [a, b]

    @classmethod
    @trace
    def class_method_traced(cls, a: int, b: int = 2) -> list[int]:
        assert cls is Sync
        return [a, b]

    @trace
    @staticmethod
    def traced_static_method(a: int, b: int = 2) -> list[int]:
        return [a, b]

    @staticmethod
    @trace
    def static_method_traced(a: int, b: int = 2) -> list[int]:
        return [a, b]

    @trace(name="with arguments")
    async def async_method(self, a: int, b: int = 2) -> list[int]:
        return [a, b]

    @trace()
    def generator_method(self, a: int, b: int = 2) -> Iterator[int]:
        yield a
        yield b

    @trace()
    async def async_generator_method(self, a: int, b: int = 2) -> AsyncIterator[int]:
        yield a
        yield b


class CallableObject:
    """An object that can be called."""

    def __call__(self, a: int, b: int = 2) -> list[int]:
        return [a, b]


class AsyncCallable:
    """An object that can be called and awaited."""

    async def __call__(self, a: int, b: int = 2) -> list[int]:
        return [a, b]


async def value_of(result: Any) -> Any:
    """What a call of any kind gives in the end."""
    if inspect.isawaitable(result):
        result = await result
    if inspect.isasyncgen(result):
        return [item async for item in result]
    if inspect.isgenerator(result):
        return list(result)
    return result


CALLS: dict[str, Callable[[], Any]] = {
    "function": lambda: trace(function)(1),
    "function, keyword": lambda: trace(function)(b=2, a=1),
    "coroutine function": lambda: trace(coroutine_function)(1),
    "generator": lambda: trace(generator_function)(1),
    "async generator": lambda: trace(async_generator_function)(1),
    "method": lambda: Sync().method(1),
    "method through the class": lambda: Sync.method(Sync(), 1),
    "class method inside": lambda: Sync.traced_class_method(1),
    "class method inside, through an instance": lambda: Sync().traced_class_method(1),
    "class method outside": lambda: Sync.class_method_traced(1),
    "static method inside": lambda: Sync.traced_static_method(1),
    "static method inside, through an instance": lambda: Sync().traced_static_method(1),
    "static method outside": lambda: Sync().static_method_traced(1),
    "async method": lambda: Sync().async_method(1),
    "generator method": lambda: Sync().generator_method(1),
    "async generator method": lambda: Sync().async_generator_method(1),
    "callable object": lambda: trace(CallableObject())(1),
    "async callable object": lambda: trace(AsyncCallable())(1),
    "partial": lambda: trace(functools.partial(function, 1))(),
    "partial with a keyword": lambda: trace(functools.partial(function, b=2))(1),
    "partial of a coroutine function": lambda: trace(functools.partial(coroutine_function, 1))(),
    "partial of a generator": lambda: trace(functools.partial(generator_function, 1))(),
    "returns a generator": lambda: trace(lambda a, b=2: generator_function(a, b))(1),
    "returns a coroutine": lambda: trace(lambda a, b=2: coroutine_function(a, b))(1),
    "returns an async generator": lambda: trace(lambda a, b=2: async_generator_function(a, b))(1),
}


@pytest.mark.parametrize("kind", CALLS)
async def test_a_call_of_any_kind_is_one_step_with_inputs_and_output(
    kind: str, steps: SpanLog
) -> None:
    assert await value_of(CALLS[kind]()) == [1, 2]
    step = steps.only()
    assert json_attribute(step, "openlayer.step.inputs") == INPUTS
    assert json_attribute(step, "openlayer.step.output") == [1, 2]
    assert step.status.status_code is StatusCode.UNSET
    assert step.attributes is not None
    assert step.attributes["openlayer.step.type"] == "user_call"


@pytest.mark.parametrize("original", FUNCTIONS, ids=lambda each: each.__name__)
def test_a_decorated_function_inspects_as_before(original: Any) -> None:
    decorated = trace(original)
    for question in (
        inspect.isfunction,
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
        asyncio.iscoroutinefunction,
        inspect.signature,
        inspect.get_annotations,
        inspect.getdoc,
        inspect.unwrap,
        inspect.getsource,
        callable,
    ):
        assert question(decorated) == question(original), question
    assert decorated.__name__ == original.__name__
    assert decorated.__qualname__ == original.__qualname__
    assert decorated.__module__ == original.__module__
    assert decorated.__wrapped__ is original


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("async_method", inspect.iscoroutinefunction),
        ("generator_method", inspect.isgeneratorfunction),
        ("async_generator_method", inspect.isasyncgenfunction),
        ("method", inspect.ismethod),
    ],
)
def test_a_decorated_method_inspects_as_before(name: str, question: Any) -> None:
    assert question(getattr(Sync(), name))
    assert list(inspect.signature(getattr(Sync(), name)).parameters) == ["a", "b"]


def test_partials_inspect_as_before() -> None:
    decorated = trace(functools.partial(coroutine_function, 1))
    assert inspect.iscoroutinefunction(decorated)
    assert list(inspect.signature(decorated).parameters) == ["b"]


@trace
class Agent:
    """A class whose public methods are steps."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, question: str) -> str:
        return self._think(question)

    def _think(self, question: str) -> str:
        return question.upper()

    async def arun(self, question: str) -> str:
        return self.run(question)

    @classmethod
    def make(cls) -> Agent:
        return cls("made")

    @staticmethod
    def version() -> int:
        return 3

    @property
    def title(self) -> str:
        return self.name

    @trace(name="own name")
    def own(self) -> int:
        return 1

    def __call__(self, question: str) -> str:
        return question


async def test_all_public_methods_of_a_decorated_class_are_steps(steps: SpanLog) -> None:
    agent = Agent.make()
    assert isinstance(agent, Agent)
    assert (agent.title, agent.own(), Agent.version(), agent("q")) == ("made", 1, 3, "q")
    assert await agent.arun("hi") == "HI"
    assert steps.tree() == [
        ["Agent.make"],
        ["own name"],
        ["Agent.version"],
        ["Agent"],
        ["Agent.arun", ["Agent.run"]],
    ]
    run = steps.named("Agent.run")
    assert json_attribute(run, "openlayer.step.inputs") == {"question": "hi"}


def test_what_cannot_be_called_cannot_be_decorated() -> None:
    with pytest.raises(TypeError, match="for callables"):
        trace(3)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        trace(no_such_argument=1)  # type: ignore[call-overload]


@pytest.mark.parametrize("original", FUNCTIONS, ids=lambda each: each.__name__)
async def test_wrong_arguments_raise_at_the_call_as_before(original: Any, steps: SpanLog) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        trace(original)(1, nonsense=2)
    step = steps.only()
    assert step.status.status_code is StatusCode.ERROR


def test_an_instance_handed_over_by_hand_is_no_input(steps: SpanLog) -> None:
    class Stranger:
        """No relation."""

    assert Sync.method(Stranger(), 1) == [1, 2]  # type: ignore[arg-type]
    assert json_attribute(steps.only(), "openlayer.step.inputs") == INPUTS


async def test_nested_steps_of_all_kinds_are_one_trace(steps: SpanLog) -> None:
    @trace(name="inner")
    def inner() -> str:
        return get_current_span().name  # type: ignore[attr-defined]

    @trace(name="stream")
    async def stream() -> AsyncIterator[str]:
        yield inner()
        await asyncio.sleep(0)
        yield inner()

    @trace(name="pieces")
    def pieces() -> Iterator[str]:
        yield inner()

    @trace(name="outer")
    async def outer() -> list[str]:
        return [item async for item in stream()] + list(pieces())

    assert await outer() == ["inner"] * 3
    assert steps.tree() == [["outer", ["stream", ["inner"], ["inner"]], ["pieces", ["inner"]]]]
    assert len({span.get_span_context().trace_id for span in steps.ended}) == 1


def test_decorated_functions_and_methods_can_be_pickled() -> None:
    import pickle

    assert pickle.loads(pickle.dumps(module_level)) is module_level
    method = pickle.loads(pickle.dumps(Picklable().method))
    assert method(4) == 4


@trace
def module_level(a: int) -> int:
    return a


class Picklable:
    """A class at module level."""

    @trace
    def method(self, a: int) -> int:
        return a


def test_a_decorated_function_runs_in_another_process() -> None:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(module_level, 7).result(timeout=120) == 7
