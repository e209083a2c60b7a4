"""Guardrails on functions that return what gives a stream later: managers and responses."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from openlayer_otel import trace
from openlayer_otel.standin.llm_server import LLMServer
from openlayer_otel.tracing import (
    BlockStrategy,
    GuardrailAction,
    GuardrailBlockedException,
    GuardrailResult,
)
from openlayer_otel.tracing.outputs import chunk_text
from tests.support.chat_clients import ANSWER
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog, json_attribute

MESSAGES = [{"role": "user", "content": "hi"}]


class Output:
    """Blocks or changes what holds a word."""

    name = "Output"

    def __init__(
        self,
        word: str,
        action: GuardrailAction = GuardrailAction.BLOCK,
        strategy: BlockStrategy | None = None,
    ) -> None:
        self._word = word
        self._action = action
        self._strategy = strategy
        self.asked: list[Any] = []

    def check_output(self, output: Any, inputs: dict[str, Any]) -> GuardrailResult:
        self.asked.append(output)
        if self._word not in str(output):
            return GuardrailResult(GuardrailAction.ALLOW)
        return GuardrailResult(
            self._action,
            modified_data="changed",
            block_strategy=self._strategy,
            error_message="say it nicely",
        )


def passing() -> Output:
    return Output("a word that no answer has")


def blocking(strategy: BlockStrategy | None = None) -> Output:
    return Output(ANSWER.split()[0], strategy=strategy)


STREAMS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "chat.stream": (
        "openai",
        lambda client: client.chat.completions.stream(model="m", messages=MESSAGES),
    ),
    "responses.stream": ("openai", lambda client: client.responses.stream(model="m", input="hi")),
    "messages.stream": (
        "anthropic",
        lambda client: client.messages.stream(model="m", messages=MESSAGES, max_tokens=50),
    ),
    "beta.messages.stream": (
        "anthropic",
        lambda client: client.beta.messages.stream(model="m", messages=MESSAGES, max_tokens=50),
    ),
}
streams = pytest.mark.parametrize("kind", list(STREAMS))
asynchrony = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


class Asking:
    """A client's manager of one kind, asked for by a traced function, and read."""

    def __init__(self, kind: str, is_async: bool, url: str) -> None:
        sdk, self._ask = STREAMS[kind]
        self._is_async = is_async
        self._client = make_client(sdk, is_async, url)

    def manager(self, *guardrails: Any) -> Any:
        return trace(name="ask", guardrails=list(guardrails))(lambda: self._ask(self._client))()

    async def with_stream(self, manager: Any, use: Callable[[Any], Any]) -> Any:
        """What ``use`` says of the entered stream."""
        if self._is_async:
            async with manager as stream:
                return use(stream)
        with manager as stream:
            return use(stream)

    async def read(self, manager: Any) -> list[Any]:
        """The stream's items."""
        if self._is_async:
            async with manager as stream:
                return [item async for item in stream]
        with manager as stream:
            return list(stream)


@pytest.fixture
def asking(kind: str, is_async: bool, llm_server: LLMServer) -> Asking:
    return Asking(kind, is_async, llm_server.url)


def llm_spans(log: SpanLog) -> list[str]:
    return [span.name for span in log.ended if "gen_ai.operation.name" in (span.attributes or {})]


@streams
@asynchrony
async def test_what_a_managers_stream_says_is_blocked(
    asking: Asking, instrumented: SpanLog
) -> None:
    guard = blocking()
    got: list[Any] = []
    with pytest.raises(GuardrailBlockedException):
        got += await asking.read(asking.manager(guard))
    assert got == []
    assert guard.asked == [ANSWER]
    step = instrumented.named("ask")
    assert step.status.status_code is StatusCode.ERROR
    assert "openlayer.step.output" not in (step.attributes or {})
    assert instrumented.open == []


@streams
@asynchrony
async def test_an_allowed_stream_of_a_manager_gives_the_same_events(
    asking: Asking, instrumented: SpanLog
) -> None:
    def said(events: list[Any]) -> list[Any]:
        return [(type(event), event.type, chunk_text(event)) for event in events]

    expected = said(await asking.read(asking.manager()))
    instrumented.ended.clear()
    guard = passing()
    assert said(await asking.read(asking.manager(guard))) == expected
    assert guard.asked == [ANSWER]
    assert len(llm_spans(instrumented)) == 1
    assert len(instrumented.tree()) == 1
    assert sorted(map(str, instrumented.tree()[0][1:])) == sorted(
        [str([name]) for name in (*llm_spans(instrumented), "Output - Output")]
    )
    assert json_attribute(instrumented.named("ask"), "openlayer.step.output") == ANSWER
    assert instrumented.open == []


@streams
@asynchrony
@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        (blocking(BlockStrategy.RETURN_EMPTY), []),
        (blocking(BlockStrategy.SKIP_FUNCTION), []),
        (blocking(BlockStrategy.RETURN_ERROR_MESSAGE), ["say it nicely"]),
        (Output("", GuardrailAction.MODIFY), ["changed"]),
    ],
    ids=["empty", "skip", "message", "modified"],
)
async def test_a_managers_stream_gives_what_the_guardrail_says(
    asking: Asking, guard: Output, expected: list[str], instrumented: SpanLog
) -> None:
    assert await asking.read(asking.manager(guard)) == expected
    assert instrumented.named("ask").status.status_code is StatusCode.UNSET


