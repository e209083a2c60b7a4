"""LiteLLM (scope ``litellm``), its first callback and ``LITELLM_OTEL_V2``.

Source: ``litellm.integrations.opentelemetry`` and ``litellm.integrations.otel`` 1.109. The
operation may be LiteLLM's call type (``acompletion``); guardrails have spans of their own.
"""

from __future__ import annotations

from collections.abc import Collection

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel import semconv
from openlayer_otel.export.dialects.genai import current_names
from openlayer_otel.export.dialects.left_out import LEFT_OUT
from openlayer_otel.export.dialects.openllmetry import read_flattened
from openlayer_otel.export.reading import Reading, decoded

_OPERATIONS = {
    "completion": semconv.CHAT,
    "acompletion": semconv.CHAT,
    "anthropic_messages": semconv.CHAT,
    "responses": semconv.CHAT,
    "aresponses": semconv.CHAT,
    "text_completion": semconv.TEXT_COMPLETION,
    "atext_completion": semconv.TEXT_COMPLETION,
    "embedding": semconv.EMBEDDINGS,
    "aembedding": semconv.EMBEDDINGS,
}
# The call's provider-side twin: repeats it with flattened request and response.
_TWIN = "raw_gen_ai_request"
_GUARDRAIL = {
    "guardrail_action": "action",
    "litellm.guardrail.action": "action",
    "masked_entity_count": "redactedEntities",
    "litellm.guardrail.masked_entity_count": "redactedEntities",
    "guardrail_mode": "dataType",
    "litellm.guardrail.mode": "dataType",
    "litellm.guardrail.confidence_score": "confidenceThreshold",
}


def speaks(scope: str, names: Collection[str]) -> bool:
    """See :class:`~openlayer_otel.export.dialects.Dialect`."""
    return scope == "litellm"


def read(span: ReadableSpan) -> Reading | None:
    """A span of LiteLLM's tracer that is a model call, an MCP tool or a guardrail."""
    if span.name == _TWIN:
        return LEFT_OUT
    reading = current_names(span)
    name = reading.get("guardrail_name") or reading.get("litellm.guardrail.name")
    if name is not None:
        return _guardrail(reading, str(name))
    request = reading.get("llm.request.type") or reading.get("litellm.call_type")
    operation = reading.get(semconv.OPERATION_NAME) or request
    if operation != semconv.EXECUTE_TOOL and (
        operation is None or semconv.REQUEST_MODEL not in reading
    ):
        return LEFT_OUT
    read_flattened(reading)
    reading[semconv.OPERATION_NAME] = _OPERATIONS.get(str(operation), operation)
    user = reading.get("litellm.end_user.id")
    if isinstance(user, str):
        reading.setdefault(semconv.USER_ID, user)
    return reading


def _guardrail(reading: Reading, name: str) -> Reading:
    reading[semconv.STEP_TYPE] = semconv.STEP_TYPE_GUARDRAIL
    reading[semconv.STEP_NAME] = name
    for attribute, field in _GUARDRAIL.items():
        if reading.get(attribute) is not None:
            reading.setdefault(semconv.STEP_FIELD_PREFIX + field, reading[attribute])
    response = reading.get("guardrail_response") or reading.get("litellm.guardrail.response")
    if response is not None:
        reading[semconv.STEP_OUTPUT] = decoded(response)
    return reading
