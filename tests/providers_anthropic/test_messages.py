"""``messages.create`` and its kin: what the span of a call says."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest
from opentelemetry.trace import StatusCode

from openlayer_otel import semconv
from tests.providers_anthropic.conftest import CALL, PROMPT, Wire, message, server_sent
from tests.support.span_log import SpanLog, json_attribute

Json = dict[str, Any]
pytestmark = pytest.mark.matrix

OnWire = Callable[..., Any]


def parts_of(spans: SpanLog) -> list[Json]:
    [output] = json_attribute(spans.only(), semconv.OUTPUT_MESSAGES)
    return list(output["parts"])


# --- Requests ---------------------------------------------------------------------------------


def test_a_conversation_may_be_given_as_models_and_iterators(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire
) -> None:
    client = on_wire(anthropic.Anthropic, api_key="k")
    first = client.messages.create(**CALL)
    instrumented.clear()

    def conversation() -> Iterator[Any]:
        yield from PROMPT
        yield {"role": "assistant", "content": first.content}
        yield {"role": "user", "content": iter([{"type": "text", "text": "more"}])}

    client.messages.create(**{**CALL, "messages": conversation()})

    texts = [each["content"][0]["text"] for each in wire.sent()["messages"][1:]]
    assert texts == ["hello", "more"], "the model must get all of it"
    assert json_attribute(instrumented.only(), semconv.INPUT_MESSAGES) == [
        {"role": "user", "parts": [{"type": "text", "content": "hi"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "hello"}]},
        {"role": "user", "parts": [{"type": "text", "content": "more"}]},
    ]


async def test_a_conversation_may_be_given_as_models_to_an_async_client(
    instrumented: SpanLog, on_wire: OnWire
) -> None:
    client = on_wire(anthropic.AsyncAnthropic, api_key="k")
    first = await client.messages.create(**CALL)
    instrumented.clear()
    messages = (each for each in [*PROMPT, {"role": "assistant", "content": first.content}])
    await client.messages.create(**{**CALL, "messages": messages})
    said = json_attribute(instrumented.only(), semconv.INPUT_MESSAGES)
    assert said[1] == {"role": "assistant", "parts": [{"type": "text", "content": "hello"}]}


def test_the_arguments_of_the_caller_are_left_alone(instrumented: SpanLog, on_wire: OnWire) -> None:
    arguments = {**CALL, "system": [{"type": "text", "text": "be brief"}], "stop_sequences": ["x"]}
    before = copy.deepcopy(arguments)
    on_wire(anthropic.Anthropic, api_key="k").messages.create(**arguments)
    assert arguments == before


def test_request_parameters_are_recorded(instrumented: SpanLog, on_wire: OnWire) -> None:
    tool = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
    on_wire(anthropic.Anthropic, api_key="k").messages.create(
        **CALL,
        system="be brief",
        stop_sequences=["end"],
        tools=[tool],
        tool_choice={"type": "any"},
        metadata={"user_id": "somebody"},
        # Newer versions of the SDK have no arguments for these.
        extra_body={
            "temperature": 0,
            "top_p": 0.5,
            "top_k": 4,
            "output_config": {"effort": "low", "format": {"type": "json_schema"}},
        },
    )
    span = instrumented.only()
    said = dict(span.attributes or {})
    assert span.name == "chat claude-x"
    assert said[semconv.REQUEST_TEMPERATURE] == 0.0
    assert said[semconv.REQUEST_TOP_P] == 0.5
    assert said[semconv.REQUEST_TOP_K] == 4
    assert said[semconv.REQUEST_STOP_SEQUENCES] == ("end",)
    assert said[semconv.REQUEST_REASONING_LEVEL] == "low"
    assert said[semconv.OUTPUT_TYPE] == "json"
    assert json_attribute(span, semconv.REQUEST_PARAMETERS) == {"tool_choice": {"type": "any"}}
    assert json_attribute(span, semconv.SYSTEM_INSTRUCTIONS) == [
        {"type": "text", "content": "be brief"}
    ]
    assert json_attribute(span, semconv.TOOL_DEFINITIONS) == [
        {
            "type": "function",
            "name": "look",
            "description": "Looks.",
            "parameters": {"type": "object"},
        }
    ]
    assert "somebody" not in json.dumps(said)


def test_nothing_that_was_not_given_is_recorded(
    instrumented: SpanLog, on_wire: OnWire, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    """The SDK's stream helper sends sentinels down to where the request is read."""
    wire.reply = stream_of({"type": "text", "text": "hello"})
    with on_wire(anthropic.Anthropic, api_key="k").messages.stream(**CALL) as stream:
        stream.get_final_message()
    said = instrumented.only().attributes or {}
    assert {name for name in said if name.startswith("gen_ai.request.")} == {
        semconv.REQUEST_MODEL,
        semconv.REQUEST_MAX_TOKENS,
        semconv.REQUEST_STREAM,
    }
    assert "Omit" not in str(dict(said)) and "NotGiven" not in str(dict(said))
    assert caplog.records == []


