"""``POST /v1/messages``: plain, streamed, parsed, beta; Anthropic, Bedrock, Vertex, Foundry.

Source: Anthropic API reference, "Messages"; conventions: client-inference, anthropic (input
tokens are the sum of uncached, cache-read and cache-write tokens).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.encoding import to_json
from openlayer_otel.genai.record import Endpoint, Record, read_request_fields
from openlayer_otel.providers.anthropic.blocks import (
    content_parts,
    input_messages,
    tool_definitions,
)
from openlayer_otel.providers.anthropic.message_stream import MessageStreamReader

_REQUEST = {
    "temperature": (semconv.REQUEST_TEMPERATURE, float),
    "top_p": (semconv.REQUEST_TOP_P, float),
    "top_k": (semconv.REQUEST_TOP_K, int),
    "max_tokens": (semconv.REQUEST_MAX_TOKENS, int),
    "stop_sequences": (semconv.REQUEST_STOP_SEQUENCES, list),
}
# Without a name in the conventions. None of them holds what somebody said, or a secret;
# ``metadata`` (a user's id) and ``mcp_servers`` (access tokens) are left out for that.
_PARAMETERS = frozenset(
    {
        "container",
        "context_management",
        "inference_geo",
        "service_tier",
        "speed",
        "thinking",
        "tool_choice",
    }
)
# Requests with these fields only, as most are, need not be searched for the others.
_ORDINARY = _REQUEST.keys() | {"messages", "model", "system", "tools"}
_USAGE = (
    ("cache_read_input_tokens", semconv.USAGE_CACHE_READ_INPUT_TOKENS),
    ("cache_creation_input_tokens", semconv.USAGE_CACHE_WRITE_INPUT_TOKENS),
    ("output_tokens", semconv.USAGE_OUTPUT_TOKENS),
)
_ALL_INPUT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
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
    if not _ORDINARY.issuperset(body):
        if body.get("stream") is True:
            attributes[semconv.REQUEST_STREAM] = True
        _read_output_config(body, record)
        _read_thread(body.get("thread"), record)
        parameters = {name: body[name] for name in body if name in _PARAMETERS and body[name]}
        if "context_management" in parameters:
            parameters["context_management"] = _without_words(parameters["context_management"])
        if parameters:
            attributes[semconv.REQUEST_PARAMETERS] = to_json(parameters)
    if record.with_content:
        record.input_messages = input_messages(body.get("messages"))
        record.system_instructions = content_parts(body.get("system"))
        if body.get("tools"):
            record.tool_definitions = tool_definitions(body["tools"])


def _without_words(value: Any) -> Any:
    """``context_management`` without the instructions for a summary, which somebody wrote."""
    if isinstance(value, list):
        return [_without_words(each) for each in value]
    if isinstance(value, dict):
        return {k: _without_words(each) for k, each in value.items() if k != "instructions"}
    return value


def _read_output_config(body: Mapping[str, Any], record: Record) -> None:
    output = body.get("output_config")
    output = output if isinstance(output, dict) else {}
    if isinstance(output.get("effort"), str):
        record.attributes[semconv.REQUEST_REASONING_LEVEL] = str.__str__(output["effort"])
    # "output_format" is what "output_config.format" was called before.
    if isinstance(output.get("format") or body.get("output_format"), dict):
        record.attributes[semconv.OUTPUT_TYPE] = "json"


def _read_thread(thread: Any, record: Record) -> None:
    """The conversation that the API holds: the request sends only what is new in it."""
    previous = thread.get("previous_message_id") if isinstance(thread, dict) else None
    if isinstance(previous, str) and previous:
        record.attributes[semconv.REQUEST_PREVIOUS_RESPONSE_ID] = previous


def read_usage(usage: Any, record: Record) -> None:
    """``usage`` of a message."""
    if not isinstance(usage, dict):
        return
    attributes = record.attributes
    for name, attribute in _USAGE:
        count = usage.get(name)
        if type(count) is int:
            attributes[attribute] = count
    tokens = all_input_tokens(usage)
    if tokens is not None:
        attributes[semconv.USAGE_INPUT_TOKENS] = tokens
    details = usage.get("output_tokens_details")
    if isinstance(details, dict):
        record.usage(semconv.USAGE_REASONING_OUTPUT_TOKENS, details.get("thinking_tokens"))
    iterations = usage.get("iterations")
    if isinstance(iterations, list):
        _read_compactions(iterations, record)


def all_input_tokens(usage: Mapping[str, Any]) -> int | None:
    """Uncached, cache-read and cache-write tokens together; None if none of them is said."""
    total = None
    for name in _ALL_INPUT:
        count = usage.get(name)
        if type(count) is int:
            total = count if total is None else total + count
    return total


def _read_compactions(iterations: list[Any], record: Record) -> None:
    """Tokens of the compactions within the request, which its usage leaves out."""
    compactions = [
        each for each in iterations if isinstance(each, dict) and each.get("type") == "compaction"
    ]
    if compactions:
        read = sum(all_input_tokens(each) or 0 for each in compactions)
        record.usage(semconv.ANTHROPIC_COMPACTION_INPUT_TOKENS, read)
        written = [each.get("output_tokens") for each in compactions]
        total = sum(count for count in written if type(count) is int)
        record.usage(semconv.ANTHROPIC_COMPACTION_OUTPUT_TOKENS, total)


def read_response(body: Any, record: Record) -> None:
    """The response, field by field; of an error its type."""
    if not isinstance(body, dict):
        return
    error = body.get("error")
    if isinstance(error, dict):
        kind, text = error.get("type"), error.get("message")
        record.failure = (
            kind if isinstance(kind, str) else semconv.ERROR_OTHER,
            text if isinstance(text, str) else None,
        )
        if "id" not in body:
            return
    attributes = record.attributes
    for name, attribute in (("id", semconv.RESPONSE_ID), ("model", semconv.RESPONSE_MODEL)):
        value = body.get(name)
        if isinstance(value, str) and value:
            attributes[attribute] = value
    read_usage(body.get("usage"), record)
    reason = finish_reason(body.get("stop_reason"))
    attributes[semconv.RESPONSE_FINISH_REASONS] = [reason]
    content = body.get("content")
    if _compacted(content):
        attributes[semconv.CONVERSATION_COMPACTED] = True
    if record.with_content and (content or "id" in body):
        parts = content_parts(content)
        record.output_messages = [shape.output_message(body.get("role"), parts, reason)]


def _compacted(content: Any) -> bool:
    if isinstance(content, list):
        for block in content:
            if isinstance(block, dict) and block.get("type") == "compaction":
                return True
    return False


MESSAGES = Endpoint(
    operation=semconv.CHAT,
    request=read_request,
    response=read_response,
    stream=MessageStreamReader,
    finish_reason_due=True,
)
