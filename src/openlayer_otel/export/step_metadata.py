"""``metadata`` of a step: what the user said, how a call ended, and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.export.failures import Failure
from openlayer_otel.export.names import Names
from openlayer_otel.export.reading import decoded, number_of, text_of
from openlayer_otel.export.tree import Node
from openlayer_otel.genai.encoding import clean_text, plain

# How a model call ends when nothing is worth a note.
_USUAL_ENDS = frozenset({"stop", "tool_call", "tool_calls", "end_turn", "tool_use", "completed"})


def metadata_of(node: Node, kind: str, names: Names) -> dict[str, Any]:
    """The metadata of a node's step.

    Args:
        node: The node.
        kind: Its step type.
        names: What the names of its reading tell.
    """
    reading = node.reading
    made: dict[str, Any] = {}
    first_chunk = number_of(reading, semconv.RESPONSE_TIME_TO_FIRST_CHUNK)
    if first_chunk is not None:
        made["timeToFirstToken"] = first_chunk * 1000.0
    if names.said:
        made.update(_said(reading))
    if names.ending:
        made.update(_ending(reading))
    if node.failure is not None:
        made.update(_failure_metadata(node.failure))
    if node.own_step and not _is_check(kind, reading):
        made.setdefault("has_guardrails", False)
    return made


def _said(reading: Mapping[str, Any]) -> dict[str, Any]:
    """What the user said about the step."""
    made: dict[str, Any] = {}
    context = decoded(reading.get(semconv.STEP_CONTEXT))
    if context is not None:
        made["context"] = context
    question = text_of(reading, semconv.STEP_QUESTION)
    if question is not None:
        made["_question"] = question
    given = decoded(reading.get(semconv.STEP_METADATA))
    if isinstance(given, dict):
        made.update(given)
    elif given is not None:
        made["metadata"] = given
    return made


def _is_check(kind: str, reading: Mapping[str, Any]) -> bool:
    """Whether the step is a guardrail's check of inputs or output, not a traced function."""
    return kind == semconv.STEP_TYPE_GUARDRAIL and semconv.STEP_FIELD_PREFIX + "dataType" in reading


def _ending(reading: Mapping[str, Any]) -> dict[str, Any]:
    """How a call ended, if not as usual: left, cancelled, cut off, filtered, or shortened here."""
    made: dict[str, Any] = {}
    outcome = text_of(reading, semconv.OUTCOME)
    if outcome is not None and outcome != semconv.OUTCOME_FAILED:
        made["outcome"] = outcome
    reasons = reading.get(semconv.RESPONSE_FINISH_REASONS)
    reasons = decoded(reasons) if isinstance(reasons, str) else reasons
    if isinstance(reasons, str):
        reasons = [reasons]
    if isinstance(reasons, (list, tuple)) and any(
        str(each).lower() not in _USUAL_ENDS for each in reasons
    ):
        made["finishReasons"] = [clean_text(str(each)) for each in reasons]
    cut = reading.get(semconv.CONTENT_TRUNCATED)
    if cut:
        made["truncated"] = plain(cut) if isinstance(cut, (list, tuple)) else [clean_text(str(cut))]
    return made


def _failure_metadata(failure: Failure) -> dict[str, Any]:
    made = {"Exceptions": failure.text}
    if failure.type:
        made["errorType"] = failure.type
    return made
