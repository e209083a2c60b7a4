"""The Anthropic SDK's own spans (anthropic >= 1.14; scope ``com.anthropic.sdk.python``).

Source: ``anthropic/lib/_tracing``. A span for each API method, most of them no model calls;
content only with ``ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE=content``.
"""

from __future__ import annotations

from collections.abc import Collection

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel import semconv
from openlayer_otel.export.dialects.genai import current_names
from openlayer_otel.export.dialects.left_out import LEFT_OUT
from openlayer_otel.export.reading import Reading, decoded


def speaks(scope: str, names: Collection[str]) -> bool:
    """See :class:`~openlayer_otel.export.dialects.Dialect`."""
    return scope.startswith("com.anthropic.sdk")


def read(span: ReadableSpan) -> Reading | None:
    """Model calls, tool runners and tools; other API methods are left out."""
    reading = current_names(span)
    if semconv.OPERATION_NAME not in reading:
        return LEFT_OUT
    stop_reason = reading.get("anthropic.message.stop_reason")
    if isinstance(stop_reason, str):
        reading.setdefault(semconv.RESPONSE_FINISH_REASONS, [stop_reason])
    result = decoded(reading.get("anthropic.tool_result.content"))
    if result is not None:
        reading.setdefault(semconv.TOOL_CALL_RESULT, _text(result))
    return reading


def _text(blocks: object) -> object:
    if isinstance(blocks, list) and all(
        isinstance(each, dict) and each.get("type") == "text" for each in blocks
    ):
        return "".join(str(each.get("text", each.get("content", ""))) for each in blocks)
    return blocks
