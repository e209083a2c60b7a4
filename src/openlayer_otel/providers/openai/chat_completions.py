"""``POST /chat/completions``: plain, streamed, parsed; OpenAI, Azure and compatible servers.

Source: OpenAI API reference, "Chat Completions"; conventions: client-inference, openai.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.record import Endpoint, Record, read_request_fields
from openlayer_otel.providers.openai.chat_stream import ChatStreamReader
from openlayer_otel.providers.openai.messages import (
    chat_messages,
    message_parts,
    tool_definitions,
)
from openlayer_otel.providers.openai.usage import read_usage

_REQUEST = {
    "temperature": (semconv.REQUEST_TEMPERATURE, float),
    "top_p": (semconv.REQUEST_TOP_P, float),
    "top_k": (semconv.REQUEST_TOP_K, int),
    "frequency_penalty": (semconv.REQUEST_FREQUENCY_PENALTY, float),
    "presence_penalty": (semconv.REQUEST_PRESENCE_PENALTY, float),
    "max_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "max_completion_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "seed": (semconv.REQUEST_SEED, int),
    "stop": (semconv.REQUEST_STOP_SEQUENCES, list),
    "reasoning_effort": (semconv.REQUEST_REASONING_LEVEL, str),
}
_OUTPUT_TYPES = {"text": "text", "json_object": "json", "json_schema": "json"}
_FINISH_REASONS = {
    "tool_calls": semconv.FINISH_TOOL_CALL,
    "function_call": semconv.FINISH_TOOL_CALL,
}


def finish_reason(reason: object) -> str:
    """A finish reason in the conventions' words; ``error`` where none was received."""
    if not isinstance(reason, str) or not reason:
        return semconv.FINISH_ERROR
    return _FINISH_REASONS.get(reason, reason)


def read_common_request(body: Mapping[str, Any], record: Record) -> None:
    """What Chat Completions and legacy completions share."""
    attributes = record.attributes
    read_request_fields(body, _REQUEST, record)
    if body.get("stream") is True:
        attributes[semconv.REQUEST_STREAM] = True
    choices = body.get("n")
    if type(choices) is int and choices != 1:
        attributes[semconv.REQUEST_CHOICE_COUNT] = choices
    tier = body.get("service_tier")
    if isinstance(tier, str) and tier != "auto":
        attributes[semconv.OPENAI_REQUEST_SERVICE_TIER] = tier


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """The request, field by field."""
    read_common_request(body, record)
    attributes = record.attributes
    attributes[semconv.OPENAI_API_TYPE] = "chat_completions"
    wanted = body.get("response_format")
    if isinstance(wanted, dict):
        output_type = _OUTPUT_TYPES.get(str(wanted.get("type")))
        if output_type is not None:
            attributes[semconv.OUTPUT_TYPE] = output_type
    if record.with_content:
        record.input_messages = chat_messages(body.get("messages"))
        record.tool_definitions = tool_definitions(body.get("tools") or body.get("functions"))


def read_common_response(body: Any, record: Record) -> None:
    """What Chat Completions and legacy completions share: identity, tier, usage."""
    attributes = record.attributes
    for name, attribute in (
        ("id", semconv.RESPONSE_ID),
        ("model", semconv.RESPONSE_MODEL),
        ("service_tier", semconv.OPENAI_RESPONSE_SERVICE_TIER),
        ("system_fingerprint", semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT),
    ):
        value = body.get(name)
        if isinstance(value, str) and value:
            attributes[attribute] = value
    read_usage(body.get("usage"), record)


def read_response(body: Any, record: Record) -> None:
    """The response, field by field."""
    if not isinstance(body, dict):
        return
    read_common_response(body, record)
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        return
    found = [each for each in choices if isinstance(each, dict)]
    reasons = [finish_reason(choice.get("finish_reason")) for choice in found]
    record.attributes[semconv.RESPONSE_FINISH_REASONS] = reasons
    if record.with_content:
        record.output_messages = [
            _output(choice, reason) for choice, reason in zip(found, reasons, strict=True)
        ]


def _output(choice: dict[str, Any], reason: str) -> shape.Message:
    message = choice.get("message")
    if not isinstance(message, dict):
        return shape.output_message(None, [], reason)
    return shape.output_message(message.get("role"), message_parts(message), reason)


CHAT_COMPLETIONS = Endpoint(
    operation=semconv.CHAT,
    request=read_request,
    response=read_response,
    stream=ChatStreamReader,
    finish_reason_due=True,
)
