"""What a connection is asked by other means than its ``send``: raw text, and before it is open."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from openlayer_otel.standin.llm_server import LLMServer
from tests.support.span_log import SpanLog

pytest.importorskip("websockets", reason="WebSockets need openai[realtime]")

ASKED: dict[str, Any] = {"type": "response.create", "model": "gpt-x", "input": "hi"}


def _client(kind: type[Any], server: LLMServer) -> Any:
    made = kind(base_url=server.url + "/v1", api_key="k")
    if not hasattr(made.responses, "connect"):
        pytest.skip("this version of the SDK has no such WebSockets")
    if not hasattr(made.responses.connect(), "send"):
        pytest.skip("this version of the SDK sends with a connection only")
    return made


def _asked_once(spans: SpanLog) -> bool:
    (span,) = spans.ended
    (message,) = json.loads(span.attributes["gen_ai.input.messages"])
    assert span.attributes["gen_ai.usage.output_tokens"] == 5
    return bool(message["parts"] == [{"type": "text", "content": "hi"}])


def test_what_is_sent_raw_is_a_request_like_any_other(
    instrumented: SpanLog, llm_server: LLMServer
) -> None:
    with _client(openai.OpenAI, llm_server).responses.connect() as connection:
        connection.send_raw(json.dumps(ASKED))
        for event in connection:
            if event.type == "response.completed":
                break
    assert _asked_once(instrumented)


def test_what_waits_for_the_connection_is_a_request_once_it_is_open(
    instrumented: SpanLog, llm_server: LLMServer
) -> None:
    manager = _client(openai.OpenAI, llm_server).responses.connect()
    asked = {**ASKED, "input": [{"role": "user", "content": "hi"}]}
    manager.send(asked)
    asked["input"].append({"role": "user", "content": "said later"})
    assert instrumented.started == []
    with manager as connection:
        for event in connection:
            if event.type == "response.completed":
                break
    assert _asked_once(instrumented)


async def test_an_asynchronous_connection_is_the_same(
    instrumented: SpanLog, llm_server: LLMServer
) -> None:
    async with _client(openai.AsyncOpenAI, llm_server) as client:
        manager = client.responses.connect()
        manager.send(ASKED)
        connection = await manager.enter()
        async for event in connection:
            if event.type == "response.completed":
                break
        assert _asked_once(instrumented)
        instrumented.clear()
        await connection.send_raw(json.dumps(ASKED))
        async for event in connection:
            if event.type == "response.completed":
                break
        assert _asked_once(instrumented)
        await connection.close()