@streams
@asynchrony
async def test_a_managers_stream_is_checked_where_nobody_traces(asking: Asking) -> None:
    with pytest.raises(GuardrailBlockedException):
        await asking.read(asking.manager(blocking()))
    assert await asking.read(asking.manager(passing()))


@streams
@asynchrony
async def test_a_managers_stream_that_is_left_unread_ends_its_step(
    asking: Asking, instrumented: SpanLog
) -> None:
    guard = blocking()
    await asking.with_stream(asking.manager(guard), lambda stream: None)
    gc.collect()
    assert guard.asked == []
    assert instrumented.open == []


@streams
@asynchrony
async def test_nothing_of_a_managers_stream_goes_past_the_guardrails(
    asking: Asking, instrumented: SpanLog
) -> None:
    def offered(stream: Any) -> set[str]:
        return {name for name in dir(stream) if not name.startswith("_") and hasattr(stream, name)}

    def look(stream: Any) -> None:
        assert offered(stream) <= {"close", "response", "request_id", "workspace_id"}
        if hasattr(stream, "response"):
            assert stream.response.status_code == 200
            for name in ("text", "read", "aread", "iter_bytes", "aiter_lines", "stream"):
                assert not hasattr(stream.response, name)

    await asking.with_stream(asking.manager(passing()), look)


@streams
@asynchrony
async def test_a_manager_passes_through_an_inner_traced_function(
    asking: Asking, instrumented: SpanLog
) -> None:
    outer = trace(guardrails=[blocking()])(lambda: asking.manager())
    with pytest.raises(GuardrailBlockedException):
        await asking.read(outer())
    outer = trace(guardrails=[blocking()])(lambda: asking.manager(passing()))
    with pytest.raises(GuardrailBlockedException):
        await asking.read(outer())


async def test_a_coroutine_function_that_returns_a_manager(
    instrumented: SpanLog, llm_server: LLMServer
) -> None:
    asking = Asking("messages.stream", True, llm_server.url)

    class Later(Output):
        async def check_output(self, output: Any, inputs: Any) -> GuardrailResult:  # type: ignore[override]
            return super().check_output(output, inputs)

    @trace(name="outer", guardrails=[Later(ANSWER)])
    async def ask() -> Any:
        return asking.manager()

    with pytest.raises(GuardrailBlockedException):
        await asking.read(await ask())


class VideoStreamManager:
    """A user's class that is called like the SDKs'."""

    def __enter__(self) -> VideoStreamManager:
        return self

    def __exit__(self, *details: object) -> None:
        pass

    def titles(self) -> list[str]:
        return ["one"]


class MyAPIResponse:
    """Another one."""


@pytest.mark.parametrize("value", [VideoStreamManager(), MyAPIResponse()])
def test_a_users_object_of_such_a_name_is_a_value(value: object, steps: SpanLog) -> None:
    guard = passing()
    trace(guardrails=[guard])(lambda: value)()
    assert guard.asked == [value]


@asynchrony
@pytest.mark.parametrize("wrapper", ["with_streaming_response", "with_raw_response"])
@pytest.mark.may_warn
async def test_a_response_that_cannot_be_checked_is_warned_about(
    wrapper: str,
    is_async: bool,
    instrumented: SpanLog,
    llm_server: LLMServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = make_client("openai", is_async, llm_server.url)
    guard = passing()

    @trace(guardrails=[guard])
    def ask_for_bytes() -> Any:
        return getattr(client.chat.completions, wrapper).create(model="m", messages=MESSAGES)

    for _ in range(2):
        given = ask_for_bytes()
        if wrapper == "with_raw_response":
            assert (await given if is_async else given).parse().choices
        elif is_async:
            async with given as response:
                assert ANSWER in (await response.read()).decode()
        else:
            with given as response:
                assert ANSWER in response.read().decode()
    (warning,) = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert "ask_for_bytes" in warning
    assert "not checked" in warning
    assert len(guard.asked) == 2


@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        (passing(), ["one ", "two"]),
        (Output("one two", strategy=BlockStrategy.RETURN_ERROR_MESSAGE), ["say it nicely"]),
        (Output("one two", strategy=BlockStrategy.RETURN_EMPTY), []),
        (Output("one two"), None),
    ],
    ids=["allow", "message", "empty", "raise"],
)
async def test_the_body_of_a_starlette_response_is_checked(
    guard: Output, expected: list[str] | None, steps: SpanLog
) -> None:
    responses = pytest.importorskip("starlette.responses")

    async def body() -> AsyncIterator[str]:
        yield "one "
        yield "two"

    @trace(name="answer", guardrails=[guard])
    async def answer() -> Any:
        return responses.StreamingResponse(body())

    response = await answer()
    if expected is None:
        with pytest.raises(GuardrailBlockedException):
            await anext(response.body_iterator)
    else:
        assert [piece async for piece in response.body_iterator] == expected
    assert guard.asked == ["one two"]
    assert steps.open == []
