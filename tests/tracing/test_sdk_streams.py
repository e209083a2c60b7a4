"""Real SDK streams under @trace: one trace, the LLM call a child, the streamed text as output.

With our instrumentor and without it: the step is right either way.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry.trace import INVALID_SPAN, StatusCode, get_current_span

from openlayer_otel import trace
from openlayer_otel.standin.llm_server import LLMServer
from openlayer_otel.tracing.outputs import chunk_text
from tests.support.chat_clients import ANSWER
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog, json_attribute

MESSAGES = [{"role": "user", "content": "hi"}]
CHAT = "chat gpt-4o-mini"
STREAM_TYPES = {
    ("openai", False): openai.Stream,
    ("openai", True): openai.AsyncStream,
    ("anthropic", False): anthropic.Stream,
    ("anthropic", True): anthropic.AsyncStream,
}
sdks = pytest.mark.parametrize("sdk", ["openai", "anthropic"])
instrumentation = pytest.mark.parametrize(
    "instrumented_sdks", [True, False], ids=["instrumented", "not instrumented"]
)


@pytest.fixture
def log(
    instrumented_sdks: bool, steps: SpanLog, instrument: Callable[..., None]
) -> Iterator[SpanLog]:
    """All spans; the SDKs are instrumented if the test says so."""
    if instrumented_sdks:
        instrument()
    yield steps


def start(client: Any, model: str = "gpt-4o-mini", **fields: Any) -> Any:
    """Ask for a stream, or (async) for an awaitable that gives it."""
    if hasattr(client, "messages"):
        return client.messages.create(
            model=model, messages=MESSAGES, max_tokens=50, stream=True, **fields
        )
    return client.chat.completions.create(model=model, messages=MESSAGES, stream=True, **fields)


def check(log: SpanLog, instrumented: bool, output: str | None, **said: Any) -> None:
    """One trace; the step has the text; the LLM call is its child."""
    step = log.named("ask")
    assert log.tree() == [["ask", [CHAT]] if instrumented else ["ask"]]
    assert [span.name for span in log.open] == []
    attributes = step.attributes or {}
    if output is not None:
        assert json_attribute(step, "openlayer.step.output") == output
    assert attributes.get("openlayer.operation.outcome") == said.get("outcome")
    assert ("error.type" in attributes) == ("error" in said)
    assert step.status.status_code is (StatusCode.ERROR if "error" in said else StatusCode.UNSET)
    assert get_current_span() is INVALID_SPAN
    if instrumented:
        (child,) = log.children_of(step)
        assert child.start_time and step.start_time and child.end_time and step.end_time
        assert step.start_time <= child.start_time <= child.end_time <= step.end_time


@sdks
@instrumentation
def test_a_function_that_returns_a_stream(
    sdk: str, instrumented_sdks: bool, log: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client(sdk, False, llm_server.url)
    stream = trace(name="ask")(lambda: start(client))()
    assert isinstance(stream, STREAM_TYPES[sdk, False])
    if instrumented_sdks:
        assert type(stream) is STREAM_TYPES[sdk, False]
    assert stream.response.status_code == 200
    assert log.ended == []
    assert "".join(chunk_text(chunk) or "" for chunk in stream) == ANSWER
    check(log, instrumented_sdks, ANSWER)


@sdks
@instrumentation
async def test_a_coroutine_that_returns_a_stream(
    sdk: str, instrumented_sdks: bool, log: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client(sdk, True, llm_server.url)

    @trace(name="ask")
    async def ask() -> Any:
        return await start(client)

    stream = await ask()
    assert isinstance(stream, STREAM_TYPES[sdk, True])
    assert log.ended == []
    assert "".join([chunk_text(chunk) or "" async for chunk in stream]) == ANSWER
    check(log, instrumented_sdks, ANSWER)


@sdks
@instrumentation
async def test_a_function_that_returns_the_awaitable_of_a_stream(
    sdk: str, instrumented_sdks: bool, log: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client(sdk, True, llm_server.url)
    async for _ in await trace(name="ask")(lambda: start(client))():
        pass
    check(log, instrumented_sdks, ANSWER)


@sdks
@instrumentation
async def test_an_async_generator_that_yields_the_chunks(
    sdk: str, instrumented_sdks: bool, log: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client(sdk, True, llm_server.url)

    @trace(name="ask")
    async def ask() -> AsyncIterator[Any]:
        async for chunk in await start(client):
            yield chunk

    async for _ in ask():
        assert get_current_span() is INVALID_SPAN
    check(log, instrumented_sdks, ANSWER)


@sdks
@instrumentation
def test_a_generator_that_yields_texts(
    sdk: str, instrumented_sdks: bool, log: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client(sdk, False, llm_server.url)

    @trace(name="ask")
    def ask() -> Iterator[str]:
        for chunk in start(client):
            yield chunk_text(chunk) or ""

    assert "".join(ask()) == ANSWER
    check(log, instrumented_sdks, ANSWER)


def _leave_with(stream: Any) -> None:
    with stream as entered:
        for _ in entered:
            break


def _leave_closed(stream: Any) -> None:
    next(stream)
    stream.close()


def _leave_dropped(stream: Any) -> None:
    next(stream)


@sdks
@instrumentation
@pytest.mark.parametrize(
    ("leave", "outcome"),
    [(_leave_with, "closed"), (_leave_closed, "closed"), (_leave_dropped, "dropped")],
)
def test_a_returned_stream_that_is_left_early(
    sdk: str,
    instrumented_sdks: bool,
    leave: Callable[[Any], None],
    outcome: str,
    log: SpanLog,
    llm_server: LLMServer,
) -> None:
    client = make_client(sdk, False, llm_server.url)
    leave(trace(name="ask")(lambda: start(client))())
    gc.collect()
    check(log, instrumented_sdks, None, outcome=outcome)


async def _leave_with_async(stream: Any) -> None:
    async with stream as entered:
        async for _ in entered:
            break


async def _leave_closed_async(stream: Any) -> None:
    await stream.__anext__()
    await stream.close()


@sdks
@instrumentation
@pytest.mark.parametrize("leave", [_leave_with_async, _leave_closed_async])
async def test_a_returned_async_stream_that_is_left_early(
    sdk: str,
    instrumented_sdks: bool,
    leave: Callable[[Any], Any],
    log: SpanLog,
    llm_server: LLMServer,
) -> None:
    client = make_client(sdk, True, llm_server.url)
    await leave(await trace(name="ask")(lambda: start(client))())
    check(log, instrumented_sdks, None, outcome="closed")


@sdks
@instrumentation
def test_a_returned_stream_that_breaks_half_way(
    sdk: str, instrumented_sdks: bool, log: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client(sdk, False, llm_server.url)
    stream = trace(name="ask")(lambda: start(client, "gpt-4o-mini;drop=4"))()
    with pytest.raises(Exception):  # noqa: B017 - each SDK has its own
        list(stream)
    step = log.named("ask")
    assert step.status.status_code is StatusCode.ERROR
    assert json_attribute(step, "openlayer.step.output")
    assert [span.name for span in log.open] == []


@instrumentation
async def test_a_stream_that_is_consumed_in_another_task(
    instrumented_sdks: bool, log: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client("openai", True, llm_server.url)
    stream = await trace(name="ask")(lambda: start(client))()

    async def consume() -> int:
        return len([chunk async for chunk in stream])

    assert await asyncio.create_task(consume()) > 3
    check(log, instrumented_sdks, ANSWER)


@instrumentation
def test_a_function_that_returns_anthropics_stream_manager(
    instrumented_sdks: bool, log: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client("anthropic", False, llm_server.url)
    manager = trace(name="ask")(
        lambda: client.messages.stream(model="gpt-4o-mini", messages=MESSAGES, max_tokens=50)
    )()
    with manager as stream:
        assert isinstance(stream, anthropic.MessageStream)
        if instrumented_sdks:
            assert "".join(stream.text_stream) == ANSWER
            assert stream.get_final_message().role == "assistant"
        else:
            for _ in stream:
                pass
    check(log, instrumented_sdks, ANSWER)


@instrumentation
async def test_a_function_that_returns_openais_stream_manager(
    instrumented_sdks: bool, log: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client("openai", True, llm_server.url)
    manager = trace(name="ask")(
        lambda: client.chat.completions.stream(model="gpt-4o-mini", messages=MESSAGES)
    )()
    async with manager as stream:
        async for _ in stream:
            pass
    check(log, instrumented_sdks, ANSWER)


@sdks
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("instrumented_sdks", [True], ids=["instrumented"])
async def test_a_function_that_returns_a_manager_of_a_raw_response(
    sdk: str, is_async: bool, instrumented_sdks: bool, log: SpanLog, llm_server: LLMServer
) -> None:
    """Its request is sent when the caller enters it, outside of the function."""
    client = make_client(sdk, is_async, llm_server.url)
    resource = client.chat.completions if sdk == "openai" else client.messages
    asked: dict[str, Any] = {"model": "gpt-4o-mini", "messages": MESSAGES, "max_tokens": 50}
    manager = trace(name="ask")(lambda: resource.with_streaming_response.create(**asked))()
    if is_async:
        async with manager as response:
            await response.read()
    else:
        with manager as response:
            response.read()
    check(log, True, ANSWER)


@sdks
@pytest.mark.parametrize("instrumented_sdks", [True], ids=["instrumented"])
def test_a_stream_that_is_over_when_it_is_returned(
    sdk: str, instrumented_sdks: bool, log: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client(sdk, False, llm_server.url)

    @trace(name="ask")
    def ask() -> Any:
        stream = start(client)
        for _ in stream:
            pass
        return stream

    ask()
    check(log, True, None)


@pytest.mark.parametrize("instrumented_sdks", [True], ids=["instrumented"])
async def test_a_failing_call_is_recorded_where_it_arose_and_above(
    instrumented_sdks: bool, log: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client("openai", True, llm_server.url)

    @trace(name="ask")
    async def ask() -> Any:
        return await start(client, "gpt-4o-mini;error=429")

    with pytest.raises(openai.RateLimitError):
        await ask()
    assert log.tree() == [["ask", [CHAT]]] or log.tree()[0][0] == "ask"
    for span in log.ended:
        assert span.status.status_code is StatusCode.ERROR
        assert (span.attributes or {})["error.type"]


@pytest.mark.parametrize("instrumented_sdks", [True], ids=["instrumented"])
async def test_the_seed_of_it_all(
    instrumented_sdks: bool, log: SpanLog, llm_server: LLMServer
) -> None:
    """An async function that streams from AsyncOpenAI: one trace, its text, its true duration."""
    client = make_client("openai", True, llm_server.url)

    @trace
    async def ask(question: str) -> str:
        parts = []
        async for chunk in await start(client, extra_body={"stub": {"delay": 0.02}}):
            parts.append(chunk_text(chunk) or "")
        return "".join(parts)

    assert await ask("hi") == ANSWER
    check(log, True, ANSWER)
    step = log.named("ask")
    assert step.start_time and step.end_time
    assert step.end_time - step.start_time > 5 * 20_000_000


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.output_text.delta", "delta": "he"},
        {"object": "chat.completion.chunk", "choices": []},
        3,
        None,
    ],
)
def test_dicts_and_numbers_are_no_chunks(event: object) -> None:
    assert chunk_text(event) is None


@pytest.mark.parametrize("instrumented_sdks", [True, False])
def test_responses_events_are_joined(
    instrumented_sdks: bool, log: SpanLog, llm_server: LLMServer
) -> None:
    client = make_client("openai", False, llm_server.url)
    stream = trace(name="ask")(
        lambda: client.responses.create(model="gpt-4o-mini", input="hi", stream=True)
    )()
    for _ in stream:
        pass
    assert json_attribute(log.named("ask"), "openlayer.step.output") == ANSWER
