"""Steps by hand, and what the user's code says about the step and the trace it is in.

A *step* is one piece of work of the user's own; ``@trace`` and :func:`start_step` make them.
The *current step* is the innermost one; under a span of somebody else's (the user's own
OpenTelemetry span, say) that span is taken for the step. What is said about the *trace* ends up
in its row at Openlayer. Outside of any span these functions warn once and do nothing. None raises.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from opentelemetry.context import get_current
from opentelemetry.trace import INVALID_SPAN, Span, get_current_span

from openlayer_otel import semconv
from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.genai.nesting import suppressed
from openlayer_otel.genai.recording import nobody_records
from openlayer_otel.telemetry import active
from openlayer_otel.tracing.attachment import Attachment
from openlayer_otel.tracing.beginning import begin
from openlayer_otel.tracing.columns import row_step, update_trace
from openlayer_otel.tracing.current import Entered, enter, leave
from openlayer_otel.tracing.fields import log_fields
from openlayer_otel.tracing.files import attach_to
from openlayer_otel.tracing.identity import StepIdentity
from openlayer_otel.tracing.recording import STEP_KEY, Step
from openlayer_otel.tracing.whole_trace import Trace

# Spans of others that were written to as steps: their metadata and attachments so far.
_others: weakref.WeakKeyDictionary[Span, tuple[dict[str, str], list[dict[str, Any]]]] = (
    weakref.WeakKeyDictionary()
)


class start_step:  # noqa: N801 - used as a function
    """A step around a block of code: ``with start_step("search", "retriever") as step: …``.

    Also ``async with``. The step is current inside the block, ends with it, and records an
    exception that leaves it.

    Args:
        name: Its name.
        step_type: Openlayer's step type (a :class:`StepType` or its value) or ``"workflow"``.
        inputs: What goes in; usually a dict of names and values. Read at once.
        output: What comes out, if known already; ``step.log(output=…)`` sets it later.
        metadata: Metadata of the step.
        tags: Tags of the trace.
        inference_pipeline_id: The pipeline at Openlayer that gets the trace.
    """

    __slots__ = ("_fields", "_identity", "_inside")

    def __init__(
        self,
        name: str,
        step_type: object = semconv.STEP_TYPE_USER_CALL,
        *,
        inputs: Any = None,
        output: Any = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] | None = None,
        inference_pipeline_id: str | None = None,
    ) -> None:
        try:
            self._identity = StepIdentity(
                str(name), step_type, inference_pipeline_id=inference_pipeline_id, tags=tags
            )
        except Exception as error:  # noqa: BLE001 - boundary: the block must run
            report_failure("start_step()", error)
            self._identity = StepIdentity(name if type(name) is str else "step")
        self._fields = {"inputs": inputs, "output": output, "metadata": metadata}
        # One for each time that it was entered and not left: a block may stand inside itself.
        self._inside: list[tuple[Step | None, Entered | None]] = []

    def __enter__(self) -> Step:
        step = entered = None
        try:
            step = begin(self._identity, get_current())
            if step is not None:
                entered = enter(step.context)
                log_fields(step, self._fields)
        except Exception as error:  # noqa: BLE001 - boundary: the block must run
            report_failure("start_step()", error)
        self._inside.append((step, entered))
        return step if step is not None else _unrecorded(self._identity)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        step, entered = self._innermost()
        if entered is not None:
            leave(entered)
        if step is not None:
            if error is None:
                step.finish()
            else:
                step.fail(error)

    def _innermost(self) -> tuple[Step | None, Entered | None]:
        """The step of the block that ends: the one that is current, or the last one begun."""
        current = get_current()
        for index in reversed(range(len(self._inside))):
            entered = self._inside[index][1]
            if entered is not None and entered.context is current:
                return self._inside.pop(index)
        return self._inside.pop() if self._inside else (None, None)

    async def __aenter__(self) -> Step:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, frames)


def current_step() -> Step | None:
    """The innermost step here; None outside of any span."""
    context = get_current()
    step = context.get(STEP_KEY)
    span = get_current_span(context)
    if isinstance(step, Step) and (step.span is span or not span.is_recording()):
        return step
    if not span.is_recording():
        return None
    return _step_of_other(span, step if isinstance(step, Step) else None)


def current_trace() -> Trace | None:
    """The trace of the current step; None outside of any span."""
    step = current_step()
    return None if step is None else Trace(row_step(step))


def update_current_step(
    attributes: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    **fields: Any,
) -> None:
    """Record more about the current step.

    Args:
        attributes: Fields of the step by name, as for ``step.log`` (``ground_truth``, ``model``,
            ``prompt_tokens`` …).
        metadata: Merged into its metadata.
        fields: Fields of the step, likewise.
    """
    step = _wanted_step("update_current_step")
    if step is not None:
        if attributes is not None:
            _log_mapping(step, attributes)
        log_fields(step, fields)
        if metadata is not None:
            step.add_metadata(metadata)


def update_current_trace(**values: Any) -> None:
    """Record more about the trace: its row at Openlayer.

    Args:
        values: ``name`` (of its root step, and a column), ``metadata`` (merged), ``tags``,
            ``inference_id`` (or ``inferenceId``), ``ground_truth`` (or ``groundTruth``),
            ``user_id``, ``session_id``, ``context``, ``question``, ``inference_pipeline_id``; any
            other name is a column of the row.
    """
    step = _wanted_step("update_current_trace")
    if step is not None:
        update_trace(step, values)


def log_context(context: Sequence[str]) -> None:
    """Record the texts that a retriever found, on the current step and for the row."""
    _log("log_context", context=context)


def log_question(question: str) -> None:
    """Record the user's question, on the current step and for the row."""
    _log("log_question", question=question)


