"""What servers that are compatible with OpenAI send in their own ways, and Azure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.support.span_log import SpanLog

MESSAGES: Any = [{"role": "user", "content": "hi"}]
HEAD = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}


def _chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": reason, **more}]}


def _streamed(
    transport: Callable[..., Any], spans: SpanLog, *chunks: dict[str, Any], **options: Any
) -> dict[str, Any]:
    """The attributes of a streamed answer's span; messages decoded."""
    client = transport(list(chunks), **options)
    list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))
    return {
        name: json.loads(value) if isinstance(value, str) and value[:1] == "[" else value
        for name, value in (spans.only().attributes or {}).items()
    }


def test_azures_last_chunks_take_neither_id_nor_model_away(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    offsets = {"check_offset": 1, "start_offset": 1, "end_offset": 2}
    filtered = {"index": 0, "finish_reason": None, "content_filter_offsets": offsets}
    annotation = {"id": "", "object": "", "created": 0, "model": "", "choices": [filtered]}
    azure = {"azure_endpoint": "https://me.openai.azure.com", "api_version": "2024-10-21"}
    attributes = _streamed(
        transport,
        spans,
        _chunk({"content": "x"}),
        _chunk({}, "stop"),
        annotation,
        made=openai.AzureOpenAI,
        **azure,
    )
    assert attributes["gen_ai.response.id"] == "c-1"
    assert attributes["gen_ai.response.model"] == "m-1"


def test_whole_calls_that_nothing_numbers_are_kept_apart(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    """Gemini's way: every call whole, all with the index 0 and without an id."""
    instrument()

    def call(name: str, arguments: str) -> dict[str, Any]:
        function = {"name": name, "arguments": arguments}
        return _chunk({"tool_calls": [{"index": 0, "id": "", "function": function}]})

    attributes = _streamed(
        transport,
        spans,
        call("f", '{"a":1}'),
        call("f", '{"a":2}'),
        call("g", "{}"),
        _chunk({}, "tool_calls"),
    )
    (message,) = attributes["gen_ai.output.messages"]
    assert [(part["name"], part["arguments"]) for part in message["parts"]] == [
        ("f", {"a": 1}),
        ("f", {"a": 2}),
        ("g", {}),
    ]


def test_a_name_that_comes_with_every_piece_begins_no_other_call(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    pieces = [
        _chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": text}}]})
        for text in ("", '{"a":', "1}", "")
    ]
    (message,) = _streamed(transport, spans, *pieces)["gen_ai.output.messages"]
    assert [(part["name"], part["arguments"]) for part in message["parts"]] == [("f", {"a": 1})]


def test_usage_within_the_last_choice_is_read(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    """Moonshot's way."""
    instrument()
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    attributes = _streamed(
        transport, spans, _chunk({"content": "x"}), _chunk({}, "stop", usage=usage)
    )
    assert attributes["gen_ai.usage.input_tokens"] == 10
    assert attributes["gen_ai.usage.output_tokens"] == 5


_VIDEO = "data:video/mp4;base64,QUJDREVG"


@pytest.mark.parametrize(
    ("part", "modality", "media_type"),
    [
        ({"type": "video_url", "video_url": {"url": _VIDEO}}, "video", "video/mp4"),
        ({"type": "audio_url", "audio_url": "data:audio/wav;base64,QUJD"}, "audio", "audio/wav"),
        (
            {"type": "document_url", "document_url": "data:application/pdf;base64,QUJD"},
            "document",
            "application/pdf",
        ),
        ({"type": "input_audio", "input_audio": "SUQzQUJD"}, "audio", "audio/mpeg"),
        (
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"},
            },
            "image",
            "image/png",
        ),
        (
            {"type": "file", "file": {"filename": "a.docx", "file_data": "QUJD"}},
            "document",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
    ],
    ids=lambda value: value.get("type") if isinstance(value, dict) else None,
)
def test_media_of_every_way_are_recorded_by_reference(
    part: Any,
    modality: str,
    media_type: str,
    transport: Callable[..., Any],
    instrument: Callable[..., None],
    spans: SpanLog,
) -> None:
    instrument()
    client = transport({**HEAD, "choices": []})
    messages: Any = [{"role": "user", "content": [part]}]
    client.chat.completions.create(model="m", messages=messages)
    attributes = spans.only().attributes or {}
    (message,) = json.loads(str(attributes["gen_ai.input.messages"]))
    (recorded,) = message["parts"]
    assert recorded["type"] == "uri"
    assert recorded["uri"].startswith("urn:md5:")
    assert (recorded["modality"], recorded["mime_type"]) == (modality, media_type)
    assert "base64" not in str(attributes)


def test_media_by_address_keep_it(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    client = transport({**HEAD, "choices": []})
    parts = [
        {"type": "video_url", "video_url": {"url": "https://a.example/v.mp4"}},
        {"type": "input_audio", "input_audio": "https://a.example/a.mp3"},
    ]
    messages: Any = [{"role": "user", "content": parts}]
    client.chat.completions.create(model="m", messages=messages)
    (message,) = json.loads(str((spans.only().attributes or {})["gen_ai.input.messages"]))
    assert message["parts"] == [
        {"type": "uri", "modality": "video", "uri": "https://a.example/v.mp4"},
        {"type": "uri", "modality": "audio", "uri": "https://a.example/a.mp3"},
    ]


def test_half_a_character_in_a_short_value_costs_that_character_only(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    """UTF-8 has no half of an emoji: an exporter would lose the attribute, or the batch."""
    instrument()
    attributes = _streamed(
        transport,
        spans,
        {
            **_chunk({"content": "x"}, "do\ud83dne"),
            "service_tier": "\ud83d",
            "id": "c-\ud83d\ude00",
        },
    )
    assert attributes["gen_ai.response.finish_reasons"] == ("do\ufffdne",)
    assert attributes["openai.response.service_tier"] == "\ufffd"
    assert attributes["gen_ai.response.id"] == "c-\U0001f600"
    assert attributes["gen_ai.response.model"] == "m-1"


def test_a_tool_call_whose_id_changes_with_each_piece_is_one_call(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    """The way of some versions of vLLM."""
    pieces = [{"name": "f"}, {"arguments": '{"a":'}, {"arguments": " 1}"}]
    calls = [
        {"index": 0, "id": f"call-{number}", "type": "function", "function": piece}
        for number, piece in enumerate(pieces)
    ]
    chunks = [_chunk({"tool_calls": [call]}) for call in calls]
    attributes = _streamed(transport, instrumented, *chunks, _chunk({}, "tool_calls"))
    assert attributes["gen_ai.output.messages"][0]["parts"] == [
        {"type": "tool_call", "id": "call-0", "name": "f", "arguments": {"a": 1}}
    ]


def test_calls_that_are_all_numbered_0_are_kept_apart_by_their_ids(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    pieces: list[tuple[str, dict[str, str]]] = [
        ("a", {"name": "f"}),
        ("b", {"name": "f"}),
        ("a", {"arguments": '{"a": 1}'}),
        ("b", {"arguments": '{"a": 2}'}),
    ]
    chunks = [
        _chunk({"tool_calls": [{"index": 0, "id": call, "function": piece}]})
        for call, piece in pieces
    ]
    attributes = _streamed(transport, instrumented, *chunks, _chunk({}, "tool_calls"))
    calls = attributes["gen_ai.output.messages"][0]["parts"]
    assert [(each["id"], each["arguments"]) for each in calls] == [("a", {"a": 1}), ("b", {"a": 2})]


def test_an_empty_finish_reason_takes_no_other_away(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    attributes = _streamed(
        transport, instrumented, _chunk({"content": "x"}, ""), _chunk({}, "stop"), _chunk({}, "")
    )
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)


def test_an_empty_finish_reason_of_a_completion_takes_no_other_away(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    choices = [{"index": 0, "text": "x", "finish_reason": each} for each in ("", "stop", "")]
    client = transport([{**HEAD, "choices": [choice]} for choice in choices])
    list(client.completions.create(model="m", prompt="hi", stream=True))
    attributes = instrumented.only().attributes or {}
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)


def test_numbers_are_taken_as_they_are_meant_and_left_out_where_no_span_holds_them(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "x"}}
    usage = {"prompt_tokens": 3.0, "completion_tokens": 2.0, "total_tokens": 5.0}
    client = transport({**HEAD, "choices": [choice], "usage": usage})
    client.chat.completions.create(model="m", messages=MESSAGES, seed=2**63, max_tokens=2**62)
    attributes = instrumented.only().attributes or {}
    assert attributes["gen_ai.usage.input_tokens"] == 3
    assert type(attributes["gen_ai.usage.output_tokens"]) is int
    assert attributes["gen_ai.request.max_tokens"] == 2**62
    assert "gen_ai.request.seed" not in attributes


@pytest.mark.parametrize(
    "path",
    ["chat/completions", "/chat/completions/", "https://api.example/v1/chat/completions?a=b"],
)
def test_an_endpoint_may_be_written_otherwise_than_the_sdk_does(
    path: str, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    client = transport({**HEAD, "choices": []}, base_url="https://api.example/v1")
    client.post(path, body={"model": "m", "messages": MESSAGES}, cast_to=object)
    assert instrumented.only().name == "chat m"


def test_models_of_the_sdk_may_stand_in_the_extra_body(
    transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    message = {"role": "assistant", "content": "x"}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    client = transport({**HEAD, "choices": [choice]}, media_type="application/json")
    first = client.chat.completions.create(model="m", messages=MESSAGES)
    instrumented.clear()
    extra = {"messages": (*MESSAGES, first.choices[0].message)}
    client = transport({**HEAD, "choices": [choice]}, media_type="application/json")
    try:
        client.chat.completions.create(model="m", messages=MESSAGES, extra_body=extra)
    except TypeError:
        pytest.skip("this version of the SDK takes JSON only there")
    said = json.loads(str((instrumented.only().attributes or {})["gen_ai.input.messages"]))
    assert [each["role"] for each in said] == ["user", "assistant"]


_HELD = {"logprobs": {"content": [{"token": "x", "logprob": float("-inf"), "bytes": None}]}}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize("streaming", [False, True], ids=["raw", "streaming"])
@pytest.mark.parametrize("mark", [b"", _BYTE_ORDER_MARK], ids=["infinity", "byte order mark"])
def test_an_answer_that_only_pythons_json_reads_is_recorded_though_it_is_raw(
    mark: bytes,
    streaming: bool,
    transport: Callable[..., Any],
    instrument: Callable[..., None],
    spans: SpanLog,
) -> None:
    instrument()
    message = {"role": "assistant", "content": "hello"}
    choice = {"index": 0, "finish_reason": "stop", "message": message, **({} if mark else _HELD)}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    body = {**HEAD, "object": "chat.completion", "choices": [choice], "usage": usage}
    client = transport(mark + json.dumps(body).encode(), "application/json")
    completions = client.chat.completions
    if streaming:
        with completions.with_streaming_response.create(model="m", messages=MESSAGES) as response:
            answer = response.parse()
    else:
        answer = completions.with_raw_response.create(model="m", messages=MESSAGES).parse()
    assert answer.choices[0].message.content == "hello"
    attributes = spans.only().attributes or {}
    assert attributes["gen_ai.usage.output_tokens"] == 2
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)


def test_events_that_only_pythons_json_reads_are_recorded_though_they_are_read_as_lines(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    client = transport([_chunk({"content": "hel"}, **_HELD), _chunk({"content": "lo"}, "stop")])
    streaming = client.chat.completions.with_streaming_response
    with streaming.create(model="m", messages=MESSAGES, stream=True) as response:
        assert any("-Infinity" in line for line in response.iter_lines())
    (message,) = json.loads(str((spans.only().attributes or {})["gen_ai.output.messages"]))
    assert message["parts"] == [{"type": "text", "content": "hello"}]
