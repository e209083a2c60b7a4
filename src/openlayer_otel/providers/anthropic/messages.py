"""``POST /v1/messages``: plain, streamed, parsed, beta; Anthropic, Bedrock, Vertex, Foundry.

Source: Anthropic API reference, "Messages"; conventions: client-inference, anthropic (input
tokens are the sum of uncached, cache-read and cache-write tokens).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.record import Endpoint, Record, read_request_fields
from openlayer_otel.providers.anthropic.blocks import content_parts, tool_definitions
from openlayer_otel.providers.anthropic.message_stream import MessageStreamReader

_REQUEST = {
    "temperature": (semconv.REQUEST_TEMPERATURE, float),
    "top_p": (semconv.REQUEST_TOP_P, float),
    "top_k": (semconv.REQUEST_TOP_K, int),
    "max_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "stop_sequences": (semconv.REQUEST_STOP_SEQUENCES, list),
}
_FINISH_REASONS = {
    "end_turn": semconv.FINISH_STOP,
    "stop_sequence": semconv.FINISH_STOP,
    "max_tokens": semconv.FINISH_LENGTH,
    "model_context_window_exceeded": semconv.FINISH_LENGTH,
    "tool_use": semconv.FINISH_TOOL_CALL,
    "refusal": semconv.FINISH_CONTENT_FILTER,
    "compaction": semconv.FINISH_COMPACTION,
}


def finish_reason(reason: object) -> str:
    """A stop reason in the conventions' words; ``error`` where none was received."""
    if not isinstance(reason, str) or not reason:
        return semconv.FINISH_ERROR
    return _FINISH_REASONS.get(reason, reason)


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """The request, field by field."""
    attributes = record.attributes
    read_request_fields(body, _REQUEST, record)
    if body.get("stream") is True:
        attributes[semconv.REQUEST_STREAM] = True
    output = body.get("output_config")
    output = output if isinstance(output, dict) else {}
    if isinstance(output.get("effort"), str):
        attributes[semconv.REQUEST_REASONING_LEVEL] = output["effort"]
    if isinstance(output.get("format") or body.get("output_format"), dict):
        attributes[semconv.OUTPUT_TYPE] = "json"
    if record.with_content:
        messages = body.get("messages")
        if isinstance(messages, list):
            record.input_messages = [
                shape.message(each.get("role"), content_parts(each.get("content")))
                for each in messages
                if isinstance(each, dict)
            ]
        record.system_instructions = content_parts(body.get("system"))
        record.tool_definitions = tool_definitions(body.get("tools"))


def read_usage(usage: Any, record: Record) -> None:
    """``usage`` of a message."""
    if not isinstance(usage, dict):
        return
    read, written = usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")
    record.usage(semconv.USAGE_CACHE_READ_INPUT_TOKENS, read)
    record.usage(semconv.USAGE_CACHE_WRITE_INPUT_TOKENS, written)
    counts = [each for each in (usage.get("input_tokens"), read, written) if type(each) is int]
    if counts:
        record.usage(semconv.USAGE_INPUT_TOKENS, sum(counts))
    record.usage(semconv.USAGE_OUTPUT_TOKENS, usage.get("output_tokens"))
    details = usage.get("output_tokens_details")
    if isinstance(details, dict):
        thinking = details.get("thinking_tokens", details.get("reasoning_tokens"))
        record.usage(semconv.USAGE_REASONING_OUTPUT_TOKENS, thinking)


def read_response(body: Any, record: Record) -> None:
    """The response, field by field."""
    if not isinstance(body, dict):
        return
    attributes = record.attributes
    for name, attribute in (("id", semconv.RESPONSE_ID), ("model", semconv.RESPONSE_MODEL)):
        value = body.get(name)
        if isinstance(value, str) and value:
            attributes[attribute] = value
    read_usage(body.get("usage"), record)
    reason = finish_reason(body.get("stop_reason"))
    attributes[semconv.RESPONSE_FINISH_REASONS] = [reason]
    if record.with_content:
        parts = content_parts(body.get("content"))
        record.output_messages = [shape.output_message(body.get("role"), parts, reason)]


MESSAGES = Endpoint(
    operation=semconv.CHAT,
    request=read_request,
    response=read_response,
    stream=MessageStreamReader,
    finish_reason_due=True,
)
