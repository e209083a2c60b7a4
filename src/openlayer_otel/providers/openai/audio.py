"""The Audio API: speech, transcriptions, translations.

Sound is never recorded: what speech returns is named by checksum and size; the file that a
transcription starts from travels beside the request and is not looked at.
Source: OpenAI API reference, "Audio".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.base64_text import decoded_base64
from openlayer_otel.genai.encoding import from_json
from openlayer_otel.genai.record import Endpoint, Record, StreamReader, read_request_fields
from openlayer_otel.genai.text_buffer import TextBuffer
from openlayer_otel.providers.openai.fields import (
    read_failure,
    read_head,
    read_parameters,
    read_streaming,
)
from openlayer_otel.providers.openai.sounds import media_type_of_sound
from openlayer_otel.providers.openai.usage import read_usage

_REQUEST = {"temperature": (semconv.REQUEST_TEMPERATURE, float)}
_SPEECH_PARAMETERS = frozenset({"response_format", "speed", "stream_format", "voice"})
_TEXT_PARAMETERS = frozenset(
    {"chunking_strategy", "include", "language", "response_format", "timestamp_granularities"}
)
_EVENT_STREAM = (b"data:", b"event:")


def read_speech_request(body: Mapping[str, Any], record: Record) -> None:
    """A text to be spoken, and how."""
    record.attributes[semconv.OUTPUT_TYPE] = "speech"
    read_parameters(body, _SPEECH_PARAMETERS, record)
    if record.with_content:
        instructions = body.get("instructions")
        if isinstance(instructions, str) and instructions:
            record.system_instructions = [shape.text(instructions)]
        if body.get("input") is not None:
            record.input_messages = [shape.message("user", [shape.text(body["input"])])]


def read_speech(body: Any, record: Record) -> None:
    """The spoken text by reference, and the usage where it was streamed as events."""
    if not isinstance(body, dict):
        return
    read_usage(body.get("usage"), record)
    read_failure(body.get("error"), record)
    audio = body.get("audio")
    if record.with_content and isinstance(audio, bytes) and audio:
        part = shape.binary_data(audio, str(body.get("media_type")), "audio")
        record.output_messages = [shape.output_message("assistant", [part], None)]


def decode_speech(body: bytes) -> dict[str, Any]:
    """The body of a speech response: sound, or server-sent events with pieces of it."""
    usage = error = None
    if body.startswith(_EVENT_STREAM):
        pieces = []
        for line in body.splitlines():
            event = from_json(line[5:].strip()) if line.startswith(b"data:") else None
            if isinstance(event, dict):
                pieces.append(decoded_base64(event.get("audio")) or b"")
                usage = event.get("usage") or usage
                error = event.get("error") or error
        body = b"".join(pieces)
    media_type = media_type_of_sound(body)
    return {"audio": body, "media_type": media_type, "usage": usage, "error": error}


def read_text_request(body: Mapping[str, Any], record: Record) -> None:
    """A recording to be written down. It is a file beside the request: ``body`` has the rest."""
    record.attributes[semconv.OUTPUT_TYPE] = "text"
    read_request_fields(body, _REQUEST, record)
    read_streaming(body, record)
    read_parameters(body, _TEXT_PARAMETERS, record)
    prompt = body.get("prompt")
    if record.with_content and isinstance(prompt, str) and prompt:
        record.input_messages = [shape.message("user", [shape.text(prompt)])]


def read_text(body: Any, record: Record) -> None:
    """What was said."""
    if not isinstance(body, dict):
        return
    read_head(body, record)
    read_usage(body.get("usage"), record)
    text = body.get("text")
    if record.with_content and isinstance(text, str):
        record.output_messages = [shape.output_message("assistant", [shape.text(text)], None)]


def decode_text(body: bytes) -> dict[str, Any]:
    """A transcription in a format that is no JSON: plain text, or subtitles."""
    return {"text": body.decode("utf-8", "replace")}


class TranscriptionStreamReader(StreamReader):
    """Gathers the events of a transcription's stream into the transcription.

    Args:
        content: Whether the text is gathered, too.
    """

    __slots__ = ("_content", "_done", "_text")

    def __init__(self, content: bool) -> None:
        self._content = content
        self._text = TextBuffer()
        self._done: dict[str, Any] = {}

    def read(self, event: dict[str, Any]) -> None:
        """Take in one event: a piece of the text, or the whole of it with the usage."""
        kind = event.get("type")
        if kind == "transcript.text.delta":
            if self._content and isinstance(event.get("delta"), str):
                self._text.append(event["delta"])
        elif kind == "transcript.text.done":
            self._done = {"text": event.get("text"), "usage": event.get("usage")}
        elif event.get("error") is not None:
            self._done = {**self._done, "error": event["error"]}

    def response(self) -> dict[str, Any]:
        """The transcription as far as it was received."""
        return {"text": self._text.text(), **self._done}


SPEECH = Endpoint(
    operation=semconv.GENERATE_CONTENT,
    request=read_speech_request,
    response=read_speech,
    decode=decode_speech,
)
TRANSCRIPTIONS = Endpoint(
    operation=semconv.GENERATE_CONTENT,
    request=read_text_request,
    response=read_text,
    stream=TranscriptionStreamReader,
    decode=decode_text,
)
