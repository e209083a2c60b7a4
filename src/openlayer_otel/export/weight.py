"""What a span weighs in memory, and whether its trace is of interest to Openlayer.

Both are asked where the span ends: in the user's code. A span is *of interest* if any attribute
begins with one of ``PREFIXES``; the mapping decides in the end, so the list errs on the generous
side.
"""

from __future__ import annotations

from functools import lru_cache
from sys import getsizeof
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel.export.reading import attributes_of

# Bytes of a span without attributes: the objects around it, measured with tracemalloc.
EMPTY_SPAN_BYTES = 1500
_EVENT_BYTES = 400
_ATTRIBUTE_BYTES = 80
_POINTER_BYTES = 8
_NUMBER_BYTES = 32  # with the pointer to it
# From here on a text is asked how much its characters take, up to four bytes each.
_LONG = 250

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
            length = len(value)
            size += length if length < _LONG or value.isascii() else getsizeof(value)
        elif kind is tuple:
            size += _weight_of_list(value)
        elif kind is dict:
            size += _weight_of_object(value)
    # The list inside: without the copy that the property makes of it, mostly of nothing.
    if span._events:
        for event in span._events:
            size += _EVENT_BYTES
            if event.attributes:
                for value in event.attributes.values():
                    if isinstance(value, str):
                        size += getsizeof(value)
                    elif isinstance(value, tuple):
                        size += _weight_of_list(value)
                    elif isinstance(value, dict):
                        size += _weight_of_object(value)
    return size


def _weight_of_list(values: tuple[Any, ...]) -> int:
    """Bytes behind an attribute that has many values."""
    # They are all of one type (or missing), and most of it are short.
    kind = type(values[0]) if values else bool
    if kind is int or kind is float:
        return _NUMBER_BYTES * len(values)
    size = sum(map(getsizeof, values), _POINTER_BYTES * len(values))
    if kind is dict or kind is tuple:
        size += sum(map(_weight_inside, values))
    return size


def _weight_of_object(value: dict[str, Any]) -> int:
    """Bytes behind an attribute that is an object, as newer versions of OpenTelemetry take it."""
    return getsizeof(value) + sum(
        getsizeof(name) + getsizeof(each) + _weight_inside(each) for name, each in value.items()
    )


def _weight_inside(value: Any) -> int:
    """Bytes behind a value that stands in a list or an object, without its own."""
    if isinstance(value, dict):
        return _weight_of_object(value) - getsizeof(value)
    return _weight_of_list(value) if isinstance(value, tuple) else 0


def is_of_interest(span: ReadableSpan) -> bool:
    """Whether a span is of interest."""
    return _are_of_interest(tuple(attributes_of(span)))


# An application has few kinds of spans; those of HTTP and databases have many names.
@lru_cache(maxsize=1024)
def _are_of_interest(names: tuple[str, ...]) -> bool:
    return any(name.startswith(PREFIXES) for name in names)
