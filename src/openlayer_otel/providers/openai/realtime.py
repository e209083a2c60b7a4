"""The Realtime API: a response of the model within a session over a WebSocket.

Source: OpenAI API reference, "Realtime", client and server events (beta and current names).
A request here is what the session knows when the model is asked: its settings, the items
that the client has added since the last response, and the ``response`` of the event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.encoding import from_json
from openlayer_otel.genai.messages import Message, Part
from openlayer_otel.genai.record import Endpoint, Record, StreamReader, read_request_fields
from openlayer_otel.providers.openai.fields import read_failure, set_text
from openlayer_otel.providers.openai.messages import tool_definitions
from openlayer_otel.providers.openai.response_stream import ResponseStreamReader
from openlayer_otel.providers.openai.usage import read_usage

_REQUEST = {
    "temperature": (semconv.REQUEST_TEMPERATURE, float),
    "max_output_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "max_response_output_tokens": (semconv.REQUEST_MAX_TOKENS, int),
}
_INCOMPLETE = {
    "max_output_tokens": semconv.FINISH_LENGTH,
    "content_filter": semconv.FINISH_CONTENT_FILTER,
}
# Events of the beta, and of speech, under the name that brings text of the same place.
_TEXT_EVENTS = {
    "response.text.delta": "response.output_text.delta",
    "response.audio_transcript.delta": "response.output_text.delta",
    "response.output_audio_transcript.delta": "response.output_text.delta",
}


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """The session's settings, overlaid with those of the response asked for."""
    attributes = record.attributes
    attributes[semconv.OPENAI_API_TYPE] = "realtime"
    attributes[semconv.REQUEST_STREAM] = True
    read_request_fields(body, _REQUEST, record)
    if _modalities(body) == ["audio"]:
        attributes[semconv.OUTPUT_TYPE] = "speech"
    if record.with_content:
        instructions = body.get("instructions")
        if isinstance(instructions, str) and instructions:
            record.system_instructions = [shape.text(instructions)]
        given = body.get("input")
        if isinstance(given, list):
            record.input_messages = [_message(each) for each in given if isinstance(each, dict)]
        record.tool_definitions = tool_definitions(body.get("tools"))


def _modalities(body: Mapping[str, Any]) -> Any:
    return body.get("output_modalities") or body.get("modalities")


def read_response(body: Any, record: Record) -> None:
    """``response`` of ``response.done``, or what the events before it brought."""
    if not isinstance(body, dict):
        return
    set_text(record, semconv.RESPONSE_ID, body.get("id"))
    set_text(record, semconv.CONVERSATION_ID, body.get("conversation_id"))
    _read_usage(body.get("usage"), record)
    details = body.get("status_details")
    details = details if isinstance(details, dict) else {}
    read_failure(details.get("error") or body.get("error"), record)
    output = body.get("output")
    items = [each for each in output if isinstance(each, dict)] if isinstance(output, list) else []
    reason = _finish_reason(body.get("status"), details.get("reason"), items)
    record.attributes[semconv.RESPONSE_FINISH_REASONS] = [reason]
    if record.with_content:
        parts = [part for item in items for part in _item_parts(item)]
        record.output_messages = [shape.output_message("assistant", parts, reason)]


def _read_usage(usage: Any, record: Record) -> None:
    """As in the other APIs, but for the names of the details."""
    if isinstance(usage, dict):
        details = {
            "input_tokens_details": usage.get("input_token_details"),
            "output_tokens_details": usage.get("output_token_details"),
        }
        read_usage({**usage, **details}, record)


# What the application has to answer.
_TO_ANSWER = ("function_call", "mcp_approval_request")


def _finish_reason(status: Any, reason: Any, items: list[dict[str, Any]]) -> str:
    if status == "completed":
        calls = any(item.get("type") in _TO_ANSWER for item in items)
        return semconv.FINISH_TOOL_CALL if calls else semconv.FINISH_STOP
    if status == "incomplete" and isinstance(reason, str):
        return _INCOMPLETE.get(reason, reason)
    return semconv.FINISH_ERROR


def _message(item: dict[str, Any]) -> Message:
    if item.get("type") == "function_call_output":
        answer = shape.tool_call_response(item.get("call_id"), from_json(item.get("output")))
        return shape.message("tool", [answer])
    default = "assistant" if item.get("type") == "function_call" else "user"
    return shape.message(item.get("role") or default, _item_parts(item))


def _item_parts(item: dict[str, Any]) -> list[Part]:
    kind = item.get("type")
    if kind == "function_call":
        return [shape.tool_call(item.get("call_id"), item.get("name"), item.get("arguments"))]
    content = item.get("content")
    if kind in ("message", None) and isinstance(content, list):
        return [_content_part(each) for each in content if isinstance(each, dict)]
    return [shape.generic(kind, item)]


def _content_part(part: dict[str, Any]) -> Part:
    """Words said or heard are text; the sound itself never goes on a span."""
    kind = part.get("type")
    if isinstance(part.get("text"), str):
        return shape.text(part["text"])
    if isinstance(part.get("transcript"), str):
        return {**shape.text(part["transcript"]), "modality": "audio"}
    if isinstance(part.get("audio"), str):
        return shape.binary(part["audio"], "audio/pcm", "audio")
    if kind == "input_image":
        return shape.uri(part.get("image_url"), "image")
    return shape.generic(kind, {name: value for name, value in part.items() if name != "audio"})


class RealtimeReader(StreamReader):
    """Gathers the server's events of one response.

    Args:
        content: Whether texts and tool calls are gathered, too.
    """

    __slots__ = ("_events", "_whole")

    def __init__(self, content: bool) -> None:
        self._events = ResponseStreamReader(content)
        self._whole: dict[str, Any] | None = None

    def read(self, event: dict[str, Any]) -> None:
        """Take in one server event."""
        kind = event.get("type")
        if kind == "response.done" and isinstance(event.get("response"), dict):
            self._whole = event["response"]
            return
        renamed = _TEXT_EVENTS.get(str(kind))
        self._events.read(event if renamed is None else {**event, "type": renamed})

    def response(self) -> dict[str, Any]:
        """The response as far as it was received."""
        if self._whole is None:
            return self._events.response()
        if self._whole.get("output"):
            return self._whole
        # Cancelled, for instance: what was said until then is in the events before.
        return {**self._whole, "output": self._events.items()}


REALTIME = Endpoint(
    operation=semconv.CHAT,
    request=read_request,
    response=read_response,
    stream=RealtimeReader,
    finish_reason_due=True,
)
