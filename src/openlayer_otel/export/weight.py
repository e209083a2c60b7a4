"""What a span weighs in memory, and whether its trace is of interest to Openlayer.

Both are asked where the span ends: in the user's code. A span is *of interest* if any attribute
begins with one of ``PREFIXES``; the mapping decides in the end, so the list errs on the generous
side.
"""

from __future__ import annotations

from functools import lru_cache

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel.export.reading import attributes_of

# Bytes of a span without attributes: the objects around it, measured with tracemalloc.
EMPTY_SPAN_BYTES = 1500
_EVENT_BYTES = 400
_ATTRIBUTE_BYTES = 80

PREFIXES = (
    "gen_ai.",  # OpenTelemetry, and with it Pydantic AI, Strands, Semantic Kernel, ADK
    "openlayer.",
    "llm.",  # OpenInference, OpenLLMetry
    "openinference.",
    "traceloop.",
    "ai.",  # Vercel
    "litellm.",
    "anthropic.",
    "gcp.vertex.agent.",  # Google ADK
    "langfuse.",
    "input.value",  # OpenInference
    "semantic_kernel.",
    "agent_name",  # Pydantic AI
    "tool_arguments",
    "model_request_parameters",
    "request_data",  # Logfire
    "guardrail_name",  # LiteLLM
    "db.vector.",
)


def weight_of(span: ReadableSpan) -> int:
    """The weight of an ended span in bytes (an estimate)."""
    attributes = attributes_of(span)
    size = EMPTY_SPAN_BYTES + _ATTRIBUTE_BYTES * len(attributes)
    for value in attributes.values():
        kind = type(value)
        if kind is str or kind is bytes:
            size += len(value)
    # The list inside: without the copy that the property makes of it, mostly of nothing.
    if span._events:
        for event in span._events:
            size += _EVENT_BYTES
            if event.attributes:
                for value in event.attributes.values():
                    size += len(value) if isinstance(value, str) else 0
    return size


def is_of_interest(span: ReadableSpan) -> bool:
    """Whether a span is of interest."""
    return _are_of_interest(tuple(attributes_of(span)))


# An application has few kinds of spans; those of HTTP and databases have many names.
@lru_cache(maxsize=1024)
def _are_of_interest(names: tuple[str, ...]) -> bool:
    return any(name.startswith(PREFIXES) for name in names)
