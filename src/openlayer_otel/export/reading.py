"""A *reading*: what one span says, in the names of :mod:`openlayer_otel.semconv`.

Each dialect (:mod:`openlayer_otel.export.dialects`) turns a span into a reading; everything
behind it knows one vocabulary only. Values that the table marks as JSON may be JSON text or
the value itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel import semconv
from openlayer_otel.genai.encoding import clean_text, from_json, plain

Reading = dict[str, Any]
"""Attribute name -> value."""

# What a dialect knows of a model call that no attribute says, for those that look for its twin:
ONE_CALL = "openlayer.reading.one_call"
"""The only model call inside this one is this one, however the two count its output."""
WHOLE_USAGE = "openlayer.reading.whole_usage"
"""The counts are all from the provider's answer, and better than another span's."""
STREAM_BEGUN = "openlayer.reading.stream_begun"
"""What was asked for; another span beside this one tells how the stream went."""
STREAM_ENDED = "openlayer.reading.stream_ended"
"""What was asked for; this only tells how a stream went that a span beside it began."""

# An encoder's own limit is 254 levels; steps inside steps need their share of it.
_DEEP = 48

STEP_TYPES = {
    semconv.CHAT: semconv.STEP_TYPE_CHAT_COMPLETION,
    semconv.TEXT_COMPLETION: semconv.STEP_TYPE_CHAT_COMPLETION,
    semconv.GENERATE_CONTENT: semconv.STEP_TYPE_CHAT_COMPLETION,
    semconv.DECISION: semconv.STEP_TYPE_CHAT_COMPLETION,  # no other type has its tokens
    semconv.EMBEDDINGS: semconv.STEP_TYPE_EMBEDDING,
    semconv.RETRIEVAL: semconv.STEP_TYPE_RETRIEVER,
    "search_memory": semconv.STEP_TYPE_RETRIEVER,
    semconv.INVOKE_AGENT: semconv.STEP_TYPE_AGENT,
    "create_agent": semconv.STEP_TYPE_AGENT,
    semconv.EXECUTE_TOOL: semconv.STEP_TYPE_TOOL,
}
"""``gen_ai.operation.name`` -> step type; any other operation is a ``user_call``."""

MODEL_STEP_TYPES = frozenset({semconv.STEP_TYPE_CHAT_COMPLETION, semconv.STEP_TYPE_EMBEDDING})
"""The step types that stand for one call to a model."""

_ALL_STEP_TYPES = frozenset(
    {
        *STEP_TYPES.values(),
        semconv.STEP_TYPE_USER_CALL,
        semconv.STEP_TYPE_HANDOFF,
        semconv.STEP_TYPE_GUARDRAIL,
    }
)


def attributes_of(span: ReadableSpan) -> Mapping[str, Any]:
    """The attributes of a span, to be read only; empty if it has none."""
    # The dict inside is read three times as fast, and copied ten times; its absence costs
    # only that.
    inside = getattr(span._attributes, "_dict", None)
    return inside if type(inside) is dict else span.attributes or {}


def step_type_of(reading: Mapping[str, Any]) -> str:
    """The Openlayer step type: what the span says, else what its operation means."""
    given = reading.get(semconv.STEP_TYPE)
    if isinstance(given, str) and given in _ALL_STEP_TYPES:  # a dict could not be looked up
        return given
    operation = reading.get(semconv.OPERATION_NAME)
    return STEP_TYPES.get(str(operation), semconv.STEP_TYPE_USER_CALL)


def decoded(value: Any) -> Any:
    """The value behind an attribute that holds JSON text; other text is the value itself.

    The result is safe to encode as JSON: no lone surrogates, no NaN, no endless nesting.
    """
    if value is None:
        return None
    if isinstance(value, str):
        found = from_json(value)
        if isinstance(found, str):
            return clean_text(found)
        if isinstance(found, (dict, list)) and not _is_deep(value):
            return found
        return plain(found)
    return plain(value)


def _is_deep(json: str) -> bool:
    """Whether JSON may be nested deeply. What is short is not: each level is opened and closed."""
    return len(json) >= 2 * _DEEP and json.count("{") + json.count("[") >= _DEEP


def text_of(reading: Mapping[str, Any], name: str) -> str | None:
    """A text attribute; None if it is missing, empty or no text."""
    value = reading.get(name)
    if not value or not isinstance(value, str):
        return None
    return value if value.isascii() else clean_text(value)


def first_of(block: Mapping[str, Any], *names: str) -> Any:
    """The first of these fields that is not null; None if all are."""
    for name in names:
        if block.get(name) is not None:
            return block[name]
    return None


def number_of(reading: Mapping[str, Any], name: str) -> int | float | None:
    """A number attribute (a text that is a number counts); None if it is none."""
    value = reading.get(name)
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = from_json(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value:
        return value if abs(value) < 2**63 else None
    return None


def count_of(reading: Mapping[str, Any], name: str) -> int | None:
    """A count (tokens): a number that is not negative; None if it is none."""
    value = reading.get(name)
    if type(value) is int and 0 <= value < 2**63:
        return value  # as nearly all are
    value = number_of(reading, name)
    return int(value) if value is not None and value >= 0 else None


def fields_with(reading: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    """The attributes whose names begin with ``prefix``: the rest of the name, and the value."""
    start = len(prefix)
    return [
        (name[start:], reading[name])
        for name in reading
        if name.startswith(prefix) and len(name) > start
    ]
