"""The content of a record becomes texts: encoded at once, each value a single time.

The application may change its lists after the call has begun, and a long conversation must not
be held twice while the answer streams in; so nothing of what was read is kept unencoded.
"""

from __future__ import annotations

from typing import Any

import orjson

from openlayer_otel import semconv
from openlayer_otel.genai.content import ContentPolicy
from openlayer_otel.genai.encoding import clean_text
from openlayer_otel.genai.record import Record

_OURS = "openlayer."
# Besides the sign.
_INTEGER_BITS = 63


def encode_input(record: Record, policy: ContentPolicy) -> None:
    """What the request holds.

    Args:
        record: What the request's reader found; its content is replaced by texts.
        policy: Redacts, encodes and cuts.
    """
    texts = record.content
    if record.system_instructions:
        texts[semconv.SYSTEM_INSTRUCTIONS], cut = policy.encoded(
            record.system_instructions, policy.redacted_parts
        )
        record.system_instructions = None
        if cut:
            _note_cut(record, semconv.SYSTEM_INSTRUCTIONS)
    if record.input_messages:
        texts[semconv.INPUT_MESSAGES], cut = policy.encoded(
            record.input_messages, policy.redacted_messages
        )
        record.input_messages = None
        if cut:
            _note_cut(record, semconv.INPUT_MESSAGES)
    if record.tool_definitions:
        texts[semconv.TOOL_DEFINITIONS], cut = policy.encoded(
            record.tool_definitions, policy.redacted_parts
        )
        record.tool_definitions = None
        if cut:
            _note_cut(record, semconv.TOOL_DEFINITIONS)
    if record.steps:
        _encode_steps(record, policy)


def encode_output(record: Record, policy: ContentPolicy) -> None:
    """What the response holds; arguments as for :func:`encode_input`."""
    if record.output_messages:
        record.content[semconv.OUTPUT_MESSAGES], cut = policy.encoded(
            record.output_messages, policy.redacted_messages
        )
        if cut:
            _note_cut(record, semconv.OUTPUT_MESSAGES)
    if record.steps:
        _encode_steps(record, policy)


def _encode_steps(record: Record, policy: ContentPolicy) -> None:
    for name, value in (record.steps or {}).items():
        # Openlayer's attributes hold JSON, the conventions' texts are plain.
        if isinstance(value, str) and not name.startswith(_OURS):
            record.content[name] = policy.text(value)
            continue
        record.content[name], cut = policy.encoded(value, policy.redacted)
        if cut:
            _note_cut(record, name)
    record.steps = None


def _note_cut(record: Record, name: str) -> None:
    before = record.attributes.get(semconv.CONTENT_TRUNCATED, [])
    record.attributes[semconv.CONTENT_TRUNCATED] = [*before, name]


def clean(attributes: dict[str, Any]) -> None:
    """Mend what an exporter would lose, or the batch with it.

    These are texts that UTF-8 cannot hold, and integers of more than 64 bits, which are left out.
    """
    try:
        # Refuses both, in C: a third of the time of looking at each value here.
        orjson.dumps(attributes, option=orjson.OPT_STRICT_INTEGER)
    except TypeError:
        for name, value in list(attributes.items()):
            if type(value) is str:
                attributes[name] = clean_text(value)
            elif type(value) is int and value.bit_length() > _INTEGER_BITS:
                del attributes[name]
            elif type(value) is list:
                attributes[name] = [
                    clean_text(each) if type(each) is str else each for each in value
                ]
