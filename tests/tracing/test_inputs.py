"""What a step says of its inputs: those of the call, by the names of its signature."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.trace import StatusCode
from starlette.requests import Request
from starlette.websockets import WebSocket

from openlayer_otel import trace
from tests.support.span_log import SpanLog, json_attribute

INPUTS, OUTPUT = "openlayer.step.inputs", "openlayer.step.output"


def test_inputs_are_those_of_the_call_whatever_happens_to_them_later(steps: SpanLog) -> None:
    @trace
    def appends(messages: list[str]) -> list[str]:
        messages.append("later")
        return messages

    appends(["first"])
    assert json_attribute(steps.only(), INPUTS) == {"messages": ["first"]}
    assert json_attribute(steps.only(), OUTPUT) == ["first", "later"]


async def test_inputs_of_a_coroutine_are_those_of_the_call_not_of_the_await(
    steps: SpanLog,
) -> None:
    @trace
    async def reads(messages: list[str]) -> int:
        return len(messages)

    messages = ["first"]
    coroutine = reads(messages)
    messages.append("second")
    assert await coroutine == 2
    assert json_attribute(steps.only(), INPUTS) == {"messages": ["first"]}


def test_inputs_of_a_generator_are_those_of_the_call(steps: SpanLog) -> None:
    @trace
    def reads(messages: list[str]) -> Iterator[str]:
        yield from messages

    messages = ["first"]
    generator = reads(messages)
    messages.append("second")
    assert list(generator) == ["first", "second"]
    assert json_attribute(steps.only(), INPUTS) == {"messages": ["first"]}


def all_kinds(a: int, /, b: int, *rest: int, c: int = 3, d: int, **more: int) -> None:
    """Every kind of parameter there is."""


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda f: f(1, 2, d=4), {"a": 1, "b": 2, "c": 3, "d": 4}),
        (
            lambda f: f(1, 2, 8, 9, c=0, d=4, e=5),
            {"a": 1, "b": 2, "c": 0, "d": 4, "rest": [8, 9], "more": {"e": 5}},
        ),
        (lambda f: f(1, b=2, d=4), {"a": 1, "b": 2, "c": 3, "d": 4}),
    ],
)
def test_inputs_are_named_by_the_signature(
    call: Callable[[Any], Any], expected: dict[str, Any], steps: SpanLog
) -> None:
    call(trace(all_kinds))
    assert json_attribute(steps.only(), INPUTS) == expected


@pytest.mark.parametrize(
    "name", ["steps", "output", "latency", "inferenceId", "cost", "function", "step", "name"]
)
def test_any_parameter_name_is_fine(name: str, steps: SpanLog) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def given({name}): return {name}", namespace)
    assert trace(namespace["given"])(**{name: 7}) == 7
    assert json_attribute(steps.only(), INPUTS) == {name: 7}


class Hostile:
    """An object all of whose methods raise."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    def __bool__(self) -> bool:
        raise RuntimeError("bool")

    def __len__(self) -> int:
        raise RuntimeError("len")

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError("iter")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


cycle: list[Any] = []
cycle.append(cycle)


@pytest.mark.parametrize(
    "value",
    [
        Hostile(),
        float("nan"),
        {(1, 2): 3},
        cycle,
        "half an emoji \ud83d",
        2**80,
        object(),
        open,
        {1, 2},
        b"bytes",
        type,
    ],
    ids=lambda value: type(value).__name__,
)
def test_hostile_values_reach_the_function_and_stop_nothing(value: Any, steps: SpanLog) -> None:
    @trace(promote=["value"], context_kwarg="value", step_type="tool")
    def same(value: Any) -> Any:
        return value

    assert same(value) is value
    step = steps.only()
    json_attribute(step, INPUTS)
    json_attribute(step, OUTPUT)
    assert step.status.status_code is StatusCode.UNSET


def test_names_of_parameters_choose_what_is_recorded(steps: SpanLog) -> None:
    @trace(capture_input=["question"], capture_output=False)
    def ask(question: str, password: str) -> str:
        return password

    ask("q", "secret")
    step = steps.only()
    assert json_attribute(step, INPUTS) == {"question": "q"}
    assert "secret" not in str(step.attributes)


def test_nothing_is_captured_where_capture_is_off(steps: SpanLog) -> None:
    @trace(capture_input=False, capture_output=False)
    def ask(question: str) -> Iterator[str]:
        yield "secret"

    assert list(ask("secret")) == ["secret"]
    assert "secret" not in str(steps.only().attributes)


def test_of_a_web_request_its_line_is_recorded_not_all_that_the_server_knows(
    steps: SpanLog,
) -> None:
    async def no_message(*message: Any) -> Any: ...

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/ask", "headers": []}
    scope["session"] = {"user": "SECRET"}
    socket = WebSocket({**scope, "type": "websocket", "method": None}, no_message, no_message)

    @trace
    def endpoint(request: Request, socket: WebSocket, more: Any) -> None: ...

    endpoint(Request(scope), socket, more={1: Request(scope)})
    assert json_attribute(steps.only(), INPUTS) == {
        "request": "POST /ask",
        "socket": "websocket /ask",
        "more": {"1": "POST /ask"},
    }


def test_inputs_in_var_keywords_are_found_by_name(steps: SpanLog) -> None:
    @trace(promote=["k"], context_kwarg="docs", question_kwarg="asked")
    def retrieve(**kwargs: Any) -> str:
        return "out"

    retrieve(asked="why?", docs=["d"], k=3)
    step = steps.only()
    assert (step.attributes or {})["openlayer.step.question"] == "why?"
    assert json_attribute(step, "openlayer.step.context") == ["d"]
    assert json_attribute(step, "openlayer.trace.column.k") == 3


@pytest.mark.may_warn
@pytest.mark.parametrize("asked", ["context_kwarg", "question_kwarg", "promote"])
@pytest.mark.parametrize("streams", [False, True])
def test_what_is_no_input_is_said_once(
    asked: str, streams: bool, steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(question: str) -> str:
        return question

    def stream(question: str) -> Iterator[str]:
        yield question

    wishes: dict[str, Any] = {asked: ["doc"] if asked == "promote" else "doc"}
    traced = trace(**wishes)(stream if streams else answer)
    for _ in range(2):
        assert "".join(traced("q")) == "q"
    assert [record.getMessage().count("'doc'") for record in caplog.records] == [1]


def test_one_parameter_can_be_named_by_itself(steps: SpanLog) -> None:
    @trace(capture_input="user_question")
    def ask(user: str, user_question: str) -> None:
        """Nothing to do."""

    ask("SECRET", "why?")
    assert json_attribute(steps.only(), "openlayer.step.inputs") == {"user_question": "why?"}
