"""What generates no message: counts, batches, text completions, and sessions of managed agents."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anthropic
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from openlayer_otel import semconv
from tests.providers_anthropic.conftest import CALL, PROMPT, Wire, server_sent
from tests.support.span_log import SpanLog, json_attribute

pytestmark = pytest.mark.matrix

OnWire = Callable[..., Any]


def no_usage(span: Any) -> bool:
    return not [name for name in span.attributes if name.startswith("gen_ai.usage.")]


@pytest.mark.parametrize("beta", [False, True], ids=["", "beta"])
def test_counting_tokens_uses_none(beta: bool, instrumented: SpanLog, client: Any) -> None:
    resource = client.beta.messages if beta else client.messages
    if not hasattr(resource, "count_tokens"):
        pytest.skip("not in this version of the SDK")
    counted = resource.count_tokens(model="claude-x", messages=PROMPT)
    span = instrumented.only()
    said = span.attributes or {}
    assert span.name == "count_tokens claude-x"
    assert said[semconv.OPERATION_NAME] == "count_tokens"
    assert said[semconv.ANTHROPIC_COUNTED_INPUT_TOKENS] == counted.input_tokens
    assert no_usage(span)


def test_a_batch_is_created_and_uses_no_tokens(instrumented: SpanLog, client: Any) -> None:
    batches = getattr(client.messages, "batches", None) or client.beta.messages.batches
    requests = ({"custom_id": str(n), "params": CALL} for n in range(3))
    batch = batches.create(requests=requests)
    span = instrumented.only()
    said = span.attributes or {}
    assert span.name == "create_batch"
    assert said[semconv.REQUEST_MODEL] == "claude-x"
    assert said[semconv.RESPONSE_ID] == batch.id
    assert no_usage(span)
    assert "hi" not in json.dumps(dict(said)), "the messages of a batch are not recorded"


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_text_completions_are_traced_where_the_sdk_has_them(
    streamed: bool, instrumented: SpanLog, client: Any
) -> None:
    if not hasattr(client, "completions"):
        pytest.skip("not in this version of the SDK")
    answer = client.completions.create(
        model="claude-2", prompt="Say.", max_tokens_to_sample=9, stream=streamed
    )
    text = "".join(each.completion for each in answer) if streamed else answer.completion
    span = instrumented.only()
    assert span.name == "text_completion claude-2"
    assert (span.attributes or {})[semconv.RESPONSE_FINISH_REASONS] == ("stop",)
    [output] = json_attribute(span, semconv.OUTPUT_MESSAGES)
    assert output["parts"] == [{"type": "text", "content": text}]


# --- Sessions ---------------------------------------------------------------------------------

NOW = {"processed_at": "2026-11-22T00:00:00Z"}
USAGE = {
    "input_tokens": 3,
    "cache_read_input_tokens": 5,
    "cache_creation_input_tokens": 6,
    "output_tokens": 4,
}
END = {"type": "span.model_request_end", "id": "e2", "model_request_start_id": "e1", **NOW}
TURN = [
    {"type": "agent.tool_use", "id": "t1", "name": "bash", "input": {"cmd": "ls"}, **NOW},
    {
        "type": "agent.tool_result",
        "id": "r1",
        "tool_use_id": "t1",
        "content": [{"type": "text", "text": "a.txt"}],
        **NOW,
    },
    {**END, "is_error": False, "model_usage": USAGE},
    {"type": "agent.message", "id": "m1", "content": [{"type": "text", "text": "One."}], **NOW},
    {**END, "is_error": False, "model_usage": USAGE},
    {"type": "session.status_idle", "id": "i1", "stop_reason": {"type": "end_turn"}, **NOW},
]


def sessions(client: Any) -> Any:
    found = getattr(client.beta, "sessions", None)
    if found is None:
        pytest.skip("not in this version of the SDK")
    return found


def test_creating_a_session_names_the_agent(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    agent = {"id": "agent_1", "name": "helper", "model": {"id": "claude-x"}}
    wire.reply = {"id": "sess_1", "type": "session", "agent": agent}
    client = on_wire(anthropic.Anthropic, api_key="k")
    sessions(client).create(agent="agent_1", environment_id="env_1")
    span = instrumented.only()
    said = span.attributes or {}
    assert span.name == "create_session"
    assert said[semconv.AGENT_ID] == "agent_1"
    assert said[semconv.AGENT_NAME] == "helper"
    assert said[semconv.CONVERSATION_ID] == "sess_1"


def test_sending_an_agent_something_is_an_invocation(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    wire.reply = {"data": []}
    events = [{"type": "user.message", "content": [{"type": "text", "text": "List."}]}]
    client = on_wire(anthropic.Anthropic, api_key="k")
    sessions(client).events.send("sess_1", events=iter(events))
    span = instrumented.only()
    assert (span.name, span.kind) == ("invoke_agent", SpanKind.CLIENT)
    assert (span.attributes or {})[semconv.CONVERSATION_ID] == "sess_1"
    assert json_attribute(span, semconv.INPUT_MESSAGES) == [
        {"role": "user", "parts": [{"type": "text", "content": "List."}]}
    ]


async def test_what_an_agent_says_is_recorded_when_its_stream_is_left(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    wire.reply = server_sent(TURN)
    client = on_wire(anthropic.AsyncAnthropic, api_key="k")
    stream = await sessions(client).events.stream("sess_1")
    async for event in stream:
        if event.type == "session.status_idle":
            break
    await stream.close()
    span = instrumented.only()
    said = span.attributes or {}
    assert (span.name, span.kind) == ("invoke_agent", SpanKind.CLIENT)
    assert said[semconv.CONVERSATION_ID] == "sess_1"
    assert said[semconv.USAGE_INPUT_TOKENS] == 28
    assert said[semconv.USAGE_OUTPUT_TOKENS] == 8
    assert said[semconv.USAGE_CACHE_READ_INPUT_TOKENS] == 10
    assert said[semconv.USAGE_CACHE_WRITE_INPUT_TOKENS] == 12
    assert said[semconv.RESPONSE_FINISH_REASONS] == ("stop",)
    assert [each["role"] for each in json_attribute(span, semconv.OUTPUT_MESSAGES)] == [
        "assistant",
        "tool",
        "assistant",
    ]


def test_a_tool_of_an_agent_that_failed_is_said_to_have(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    wire.reply = server_sent([TURN[0], {**TURN[1], "is_error": True}, *TURN[2:]])
    client = on_wire(anthropic.Anthropic, api_key="k")
    list(sessions(client).events.stream("sess_1"))
    _, result, _ = json_attribute(instrumented.only(), semconv.OUTPUT_MESSAGES)
    assert result["parts"][0]["is_error"] is True


def previews(text: str, of: str) -> list[dict[str, Any]]:
    """The pieces of a message while it is written, a letter each."""
    deltas = [{"type": "content_delta", "content": {"type": "text", "text": x}} for x in text]
    started = {"type": "event_start", "event": {"type": "agent.message", "id": of}}
    return [started, *({"type": "event_delta", "event_id": of, "delta": each} for each in deltas)]


def said_by_agent(span: ReadableSpan) -> list[str]:
    messages = json_attribute(span, semconv.OUTPUT_MESSAGES)
    return [part["content"] for each in messages for part in each["parts"] if "content" in part]


def test_previews_of_a_message_do_not_displace_what_an_agent_has_said(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    long = "x" * 2_000
    whole = {"type": "agent.message", "id": "m2", "content": [{"type": "text", "text": long}]}
    wire.reply = server_sent([*TURN[:-1], *previews(long, of="m2"), {**whole, **NOW}, TURN[-1]])
    client = on_wire(anthropic.Anthropic, api_key="k")
    list(sessions(client).events.stream("sess_1"))
    assert said_by_agent(instrumented.only()) == ["One.", long]


def test_a_message_that_is_cut_off_keeps_what_its_previews_said(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    later = {**TURN[-3], "id": "m3"}
    wire.reply = server_sent([*TURN[:-1], *previews("Two, th", of="m2"), later])
    client = on_wire(anthropic.Anthropic, api_key="k")
    list(sessions(client).events.stream("sess_1"))
    assert said_by_agent(instrumented.only()) == ["One.", "Two, th", "One."]


def test_previews_leave_nothing_where_no_content_is_recorded(
    instrument: Callable[..., None], spans: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    instrument(capture_content=False)
    wire.reply = server_sent([*previews("secret", of="m2"), TURN[-1]])
    client = on_wire(anthropic.Anthropic, api_key="k")
    list(sessions(client).events.stream("sess_1"))
    said = spans.only().attributes or {}
    assert said[semconv.RESPONSE_FINISH_REASONS] == ("stop",)
    assert semconv.OUTPUT_MESSAGES not in said


@pytest.mark.parametrize(("retrying", "status"), [(True, "UNSET"), (False, "ERROR")])
def test_an_error_of_a_session_fails_it_unless_it_tries_again(
    retrying: bool, status: str, instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    retry = {"type": "retrying" if retrying else "exhausted"}
    error = {"type": "model_overloaded_error", "message": "busy", "retry_status": retry}
    wire.reply = server_sent([{"type": "session.error", "id": "x", "error": error, **NOW}])
    client = on_wire(anthropic.Anthropic, api_key="k")
    list(sessions(client).events.stream("sess_1"))
    assert instrumented.only().status.status_code is StatusCode[status]


def test_what_the_sdk_does_besides_gets_no_span(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    wire.reply = {"data": [], "has_more": False, "first_id": None, "last_id": None}
    client = on_wire(anthropic.Anthropic, api_key="k")
    if not hasattr(client, "models"):
        pytest.skip("not in this version of the SDK")
    client.models.list()
    assert instrumented.ended == []


def test_what_a_thread_of_a_session_says_is_recorded(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    idle = {**TURN[-1], "type": "session.thread_status_idle", "session_thread_id": "thread_1"}
    wire.reply = server_sent([*TURN[:-1], idle])
    client = on_wire(anthropic.Anthropic, api_key="k")
    if not hasattr(sessions(client), "threads"):
        pytest.skip("not in this version of the SDK")
    list(sessions(client).threads.events.stream("thread_1", session_id="sess_1"))
    span = instrumented.only()
    said = span.attributes or {}
    assert span.name == "invoke_agent"
    assert said[semconv.CONVERSATION_ID] == "thread_1"
    assert said[semconv.USAGE_OUTPUT_TOKENS] == 8
    assert said[semconv.RESPONSE_FINISH_REASONS] == ("stop",)


def test_a_session_is_not_over_when_a_thread_of_it_is(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    idle = {**TURN[-1], "type": "session.thread_status_idle", "session_thread_id": "thread_1"}
    wire.reply = server_sent([*TURN[:-1], idle])
    client = on_wire(anthropic.Anthropic, api_key="k")
    list(sessions(client).events.stream("sess_1"))
    said = instrumented.only().attributes or {}
    assert semconv.RESPONSE_FINISH_REASONS not in said
