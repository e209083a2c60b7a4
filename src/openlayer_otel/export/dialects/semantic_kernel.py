"""Semantic Kernel (scopes ``semantic_kernel.*``).

Source: ``semantic_kernel.utils.telemetry`` 1.45. Messages of model calls go to log records;
agents and functions have content on the span. ``finish_reason`` is one text with commas.
"""

from __future__ import annotations

from collections.abc import Collection

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel import semconv
from openlayer_otel.export.dialects.genai import current_names
from openlayer_otel.export.reading import Reading

_OPERATIONS = {
    "chat.completions": semconv.CHAT,
    "chat.streaming_completions": semconv.CHAT,
    "text.completions": semconv.TEXT_COMPLETION,
    "text_completions": semconv.TEXT_COMPLETION,
    "streaming_text_completions": semconv.TEXT_COMPLETION,
}


def speaks(scope: str, names: Collection[str]) -> bool:
    """See :class:`~openlayer_otel.export.dialects.Dialect`."""
    return scope.startswith("semantic_kernel")


def read(span: ReadableSpan) -> Reading | None:
    """A span of Semantic Kernel that names an operation."""
    reading = current_names(span)
    operation = reading.get(semconv.OPERATION_NAME)
    if operation is None:
        return None
    reading[semconv.OPERATION_NAME] = _OPERATIONS.get(str(operation), operation)
    reasons = reading.get(semconv.RESPONSE_FINISH_REASONS)
    if isinstance(reasons, list):
        # "FinishReason.STOP" of the enum's text.
        reading[semconv.RESPONSE_FINISH_REASONS] = [
            str(each).rpartition(".")[2].lower() for each in reasons
        ]
    return reading
