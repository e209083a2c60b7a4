"""The fields of steps by the names that Openlayer's SDK has for them, and where they go.

Fields that every step has go to attributes of their own. Fields of one step type go to
``openlayer.step.field.<name on the wire>``, and to the attribute of the GenAI conventions if
there is one, so that other backends see them, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.tracing.identity import tags_of
from openlayer_otel.tracing.recording import Step
from openlayer_otel.tracing.step_fields import WIRE_NAMES

_CAMEL = {wire: python for python, wire in WIRE_NAMES.items()}
# What models and users say, among the fields; the others describe the call.
_CONTENT = frozenset(
    {"raw_output", "documents", "arguments", "handoff_data", "detected_entities", "reason"}
)
# Python name -> attribute of the conventions, and the type it must have.
_CONVENTIONS: Mapping[str, tuple[tuple[str, ...], type]] = {
    "provider": ((semconv.PROVIDER_NAME,), str),
    "model": ((semconv.REQUEST_MODEL, semconv.RESPONSE_MODEL), str),
    "prompt_tokens": ((semconv.USAGE_INPUT_TOKENS,), int),
    "completion_tokens": ((semconv.USAGE_OUTPUT_TOKENS,), int),
    "embedding_dimensions": ((semconv.EMBEDDINGS_DIMENSION_COUNT,), int),
}


def log_fields(step: Step, fields: Mapping[str, Any]) -> None:
    """Record fields of a step; ``None`` means "not given". Never raises.

    Args:
        step: The step.
        fields: Python names or names on the wire (``promptTokens``) -> values. An unknown name
            goes to the step's metadata.
    """
    unknown = {}
    for given, value in fields.items():
        if value is None:
            continue
        name = _CAMEL.get(given, given)
        if name in _COMMON or name in WIRE_NAMES:
            try:
                _log_known(step, name, value)
            except Exception as error:  # noqa: BLE001 - boundary: the other fields stand
                report_failure(f"recording {name!r} of a step", error)
        else:
            unknown[name] = value
    if unknown:
        step.add_metadata(unknown)


def _log_known(step: Step, name: str, value: Any) -> None:
    if name in _COMMON:
        _COMMON[name](step, value)
    else:
        _log_field(step, name, value)


def _log_field(step: Step, name: str, value: Any) -> None:
    attribute = f"{semconv.STEP_FIELD_PREFIX}{WIRE_NAMES[name]}"
    value = getattr(value, "value", value) if hasattr(type(value), "__members__") else value
    if name in _CONTENT:
        step.put_content(attribute, value)
        return
    if step.recording:
        step.put_attributes({attribute: step.content.value(value).text})
    attributes, kind = _CONVENTIONS.get(name, ((), str))
    if isinstance(value, kind):
        step.put_attributes({each: _canonical(name, value) for each in attributes})


def _canonical(name: str, value: Any) -> Any:
    return value.lower() if name == "provider" else value


def _log_context(step: Step, context: Any) -> None:
    chunks = [context] if isinstance(context, str) else context
    step.put_content(semconv.STEP_CONTEXT, chunks)
    _note(step, "context", context)


def _log_question(step: Step, question: Any) -> None:
    text = question if isinstance(question, str) else str(question)
    if step.keeps_content:
        step.put_attributes({semconv.STEP_QUESTION: step.content.text(text)})
    _note(step, "question", question)


def _note(step: Step, name: str, value: Any) -> None:
    root = step.root
    if root.logged is None:
        root.logged = {}
    root.logged[name] = value


def seconds_of(given: Any) -> float | None:
    """A time as a number; what is none is warned about once, and the step stands without it."""
    if given is None:
        return None
    try:
        seconds = given.timestamp() if isinstance(given, datetime) else float(given)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if math.isfinite(seconds):
        return seconds
    warn_once(
        f"time:{type(given).__name__}",
        "openlayer-otel: start_time and end_time of a step are seconds since 1970, and latency is "
        "milliseconds, as numbers; one given as %s is left out.",
        type(given).__name__,
    )
    return None


def _log_end(step: Step, end: Any) -> None:
    seconds = seconds_of(end)
    started = getattr(step.span, "start_time", None)
    if seconds is not None and started is not None and seconds * 1e9 >= started:
        step.ended_at = int(seconds * 1e9)


def _log_latency(step: Step, latency: Any) -> None:
    milliseconds = seconds_of(latency)
    started = getattr(step.span, "start_time", None)
    if step.ended_at is None and milliseconds is not None and started is not None:
        step.ended_at = started + max(0, int(milliseconds * 1e6))


def _rename(step: Step, name: Any) -> None:
    step._name = str(name)
    step.put_attributes({semconv.STEP_NAME: step.name})


def _log_metadata(step: Step, metadata: Any) -> None:
    step.add_metadata(metadata if isinstance(metadata, Mapping) else {"metadata": metadata})


_COMMON: Mapping[str, Callable[[Step, Any], None]] = {
    "inputs": Step.set_inputs,
    "output": Step.set_output,
    "metadata": _log_metadata,
    "ground_truth": lambda step, value: step.put_content(semconv.STEP_GROUND_TRUTH, value),
    "groundTruth": lambda step, value: step.put_content(semconv.STEP_GROUND_TRUTH, value),
    "context": _log_context,
    "question": _log_question,
    "name": _rename,
    "start_time": lambda step, value: None,  # it has begun
    "end_time": _log_end,
    "latency": _log_latency,
    "id": lambda step, value: step.put_attributes({semconv.STEP_ID: str(value)}),
    "tags": lambda step, value: step.put_attributes({semconv.TRACE_TAGS: tags_of(value)}),
}
