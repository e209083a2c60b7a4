"""OpenTelemetry's own GenAI instrumentors switched on beside ours, before or after it.

They need packages that no supported application must have: ``make matrix ARGS=beside-others``.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from openlayer_otel.standin.llm_server import LLMServer
from tests.support.chat_clients import ChatClient
from tests.support.span_log import SpanLog

OFFICIAL = "opentelemetry.instrumentation.genai"
for _package in ("openai", "anthropic"):
    pytest.importorskip(f"{OFFICIAL}.{_package}", reason="the official packages are not installed")

pytestmark = pytest.mark.beside_others


def _official(sdk: str) -> Any:
    name = {"openai": "OpenAIInstrumentor", "anthropic": "AnthropicInstrumentor"}[sdk]
    return getattr(importlib.import_module(f"{OFFICIAL}.{sdk}"), name)()


@pytest.fixture(params=["theirs first", "ours first"])
def both(
    request: pytest.FixtureRequest,
    instrument: Callable[..., None],
    tracer_provider: TracerProvider,
    chat: ChatClient,
) -> Iterator[None]:
    """Both switched on for the client's SDK, in either order."""
    theirs = _official(chat.sdk)
    steps = [lambda: theirs.instrument(tracer_provider=tracer_provider), instrument]
    for step in steps if request.param == "theirs first" else reversed(steps):
        step()
    yield
    theirs.uninstrument()


def models(spans: SpanLog) -> list[Any]:
    """The models of all LLM spans that ended."""
    assert [span.name for span in spans.open] == []
    found = [span.attributes or {} for span in spans.ended]
    return sorted(
        each["gen_ai.request.model"] for each in found if each.get("gen_ai.operation.name")
    )


@pytest.mark.usefixtures("both")
def test_a_call_has_one_span(spans: SpanLog, chat: ChatClient) -> None:
    chat.ask(model="a")
    chat.ask(model="b")
    assert models(spans) == ["a", "b"]


@pytest.mark.usefixtures("both")
def test_a_stream_has_one_span(spans: SpanLog, chat: ChatClient) -> None:
    chat.drain(model="a")
    chat.drain(model="b")
    assert models(spans) == ["a", "b"]


@pytest.mark.usefixtures("both")
def test_a_failed_call_has_one_span(spans: SpanLog, chat: ChatClient) -> None:
    with pytest.raises(chat.error):
        chat.ask(model="a;error=400")
    chat.ask(model="b")
    assert models(spans) == ["a;error=400", "b"]
    errors = [(span.attributes or {}).get("error.type") for span in spans.ended]
    assert len([each for each in errors if each]) == 1


@pytest.mark.usefixtures("both")
def test_calls_made_while_a_stream_is_open_each_have_a_span(
    spans: SpanLog, chat: ChatClient
) -> None:
    with chat.stream(model="a") as stream:
        next(iter(stream))
        chat.ask(model="b")
        chat.ask(model="c")
        list(stream)
    assert models(spans) == ["a", "b", "c"]


@pytest.mark.usefixtures("both")
def test_two_streams_read_in_turn_each_have_a_span(spans: SpanLog, chat: ChatClient) -> None:
    with chat.stream(model="a") as first, chat.stream(model="b") as second:
        readers = [iter(first), iter(second)]
        for reader in readers * 2:
            next(reader)
        for reader in readers:
            list(reader)
    assert models(spans) == ["a", "b"]


@pytest.mark.usefixtures("both")
async def test_calls_of_concurrent_tasks_each_have_a_span(
    spans: SpanLog, chat: ChatClient, llm_server: LLMServer
) -> None:
    module = importlib.import_module(chat.sdk)
    if chat.sdk == "openai":
        client = module.AsyncOpenAI(base_url=llm_server.url + "/v1", api_key="k")
        create, more = client.chat.completions.create, {}
    else:
        client = module.AsyncAnthropic(base_url=llm_server.url, api_key="k")
        create, more = client.messages.create, {"max_tokens": 9}

    async def stream(model: str) -> None:
        messages = [{"role": "user", "content": "Hello"}]
        async for _ in await create(model=model, messages=messages, stream=True, **more):
            await asyncio.sleep(0)

    async with client:
        await asyncio.gather(*(stream(model) for model in "abc"))
    assert models(spans) == ["a", "b", "c"]


@pytest.mark.usefixtures("both")
def test_it_is_said_once_that_their_spans_are_kept(
    chat: ChatClient, caplog: pytest.LogCaptureFixture
) -> None:
    chat.ask()
    chat.ask()
    said = [each for each in caplog.records if "OTEL_PYTHON_DISABLED" in each.getMessage()]
    assert [each.levelname for each in said] == ["WARNING"]


@pytest.mark.usefixtures("both")
def test_what_they_do_not_trace_has_our_span(
    spans: SpanLog, chat: ChatClient, llm_server: LLMServer
) -> None:
    if chat.sdk == "openai":
        chat.client.completions.create(model="a", prompt="Hello")
    else:
        messages = [{"role": "user", "content": "Hello"}]
        chat.client.messages.count_tokens(model="a", messages=messages)
    span: ReadableSpan = spans.only()
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "openlayer_otel"