def log_output(output: Any) -> None:
    """Record the output of the current step; it wins over what its function returns."""
    _log("log_output", output=output)


def log_attachment(
    data: Any,
    name: str | None = None,
    media_type: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Attachment | None:
    """Add a file or binary data to the current step.

    Args:
        data: Bytes, a path, an address (``https:`` or ``data:``), an open file, or an
            :class:`Attachment`. Read at once.
        name: What it is called; the file's name by default.
        media_type: Such as ``image/png``; guessed from the name by default.
        metadata: Anything to keep beside it.

    Returns:
        The attachment; None if there is no step or the data cannot be read.
    """
    step = _wanted_step("log_attachment")
    return None if step is None else attach_to(step, data, name, media_type, metadata)


def _log(function: str, **fields: Any) -> None:
    step = _wanted_step(function)
    if step is not None:
        log_fields(step, fields)


def _log_mapping(step: Step, attributes: Mapping[str, Any]) -> None:
    try:
        given = dict(attributes)
    except Exception as error:  # noqa: BLE001 - boundary: the application goes on
        report_failure("update_current_step()", error)
        return
    log_fields(step, given)


def _wanted_step(function: str) -> Step | None:
    step = current_step()
    if step is None and _somebody_traces() and not get_current_span().get_span_context().is_valid:
        warn_once(
            f"outside:{function}",
            "openlayer-otel: %s() was called outside of any step or span; nothing is recorded. "
            "Call it inside a function decorated with @trace or a start_step() block.",
            function,
        )
    return step


def _somebody_traces() -> bool:
    """Whether spans are wanted here: they may be recorded, and tracing is not suppressed."""
    context = get_current()
    return not nobody_records(active().tracer, context) and not suppressed(context)


def _step_of_other(span: Span, above: Step | None) -> Step:
    telemetry = active()
    step = Step(StepIdentity(getattr(span, "name", "")), span, above, telemetry.content, True)
    step.keeps_content = telemetry.content.capture_in(get_current()).on_spans
    step.merged, step.attachments = _others.setdefault(span, ({}, []))
    return step


def _unrecorded(identity: StepIdentity) -> Step:
    """A step for a block that nobody records: what is said about it goes nowhere."""
    return Step(identity, INVALID_SPAN, None, active().content, False)
