"""``max_content_bytes``: content of a model call is cut to valid JSON, and the span says which."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel.standin.llm_server import LLMServer
from tests.support.sdk_clients import http_library, make_client
from tests.support.span_log import SpanLog

LIMIT = 2000
LONG = "word " * 2000
SCHEMA = {"type": "object", "properties": {}}
VALUES = {
    "gen_ai.system_instructions": {"system": LONG},
    "gen_ai.input.messages": {"messages": [{"role": "user", "content": LONG}]},
    "gen_ai.tool.definitions": {
        "tools": [{"name": "weigh", "description": LONG, "input_schema": SCHEMA}]
    },
    "gen_ai.output.messages": {},
}


def _client(llm_server: LLMServer, answer: str) -> Any:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": answer}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    library = http_library("anthropic")
    transport = library.MockTransport(lambda request: library.Response(200, json=message))
    return make_client("anthropic", False, llm_server.url, transport)


@pytest.mark.matrix
@pytest.mark.parametrize("long", [*VALUES, "none", "all"])
def test_what_is_too_long_is_cut_and_named(
    long: str, llm_server: LLMServer, instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument(max_content_bytes=LIMIT)
    cut = [name for name in VALUES if long in (name, "all")]
    arguments: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
    for name in cut:
        arguments.update(VALUES[name])
    client = _client(llm_server, LONG if "gen_ai.output.messages" in cut else "Hello")
    client.messages.create(model="m", max_tokens=9, **arguments)
    attributes = spans.only().attributes or {}
    assert attributes.get("openlayer.content.truncated", ()) == tuple(cut)
    for name in cut:
        text = str(attributes[name])
        assert len(text) <= LIMIT
        assert json.loads(text)
        assert "cut]" in text


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("variables", "limit"),
    [
        ({"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "1500"}, 1500),
        ({"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "1500"}, 1500),
        ({"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "9000"}, LIMIT),
        ({"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": " "}, LIMIT),
    ],
    ids=["spans", "all attributes", "larger than ours", "blank"],
)
def test_content_fits_where_the_sdk_is_told_to_shorten_attributes(
    variables: dict[str, str],
    limit: int,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    log = SpanLog()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(log)
    instrument(tracer_provider=provider, max_content_bytes=LIMIT)
    messages = [{"role": "user", "content": f"{number} {LONG}"} for number in range(9)]
    _client(llm_server, LONG).messages.create(model="m", max_tokens=9, messages=messages)
    attributes = log.only().attributes or {}
    for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
        text = str(attributes[name])
        assert limit // 3 < len(text) <= limit
        assert "word" in str(json.loads(text)[-1])
    provider.shutdown()
