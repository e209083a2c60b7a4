"""Sound that models make: its kind is told from the bytes, and its pieces are put together."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from openlayer_otel.providers import body_reader
from tests.providers_openai.conftest import HTTP
from tests.support.span_log import SpanLog

MESSAGES: Any = [{"role": "user", "content": "hi"}]
_SOUNDS = [
    (b"RIFF....", "audio/wav"),
    (b"OggS....", "audio/ogg"),
    (b"fLaC....", "audio/flac"),
    (b"ID3.....", "audio/mpeg"),
    (b"\xff\xfb\x90\x00", "audio/mpeg"),
    (b"\xff\xf1\x50\x80", "audio/aac"),
    (b"\x01\x02\x03\x04", "audio/pcm"),
]


def _sound(spans: SpanLog) -> dict[str, Any]:
    (message,) = json.loads(str((spans.only().attributes or {})["gen_ai.output.messages"]))
    (part,) = message["parts"]
    return dict(part)


@pytest.mark.parametrize(("data", "media_type"), _SOUNDS)
def test_an_answer_in_sound_has_its_kind(
    data: bytes,
    media_type: str,
    transport: Callable[..., Any],
    instrument: Callable[..., None],
    spans: SpanLog,
) -> None:
    instrument()
    audio = {"id": "a", "data": base64.b64encode(data).decode(), "transcript": "hello"}
    message = {"role": "assistant", "content": None, "audio": audio}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    client = transport({**answer, "choices": [choice]})
    client.chat.completions.create(model="m", messages=MESSAGES)
    part = _sound(spans)
    assert (part["mime_type"], part["size_bytes"]) == (media_type, len(data))
    assert part["transcript"] == "hello"


@pytest.mark.parametrize(("data", "media_type"), _SOUNDS)
def test_speech_has_its_kind(
    data: bytes,
    media_type: str,
    transport: Callable[..., Any],
    instrument: Callable[..., None],
    spans: SpanLog,
) -> None:
    instrument()
    client = transport(data)
    client.audio.speech.create(model="m", voice="alloy", input="hi").read()
    assert _sound(spans)["mime_type"] == media_type


def test_pieces_of_sound_with_their_own_padding_are_one_sound(
    transport: Callable[..., Any], instrument: Callable[..., None], spans: SpanLog
) -> None:
    instrument()
    pieces = [b"\x01\x02\x03\x04", b"\x05", b"\x06\x07\x08"]
    deltas = [{"audio": {"data": base64.b64encode(piece).decode()}} for piece in pieces]
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    client = transport(chunks)
    list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))
    part = _sound(spans)
    whole = b"".join(pieces)
    assert part["size_bytes"] == len(whole)
    assert part["checksum_md5"] == hashlib.md5(whole).hexdigest()


def test_a_sound_of_which_not_all_was_kept_is_not_said_to_be_another(
    instrumented: SpanLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_reader, "_MAX_BODY", 1_000)
    pieces = [b"ID3" + bytes(700), bytes(700), bytes(200)]

    def respond(request: Any) -> Any:
        return HTTP.Response(200, headers={"content-type": "audio/mpeg"}, content=iter(pieces))

    http = HTTP.Client(transport=HTTP.MockTransport(respond))
    client = openai.OpenAI(api_key="k", http_client=http)
    streaming = client.audio.speech.with_streaming_response
    with streaming.create(model="m", voice="alloy", input="hi") as response:
        assert len(b"".join(response.iter_bytes(700))) == 1_603
    assert "gen_ai.output.messages" not in (instrumented.only().attributes or {})


@pytest.mark.parametrize("text", ["42", '"yes"', "true", "null"])
def test_a_transcription_may_look_like_json(
    text: str, transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    client = transport(text.encode(), media_type="text/plain")
    heard = client.audio.transcriptions.create(model="m", file=b"x", response_format="text")
    assert heard == text
    assert _sound(instrumented) == {"type": "text", "content": text}


@pytest.mark.parametrize("pieces", [[b"\xff\xfb\x90\x00"], []], ids=["half-way", "at once"])
def test_speech_whose_events_say_that_it_failed_has_failed(
    pieces: list[bytes], transport: Callable[..., Any], instrumented: SpanLog
) -> None:
    deltas = [base64.b64encode(piece).decode() for piece in pieces]
    events: list[Any] = [{"type": "speech.audio.delta", "audio": delta} for delta in deltas]
    events.append({"type": "error", "error": {"code": "server_error", "message": "no voice"}})
    asked: Any = {"model": "m", "voice": "alloy", "input": "hi"}
    transport(events).audio.speech.create(**asked).read()
    span = instrumented.only()
    attributes = span.attributes or {}
    assert attributes["error.type"] == "server_error"
    assert span.status.description == "no voice"
    assert ("gen_ai.output.messages" in attributes) is bool(pieces)
