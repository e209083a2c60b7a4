"""What the names of a reading's attributes tell, whatever the values are.

An application has few kinds of spans, so each set of names is looked through once; doing so for
every span took a tenth of the time in which a row is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from openlayer_otel import semconv

_CONVERSATION = frozenset(
    {semconv.INPUT_MESSAGES, semconv.SYSTEM_INSTRUCTIONS, semconv.OUTPUT_MESSAGES}
)
_SAID = frozenset({semconv.STEP_CONTEXT, semconv.STEP_QUESTION, semconv.STEP_METADATA})
_ENDING = frozenset({semconv.OUTCOME, semconv.RESPONSE_FINISH_REASONS, semconv.CONTENT_TRUNCATED})
_OF_TRACE = frozenset(
    {
        semconv.TRACE_NAME,
        semconv.INFERENCE_PIPELINE_ID,
        semconv.TRACE_INFERENCE_ID,
        semconv.USER_ID,
        semconv.SESSION_ID,
        semconv.CONVERSATION_ID,
        semconv.TRACE_GROUND_TRUTH,
        semconv.TRACE_METADATA,
        semconv.TRACE_TAGS,
        semconv.STEP_CONTEXT,
        semconv.STEP_QUESTION,
        semconv.STEP_GROUND_TRUTH,
    }
)


@dataclass(frozen=True, slots=True)
class Names:
    """What a set of names tells.

    Attributes:
        fields: The fields that the user set on the step: attribute, field.
        columns: The columns that the user set on the trace: attribute, column.
        conversation: Whether there are messages.
        said: Whether the user said something about the step.
        ending: Whether anything says how a call ended.
        of_trace: Whether any attribute is about the trace as a whole.
    """

    fields: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]
    conversation: bool
    said: bool
    ending: bool
    of_trace: bool


def names_of(reading: Mapping[str, Any]) -> Names:
    """What the names of a reading tell."""
    return _names(tuple(reading))


@lru_cache(maxsize=1024)
def _names(names: tuple[str, ...]) -> Names:
    columns = _beginning_with(semconv.TRACE_COLUMN_PREFIX, names)
    return Names(
        fields=_beginning_with(semconv.STEP_FIELD_PREFIX, names),
        columns=columns,
        conversation=not _CONVERSATION.isdisjoint(names),
        said=not _SAID.isdisjoint(names),
        ending=not _ENDING.isdisjoint(names),
        of_trace=bool(columns) or not _OF_TRACE.isdisjoint(names),
    )


def _beginning_with(prefix: str, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    start = len(prefix)
    return tuple(
        (name, name[start:]) for name in names if name.startswith(prefix) and len(name) > start
    )
