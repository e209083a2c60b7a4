"""Two spans that describe the same model call, as one.

A call may be traced twice: by the framework and by the SDK under it, by two
instrumentations, or by an SDK that traces itself. Nested spans are the same
call if they carry the same response id, or the same model and usage. Spans that stand side by
side, or have other steps between them, are the same call only if they carry the same response
id and are not one after the other. The merged reading has the usage once and, of each kind of
content, the richer one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.export.provider_names import PRICED, openlayer_provider
from openlayer_otel.export.reading import (
    MODEL_STEP_TYPES,
    ONE_CALL,
    WHOLE_USAGE,
    Reading,
    count_of,
    step_type_of,
    text_of,
)
from openlayer_otel.genai.encoding import to_json

_USAGE_PREFIX = "gen_ai.usage."
# Content that belongs together comes from one span: instructions may be in the messages.
_CONTENT = (
    (semconv.INPUT_MESSAGES, semconv.SYSTEM_INSTRUCTIONS),
    (semconv.OUTPUT_MESSAGES,),
    (semconv.TOOL_DEFINITIONS,),
    (semconv.STEP_INPUTS,),
    (semconv.STEP_OUTPUT,),
)
# Messages, and what a step shows in their place if a tool knows none: an object as it was dumped.
_IN_PLACE_OF_MESSAGES = (
    (semconv.INPUT_MESSAGES, semconv.STEP_INPUTS),
    (semconv.OUTPUT_MESSAGES, semconv.STEP_OUTPUT),
)
_ANSWER = (semconv.OUTPUT_MESSAGES, semconv.STEP_OUTPUT, semconv.USAGE_OUTPUT_TOKENS)


def same_call(outer: Mapping[str, Any], inner: Mapping[str, Any], alone: bool) -> bool:
    """Whether a span and a span inside it describe one model call (or one tool call).

    Args:
        outer: The reading of the enclosing span.
        inner: The reading of the nested span.
        alone: The nested span is the only one of its kind in the enclosing one.
    """
    if semconv.STEP_TYPE in outer or semconv.STEP_TYPE in inner:
        return False  # a step that the user made is a step of its own
    kind = step_type_of(outer)
    if kind != step_type_of(inner):
        return False
    if kind == semconv.STEP_TYPE_TOOL:
        call_id = text_of(outer, semconv.TOOL_CALL_ID)
        return call_id is not None and call_id == text_of(inner, semconv.TOOL_CALL_ID)
    if kind not in MODEL_STEP_TYPES:
        return False
    ids = text_of(outer, semconv.RESPONSE_ID), text_of(inner, semconv.RESPONSE_ID)
    if all(ids):
        return ids[0] == ids[1]
    if not _models(outer) & _models(inner) and _models(outer) and _models(inner):
        return False
    return _counts_agree(outer, inner, alone)


def twins(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two spans, one not right inside the other, describe one model call.

    They have the same response id. An instrumentation that does not make its span current lets
    the next one stand beside it.
    """
    if semconv.STEP_TYPE in one or semconv.STEP_TYPE in other:
        return False
    kind = step_type_of(one)
    if kind not in MODEL_STEP_TYPES or kind != step_type_of(other):
        return False
    response_id = text_of(one, semconv.RESPONSE_ID)
    return response_id is not None and response_id == text_of(other, semconv.RESPONSE_ID)


def _models(reading: Mapping[str, Any]) -> set[str]:
    names = (text_of(reading, semconv.REQUEST_MODEL), text_of(reading, semconv.RESPONSE_MODEL))
    return {name.rpartition("/")[2].lower() for name in names if name}


def _counts_agree(outer: Mapping[str, Any], inner: Mapping[str, Any], alone: bool) -> bool:
    """Whether both count the same; from a count that only one gives, nothing follows."""
    sent = _inputs(outer), _inputs(inner)
    if ONE_CALL in outer:
        return alone or not sent[0].isdisjoint(sent[1])
    if all(sent) and sent[0].isdisjoint(sent[1]):
        return False
    made = (
        count_of(outer, semconv.USAGE_OUTPUT_TOKENS),
        count_of(inner, semconv.USAGE_OUTPUT_TOKENS),
    )
    if None not in made and made[0] != made[1]:
        return False
    # Among several calls, one count is too little to know the right one by.
    return alone or (all(sent) and made[0] == made[1])


def _inputs(reading: Mapping[str, Any]) -> set[int]:
    """What a call's input may be in another's words: some count what was cached beside it."""
    given = count_of(reading, semconv.USAGE_INPUT_TOKENS)
    if given is None:
        return set()
    cached = (count_of(reading, semconv.USAGE_CACHE_READ_INPUT_TOKENS) or 0) + (
        count_of(reading, semconv.USAGE_CACHE_WRITE_INPUT_TOKENS) or 0
    )
    return {given, given - cached, given + cached}


def merged(outer: Reading, inner: Reading) -> Reading:
    """One reading for two of the same call; the enclosing one wins where both say something."""
    made = {**inner, **{name: value for name, value in outer.items() if value is not None}}
    for names in _CONTENT:
        richer = inner if _size(inner, names) > _size(outer, names) else outer
        for name in names:
            made.pop(name, None)
            if richer.get(name) is not None:
                made[name] = richer[name]
    for messages, dumped in _IN_PLACE_OF_MESSAGES:
        if any(_only(messages, dumped, each) for each in (outer, inner)):
            made.pop(dumped, None)
    made.pop(ONE_CALL, None)  # what else is inside is another call
    usage = [_usage(outer), _usage(inner)]
    for name in {*usage[0], *usage[1]}:
        made.pop(name)
    # One side's counts as a whole: sides may differ in what a total includes.
    if WHOLE_USAGE not in outer and len(usage[0]) < len(usage[1]):
        usage.reverse()
    made.update(usage[0])
    for name in (semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS):
        if name in usage[1]:
            made.setdefault(name, usage[1][name])
    provider = text_of(inner, semconv.PROVIDER_NAME)
    if provider and openlayer_provider(provider) in PRICED:
        said = text_of(outer, semconv.PROVIDER_NAME)
        if openlayer_provider(said) not in PRICED:
            made[semconv.PROVIDER_NAME] = provider
    return made


def shares_failure(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> bool:
    """Whether a call has failed if of its two spans only the inner one says so.

    Some tools mark no failure. Others had an answer all the same, from elsewhere.
    """
    response_id = text_of(outer, semconv.RESPONSE_ID)
    if response_id is not None and response_id == text_of(inner, semconv.RESPONSE_ID):
        return True
    return all(outer.get(name) is None for name in _ANSWER)


def _only(name: str, other: str, reading: Reading) -> bool:
    return reading.get(name) is not None and reading.get(other) is None


def _usage(reading: Reading) -> Reading:
    return {
        name: value
        for name, value in reading.items()
        if name.startswith(_USAGE_PREFIX) and value is not None
    }


def _size(reading: Reading, names: tuple[str, ...]) -> int:
    size = 0
    for name in names:
        value = reading.get(name)
        if value is not None:
            size += len(value) if isinstance(value, str) else len(to_json(value))
    return size
