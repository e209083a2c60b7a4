"""The beginning of a step: its span, its context, and what it inherits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, SpanKind, get_current_span, set_span_in_context
from opentelemetry.util.types import AttributeValue

from openlayer_otel import semconv
from openlayer_otel.context_attributes import UntilTraceEnds, attributes_in, sharing
from openlayer_otel.genai.content import ContentPolicy
from openlayer_otel.genai.nesting import suppressed
from openlayer_otel.telemetry import active
from openlayer_otel.tracing.identity import StepIdentity
from openlayer_otel.tracing.recording import STEP_KEY, Step

# Where OpenTelemetry keeps the current span: with it a context is copied once, not twice.
_SPAN_KEY = next(iter(set_span_in_context(INVALID_SPAN, Context())))


def begin(
    identity: StepIdentity,
    context: Context,
    content: ContentPolicy | None = None,
    period: tuple[float | None, float | None] | None = None,
) -> Step | None:
    """Start a step as a child of the current span of ``context``.

    Args:
        identity: What the step is.
        context: The context of the call.
        content: How its content is recorded; as the settings say by default.
        period: When it began and ended, in seconds since 1970; now by default.

    Returns:
        The step, not yet current: attach its ``context``. None if there is nothing to record
        and nothing to pass on (no tracer provider, or tracing is suppressed).
    """
    if suppressed(context):
        return None
    telemetry = active()
    attributes = identity.attributes
    carried = attributes_in(context)
    if carried:
        attributes = _joined(carried, attributes)
    start = None if period is None or period[0] is None else int(period[0] * 1e9)
    span = telemetry.tracer.start_span(
        identity.span_name, context, SpanKind.INTERNAL, attributes, start_time=start
    )
    recording = span.is_recording()
    if not recording and (
        not span.get_span_context().is_valid or span is get_current_span(context)
    ):
        return None
    parent = context.get(STEP_KEY)
    if content is None:
        content = telemetry.content
    step = Step(identity, span, parent if isinstance(parent, Step) else None, content, recording)
    step.context = Context({**context, _SPAN_KEY: span, STEP_KEY: step})
    if period is not None and period[1] is not None:
        step.ended_at = int(period[1] * 1e9)
    if recording:
        step.keeps_content = content.capture_in(context).on_spans
    if parent is None:
        _own_attributes(step, carried)
    return step


def _joined(
    carried: Mapping[str, AttributeValue], own: Mapping[str, AttributeValue]
) -> Mapping[str, AttributeValue]:
    """The attributes of a step: the carried ones and its own, which win but for the tags."""
    attributes = {**carried, **own}
    tags, before = own.get(semconv.TRACE_TAGS), carried.get(semconv.TRACE_TAGS)
    if isinstance(tags, tuple) and isinstance(before, (tuple, list)):
        attributes[semconv.TRACE_TAGS] = tuple(dict.fromkeys((*before, *tags)))
    return attributes


def _own_attributes(root: Step, carried: Mapping[str, Any]) -> None:
    """Give the trace attributes of its own, which can be added to for the steps to come."""
    root.trace_attributes = dict(carried)
    root.context = sharing(root.trace_attributes, root.context)
    if isinstance(carried, UntilTraceEnds):
        root.until_end = carried
