"""Strands Agents (scope ``strands.telemetry.tracer``, or the service's name).

Source: ``strands.telemetry.tracer`` 1.62. Content is on span events: Bedrock's blocks as JSON
text, or (``gen_ai_latest_experimental``) the conventions' messages. The event loop's own spans
repeat what model and tool spans say and are left out.
"""

from __future__ import annotations

from collections.abc import Collection

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel import semconv
from openlayer_otel.export.dialects.genai import current_names
from openlayer_otel.export.dialects.left_out import LEFT_OUT, scope_of
from openlayer_otel.export.reading import (
    Reading,
    attributes_of,
    count_of,
    decoded,
    number_of,
)
from openlayer_otel.export.shapes import messages_of
from openlayer_otel.genai.encoding import to_json

_NAME = "strands-agents"
_SCOPE = "strands.telemetry"


def speaks(scope: str, names: Collection[str]) -> bool:
    """See :class:`~openlayer_otel.export.dialects.Dialect`."""
    return "gen_ai.system" in names or semconv.PROVIDER_NAME in names or scope.startswith(_SCOPE)


def read(span: ReadableSpan) -> Reading | None:
    """A span that names Strands as its system or comes from its tracer."""
    attributes = attributes_of(span)
    named = attributes.get("gen_ai.system"), attributes.get(semconv.PROVIDER_NAME)
    if _NAME not in named and not scope_of(span).startswith(_SCOPE):
        return None
    reading = current_names(span)
    operation = reading.get(semconv.OPERATION_NAME)
    if operation is None or operation == "execute_event_loop_cycle":
        return LEFT_OUT
    first = number_of(reading, "gen_ai.server.time_to_first_token")
    if first is not None:
        reading.setdefault(semconv.RESPONSE_TIME_TO_FIRST_CHUNK, first / 1000)
    if "gen_ai.usage.total_tokens" in reading:
        _add_cached(reading)
    if operation == semconv.EXECUTE_TOOL:
        _read_tool(reading)
    return reading


def _add_cached(reading: Reading) -> None:
    """Cached input to the input, where the model's API counts it beside (the total shows it)."""
    fresh = count_of(reading, semconv.USAGE_INPUT_TOKENS) or 0
    cached = (count_of(reading, semconv.USAGE_CACHE_READ_INPUT_TOKENS) or 0) + (
        count_of(reading, semconv.USAGE_CACHE_WRITE_INPUT_TOKENS) or 0
    )
    output = count_of(reading, semconv.USAGE_OUTPUT_TOKENS) or 0
    if cached and count_of(reading, "gen_ai.usage.total_tokens") == fresh + cached + output:
        reading[semconv.USAGE_INPUT_TOKENS] = fresh + cached


def _read_tool(reading: Reading) -> None:
    """Arguments and result of a tool, which earlier versions have as messages."""
    for name, attribute in (
        (semconv.INPUT_MESSAGES, semconv.TOOL_CALL_ARGUMENTS),
        (semconv.OUTPUT_MESSAGES, semconv.TOOL_CALL_RESULT),
    ):
        for message in messages_of(reading.pop(name, None)):
            for part in message["parts"]:
                value = part.get("arguments", part.get("response", part.get("content")))
                if attribute not in reading and value is not None:
                    # As JSON: a result that is the text "20" is no number.
                    is_text = attribute == semconv.TOOL_CALL_RESULT
                    reading[attribute] = to_json(value) if is_text else decoded(value)
    result = decoded(reading.get(semconv.TOOL_CALL_RESULT))
    if isinstance(result, list) and len(result) == 1 and isinstance(result[0], dict):
        # One block of a tool result: {"text": ...} or {"json": ...}.
        for key in ("text", "json"):
            if set(result[0]) == {key}:
                reading[semconv.TOOL_CALL_RESULT] = to_json(result[0][key])
