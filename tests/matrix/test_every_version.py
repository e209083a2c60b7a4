"""What must hold on every supported version of the SDKs: one call, one span, nothing changed.

``make matrix`` runs these on sets of versions, so they use only what the oldest SDKs have.
"""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from openlayer_otel.standin.llm_server import LLMServer
from tests.support.span_log import SpanLog, json_attribute

pytestmark = pytest.mark.matrix

TEXT = "lorem ipsum dolor sit amet con"
MESSAGES: list[Any] = [{"role": "user", "content": "Where is Paris?"}]
USER_MESSAGE = [{"role": "user", "parts": [{"type": "text", "content": "Where is Paris?"}]}]


@pytest.fixture
def openai_arguments(llm_server: LLMServer) -> dict[str, Any]:
    return {"base_url": llm_server.url + "/v1", "api_key": "k", "max_retries": 0}


@pytest.fixture
def anthropic_arguments(llm_server: LLMServer) -> dict[str, Any]:
    return {"base_url": llm_server.url, "api_key": "k", "max_retries": 0}


def assert_whole_call(log: SpanLog, model: str, provider: str, output: int = 5) -> None:
    """The one span says everything about a call that went well."""
    span = log.only()
    attributes = dict(span.attributes or {})
    assert span.name == f"chat {model}"
    assert span.kind is SpanKind.CLIENT
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.provider.name"] == provider
    assert attributes["gen_ai.request.model"] == model
    assert attributes["gen_ai.response.model"] == model
    assert attributes["server.address"] == "127.0.0.1"
    assert attributes["gen_ai.usage.output_tokens"] == output
    assert span.status.status_code is StatusCode.UNSET
    sent = json_attribute(span, "gen_ai.input.messages")
    assert [(m["role"], m["parts"]) for m in sent] == [
        (m["role"], m["parts"]) for m in USER_MESSAGE
    ]
    (answer,) = json_attribute(span, "gen_ai.output.messages")
    assert answer["role"] == "assistant"
    assert [part["content"] for part in answer["parts"] if part["type"] == "text"] == [TEXT]


def test_openai_plain(instrumented: SpanLog, openai_arguments: dict[str, Any]) -> None:
    with openai.OpenAI(**openai_arguments) as client:
        answer = client.chat.completions.create(model="gpt-x", messages=MESSAGES)
    assert answer.choices[0].message.content == TEXT
    assert_whole_call(instrumented, "gpt-x", "openai")
    assert (instrumented.only().attributes or {})["gen_ai.usage.input_tokens"] == 11


async def test_openai_plain_async(instrumented: SpanLog, openai_arguments: dict[str, Any]) -> None:
    async with openai.AsyncOpenAI(**openai_arguments) as client:
        await client.chat.completions.create(model="gpt-x", messages=MESSAGES)
    assert_whole_call(instrumented, "gpt-x", "openai")


def test_openai_stream(instrumented: SpanLog, openai_arguments: dict[str, Any]) -> None:
    usage: Any = {"include_usage": True}
    with openai.OpenAI(**openai_arguments) as client:
        stream = client.chat.completions.create(
            model="gpt-x", messages=MESSAGES, stream=True, stream_options=usage
        )
        assert isinstance(stream, openai.Stream)
        assert instrumented.ended == []
        pieces = [c.choices[0].delta.content or "" for c in stream if c.choices]
    assert "".join(pieces) == TEXT
    assert_whole_call(instrumented, "gpt-x", "openai")


async def test_openai_stream_async(instrumented: SpanLog, openai_arguments: dict[str, Any]) -> None:
    usage: Any = {"include_usage": True}
    async with openai.AsyncOpenAI(**openai_arguments) as client:
        stream = await client.chat.completions.create(
            model="gpt-x", messages=MESSAGES, stream=True, stream_options=usage
        )
        assert isinstance(stream, openai.AsyncStream)
        pieces = [c.choices[0].delta.content or "" async for c in stream if c.choices]
    assert "".join(pieces) == TEXT
    assert_whole_call(instrumented, "gpt-x", "openai")


def test_openai_stream_left_early(instrumented: SpanLog, openai_arguments: dict[str, Any]) -> None:
    with openai.OpenAI(**openai_arguments) as client:
        with client.chat.completions.create(
            model="gpt-x", messages=MESSAGES, stream=True
        ) as stream:
            for chunk in stream:
                if chunk.choices[0].delta.content:
                    break
        span = instrumented.only()
    assert span.status.status_code is StatusCode.UNSET
    (answer,) = json_attribute(span, "gen_ai.output.messages")
    assert answer["parts"] == [{"type": "text", "content": TEXT[:6]}]


