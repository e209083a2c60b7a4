"""What a step says of its inputs, its output and its exceptions, and what it must not say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pydantic
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode, get_current_span
from starlette.requests import Request
from starlette.websockets import WebSocket

from openlayer_otel import capture_content, start_step, telemetry, trace
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


class SecretError(Exception):
    """Quotes a prompt."""


def _content_everywhere(steps: SpanLog) -> str:
    spans = [*steps.ended]
    return json.dumps(
        [
            [
                dict(span.attributes or {}),
                span.status.description,
                [dict(e.attributes or {}) for e in span.events],
            ]
            for span in spans
        ],
        default=str,
    )


def _use_content() -> None:
    @trace(promote=["question"], context_kwarg="docs", question_kwarg="question")
    def ask(question: str, docs: list[str]) -> Iterator[str]:
        with start_step("part", inputs="PROMPT", output="PROMPT") as part:
            part.log(ground_truth="PROMPT", context=["PROMPT"], question="PROMPT")
            part.attach(b"PROMPT", name="PROMPT")
        yield "PROMPT"
        raise SecretError("PROMPT")

    with pytest.raises(SecretError):
        list(ask("PROMPT", ["PROMPT"]))


def test_with_content_off_no_prompt_survives_anywhere(
    settings_of_test: Callable[..., None], spans: SpanLog
) -> None:
    settings_of_test(capture_content=False)
    _use_content()
    assert "PROMPT" not in _content_everywhere(spans)
    (event,) = spans.named("ask").events
    assert dict(event.attributes or {}) == {"exception.type": f"{__name__}.SecretError"}


def test_with_content_off_for_a_block_no_prompt_of_it_survives(steps: SpanLog) -> None:
    with capture_content("none"):
        _use_content()
    assert "PROMPT" not in _content_everywhere(steps)
    steps.clear()
    _use_content()
    assert "PROMPT" in _content_everywhere(steps)


def test_redaction_sees_every_text(settings_of_test: Callable[..., None], spans: SpanLog) -> None:
    settings_of_test(redact=lambda text: text.replace("PROMPT", "[gone]"))
    _use_content()
    everything = _content_everywhere(spans)
    assert "PROMPT" not in everything
    assert "[gone]" in everything


def test_a_steps_own_redaction_comes_after_the_general_one(
    settings_of_test: Callable[..., None], spans: SpanLog
) -> None:
    settings_of_test(redact=lambda text: text.replace("one", "1"))

    @trace(redact=lambda text: text.replace("1", "I").replace("two", "2"))
    def ask(question: str) -> str:
        return question

    @trace
    def other(question: str) -> str:
        return question

    assert ask("one two") == "one two"
    assert other("one two") == "one two"
    assert json_attribute(spans.named("ask"), INPUTS) == {"question": "I 2"}
    assert json_attribute(spans.named("other"), OUTPUT) == "1 two"


@pytest.mark.may_warn
def test_a_redaction_that_fails_leaks_nothing(
    settings_of_test: Callable[..., None], spans: SpanLog
) -> None:
    def broken(text: str) -> str:
        raise ValueError(text)

    settings_of_test(redact=broken)
    _use_content()
    assert "PROMPT" not in _content_everywhere(spans)


def test_a_large_output_is_cut_and_stays_json(
    settings_of_test: Callable[..., None], spans: SpanLog
) -> None:
    settings_of_test(max_content_bytes=2000)

    @trace
    def large() -> list[str]:
        return ["x" * 1000] * 100

    @trace
    def stream() -> Iterator[dict[str, str]]:
        for _ in range(100):
            yield {"text": "x" * 100}

    large()
    list(stream())
    for span in spans.ended:
        assert len((span.attributes or {})[OUTPUT]) < 3000  # type: ignore[arg-type]
        json_attribute(span, OUTPUT)
        assert (span.attributes or {})["openlayer.content.truncated"] == (OUTPUT,)


def test_items_of_a_stream_are_taken_down_when_they_pass(steps: SpanLog) -> None:
    @trace
    def stream() -> Iterator[dict[str, int]]:
        item: dict[str, int] = {}
        for number in range(3):
            item["n"] = number
            yield item

    for item in stream():
        item["consumer"] = 1
    assert json_attribute(steps.only(), OUTPUT)[0] == {"n": 0}


@pytest.mark.parametrize(
    ("items", "output"),
    [
        (["a", "b"], "ab"),
        ([b"\xc3", b"\xa9"], "é"),
        (["a", 1], ["a", 1]),
        ([1, "a"], [1, "a"]),
        ([b"\xff\xfe"], ["[2 bytes]"]),
        ([], ""),
        ([None], [None]),
    ],
)
def test_texts_are_joined_and_anything_else_is_a_list(
    items: list[Any], output: Any, steps: SpanLog
) -> None:
    @trace
    def stream() -> Iterator[Any]:
        yield from items

    list(stream())
    assert json_attribute(steps.only(), OUTPUT) == output


def test_an_exception_is_written_down_where_it_arose_and_marks_all_above(steps: SpanLog) -> None:
    error = ValueError("why")

    @trace(name="inner")
    def inner() -> None:
        raise error

    @trace(name="middle")
    async def middle() -> None:
        with start_step("block"):
            inner()

    @trace(name="outer")
    def outer() -> None:
        asyncio.run(middle())

    with pytest.raises(ValueError) as caught:
        outer()
    assert caught.value is error
    assert {span.name: len(span.events) for span in steps.ended} == {
        "inner": 1,
        "block": 0,
        "middle": 0,
        "outer": 0,
    }
    for span in steps.ended:
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description == "why"
        assert (span.attributes or {})["error.type"] == "ValueError"
    (event,) = steps.named("inner").events
    said = dict(event.attributes or {})
    assert (said["exception.type"], said["exception.message"]) == ("ValueError", "why")
    assert "raise error" in str(said["exception.stacktrace"])


def test_an_exception_that_the_caller_handles_marks_only_its_own_step(steps: SpanLog) -> None:
    @trace(name="inner")
    def inner() -> None:
        raise ValueError("first")

    @trace(name="outer")
    def outer() -> None:
        try:
            inner()
        except ValueError:
            pass
        raise ValueError("second")

    with pytest.raises(ValueError, match="second"):
        outer()
    (event,) = steps.named("outer").events
    assert (event.attributes or {})["exception.message"] == "second"


def test_on_error_is_told_and_changes_nothing(steps: SpanLog) -> None:
    told = []

    @trace(on_error=lambda error, step: told.append((error, step.log(metadata={"seen": 1}))))
    def fails() -> None:
        raise ValueError("why")

    with pytest.raises(ValueError, match="why"):
        fails()
    assert [str(error) for error, _ in told] == ["why"]
    assert json_attribute(steps.only(), "openlayer.step.metadata") == {"seen": 1}


@pytest.mark.may_warn
def test_an_on_error_that_raises_changes_nothing(steps: SpanLog) -> None:
    def broken(error: BaseException, step: object) -> None:
        raise LookupError

    @trace(on_error=broken)
    def fails() -> None:
        raise ValueError("why")

    with pytest.raises(ValueError, match="why"):
        fails()
    assert steps.only().status.description == "why"


@dataclass
class Answer:
    """A result with fields."""

    score: float
    label: str


@pytest.mark.parametrize(
    ("result", "wanted"),
    [({"score": 0.5}, {"score": 0.5}), (Answer(0.5, "x"), {"score": 0.5}), ({}, {})],
)
@pytest.mark.may_warn
def test_promoted_values_become_columns(
    result: Any, wanted: dict[str, Any], steps: SpanLog
) -> None:
    @trace(promote={"question": "asked", "score": "score"})
    def ask(question: str) -> Any:
        return result

    @trace(name="root")
    def root() -> None:
        ask("q")

    root()
    columns = {
        name.removeprefix("openlayer.trace.column."): json.loads(str(value))
        for name, value in (steps.named("root").attributes or {}).items()
        if name.startswith("openlayer.trace.column.")
    }
    assert columns == {"asked": "q", **wanted}


def test_a_model_is_recorded_as_it_is_with_defaults_and_without_what_it_excludes(
    steps: SpanLog,
) -> None:
    class Verdict(pydantic.BaseModel):
        text: str
        confidence: float = 0.5
        note: str | None = None
        labels: list[str] = pydantic.Field(default_factory=lambda: ["a"])
        token: str = pydantic.Field("t", exclude=True)
        secret: pydantic.SecretStr = pydantic.SecretStr("s")

    trace(lambda verdict: verdict)(Verdict(text="yes", token="given"))
    told = {"text": "yes", "confidence": 0.5, "labels": ["a"], "secret": "**********"}
    assert json_attribute(steps.only(), "openlayer.step.output") == told
    assert json_attribute(steps.only(), "openlayer.step.inputs") == {"verdict": told}


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
    assert json_attribute(steps.only(), "openlayer.step.inputs") == {
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


@pytest.mark.parametrize(
    ("step_type", "span_name", "said"),
    [
        (
            "agent",
            "invoke_agent f",
            {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "f"},
        ),
        (
            "tool",
            "execute_tool f",
            {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f"},
        ),
        ("retriever", "retrieval f", {"gen_ai.operation.name": "retrieval"}),
        ("embedding", "embeddings f", {"gen_ai.operation.name": "embeddings"}),
        ("chat_completion", "f", {"gen_ai.operation.name": "chat"}),
        ("handoff", "f", {}),
        ("guardrail", "f", {}),
        ("user_call", "f", {}),
    ],
)
def test_steps_have_the_conventions_names(
    step_type: str, span_name: str, said: dict[str, str], steps: SpanLog
) -> None:
    @trace(step_type=step_type)
    def f(x: int) -> int:
        return x

    f(1)
    step = steps.named(span_name)
    attributes = dict(step.attributes or {})
    assert attributes["openlayer.step.name"] == "f"
    assert attributes["openlayer.step.type"] == step_type
    assert {name: attributes.get(name) for name in said} == said
    if step_type == "tool":
        assert json.loads(str(attributes["gen_ai.tool.call.arguments"])) == {"x": 1}
        assert attributes["gen_ai.tool.call.result"] == "1"


def test_a_workflow_has_the_conventions_name(steps: SpanLog) -> None:
    trace(name="w", step_type="workflow")(lambda: None)()
    step = steps.named("invoke_workflow w")
    assert (step.attributes or {})["openlayer.step.type"] == "user_call"


@pytest.mark.may_warn
def test_an_unknown_step_type_is_said_once_and_taken_as_a_user_call(
    steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        trace(step_type="nonsense")(lambda: None)()
        trace(step_type=None)(lambda: None)()
    assert [record.getMessage().count("nonsense") for record in caplog.records] == [1]
    assert {(s.attributes or {})["openlayer.step.type"] for s in steps.ended} == {"user_call"}


class Counted:
    """Counts how often somebody looks at it."""

    looked = 0

    def to_dict(self) -> dict[str, int]:
        Counted.looked += 1
        return {}


async def test_what_is_not_sampled_is_not_encoded_and_says_so_to_its_children(
    spans: SpanLog,
) -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    telemetry.activate(telemetry.Telemetry(tracer_provider=provider))

    @trace
    def plain(value: Counted) -> tuple[Counted, int]:
        return value, get_current_span().get_span_context().trace_id

    @trace
    async def stream(value: Counted) -> Any:
        yield get_current_span().get_span_context().trace_id
        yield plain(value)[1]

    @trace(promote=["value"])
    async def root(value: Counted) -> set[int]:
        return {
            plain(value)[1],
            get_current_span().get_span_context().trace_id,
            *[item async for item in stream(value)],
        }

    (trace_id,) = await root(Counted())
    assert trace_id != 0
    assert Counted.looked == 0
    assert spans.started == []


def test_without_a_tracer_provider_functions_just_run() -> None:
    @trace
    def plain(value: Counted) -> Counted:
        return value

    @trace
    def stream() -> Iterator[int]:
        yield 1

    plain(Counted())
    assert list(stream()) == [1]
    assert Counted.looked == 0


def test_under_suppression_nothing_is_recorded(steps: SpanLog) -> None:
    from opentelemetry.instrumentation.utils import suppress_instrumentation

    @trace
    def plain() -> int:
        return 1

    with suppress_instrumentation():
        assert plain() == 1
    assert steps.started == []
