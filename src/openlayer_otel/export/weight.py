"""What a span weighs in memory, and whether its trace is of interest to Openlayer.

Both are read in one pass over the attributes, since this runs where the span ends: in the
user's code. A span is *of interest* if any attribute begins with one of ``PREFIXES``; the
mapping decides in the end, so the list errs on the generous side.
"""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan

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
    "db.vector.",
)


def weigh(span: ReadableSpan) -> tuple[int, bool]:
    """The weight of an ended span in bytes (an estimate), and whether it is of interest."""
    size = EMPTY_SPAN_BYTES
    of_interest = False
    attributes = span.attributes
    if attributes:
        # The dict inside is read three times as fast; its absence costs only that.
        inside = getattr(span._attributes, "_dict", attributes)
        for name, value in inside.items():
            size += _ATTRIBUTE_BYTES + (len(value) if isinstance(value, (str, bytes)) else 0)
            if not of_interest:
                of_interest = name.startswith(PREFIXES)
    for event in span.events:
        size += _EVENT_BYTES
        if event.attributes:
            for value in event.attributes.values():
                size += len(value) if isinstance(value, str) else 0
    return size, of_interest
