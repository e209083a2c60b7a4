"""Streams of messages and the SDK's helpers for them: odd events, errors, every way to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import pytest
from opentelemetry.trace import StatusCode

from openlayer_otel import semconv
from tests.providers_anthropic.conftest import CALL, Wire, message, server_sent
from tests.providers_anthropic.messages import Json, OnWire, parts_of, stream_of
from tests.support.span_log import SpanLog

pytestmark = pytest.mark.matrix

OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def cut_short() -> bytes:
    """A stream that fails after its first words."""
    events = stream_of({"type": "text", "text": "hello"}).split(b"event: content_block_stop")[0]
    return events + server_sent([OVERLOADED])


def test_an_error_event_ends_a_stream_as_a_failure(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    wire.reply = cut_short()
    stream = on_wire(anthropic.Anthropic, api_key="k").messages.create(**CALL, stream=True)
    with pytest.raises(anthropic.APIStatusError):
        list(stream)
    span = instrumented.only()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})[semconv.ERROR_TYPE] == "overloaded_error"
    assert (span.attributes or {})[semconv.RESPONSE_FINISH_REASONS] == ("error",)
    assert parts_of(instrumented) == [{"type": "text", "content": "hello"}]


def test_an_error_event_is_seen_by_who_reads_the_lines(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    wire.reply = cut_short()
    messages = on_wire(anthropic.Anthropic, api_key="k").messages
    with messages.with_streaming_response.create(**CALL, stream=True) as response:
        list(response.iter_lines())
    span = instrumented.only()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})[semconv.ERROR_TYPE] == "overloaded_error"
    assert parts_of(instrumented) == [{"type": "text", "content": "hello"}]


def test_a_count_that_the_end_leaves_open_is_that_of_the_start(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    wire.reply = stream_of({"type": "text", "text": "hello"}, usage={"input_tokens": None})
    list(on_wire(anthropic.Anthropic, api_key="k").messages.create(**CALL, stream=True))
    attributes = instrumented.only().attributes or {}
    assert attributes[semconv.USAGE_INPUT_TOKENS] == 1
    assert attributes[semconv.USAGE_OUTPUT_TOKENS] == 7


ODD: dict[str, list[Json]] = {
    "an unknown event": [{"type": "weather", "wind": 3}],
    "an unknown delta": [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "smell_delta", "smell": "x"}}
    ],
    "a delta without index": [
        {"type": "content_block_delta", "index": None, "delta": {"type": "text_delta", "text": ""}}
    ],
    "a delta of no block": [
        {"type": "content_block_delta", "index": 9, "delta": {"type": "text_delta", "text": "x"}}
    ],
    "a delta without text": [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": None}}
    ],
    "no delta at all": [{"type": "content_block_delta", "index": 0, "delta": None}],
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_events_of_compatible_servers_do_no_harm(
    odd: str,
    instrumented: SpanLog,
    on_wire: OnWire,
    wire: Wire,
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole = stream_of({"type": "text", "text": "hello"})
    head, tail = whole.split(b"event: content_block_stop")
    wire.reply = head + server_sent(ODD[odd]) + b"event: content_block_stop" + tail
    events = list(on_wire(anthropic.Anthropic, api_key="k").messages.create(**CALL, stream=True))
    assert len(events) >= 7
    part = parts_of(instrumented)[0]
    assert part["content"] == "hello"
    assert caplog.records == []


def test_interleaved_blocks_are_put_together_by_index(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    def delta(index: int, text: str) -> Json:
        piece = {"type": "input_json_delta", "partial_json": text}
        return {"type": "content_block_delta", "index": index, "delta": piece}

    def start(index: int) -> Json:
        block = {"type": "tool_use", "id": f"t{index}", "name": "look", "input": {}}
        return {"type": "content_block_start", "index": index, "content_block": block}

    wire.reply = server_sent(
        [
            {"type": "message_start", "message": message()},
            start(1),
            start(0),
            delta(1, '{"at":'),
            delta(0, '{"at":'),
            delta(1, '"sky"}'),
            delta(0, '"sea"}'),
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {}},
            {"type": "message_stop"},
        ]
    )
    list(on_wire(anthropic.Anthropic, api_key="k").messages.create(**CALL, stream=True))
    assert [each["arguments"] for each in parts_of(instrumented)] == [{"at": "sea"}, {"at": "sky"}]


@pytest.mark.parametrize("content", [True, False])
def test_a_stream_names_the_model_that_another_has_fallen_back_to(
    content: bool, instrument: Callable[..., None], spans: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    instrument(capture_content=content)
    hop = {"type": "fallback", "from": {"model": "claude-x"}, "to": {"model": "claude-y"}}
    wire.reply = stream_of({"type": "text", "text": "I"}, hop, {"type": "text", "text": "Sure"})
    list(on_wire(anthropic.Anthropic, api_key="k").beta.messages.create(**CALL, stream=True))
    attributes = spans.only().attributes or {}
    assert attributes[semconv.REQUEST_MODEL] == "claude-x"
    assert attributes[semconv.RESPONSE_MODEL] == "claude-y"


HELPER_USES: dict[str, Callable[[Any], Any]] = {
    "events": lambda stream: list(stream),
    "text_stream": lambda stream: list(stream.text_stream),
    "get_final_message": lambda stream: stream.get_final_message(),
    "get_final_text": lambda stream: stream.get_final_text(),
    "until_done": lambda stream: stream.until_done(),
}


@pytest.mark.parametrize("use", HELPER_USES)
@pytest.mark.parametrize("beta", [False, True], ids=["", "beta"])
def test_the_stream_helper_is_traced_however_it_is_read(
    use: str, beta: bool, instrumented: SpanLog, client: Any
) -> None:
    resource = client.beta.messages if beta else client.messages
    if not hasattr(resource, "stream"):
        pytest.skip("not in this version of the SDK")
    with resource.stream(**CALL) as stream:
        HELPER_USES[use](stream)
    span = instrumented.only()
    said = span.attributes or {}
    assert said[semconv.RESPONSE_FINISH_REASONS] == ("stop",)
    assert said[semconv.USAGE_INPUT_TOKENS] == 16
    assert semconv.OUTCOME not in said
    [part] = parts_of(instrumented)
    assert part["content"] == "lorem ipsum dolor sit amet con"


def test_a_stream_helper_that_is_left_early_keeps_what_came(
    instrumented: SpanLog, client: Any
) -> None:
    with client.messages.stream(**CALL) as stream:
        first = next(stream.text_stream)
    span = instrumented.only()
    said = span.attributes or {}
    assert span.status.status_code is StatusCode.UNSET
    assert said[semconv.OUTCOME] == "closed"
    assert said[semconv.RESPONSE_FINISH_REASONS] == ("error",)
    assert parts_of(instrumented) == [{"type": "text", "content": first}]


async def test_the_async_stream_helper_is_traced(instrumented: SpanLog, async_client: Any) -> None:
    async with async_client.messages.stream(**CALL) as stream:
        texts = [text async for text in stream.text_stream]
    assert parts_of(instrumented) == [{"type": "text", "content": "".join(texts)}]


def test_parse_is_traced_as_one_call(instrumented: SpanLog, client: Any) -> None:
    pydantic = pytest.importorskip("pydantic")
    if not hasattr(client.messages, "parse"):
        pytest.skip("not in this version of the SDK")
    shape = pydantic.create_model("Shape", name=(str, ...), age=(int, ...))
    client.messages.parse(**{**CALL, "model": "claude;mode=json"}, output_format=shape)
    span = instrumented.only()
    assert span.name.startswith("chat ")
    assert (span.attributes or {})[semconv.OUTPUT_TYPE] == "json"