# --- Answers ----------------------------------------------------------------------------------

IMAGE = {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}
IMAGE_PART = {
    "type": "uri",
    "modality": "image",
    "mime_type": "image/png",
    "uri": "urn:md5:5d41402abc4b2a76b9719d911017c592",
    "checksum_md5": "5d41402abc4b2a76b9719d911017c592",
    "size_bytes": 5,
}
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


def stream_of(*blocks: Json, **end: Any) -> bytes:
    """A stream of these blocks, with two deltas for each text."""
    empty = message(usage={"input_tokens": 1, "output_tokens": 1}, stop_reason=None)
    events: list[Json] = [{"type": "message_start", "message": empty}]
    deltas = {
        "text": ("text_delta", "text"),
        "thinking": ("thinking_delta", "thinking"),
        "compaction": ("compaction_delta", "content"),
    }
    for index, block in enumerate(blocks):
        kind, start, pieces = block["type"], dict(block), []
        if kind in deltas:
            name, field = deltas[kind]
            pieces = [{"type": name, field: half} for half in halves(block[field])]
            start[field] = None if kind == "compaction" else ""
        elif "input" in block:
            halved = halves(json.dumps(block["input"]))
            pieces = [{"type": "input_json_delta", "partial_json": half} for half in halved]
            start["input"] = {}
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [
            {"type": "content_block_delta", "index": index, "delta": piece} for piece in pieces
        ]
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    usage = {"output_tokens": 7, **end.pop("usage", {})}
    events.append({"type": "message_delta", "delta": {**delta, **end}, "usage": usage})
    events.append({"type": "message_stop"})
    return server_sent(events)


def halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


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


def test_what_a_summary_shall_say_is_no_parameter(
    instrument: Callable[..., None], spans: SpanLog, on_wire: OnWire
) -> None:
    instrument(capture_content=False)
    edit = {"type": "compact_20260112", "instructions": "Keep what Ada said", "trigger": None}
    on_wire(anthropic.Anthropic, api_key="k").messages.create(
        **CALL, extra_body={"context_management": {"edits": [edit]}}
    )
    attributes = spans.only().attributes or {}
    parameters = json.loads(str(attributes[semconv.REQUEST_PARAMETERS]))
    (kept,) = parameters["context_management"]["edits"]
    assert kept == {"type": "compact_20260112", "trigger": None}


def test_citations_are_kept(instrumented: SpanLog, client: Any) -> None:
    stream = client.messages.create(**{**CALL, "model": "claude;mode=citations"}, stream=True)
    list(stream)
    [part] = parts_of(instrumented)
    assert part["citations"][0]["cited_text"] == "lorem"


def test_files_and_tool_results_of_the_request_are_references(
    instrumented: SpanLog, on_wire: OnWire
) -> None:
    content = [
        {"type": "image", "source": IMAGE},
        {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
        {"type": "document", "title": "T", "source": {"type": "text", "data": "words"}},
        {
            "type": "tool_result",
            "tool_use_id": "t1",
            "is_error": True,
            "content": [{"type": "text", "text": "seen"}, {"type": "image", "source": IMAGE}],
        },
    ]
    messages = [{"role": "user", "content": content}]
    on_wire(anthropic.Anthropic, api_key="k").messages.create(**{**CALL, "messages": messages})
    [said] = json_attribute(instrumented.only(), semconv.INPUT_MESSAGES)
    assert said["parts"] == [
        IMAGE_PART,
        {"type": "uri", "modality": "image", "uri": "https://x.example/a.png"},
        {"type": "text", "content": "words", "title": "T"},
        {
            "type": "tool_call_response",
            "id": "t1",
            "is_error": True,
            "response": [{"type": "text", "content": "seen"}, IMAGE_PART],
        },
    ]


# --- Failures ---------------------------------------------------------------------------------


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


# --- Streams ----------------------------------------------------------------------------------

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
