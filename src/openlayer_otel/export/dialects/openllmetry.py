"""OpenLLMetry / Traceloop: ``traceloop.*``, flattened ``gen_ai.prompt.N.*``, and ``llm.*``.

Source: ``opentelemetry-semantic-conventions-ai`` 0.5.1 (which lists the earlier names, too)
and the OpenAI, Anthropic and SDK packages 0.62. Their Anthropic package adds cached tokens to
the input, as the conventions ask.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel import semconv
from openlayer_otel.export.dialects.flattened import listed, nested
from openlayer_otel.export.dialects.genai import current_names
from openlayer_otel.export.reading import Reading, attributes_of, decoded, fields_with
from openlayer_otel.export.shapes import message_of

_SPAN_KINDS = {
    "workflow": semconv.STEP_TYPE_USER_CALL,
    "task": semconv.STEP_TYPE_USER_CALL,
    "agent": semconv.STEP_TYPE_AGENT,
    "tool": semconv.STEP_TYPE_TOOL,
}
_OPERATIONS = {
    "chat": semconv.CHAT,
    "completion": semconv.TEXT_COMPLETION,
    "embedding": semconv.EMBEDDINGS,
    "rerank": semconv.RETRIEVAL,
}
_NAMES = {
    "llm.headers": None,
    "llm.frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "llm.presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
    "llm.top_k": semconv.REQUEST_TOP_K,
    "llm.chat.stop_sequences": semconv.REQUEST_STOP_SEQUENCES,
    "llm.request.reasoning_effort": semconv.REQUEST_REASONING_LEVEL,
    "llm.usage.reasoning_tokens": semconv.USAGE_REASONING_OUTPUT_TOKENS,
    "llm.response.finish_reason": semconv.RESPONSE_FINISH_REASONS,
    "llm.response.stop_reason": semconv.RESPONSE_FINISH_REASONS,
    "gen_ai.response.stop_reason": semconv.RESPONSE_FINISH_REASONS,
    "gen_ai.openai.system_fingerprint": semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT,
    "llm.user": semconv.USER_ID,
    "gen_ai.user": semconv.USER_ID,
}
_KIND = "traceloop.span.kind"
_REQUEST = "llm.request.type"
_ASSOCIATION = "traceloop.association.properties."
_FLATTENED = ("gen_ai.prompt.", "gen_ai.completion.")
# Its OpenAI package without content; opentelemetry.instrumentation.openai_v2 is another one.
_SCOPES = ("opentelemetry.instrumentation.openai.",)
_SESSION = frozenset({"session_id", "chat_id", "thread_id", "conversation_id"})


def speaks(scope: str, names: Collection[str]) -> bool:
    """See :class:`~openlayer_otel.export.dialects.Dialect`."""
    return (
        _KIND in names
        or _REQUEST in names
        or scope.startswith(_SCOPES)
        or any(name.startswith(_FLATTENED) for name in names)
    )


def read(span: ReadableSpan) -> Reading | None:
    """A span of Traceloop's decorators or of an OpenLLMetry instrumentation."""
    attributes = attributes_of(span)
    kind = attributes.get(_KIND)
    request = attributes.get(_REQUEST)
    reading = current_names(span)
    if kind is not None:
        _read_entity(str(kind).lower(), reading)
    elif request is not None or semconv.REQUEST_MODEL in reading:
        operation = _OPERATIONS.get(str(request), semconv.CHAT)
        reading.setdefault(semconv.OPERATION_NAME, operation)
    if span.name == "openai.response":
        reading.setdefault(semconv.OPENAI_API_TYPE, "responses")
    read_flattened(reading)
    _read_association(reading)
    return reading


def read_flattened(reading: Reading) -> None:
    """Take in the flattened names that earlier versions (and LiteLLM) write."""
    for name, current in _NAMES.items():
        value = reading.pop(name, None)
        if value is not None and current is not None:
            if current == semconv.RESPONSE_FINISH_REASONS and isinstance(value, str):
                value = [value]
            reading.setdefault(current, value)
    for prefix, attribute, role in (
        ("gen_ai.prompt", semconv.INPUT_MESSAGES, "user"),
        ("gen_ai.completion", semconv.OUTPUT_MESSAGES, "assistant"),
    ):
        found = [each for each in listed(nested(reading, prefix)) if isinstance(each, dict)]
        if found and attribute not in reading:
            reading[attribute] = [message_of(_message(each), role) for each in found]
    functions = [
        each for each in listed(nested(reading, "llm.request.functions")) if isinstance(each, dict)
    ]
    if functions:
        tools = [
            {"type": "function", **each, "parameters": decoded(each.get("parameters"))}
            for each in functions
        ]
        reading.setdefault(semconv.TOOL_DEFINITIONS, tools)


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """Content is a text, or the JSON of content parts."""
    content = message.get("content")
    if isinstance(content, str) and content.startswith("[{"):
        message["content"] = decoded(content)
    return message


def _read_entity(kind: str, reading: Reading) -> None:
    """A decorated function: ``{"args": [...], "kwargs": {...}}`` in, any JSON out."""
    reading[semconv.STEP_TYPE] = _SPAN_KINDS.get(kind, semconv.STEP_TYPE_USER_CALL)
    given = decoded(reading.get("traceloop.entity.input"))
    if isinstance(given, dict) and set(given) == {"args", "kwargs"}:
        given = {**({"args": given["args"]} if given["args"] else {}), **(given["kwargs"] or {})}
    if given is not None:
        reading.setdefault(
            semconv.STEP_INPUTS, given if isinstance(given, dict) else {"input": given}
        )
    if reading.get("traceloop.entity.output") is not None:
        reading.setdefault(semconv.STEP_OUTPUT, reading["traceloop.entity.output"])
    name = reading.get("traceloop.entity.name")
    if isinstance(name, str) and name:
        reading.setdefault(semconv.STEP_NAME, name)
        if kind == "tool":
            reading.setdefault(semconv.STEP_FIELD_PREFIX + "functionName", name)


def _read_association(reading: Reading) -> None:
    metadata = {}
    for name, value in list(fields_with(reading, _ASSOCIATION)):
        if name == "user_id":
            reading.setdefault(semconv.USER_ID, value)
        elif name in _SESSION:
            reading.setdefault(semconv.SESSION_ID, value)
        else:
            metadata[name] = value
    if metadata:
        reading.setdefault(semconv.TRACE_METADATA, metadata)
