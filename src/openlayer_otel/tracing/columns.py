"""Values for the trace as a whole: its row at Openlayer, whichever step they come from.

They are attributes ``openlayer.trace.*`` of the outermost step that is still recorded; the
exporter looks for them on every span of a trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.context import attach, get_current
from opentelemetry.trace import get_current_span

from openlayer_otel import semconv
from openlayer_otel.context_attributes import attributes_in, with_attributes
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.genai.content import ContentPolicy
from openlayer_otel.genai.encoding import from_json, to_json
from openlayer_otel.tracing.identity import tags_of
from openlayer_otel.tracing.merging import encoded_members, json_object, merging
from openlayer_otel.tracing.recording import STEP_KEY, Step


def row_step(step: Step) -> Step:
    """The step whose span carries the row's values: the root, or ``step`` when that is over."""
    return step if step.root.is_over or not step.root.recording else step.root


def put_column(step: Step, column: str, value: Any) -> None:
    """Make ``value`` a column of the row, named ``column``, if content is recorded."""
    row_step(step).put_content(f"{semconv.TRACE_COLUMN_PREFIX}{column}", value)


def has_column(step: Step, column: str) -> bool:
    """Whether the row has got a column of that name from a step."""
    attributes = getattr(row_step(step).span, "attributes", None) or {}
    return f"{semconv.TRACE_COLUMN_PREFIX}{column}" in attributes


def row_metadata(step: Step) -> dict[str, Any]:
    """The metadata and the columns that were recorded for the row so far."""
    attributes: Mapping[str, Any] = getattr(row_step(step).span, "attributes", None) or {}
    known = from_json(attributes.get(semconv.TRACE_METADATA))
    found = dict(known) if isinstance(known, dict) else {}
    for name, value in attributes.items():
        if name.startswith(semconv.TRACE_COLUMN_PREFIX):
            found[name[len(semconv.TRACE_COLUMN_PREFIX) :]] = from_json(value)
    return found


def merged(existing: object, values: Mapping[Any, Any], content: ContentPolicy) -> str:
    """``values`` merged into the JSON object ``existing``, as JSON text."""
    return _with_members(existing, encoded_members(values, content))


def _with_members(existing: object, added: Mapping[str, str]) -> str:
    known = from_json(existing)
    members = {str(k): to_json(v) for k, v in known.items()} if isinstance(known, dict) else {}
    return json_object({**members, **added})


def session_attributes(session_id: object = None, user_id: object = None) -> dict[str, str]:
    """The attributes of the spans of a session and a user; ``None`` leaves its own out.

    Args:
        session_id: The session; it is the GenAI conventions' conversation, too.
        user_id: The user.
    """
    found: dict[str, str] = {}
    if session_id is not None:
        found[semconv.SESSION_ID] = found[semconv.CONVERSATION_ID] = str(session_id)
    if user_id is not None:
        found[semconv.USER_ID] = str(user_id)
    return found


# What update_current_trace() takes by name -> the attribute that holds it as plain text.
_TEXTS = {
    "name": semconv.TRACE_NAME,
    "inference_id": semconv.TRACE_INFERENCE_ID,
    "inferenceId": semconv.TRACE_INFERENCE_ID,
    "inference_pipeline_id": semconv.INFERENCE_PIPELINE_ID,
}


def update_trace(step: Step, values: Mapping[str, Any]) -> None:
    """Record values for the row of the trace of ``step``, by name. Never raises."""
    target = row_step(step)
    if not target.recording:
        return
    for name, value in values.items():
        if value is None:
            continue
        try:
            _update_row(step, target, name, value)
        except Exception as error:  # noqa: BLE001 - boundary: the application goes on
            report_failure("update_current_trace()", error)


def _update_row(step: Step, target: Step, name: str, value: Any) -> None:
    if name in _TEXTS:
        target.put_attributes({_TEXTS[name]: str(value)})
        if name == "name":
            # Openlayer's SDK knows no names of traces: there it is a column like any other.
            put_column(step, name, value)
    elif name == "metadata" and isinstance(value, Mapping):
        added = encoded_members(value, target.content)
        with merging():
            existing = (getattr(target.span, "attributes", None) or {}).get(semconv.TRACE_METADATA)
            target.put_attributes({semconv.TRACE_METADATA: _with_members(existing, added)})
    elif name == "tags":
        target.put_attributes({semconv.TRACE_TAGS: tags_of(value)})
    elif name in ("ground_truth", "groundTruth"):
        target.put_content(semconv.TRACE_GROUND_TRUTH, value)
    elif name in ("session_id", "user_id"):
        set_for_trace(step, session_attributes(**{name: value}))
    elif name in ("context", "question"):
        target.log(**{name: value})
    else:
        put_column(step, name, value)


def set_for_trace(step: Step, attributes: Mapping[str, Any]) -> None:
    """Put session attributes on the trace's root and on all steps that start from now on."""
    root = row_step(step)
    root.put_attributes(attributes)
    if step is not root:
        step.put_attributes(attributes)
    of_trace, context = step.root.trace_attributes, get_current()
    if of_trace is not None:
        of_trace.update(attributes)
        inside = context.get(STEP_KEY)
        carried = attributes_in(context)
        if isinstance(inside, Step) and inside.root is step.root and isinstance(carried, dict):
            carried.update(attributes)  # those of a block inside the trace
    elif get_current_span(context).get_span_context().trace_id == int(step.trace_id, 16):
        # Under a span of others. A block may be around that, and around other traces as well.
        attach(with_attributes(attributes, context))
