"""The Vercel AI SDK's attributes (``ai.*``), from its services or an OTLP bridge.

Source: AI SDK documentation, "Telemetry" (versions 4 and 5). ``ai.generateText`` encloses
``ai.generateText.doGenerate``, which is the model call; the outer span's token counts are the
sums of the inner ones and are not counted again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel import semconv
from openlayer_otel.export.dialects.genai import current_names
from openlayer_otel.export.reading import Reading, attributes_of, decoded, fields_with, number_of
from openlayer_otel.export.shapes import message_of, messages_of
from openlayer_otel.genai import messages as shape

_NAMES = {
    "ai.model.id": semconv.REQUEST_MODEL,
    "ai.model.provider": semconv.PROVIDER_NAME,
    "ai.response.id": semconv.RESPONSE_ID,
    "ai.response.model": semconv.RESPONSE_MODEL,
    "ai.settings.temperature": semconv.REQUEST_TEMPERATURE,
    "ai.settings.maxTokens": semconv.REQUEST_MAX_TOKENS,
    "ai.settings.maxOutputTokens": semconv.REQUEST_MAX_TOKENS,
    "ai.settings.topP": semconv.REQUEST_TOP_P,
    "ai.settings.topK": semconv.REQUEST_TOP_K,
    "ai.settings.frequencyPenalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "ai.settings.presencePenalty": semconv.REQUEST_PRESENCE_PENALTY,
    "ai.settings.seed": semconv.REQUEST_SEED,
    "ai.usage.promptTokens": semconv.USAGE_INPUT_TOKENS,
    "ai.usage.inputTokens": semconv.USAGE_INPUT_TOKENS,
    "ai.usage.completionTokens": semconv.USAGE_OUTPUT_TOKENS,
    "ai.usage.outputTokens": semconv.USAGE_OUTPUT_TOKENS,
    "ai.usage.cachedInputTokens": semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    "ai.usage.reasoningTokens": semconv.USAGE_REASONING_OUTPUT_TOKENS,
    "ai.usage.tokens": semconv.USAGE_INPUT_TOKENS,
    "ai.toolCall.name": semconv.TOOL_NAME,
    "ai.toolCall.id": semconv.TOOL_CALL_ID,
    "ai.toolCall.args": semconv.TOOL_CALL_ARGUMENTS,
    "ai.toolCall.result": semconv.TOOL_CALL_RESULT,
}
_OPERATION = "ai.operationId"
_METADATA = "ai.telemetry.metadata."
_SESSION = frozenset({"sessionId", "session_id", "chatId", "threadId", "conversationId"})
_USER = frozenset({"userId", "user_id"})
_FINISH = {"tool-calls": "tool_call", "content-filter": "content_filter"}


def speaks(scope: str, names: Collection[str]) -> bool:
    """See :class:`~openlayer_otel.export.dialects.Dialect`."""
    return _OPERATION in names


def read(span: ReadableSpan) -> Reading | None:
    """A span with ``ai.operationId``."""
    operation = attributes_of(span).get(_OPERATION)
    if not isinstance(operation, str):
        return None
    reading = current_names(span)
    for name, attribute in _NAMES.items():
        if reading.get(name) is not None:
            reading.setdefault(attribute, reading[name])
    reading.pop(semconv.OPERATION_NAME, None)
    last = operation.rpartition(".")[2]
    if operation == "ai.toolCall":
        reading[semconv.OPERATION_NAME] = semconv.EXECUTE_TOOL
    elif last in ("doGenerate", "doStream"):
        reading[semconv.OPERATION_NAME] = semconv.CHAT
        _read_model_call(reading)
    elif last == "doEmbed":
        reading[semconv.OPERATION_NAME] = semconv.EMBEDDINGS
        values = reading.get("ai.values") or reading.get("ai.value")
        texts = [decoded(each) for each in values] if isinstance(values, (list, tuple)) else values
        reading[semconv.STEP_INPUTS] = {"input": decoded(texts)}
    else:
        _read_function(operation, reading)
    _read_metadata(reading)
    return reading


def _read_model_call(reading: Reading) -> None:
    messages = messages_of(reading.get("ai.prompt.messages") or reading.get("ai.prompt"))
    if messages:
        reading.setdefault(semconv.INPUT_MESSAGES, messages)
    answer = _answer(reading)
    if answer:
        reading.setdefault(semconv.OUTPUT_MESSAGES, [answer])
    first = number_of(reading, "ai.response.msToFirstChunk")
    if first is not None:
        reading.setdefault(semconv.RESPONSE_TIME_TO_FIRST_CHUNK, first / 1000)
    reason = reading.get("ai.response.finishReason")
    if isinstance(reason, str):
        reading[semconv.RESPONSE_FINISH_REASONS] = [_FINISH.get(reason, reason)]
    tools = reading.get("ai.prompt.tools")
    if isinstance(tools, (list, tuple)):
        reading.setdefault(semconv.TOOL_DEFINITIONS, [decoded(each) for each in tools])


def _answer(reading: Reading) -> dict[str, Any] | None:
    parts = []
    thought = reading.get("ai.response.reasoning")
    if isinstance(thought, str) and thought:
        parts.append(shape.reasoning(thought))
    text = reading.get("ai.response.text") or reading.get("ai.result.text")
    if isinstance(text, str) and text:
        parts.append(shape.text(text))
    given = reading.get("ai.response.object") or reading.get("ai.result.object")
    if not parts and isinstance(given, str):
        parts.append(shape.text(given))
    calls = decoded(reading.get("ai.response.toolCalls") or reading.get("ai.result.toolCalls"))
    if isinstance(calls, list):
        parts.extend(message_of({"tool_calls": calls})["parts"])
    return shape.message("assistant", parts) if parts else None


def _read_function(operation: str, reading: Reading) -> None:
    """``generateText`` and its like: the application's own call, around model calls and tools."""
    reading[semconv.STEP_TYPE] = semconv.STEP_TYPE_USER_CALL
    function = reading.get("ai.telemetry.functionId")
    reading[semconv.STEP_NAME] = function if isinstance(function, str) else operation
    prompt = decoded(
        reading.get("ai.prompt") or reading.get("ai.value") or reading.get("ai.values")
    )
    if prompt is not None:
        reading[semconv.STEP_INPUTS] = prompt if isinstance(prompt, dict) else {"input": prompt}
    answer = _answer(reading)
    if answer:
        reading[semconv.OUTPUT_MESSAGES] = [answer]


def _read_metadata(reading: Reading) -> None:
    metadata = {}
    for name, value in list(fields_with(reading, _METADATA)):
        if name in _SESSION:
            reading.setdefault(semconv.SESSION_ID, value)
        elif name in _USER:
            reading.setdefault(semconv.USER_ID, value)
        else:
            metadata[name] = value
    if metadata:
        reading.setdefault(semconv.TRACE_METADATA, metadata)
