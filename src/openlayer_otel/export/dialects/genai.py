"""The GenAI conventions: current names, and those from v1.27 on under their current ones.

Read by this dialect: our own spans, the official packages (``openai-v2``, ``genai-openai``,
``genai-anthropic``, ``google-genai``, ``vertexai``, ...), and whoever follows the conventions.
"""

from __future__ import annotations

from collections.abc import Collection

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel import semconv
from openlayer_otel.export.dialects.events import content_of_events
from openlayer_otel.export.reading import Reading, attributes_of, decoded

# Earlier name -> current name. The current one wins where a span carries both.
EARLIER = {
    "gen_ai.system": semconv.PROVIDER_NAME,  # until v1.36
    "gen_ai.usage.prompt_tokens": semconv.USAGE_INPUT_TOKENS,  # until v1.26
    "gen_ai.usage.completion_tokens": semconv.USAGE_OUTPUT_TOKENS,
    "gen_ai.usage.cache_creation.input_tokens": semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,  # v1.41
    "gen_ai.usage.cache_creation_input_tokens": semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    "gen_ai.usage.cache_write_input_tokens": semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    "gen_ai.usage.cache_read_input_tokens": semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    "gen_ai.usage.reasoning_tokens": semconv.USAGE_REASONING_OUTPUT_TOKENS,
    "gen_ai.usage.details.reasoning_tokens": semconv.USAGE_REASONING_OUTPUT_TOKENS,
    # Pydantic AI 1.x
    "gen_ai.usage.details.cache_read_tokens": semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    "gen_ai.usage.details.cache_write_tokens": semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    "gen_ai.usage.details.cache_audio_read_tokens": semconv.USAGE_AUDIO_CACHE_READ_INPUT_TOKENS,
    "gen_ai.usage.details.input_audio_tokens": semconv.USAGE_AUDIO_INPUT_TOKENS,
    "gen_ai.usage.details.output_audio_tokens": semconv.USAGE_AUDIO_OUTPUT_TOKENS,
    "gen_ai.openai.request.seed": semconv.REQUEST_SEED,  # until v1.30
    "gen_ai.openai.request.response_format": semconv.OUTPUT_TYPE,
    "gen_ai.openai.request.service_tier": semconv.OPENAI_REQUEST_SERVICE_TIER,
    "gen_ai.openai.response.service_tier": semconv.OPENAI_RESPONSE_SERVICE_TIER,
    "gen_ai.openai.response.system_fingerprint": semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT,
    "gen_ai.response.finish_reason": semconv.RESPONSE_FINISH_REASONS,
    "gen_ai.retrieval.query": semconv.RETRIEVAL_QUERY_TEXT,
    "gen_ai.request.reasoning_effort": semconv.REQUEST_REASONING_LEVEL,
    "gen_ai.request.max_completion_tokens": semconv.REQUEST_MAX_TOKENS,
    "gen_ai.request.n": semconv.REQUEST_CHOICE_COUNT,
}
# OpenLIT's, who says 0 where it knows no price.
_COST_OR_UNKNOWN = "gen_ai.usage.cost"
# Attributes that say what a call cost, in US dollars.
COSTS = (
    "operation.cost",
    _COST_OR_UNKNOWN,
    "gen_ai.cost.total_cost",
    "litellm.cost.total",
    "llm.cost.total",
)
_UNUSUAL = frozenset((*EARLIER, *COSTS))
# First word of a span's name, where the operation has no attribute.
_OPERATIONS = frozenset(
    {
        semconv.CHAT,
        semconv.TEXT_COMPLETION,
        semconv.GENERATE_CONTENT,
        semconv.EMBEDDINGS,
        semconv.EXECUTE_TOOL,
        semconv.INVOKE_AGENT,
        semconv.INVOKE_WORKFLOW,
    }
)
_OWN = (semconv.STEP_TYPE, semconv.STEP_INPUTS, semconv.STEP_OUTPUT, semconv.STEP_METADATA)
# What makes a span a step, and what may do so with the span's name.
_STEPS = frozenset({semconv.OPERATION_NAME, *_OWN})
# The response's is set last: it is there where a limit on attributes pushed the others out.
_MODELS = frozenset({semconv.REQUEST_MODEL, semconv.RESPONSE_MODEL, "gen_ai.system"})


def speaks(scope: str, names: Collection[str]) -> bool:
    """See :class:`~openlayer_otel.export.dialects.Dialect`."""
    return not (_STEPS.isdisjoint(names) and _MODELS.isdisjoint(names))


def read(span: ReadableSpan) -> Reading | None:
    """A span with a GenAI operation, or with ``openlayer.step.*`` attributes."""
    reading = current_names(span)
    if _STEPS.isdisjoint(reading):
        word = span.name.partition(" ")[0]
        if word not in _OPERATIONS:
            return None
        reading[semconv.OPERATION_NAME] = word
    return reading


def current_names(span: ReadableSpan) -> Reading:
    """All attributes of a span, earlier names as current ones, content from events, costs."""
    reading: Reading = dict(attributes_of(span))
    if not _UNUSUAL.isdisjoint(reading):
        _translate(reading)
    if span._events:  # without the copy that the property makes
        content = content_of_events(
            (event.name, event.attributes or {})
            for event in span.events
            if event.name.startswith("gen_ai.")
        )
        for name, value in content.items():
            reading.setdefault(name, value)
    reasons = reading.get(semconv.RESPONSE_FINISH_REASONS)
    if isinstance(reasons, str):
        given = decoded(reasons)
        reading[semconv.RESPONSE_FINISH_REASONS] = (
            given if isinstance(given, list) else reasons.split(",")
        )
    return reading


def _translate(reading: Reading) -> None:
    """Earlier names to current ones, and a cost to a field of the step."""
    for earlier, name in EARLIER.items():
        if earlier in reading:
            value = reading.pop(earlier)
            reading.setdefault(name, value)
    if reading.get(_COST_OR_UNKNOWN) == 0:
        del reading[_COST_OR_UNKNOWN]
    cost = next((reading[name] for name in COSTS if reading.get(name) is not None), None)
    if cost is not None:
        reading.setdefault(semconv.STEP_FIELD_PREFIX + "cost", cost)
