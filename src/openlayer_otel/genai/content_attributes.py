"""The content of a record becomes attributes: encoded at once, each value a single time.

The application may change its lists after the call has begun, and a long conversation must not
be held twice while the answer streams in; so nothing of what was read is kept unencoded.
"""

from __future__ import annotations

from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.content import ContentPolicy
from openlayer_otel.genai.encoding import clean_text
from openlayer_otel.genai.record import Record
from openlayer_otel.settings import ContentCapture

_OURS = "openlayer."
_ENCODED = frozenset(
    {
        semconv.INPUT_MESSAGES,
        semconv.OUTPUT_MESSAGES,
        semconv.SYSTEM_INSTRUCTIONS,
        semconv.TOOL_DEFINITIONS,
    }
)


def encode_input(record: Record, content: ContentPolicy, capture: ContentCapture) -> None:
    """What the request holds.

    Args:
        record: What the request's reader found; its content is replaced by attributes.
        content: Redacts, encodes and cuts.
        capture: Where content goes.
    """
    if record.system_instructions:
        encoded = content.encoded(record.system_instructions, content.redacted_parts)
        _put(record, semconv.SYSTEM_INSTRUCTIONS, encoded, capture)
    if record.input_messages:
        encoded = content.encoded(record.input_messages, content.redacted_messages)
        _put(record, semconv.INPUT_MESSAGES, encoded, capture)
    if record.tool_definitions:
        encoded = content.encoded(record.tool_definitions, content.redacted_parts)
        _put(record, semconv.TOOL_DEFINITIONS, encoded, capture)
    if record.steps:
        _put_steps(record, content, capture)
    record.input_messages = record.system_instructions = record.tool_definitions = None


def encode_output(record: Record, content: ContentPolicy, capture: ContentCapture) -> None:
    """What the response holds; arguments as for :func:`encode_input`."""
    if record.output_messages:
        encoded = content.encoded(record.output_messages, content.redacted_messages)
        _put(record, semconv.OUTPUT_MESSAGES, encoded, capture)
    if record.steps:
        _put_steps(record, content, capture)


def _put_steps(record: Record, content: ContentPolicy, capture: ContentCapture) -> None:
    for name, value in (record.steps or {}).items():
        # Openlayer's attributes hold JSON, the conventions' texts are plain.
        if isinstance(value, str) and not name.startswith(_OURS):
            _put(record, name, (content.text(value), False), capture)
        else:
            _put(record, name, content.value(value), capture)
    record.steps = None


def _put(record: Record, name: str, encoded: tuple[str, bool], capture: ContentCapture) -> None:
    text, truncated = encoded
    attributes = record.attributes
    if capture.on_spans:
        attributes[name] = text
    if capture.on_events:
        record.event_content = {**record.event_content, name: text}
    if truncated:
        cut = attributes.get(semconv.CONTENT_TRUNCATED, [])
        attributes[semconv.CONTENT_TRUNCATED] = [*cut, name]


def clean(attributes: dict[str, Any]) -> None:
    """Mend texts that UTF-8 cannot hold: an exporter would lose the attribute or the batch."""
    for name, value in attributes.items():
        kind = type(value)
        if kind is str:
            if not value.isascii() and name not in _ENCODED:
                attributes[name] = clean_text(value)
        elif kind is list:
            for item in value:
                if type(item) is str and not item.isascii():
                    attributes[name] = [
                        clean_text(each) if type(each) is str else each for each in value
                    ]
                    break
