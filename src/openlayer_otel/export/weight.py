"""What a span weighs in memory, and whether its trace is of interest to Openlayer.

Both are read in one pass over the attributes, since this runs where the span ends: in the
user's code. A span is *of interest* if any attribute begins with one of ``PREFIXES``; the
mapping decides in the end, so the list errs on the generous side.
"""

from __future__ import annotations

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


def weigh(span: ReadableSpan) -> tuple[int, bool]:
    """The weight of an ended span in bytes (an estimate), and whether it is of interest."""
    size = EMPTY_SPAN_BYTES
    of_interest = False
    attributes = attributes_of(span)
    if attributes:
        size += _ATTRIBUTE_BYTES * len(attributes)
        for name, value in attributes.items():
            if isinstance(value, (str, bytes)):
                size += len(value)
            if not of_interest:
                of_interest = name.startswith(PREFIXES)
    # The list inside: without the copy that the property makes of it, mostly of nothing.
    for event in span._events:
        size += _EVENT_BYTES
        if event.attributes:
            for value in event.attributes.values():
                size += len(value) if isinstance(value, str) else 0
    return size, of_interest
