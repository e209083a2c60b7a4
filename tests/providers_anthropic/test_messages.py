"""``messages.create`` and its kin: what the span of a call says of its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import pytest
from opentelemetry.trace import StatusCode

from openlayer_otel import semconv
from tests.providers_anthropic.conftest import CALL, Wire, message, server_sent
from tests.providers_anthropic.messages import IMAGE, IMAGE_PART, Json, OnWire, parts_of, stream_of
from tests.support.span_log import SpanLog

pytestmark = pytest.mark.matrix

BLOCKS: dict[str, tuple[Json, Json]] = {
    "thinking": (
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "reasoning", "content": "hm"},
    ),
    "redacted thinking": (
        {"type": "redacted_thinking", "data": "c2VjcmV0"},
        {"type": "redacted_thinking"},
    ),
    "tool use": (
        {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "sky"}},
        {"type": "tool_call", "id": "t1", "name": "look", "arguments": {"at": "sky"}},
    ),
    "server tool": (
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
        {
            "type": "server_tool_call",
            "id": "s1",
            "name": "web_search",
            "server_tool_call": {"type": "web_search", "input": {"query": "q"}},
        },
    ),
    "server tool's result": (
        {
            "type": "web_search_tool_result",
            "tool_use_id": "s1",
            "content": [{"type": "web_search_result", "url": "u", "encrypted_content": "xyz"}],
        },
        {
            "type": "server_tool_call_response",
            "id": "s1",
            "server_tool_call_response": {
                "type": "web_search_tool_result",
                "content": [{"type": "web_search_result", "url": "u"}],
            },
        },
    ),
    "MCP": (
        {
            "type": "mcp_tool_use",
            "id": "m1",
            "name": "run",
            "server_name": "s",
            "input": {"signature": "f()", "encrypted_content": "of the model"},
        },
        {
            "type": "server_tool_call",
            "id": "m1",
            "name": "run",
            "server_tool_call": {
                "type": "mcp_tool_use",
                "server_name": "s",
                "input": {"signature": "f()", "encrypted_content": "of the model"},
            },
        },
    ),
    "MCP result": (
        {
            "type": "mcp_tool_result",
            "tool_use_id": "m1",
            "is_error": False,
            "content": [{"type": "text", "text": "done"}],
        },
        {
            "type": "server_tool_call_response",
            "id": "m1",
            "server_tool_call_response": {
                "type": "mcp_tool_result",
                "is_error": False,
                "content": [{"type": "text", "text": "done"}],
            },
        },
    ),
    "compaction": (
        {"type": "compaction", "content": "so far", "encrypted_content": "xyz"},
        {"type": "compaction", "content": "so far"},
    ),
    "unknown": (
        {"type": "hologram", "depth": 3, "source": IMAGE},
        {"type": "hologram", "depth": 3, "source": IMAGE_PART},
    ),
}


@pytest.mark.parametrize("kind", BLOCKS)
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("beta", [False, True], ids=["", "beta"])
def test_each_kind_of_content_is_recorded(
    kind: str, streamed: bool, beta: bool, instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    block, part = BLOCKS[kind]
    wire.reply = stream_of(block) if streamed else message(block)
    client = on_wire(anthropic.Anthropic, api_key="k")
    resource = client.beta.messages if beta else client.messages
    if streamed:
        list(resource.create(**CALL, stream=True))
    else:
        resource.create(**CALL)
    assert parts_of(instrumented) == [part]


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_input_tokens_include_the_cached_ones(
    streamed: bool, instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    usage = {
        "input_tokens": 5,
        "cache_read_input_tokens": 30,
        "cache_creation_input_tokens": 200,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 4},
        "iterations": [
            {"type": "message", "input_tokens": 5, "output_tokens": 7},
            {
                "type": "compaction",
                "input_tokens": 1000,
                "cache_read_input_tokens": 10,
                "output_tokens": 90,
            },
        ],
    }
    text = {"type": "text", "text": "hello"}
    wire.reply = stream_of(text, usage=usage) if streamed else message(text, usage=usage)
    resource = on_wire(anthropic.Anthropic, api_key="k").beta.messages
    if streamed:
        list(resource.create(**CALL, stream=True))
    else:
        resource.create(**CALL)
    said = instrumented.only().attributes or {}
    assert said[semconv.USAGE_INPUT_TOKENS] == 235
    assert said[semconv.USAGE_CACHE_READ_INPUT_TOKENS] == 30
    assert said[semconv.USAGE_CACHE_WRITE_INPUT_TOKENS] == 200
    assert said[semconv.USAGE_OUTPUT_TOKENS] == 7
    assert said[semconv.USAGE_REASONING_OUTPUT_TOKENS] == 4
    assert said[semconv.ANTHROPIC_COMPACTION_INPUT_TOKENS] == 1010
    assert said[semconv.ANTHROPIC_COMPACTION_OUTPUT_TOKENS] == 90


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_call"),
        ("refusal", "content_filter"),
        ("compaction", "compaction"),
        ("pause_turn", "pause_turn"),
        ("something_new", "something_new"),
        (None, "error"),
    ],
)
def test_stop_reasons_are_recorded_in_the_words_of_the_conventions(
    stop_reason: Any, finish_reason: str, instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    wire.reply = message(stop_reason=stop_reason)
    on_wire(anthropic.Anthropic, api_key="k").messages.create(**CALL)
    said = instrumented.only().attributes or {}
    assert said[semconv.RESPONSE_FINISH_REASONS] == (finish_reason,)


def test_a_compacted_conversation_is_said_to_be_one(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    wire.reply = message({"type": "compaction", "content": "so far"})
    on_wire(anthropic.Anthropic, api_key="k").beta.messages.create(**CALL)
    assert (instrumented.only().attributes or {})[semconv.CONVERSATION_COMPACTED] is True


@pytest.mark.parametrize("content", [True, False], ids=["content", "no content"])
def test_a_streamed_compaction_is_said_to_be_one(
    content: bool, instrument: Callable[..., None], spans: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    instrument(capture_content=content)
    block = {"type": "compaction", "content": None}
    wire.reply = server_sent(
        [
            {"type": "message_start", "message": message()},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_stop"},
        ]
    )
    list(on_wire(anthropic.Anthropic, api_key="k").beta.messages.create(**CALL, stream=True))
    assert (spans.only().attributes or {})[semconv.CONVERSATION_COMPACTED] is True


def test_citations_are_kept(instrumented: SpanLog, client: Any) -> None:
    stream = client.messages.create(**{**CALL, "model": "claude;mode=citations"}, stream=True)
    list(stream)
    [part] = parts_of(instrumented)
    assert part["citations"][0]["cited_text"] == "lorem"


def test_a_failure_is_recorded_with_the_type_of_the_api(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    wire.reply = {"type": "error", "error": {"type": "not_found_error", "message": "no model"}}
    wire.status = 404
    with pytest.raises(anthropic.NotFoundError):
        on_wire(anthropic.Anthropic, api_key="k").messages.create(**CALL)
    span = instrumented.only()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})[semconv.ERROR_TYPE] == "not_found_error"
    assert semconv.OUTPUT_MESSAGES not in (span.attributes or {})
