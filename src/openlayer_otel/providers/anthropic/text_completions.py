"""``POST /v1/complete``: text completions, which the SDK had until 0.x.

Source: Anthropic API reference, "Text Completions (Legacy)". The API says no token counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.record import Endpoint, Record, StreamReader, read_request_fields
from openlayer_otel.genai.text_buffer import TextBuffer
from openlayer_otel.providers.anthropic.messages import finish_reason

_REQUEST = {
    "temperature": (semconv.REQUEST_TEMPERATURE, float),
    "top_p": (semconv.REQUEST_TOP_P, float),
    "top_k": (semconv.REQUEST_TOP_K, int),
    "max_tokens_to_sample": (semconv.REQUEST_MAX_TOKENS, int),
    "stop_sequences": (semconv.REQUEST_STOP_SEQUENCES, list),
}


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """The request, field by field."""
    read_request_fields(body, _REQUEST, record)
    if body.get("stream") is True:
        record.attributes[semconv.REQUEST_STREAM] = True
    prompt = body.get("prompt")
    if record.with_content and isinstance(prompt, str):
        record.input_messages = [shape.message("user", [shape.text(prompt)])]


def read_response(body: Any, record: Record) -> None:
    """The response, field by field."""
    if not isinstance(body, dict) or "completion" not in body:
        return
    attributes = record.attributes
    for name, attribute in (("id", semconv.RESPONSE_ID), ("model", semconv.RESPONSE_MODEL)):
        value = body.get(name)
        if isinstance(value, str) and value:
            attributes[attribute] = value
    reason = finish_reason(body.get("stop_reason"))
    attributes[semconv.RESPONSE_FINISH_REASONS] = [reason]
    if record.with_content:
        parts = [shape.text(body["completion"])]
        record.output_messages = [shape.output_message("assistant", parts, reason)]


class CompletionStreamReader(StreamReader):
    """Joins the pieces of a streamed completion; each event repeats the other fields.

    Args:
        content: Whether the text is gathered, too.
    """

    __slots__ = ("_content", "_last", "_text")

    def __init__(self, content: bool) -> None:
        self._content = content
        self._last: dict[str, Any] = {}
        self._text = TextBuffer()

    def read(self, event: dict[str, Any]) -> None:
        """Take in one event."""
        if event.get("type") != "completion":
            return
        self._last = event
        piece = event.get("completion")
        if self._content and isinstance(piece, str):
            self._text.append(piece)

    def response(self) -> dict[str, Any]:
        """The completion as far as it was received; nothing if no event came."""
        return {**self._last, "completion": self._text.text()} if self._last else {}


TEXT_COMPLETIONS = Endpoint(
    operation=semconv.TEXT_COMPLETION,
    request=read_request,
    response=read_response,
    stream=CompletionStreamReader,
    finish_reason_due=True,
)
