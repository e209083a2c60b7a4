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
from openlayer_otel.providers.openai.fields import (
    read_choice_count,
    read_failure,
    read_head,
    read_parameters,
    read_service_tier,
    read_streaming,
    set_text,
)
from openlayer_otel.providers.openai.messages import (
    chat_messages,
    message_parts,
    tool_definitions,
)
from openlayer_otel.providers.openai.usage import read_usage

REQUEST_FIELDS = {
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
"""Fields of a request that the conventions name; legacy completions have the same."""
OUTPUT_TYPES = {"text": "text", "json_object": "json", "json_schema": "json"}
"""``type`` of a response format -> ``gen_ai.output.type``."""

_PARAMETERS = frozenset(
    {
        "logit_bias",
        "logprobs",
        "modalities",
        "parallel_tool_calls",
        "store",
        "tool_choice",
        "top_logprobs",
        "verbosity",
    }
)
# Requests with these fields only, as most are, need not be searched for the others.
_ORDINARY = REQUEST_FIELDS.keys() | {"messages", "model", "tools"}
_FINISH_REASONS = {
    "tool_calls": semconv.FINISH_TOOL_CALL,
    "function_call": semconv.FINISH_TOOL_CALL,
}


def finish_reason(reason: object) -> str:
    """A finish reason in the conventions' words; ``error`` where none was received."""
    if not isinstance(reason, str) or not reason:
        return semconv.FINISH_ERROR
    return _FINISH_REASONS.get(reason, reason)


def read_output_type(wanted: object, record: Record) -> None:
    """The kind of output that a response format asks for."""
    if isinstance(wanted, dict):
        output_type = OUTPUT_TYPES.get(str(wanted.get("type")))
        if output_type is not None:
            record.attributes[semconv.OUTPUT_TYPE] = output_type


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """The request, field by field."""
    record.attributes[semconv.OPENAI_API_TYPE] = "chat_completions"
    read_request_fields(body, REQUEST_FIELDS, record)
    if not _ORDINARY.issuperset(body):
        read_streaming(body, record)
        read_choice_count(body, record)
        read_service_tier(body, record)
        read_parameters(body, _PARAMETERS, record)
        read_output_type(body.get("response_format"), record)
        reasoning = body.get("reasoning")
        if isinstance(reasoning, dict):  # OpenRouter
            set_text(record, semconv.REQUEST_REASONING_LEVEL, reasoning.get("effort"))
    if record.with_content:
        record.input_messages = chat_messages(body.get("messages"))
        tools = body.get("tools") or body.get("functions")
        if tools:
            record.tool_definitions = tool_definitions(tools)


def read_response(body: Any, record: Record) -> None:
    """The response, field by field."""
    if not isinstance(body, dict):
        return
    read_head(body, record)
    read_usage(body.get("usage"), record)
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        return
    reasons: list[str] = []
    outputs: list[shape.Message] = []
    for choice in choices:
        if not isinstance(choice, dict):
            continue
        reason = finish_reason(choice.get("finish_reason"))
        reasons.append(reason)
        # OpenRouter: the provider behind it has failed half-way.
        if choice.get("error"):
            read_failure(choice["error"], record)
        message = choice.get("message")
        message = message if isinstance(message, dict) else {}
        if record.with_content:
            outputs.append(
                shape.output_message(message.get("role"), message_parts(message), reason)
            )
    record.attributes[semconv.RESPONSE_FINISH_REASONS] = reasons
    record.output_messages = outputs


CHAT_COMPLETIONS = Endpoint(
    operation=semconv.CHAT,
    request=read_request,
    response=read_response,
    stream=ChatStreamReader,
    finish_reason_due=True,
)
