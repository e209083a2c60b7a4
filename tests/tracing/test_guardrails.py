"""Guardrails on every kind of callable: allow, modify, block; a block really blocks."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import time
import types
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from openlayer_otel import capture_content, trace
from openlayer_otel.standin.llm_server import LLMServer
from openlayer_otel.tracing import (
    BaseGuardrail,
    BlockStrategy,
    GuardrailAction,
    GuardrailBlockedException,
    GuardrailResult,
)
from openlayer_otel.tracing.outputs import chunk_text
from tests.support.chat_clients import ANSWER
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog, json_attribute

ALLOW = GuardrailResult(GuardrailAction.ALLOW, reason="fine")


class Words(BaseGuardrail):
    """Blocks 'forbidden', replaces 'secret', in inputs and outputs."""

    def __init__(self, strategy: BlockStrategy | None = None, name: str = "Word Guard") -> None:
        super().__init__(name)
        self.strategy = strategy
        self.asked: list[Any] = []

    def _look(self, data: Any, text: str) -> GuardrailResult:
        if "forbidden" in text:
            return GuardrailResult(
                GuardrailAction.BLOCK,
                reason="bad word",
                metadata={"detected_entities": ["WORD"]},
                block_strategy=self.strategy,
                error_message="say it nicely",
            )
        if "secret" in text:
            changed = json.loads(json.dumps(data).replace("secret", "REDACTED"))
            return GuardrailResult(GuardrailAction.MODIFY, changed, {"n": 1}, "pii")
        return ALLOW

    def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
        self.asked.append(dict(inputs))
        result = self._look(inputs, str(inputs.get("q", inputs.get("a"))))
        if result.action is GuardrailAction.MODIFY:
            result.modified_data = {**result.modified_data, "answer": inputs.get("answer")}
            if "a" in inputs:
                del result.modified_data["answer"]
        return result

    def check_output(self, output: Any, inputs: dict[str, Any]) -> GuardrailResult:
        self.asked.append(output)
        return self._look(output, str(output))


RAN: list[str] = []
# What the functions answer, where that must not be among their inputs.
ANSWERS: dict[str, str] = {}


def _pieces(q: str, answer: str | None) -> list[str]:
    RAN.append(q)
    text = ANSWERS.get(q, f"out:{q}") if answer is None else answer
    return [text[:3], text[3:]]


def plain(q: str, answer: str | None = None) -> str:
    return "".join(_pieces(q, answer))


async def coroutine(q: str, answer: str | None = None) -> str:
    await asyncio.sleep(0)
    return "".join(_pieces(q, answer))


def generator(q: str, answer: str | None = None) -> Iterator[str]:
    yield from _pieces(q, answer)


async def async_generator(q: str, answer: str | None = None) -> AsyncIterator[str]:
    for piece in _pieces(q, answer):
        await asyncio.sleep(0)
        yield piece


def returns_generator(q: str, answer: str | None = None) -> Iterator[str]:
    return generator(q, answer)


async def returns_async_generator(q: str, answer: str | None = None) -> AsyncIterator[str]:
    return async_generator(q, answer)


class Owner:
    """A method."""

    def method(self, q: str, answer: str | None = None) -> str:
        return plain(q, answer)


def _method(guardrails: list[Any]) -> Any:
    traced = trace(name="guarded", guardrails=guardrails)(Owner.method)
    bound = type("Bound", (), {"method": traced})
    return bound().method  # type: ignore[attr-defined]


KINDS = [
    plain,
    coroutine,
    generator,
    async_generator,
    returns_generator,
    returns_async_generator,
    Owner.method,
]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.__name__)
IS_STREAM = {generator, async_generator, returns_generator, returns_async_generator}


def guarded(kind: Callable[..., Any], *guardrails: Any) -> Any:
    RAN.clear()
    if kind is Owner.method:
        return _method(list(guardrails))
    return trace(name="guarded", guardrails=list(guardrails))(kind)


async def outcome(result: Any) -> Any:
    """The text that a call of any kind gives; None if it gives nothing."""
    if inspect.isawaitable(result):
        result = await result
    if inspect.isasyncgen(result):
        result = [item async for item in result]
    elif inspect.isgenerator(result):
        result = list(result)
    if isinstance(result, list):
        return "".join(result) if result else None
    return result


@kinds
async def test_what_is_allowed_passes(kind: Any, steps: SpanLog) -> None:
    assert await outcome(guarded(kind, Words())("fine")) == "out:fine"
    step = steps.named("guarded")
    assert json_attribute(step, "openlayer.step.output") == "out:fine"
    metadata = json_attribute(step, "openlayer.step.metadata")
    assert metadata["has_guardrails"] is True
    assert metadata["guardrail_actions"] == ["allow", "allow"]
    assert metadata["guardrail_names"] == ["word_guard", "word_guard"]
    assert [metadata[f"guardrail_{each}"] for each in ("blocked", "modified", "allowed")] == [
        False,
        False,
        True,
    ]


@kinds
async def test_what_is_modified_goes_on_modified(kind: Any, steps: SpanLog) -> None:
    guard = Words()
    assert await outcome(guarded(kind, guard)("secret")) == "out:REDACTED"
    assert RAN == ["REDACTED"]
    assert steps.tree() == [["guarded", ["Word Guard - Input"], ["Word Guard - Output"]]]
    check = steps.named("Word Guard - Input")
    said = check.attributes or {}
    assert said["openlayer.step.type"] == "guardrail"
    assert json_attribute(check, "openlayer.step.inputs")["original_data"]["q"] == "secret"
    assert json_attribute(check, "openlayer.step.output")["q"] == "REDACTED"
    assert json_attribute(check, "openlayer.step.field.action") == "modify"
    assert json_attribute(check, "openlayer.step.field.dataType") == "input"
    assert json_attribute(check, "openlayer.step.field.reason") == "pii"
    metadata = json_attribute(steps.named("guarded"), "openlayer.step.metadata")
    assert metadata["guardrail_modified"] is True
    assert metadata["guardrails"]["input_word_guard"] == {
        "action": "modify",
        "reason": "pii",
        "metadata": {"n": 1},
    }


@kinds
async def test_an_output_is_modified(kind: Any, steps: SpanLog) -> None:
    assert await outcome(guarded(kind, Words())("q", "a secret")) == "a REDACTED"
    assert json_attribute(steps.named("guarded"), "openlayer.step.output") == "a REDACTED"


@kinds
@pytest.mark.parametrize("side", ["input", "output"])
async def test_a_block_raises_by_default(kind: Any, side: str, steps: SpanLog) -> None:
    function = guarded(kind, Words())
    with pytest.raises(GuardrailBlockedException, match=r"Word Guard.*bad word") as caught:
        await outcome(function("forbidden") if side == "input" else function("q", "forbidden"))
    assert caught.value.guardrail_name == "Word Guard"
    assert ([] if side == "input" else ["q"]) == RAN
    step = steps.named("guarded")
    assert step.status.status_code is StatusCode.ERROR
    assert "forbidden" not in str((step.attributes or {}).get("openlayer.step.output"))
    metadata = json_attribute(step, "openlayer.step.metadata")
    assert metadata["guardrail_blocked"] is True
    assert metadata["guardrail_allowed"] is False
    blocked = metadata["guardrails"][f"{side}_word_guard"]
    assert (blocked["action"], blocked["block_strategy"]) == ("block", "raise_exception")
    check = steps.named(f"Word Guard - {side.capitalize()}")
    assert json_attribute(check, "openlayer.step.field.blockStrategy") == "raise_exception"
    assert json_attribute(check, "openlayer.step.field.detectedEntities") == ["WORD"]


@kinds
@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (BlockStrategy.RETURN_EMPTY, None),
        (BlockStrategy.RETURN_ERROR_MESSAGE, "say it nicely"),
        (BlockStrategy.SKIP_FUNCTION, None),
    ],
)
async def test_a_block_can_be_graceful(
    kind: Any, side: str, strategy: BlockStrategy, expected: str | None, steps: SpanLog
) -> None:
    function = guarded(kind, Words(strategy))
    result = function("forbidden") if side == "input" else function("q", "forbidden")
    assert await outcome(result) == expected
    assert ([] if side == "input" else ["q"]) == RAN
    step = steps.named("guarded")
    assert step.status.status_code is StatusCode.UNSET
    assert json_attribute(step, "openlayer.step.metadata")["guardrail_blocked"] is True


@kinds
async def test_guardrails_work_where_nobody_traces(kind: Any) -> None:
    with pytest.raises(GuardrailBlockedException):
        await outcome(guarded(kind, Words())("forbidden"))
    assert RAN == []
    assert await outcome(guarded(kind, Words())("secret")) == "out:REDACTED"


@kinds
@pytest.mark.may_warn
async def test_a_guardrail_that_fails_is_reported_and_allows(
    kind: Any, steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Words):
        def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
            raise OSError("no model")

    assert await outcome(guarded(kind, Broken(), Words(name="second"))("secret")) == "out:REDACTED"
    assert "OSError" in caplog.text
    metadata = json_attribute(steps.named("guarded"), "openlayer.step.metadata")
    assert metadata["guardrails"]["input_word_guard"]["action"] == "error"
    assert metadata["guardrails"]["input_second"]["action"] == "modify"


def test_a_disabled_guardrail_is_not_asked(steps: SpanLog) -> None:
    guard = Words()
    guard.enabled = False
    assert guarded(plain, guard)("forbidden") == "out:forbidden"
    assert guard.asked == []


def test_the_first_that_blocks_is_the_last_that_is_asked(steps: SpanLog) -> None:
    first, second = Words(BlockStrategy.RETURN_EMPTY), Words()
    assert guarded(plain, first, second)("forbidden") is None
    assert second.asked == []


def test_any_object_with_the_methods_is_a_guardrail(steps: SpanLog) -> None:
    class Only:
        """No base class, no output check: streams are not held back."""

        name = "Only"

        def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
            return GuardrailResult(GuardrailAction.MODIFY, {**inputs, "q": "changed"})

    running = guarded(generator, Only())("q")
    assert next(running) == "out"
    assert RAN == ["changed"]
    running.close()


@pytest.mark.may_warn
def test_what_is_no_guardrail_is_ignored_with_a_warning(
    steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    assert guarded(plain, "no guardrail")("q") == "out:q"
    assert "neither check_input() nor check_output()" in caplog.text


async def test_an_asynchronous_guardrail_of_an_asynchronous_function(steps: SpanLog) -> None:
    class Async(Words):
        async def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:  # type: ignore[override]
            await asyncio.sleep(0)
            return super().check_input(inputs)

    assert await outcome(guarded(coroutine, Async())("secret")) == "out:REDACTED"
    assert await outcome(guarded(async_generator, Async())("secret")) == "out:REDACTED"


def test_every_kind_of_argument_survives_a_modification(steps: SpanLog) -> None:
    def function(a: str, /, b: str, *rest: str, c: str = "c", **more: str) -> list[Any]:
        return [a, b, rest, c, more]

    wrapped = trace(guardrails=[Words()])(function)
    assert wrapped("secret", "b", "r", c="C", d="D") == ["REDACTED", "b", ("r",), "C", {"d": "D"}]
    assert wrapped("secret", b="b") == ["REDACTED", "b", (), "c", {}]


class Quotes:
    """Says what it was given wherever it can."""

    name = "Quotes"

    def __init__(self, action: GuardrailAction) -> None:
        self._action = action

    def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
        said = str(inputs)
        return GuardrailResult(
            self._action,
            modified_data=inputs,
            metadata={"match": said, "blocked_entities": [said], "detected_entities": [said]},
            reason=said,
            block_strategy=BlockStrategy.RETURN_ERROR_MESSAGE,
            error_message=said,
        )

    def check_output(self, output: Any, inputs: dict[str, Any]) -> GuardrailResult:
        result = self.check_input({"output": output, **inputs})
        result.modified_data = output
        return result


def everything(steps: SpanLog) -> str:
    """All that was recorded of all steps."""
    return " ".join(
        f"{step.name} {dict(step.attributes or {})} {step.status.description} "
        f"{[dict(event.attributes or {}) for event in step.events]}"
        for step in steps.ended
    )


actions = pytest.mark.parametrize("action", list(GuardrailAction))


@kinds
@actions
async def test_with_content_off_checks_say_nothing_of_what_they_saw(
    kind: Any, action: GuardrailAction, steps: SpanLog
) -> None:
    function = guarded(kind, Quotes(action))
    with capture_content("none"):
        await outcome(function("TOPSECRET"))
    assert len(steps.ended) > 1
    assert "TOPSECRET" not in everything(steps)


@actions
def test_redaction_of_a_function_is_for_its_checks_too(
    action: GuardrailAction, steps: SpanLog
) -> None:
    traced = trace(guardrails=[Quotes(action)], redact=lambda text: text.replace("TOP", "***"))
    traced(lambda q: q)("TOPSECRET")
    assert "***SECRET" in everything(steps)
    assert "TOPSECRET" not in everything(steps)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.may_warn
def test_what_a_function_does_not_record_its_checks_do_not_either(
    fails: bool, steps: SpanLog
) -> None:
    class Silent(Words):
        def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
            assert inputs["q"] == "TOPSECRET"
            if fails:
                raise LookupError
            return GuardrailResult(GuardrailAction.MODIFY, {**inputs, "q": "TOPSECRET2"})

    @trace(guardrails=[Silent()], capture_input=["n"], capture_output=False)
    def one(q: str, n: int) -> str:
        return q

    one("TOPSECRET", 5)
    assert "TOPSECRET" not in everything(steps)
    check = steps.named("Word Guard - Input")
    assert json_attribute(check, "openlayer.step.inputs") == {"original_data": {"n": 5}}
    assert json_attribute(check, "openlayer.step.output") == {"n": 5}

    steps.ended.clear()
    trace(guardrails=[Silent()], capture_input=False)(lambda q: "out")("TOPSECRET")
    assert "TOPSECRET" not in everything(steps)
    output = steps.named("Word Guard - Output")
    assert json_attribute(output, "openlayer.step.inputs") == {"original_data": "out"}


class Texts:
    """Hands back the text of everything, as guardrails do that look for patterns."""

    name = "Texts"

    def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
        return GuardrailResult(GuardrailAction.MODIFY, {k: self._of(v) for k, v in inputs.items()})

    def _of(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(self._of(each) for each in value)
        return str(value).replace("secret", "REDACTED")


def test_only_what_was_changed_is_changed(steps: SpanLog) -> None:
    @trace(guardrails=[Texts()])
    def function(*given: Any, **named: Any) -> Any:
        return given, named

    client = object()
    assert function(1, [client, "secret", None], ("secret", 2.5)) == (
        (1, [client, "REDACTED", None], ("REDACTED", 2.5)),
        {},
    )


def test_data_that_refers_to_itself_can_be_modified(steps: SpanLog) -> None:
    class Changes(Texts):
        def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
            changed: list[Any] = ["changed"]
            changed.append(changed)
            return GuardrailResult(GuardrailAction.MODIFY, {"data": changed})

    data: list[Any] = ["first"]
    data.append(data)
    result = trace(guardrails=[Changes()])(lambda data: data[0])(data)
    assert result == "changed"


@pytest.mark.parametrize("name", ["PresidioGuardrail", "OtherGuardrail"])
def test_what_is_not_thread_safe_is_asked_by_one_thread_at_a_time(
    name: str, steps: SpanLog
) -> None:
    asking, together = [], []

    def check_input(self: Any, inputs: dict[str, Any]) -> GuardrailResult:
        asking.append(1)
        time.sleep(0.01)
        together.append(len(asking))
        asking.pop()
        return ALLOW

    guard = type(name, (), {"name": "G", "check_input": check_input})()
    traced = trace(guardrails=[guard])(lambda: None)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(8):
            pool.submit(traced)
    assert len(together) == 8
    assert (max(together) == 1) is (name == "PresidioGuardrail")


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_an_sdk_stream_is_held_back_until_it_has_passed(
    sdk: str, is_async: bool, instrumented: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client(sdk, is_async, llm_server.url)

    def create() -> Any:
        given = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
        if sdk == "openai":
            return client.chat.completions.create(**given)
        return client.messages.create(**given, max_tokens=9)

    async def create_async() -> Any:
        return await create()

    async def read(guard: Any) -> str:
        stream = trace(name="guarded", guardrails=[guard])(create_async if is_async else create)()
        if is_async:
            stream = await stream
            return "".join([chunk_text(chunk) or "" async for chunk in stream])
        return "".join(chunk_text(chunk) or "" for chunk in stream)

    guard = Words()
    assert await read(guard) == ANSWER
    assert guard.asked[-1] == ANSWER
    tree = instrumented.tree()
    assert tree == [["guarded", ["Word Guard - Input"], ["chat m"], ["Word Guard - Output"]]]
    assert json_attribute(instrumented.named("guarded"), "openlayer.step.output") == ANSWER

    class Strict(Words):
        def check_output(self, output: Any, inputs: dict[str, Any]) -> GuardrailResult:
            return GuardrailResult(GuardrailAction.BLOCK, reason="no")

    with pytest.raises(GuardrailBlockedException):
        await read(Strict())


def test_helpers_of_a_stream_are_no_way_around_the_guardrails(
    instrumented: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client("anthropic", False, llm_server.url)

    @trace(guardrails=[Words()])
    def ask() -> Any:
        manager = client.messages.stream(
            model="m", messages=[{"role": "user", "content": "x"}], max_tokens=9
        )
        return manager.__enter__()

    stream = ask()
    with pytest.raises(AttributeError, match="guardrails"):
        stream.get_final_message()
    assert "".join(chunk_text(event) or "" for event in stream) == ANSWER
    stream.close()


def test_a_guardrail_of_openlayers_sdk_raises_what_its_users_catch(
    steps: SpanLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The protocol of the SDK as another module defines it, with enums of its own."""
    theirs = types.ModuleType("their_guardrails")
    exec(THEIRS, theirs.__dict__)
    monkeypatch.setitem(sys.modules, "their_guardrails", theirs)

    function = trace(guardrails=[theirs.Blocking()])(plain)  # type: ignore[attr-defined]
    for kind in (theirs.GuardrailBlockedException, GuardrailBlockedException):  # type: ignore[attr-defined]
        with pytest.raises(kind):
            function("q")


THEIRS = """
import enum

class Action(enum.Enum):
    BLOCK = "block"

class Strategy(enum.Enum):
    RAISE = "raise_exception"

class GuardrailBlockedException(Exception):
    def __init__(self, guardrail_name, reason, metadata=None):
        self.guardrail_name = guardrail_name
        super().__init__(guardrail_name)

class Result:
    action = Action.BLOCK
    reason = "no"
    metadata = None
    block_strategy = Strategy.RAISE
    error_message = None
    modified_data = None

class BaseGuardrail:
    name = "Theirs"
    def is_enabled(self):
        return True
    def check_output(self, output, inputs):
        raise AssertionError

class Blocking(BaseGuardrail):
    def check_input(self, inputs):
        return Result()
"""
