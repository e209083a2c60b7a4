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


@pytest.mark.parametrize("name", ["prompt_cache_hit_tokens", "cached_tokens"])
def test_cached_tokens_are_read_under_other_names(
    name: str, transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    """DeepSeek's and Moonshot's."""
    instrument()
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, name: 8}
    client = transport({**HEAD, "choices": [], "usage": usage})
    client.chat.completions.create(model="m", messages=MESSAGES)
    assert (spans.only().attributes or {})["gen_ai.usage.cache_read.input_tokens"] == 8


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