def test_openai_error(instrumented: SpanLog, openai_arguments: dict[str, Any]) -> None:
    with openai.OpenAI(**openai_arguments) as client, pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="gpt-x;error=429", messages=MESSAGES)
    span = instrumented.only()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"]


def test_openai_stream_cut_off(instrumented: SpanLog, openai_arguments: dict[str, Any]) -> None:
    with openai.OpenAI(**openai_arguments) as client:
        stream = client.chat.completions.create(
            model="gpt-x;drop=3", messages=MESSAGES, stream=True
        )
        with pytest.raises(Exception):  # noqa: B017 - its type differs by version
            list(stream)
    assert instrumented.only().status.status_code is StatusCode.ERROR


def test_openai_embeddings(instrumented: SpanLog, openai_arguments: dict[str, Any]) -> None:
    with openai.OpenAI(**openai_arguments) as client:
        client.embeddings.create(model="embed-x", input=["a", "b"])
    span = instrumented.only()
    assert span.name == "embeddings embed-x"
    assert (span.attributes or {})["gen_ai.usage.input_tokens"] == 8


def test_anthropic_plain(instrumented: SpanLog, anthropic_arguments: dict[str, Any]) -> None:
    with anthropic.Anthropic(**anthropic_arguments) as client:
        answer = client.messages.create(model="claude-x", max_tokens=9, messages=MESSAGES)
    assert answer.content[0].text == TEXT  # type: ignore[union-attr]
    assert_whole_call(instrumented, "claude-x", "anthropic")
    # Anthropic's input tokens leave out those read from and written to the cache.
    assert (instrumented.only().attributes or {})["gen_ai.usage.input_tokens"] == 11 + 3 + 2


async def test_anthropic_plain_async(
    instrumented: SpanLog, anthropic_arguments: dict[str, Any]
) -> None:
    async with anthropic.AsyncAnthropic(**anthropic_arguments) as client:
        await client.messages.create(model="claude-x", max_tokens=9, messages=MESSAGES)
    assert_whole_call(instrumented, "claude-x", "anthropic")


def test_anthropic_stream(instrumented: SpanLog, anthropic_arguments: dict[str, Any]) -> None:
    with anthropic.Anthropic(**anthropic_arguments) as client:
        stream = client.messages.create(
            model="claude-x", max_tokens=9, messages=MESSAGES, stream=True
        )
        assert isinstance(stream, anthropic.Stream)
        assert instrumented.ended == []
        list(stream)
    assert_whole_call(instrumented, "claude-x", "anthropic")


def test_anthropic_stream_helper(
    instrumented: SpanLog, anthropic_arguments: dict[str, Any]
) -> None:
    with anthropic.Anthropic(**anthropic_arguments) as client:
        with client.messages.stream(model="claude-x", max_tokens=9, messages=MESSAGES) as stream:
            assert "".join(stream.text_stream) == TEXT
            assert stream.get_final_message().stop_reason == "end_turn"
    assert_whole_call(instrumented, "claude-x", "anthropic")


async def test_anthropic_stream_helper_async(
    instrumented: SpanLog, anthropic_arguments: dict[str, Any]
) -> None:
    async with anthropic.AsyncAnthropic(**anthropic_arguments) as client:
        async with client.messages.stream(
            model="claude-x", max_tokens=9, messages=MESSAGES
        ) as stream:
            assert "".join([text async for text in stream.text_stream]) == TEXT
    assert_whole_call(instrumented, "claude-x", "anthropic")


def test_anthropic_stream_left_early(
    instrumented: SpanLog, anthropic_arguments: dict[str, Any]
) -> None:
    with anthropic.Anthropic(**anthropic_arguments) as client:
        with client.messages.stream(model="claude-x", max_tokens=9, messages=MESSAGES) as stream:
            assert next(iter(stream.text_stream)) == TEXT[:6]
        span = instrumented.only()
    assert span.status.status_code is StatusCode.UNSET


def test_anthropic_error(instrumented: SpanLog, anthropic_arguments: dict[str, Any]) -> None:
    with anthropic.Anthropic(**anthropic_arguments) as client:
        with pytest.raises(anthropic.APIStatusError):
            client.messages.create(model="claude-x;error=529", max_tokens=9, messages=MESSAGES)
    span = instrumented.only()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "overloaded_error"


def test_uninstrument_stops_it(instrumented: SpanLog, openai_arguments: dict[str, Any]) -> None:
    from openlayer_otel import OpenlayerInstrumentor

    with openai.OpenAI(**openai_arguments) as client:
        OpenlayerInstrumentor().uninstrument()
        client.chat.completions.create(model="gpt-x", messages=MESSAGES)
    assert instrumented.started == []
