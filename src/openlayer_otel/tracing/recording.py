"""One step while it is recorded: its span, what is put on it, and its end, exactly once.

A :class:`Step` is begun in :mod:`~openlayer_otel.tracing.beginning`. It takes inputs, output,
metadata and the like through the one content path; the first of :meth:`Step.finish` and
:meth:`Step.fail` ends it. A step that is not recorded (not sampled) is a :class:`Step`, too: it
only passes its context on, and nothing is encoded for it.

How a step ended: by itself (status unset), with an exception (ERROR and ``error.type``, on
the enclosing steps as well, while the exception itself is written down only where it arose),
or because nobody went on: cancelled, closed or dropped (status unset, and
``openlayer.operation.outcome`` says which).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode

from openlayer_otel import semconv
from openlayer_otel.context_attributes import UntilTraceEnds
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.genai.content import ContentPolicy, Encoded
from openlayer_otel.genai.errors import error_type
from openlayer_otel.tracing.failures import (
    frames_of,
    full_name,
    interruption,
    message_of,
    origin,
)
from openlayer_otel.tracing.identity import StepIdentity
from openlayer_otel.tracing.merging import encoded_members, json_object, merging
from openlayer_otel.tracing.step_fields import StepFields

STEP_KEY = otel_context.create_key("openlayer-step")
_OVER = Context()


class Step(StepFields):
    """One step of the user's code.

    Made by ``@trace`` and ``start_step``; never by hand. All its methods do nothing once the
    step is over or if it is not recorded, and none raises.

    Attributes:
        span: Its OpenTelemetry span.
        recording: Whether what is put on it is kept.
        logged: What the application itself logged on a root step: ``context``, ``question``.
        attachments: What its attachments attribute says, if it has one.
        merged: What its metadata attribute says: name -> JSON text.
        guardrails: What guardrails decided about its function.
        ended_at: When it ended, in nanoseconds since 1970, if that is not now.
    """

    __slots__ = (
        "__weakref__",
        "_end",
        "_identity",
        "_name",
        "_noted_error",
        "_output_given",
        "_parent",
        "_root",
        "_truncated",
        "attachments",
        "content",
        "context",
        "ended_at",
        "guardrails",
        "keeps_content",
        "logged",
        "merged",
        "recording",
        "span",
        "trace_attributes",
        "until_end",
    )

    def __init__(
        self,
        identity: StepIdentity,
        span: Span,
        parent: Step | None,
        content: ContentPolicy,
        recording: bool,
    ) -> None:
        self._name = identity.name
        self.span = span
        self.recording = recording
        self.content = content
        self.context = _OVER
        self.keeps_content = False
        self._root: Step | None = None if parent is None else parent.root
        self.logged: dict[str, Any] | None = None
        self.attachments: list[dict[str, Any]] | None = None
        self.merged: dict[str, str] | None = None
        self.guardrails: dict[str, Any] | None = None
        self.ended_at: int | None = None
        self.trace_attributes: dict[str, Any] | None = None
        self.until_end: UntilTraceEnds | None = None
        self._identity = identity
        self._parent = parent
        self._truncated: list[str] | None = None
        self._output_given = False
        self._noted_error: object = None
        self._end = threading.Lock()

    @property
    def root(self) -> Step:
        """The outermost step of this process in its trace; itself, if there is none above."""
        return self if self._root is None else self._root

    @property
    def trace_id(self) -> str:
        """The trace's id, as 32 hexadecimal digits."""
        return format(self.span.get_span_context().trace_id, "032x")

    @property
    def is_over(self) -> bool:
        """Whether the step has ended."""
        return self._end.locked()

    # --- what is put on it ---

    def put(self, names: tuple[str, ...], encoded: Encoded) -> None:
        """Set one content value as each of the attributes ``names``."""
        text = encoded.text
        for name in names:
            self.span.set_attribute(name, text)
            if encoded.truncated:
                self._truncated = [*(self._truncated or ()), name]
                self.span.set_attribute(semconv.CONTENT_TRUNCATED, self._truncated)

    def put_content(self, name: str, value: object) -> None:
        """Set a value that users or models said, if content is recorded."""
        if self.keeps_content and not self.is_over:
            try:
                self.put((name,), self.content.value(value))
            except Exception as error:  # noqa: BLE001 - boundary: the application goes on
                report_failure("recording a value", error)

    def put_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes that are no content."""
        if self.recording and not self.is_over:
            try:
                self.span.set_attributes(dict(attributes))
            except Exception as error:  # noqa: BLE001 - boundary: the application goes on
                report_failure("recording attributes", error)

    def set_inputs(self, inputs: object) -> None:
        """Record the inputs as they are now; an object's fields or a dict's items by name."""
        if self.keeps_content and not self.is_over:
            self.put(self._identity.inputs_attributes, self.content.value(inputs))

    def set_output(self, output: object) -> None:
        """Record the output; it wins over what the function returns."""
        if self.keeps_content and not self.is_over:
            self.put(self._identity.output_attributes, self.content.value(output))
        self._output_given = True

    def set_returned(self, encoded: Encoded) -> None:
        """Record what the function returned, unless the application recorded an output itself."""
        if self._output_given or semconv.STEP_OUTPUT in (
            getattr(self.span, "attributes", ()) or ()
        ):
            return
        self.put(self._identity.output_attributes, encoded)

    def add_metadata(self, metadata: Mapping[Any, Any]) -> None:
        """Merge into the step's metadata; a name that is there already gets the new value."""
        if not self.recording or self.is_over:
            return
        try:
            added = encoded_members(metadata, self.content)
            if not added:
                return
            with merging():
                known = self.merged
                if known is None:
                    known = self.merged = {}
                known.update(added)
                self.span.set_attribute(semconv.STEP_METADATA, json_object(known))
        except Exception as error:  # noqa: BLE001 - boundary: the application goes on
            report_failure("recording metadata", error)

    def log(self, **fields: Any) -> None:
        """Record fields by the names of Openlayer's SDK.

        Args:
            fields: ``inputs``, ``output``, ``metadata`` (merged), ``ground_truth``, ``context``,
                ``question``, ``name``, ``id``, and the fields of the step type: ``model``,
                ``provider``, ``prompt_tokens``, ``documents``, ``function_name``, ``action`` …
        """
        from openlayer_otel.tracing.fields import log_fields

        log_fields(self, fields)

    def attach(
        self,
        data: Any,
        name: str | None = None,
        media_type: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Any:
        """Add binary content; as :func:`openlayer_otel.log_attachment` for this step."""
        from openlayer_otel.tracing.files import attach_to

        return attach_to(self, data, name, media_type, metadata)

    # --- how it ends ---

    def finish(self, outcome: str | None = None) -> None:
        """End the step without an error.

        Args:
            outcome: How it ended if not by itself (``semconv.OUTCOME_*``).
        """
        if self._end.acquire(blocking=False):
            self._close(outcome, None)

    def fail(self, error: BaseException) -> None:
        """End the step with what was raised; a cancellation is no failure."""
        if not self._end.acquire(blocking=False):
            return
        outcome = interruption(error)
        self._close(outcome, error if outcome is None else None)

    def fail_like(self, span: Span, error: str) -> None:
        """End the step as a failure that ``span``, a part of it, has recorded already.

        Args:
            span: The span of the part that failed.
            error: Its ``error.type``.
        """
        if self.is_over:
            return
        self.put_attributes({semconv.ERROR_TYPE: error})
        status = getattr(span, "status", None)
        if self.recording:
            self.span.set_status(Status(StatusCode.ERROR, getattr(status, "description", None)))
        self.finish()

    def _close(self, outcome: str | None, error: BaseException | None) -> None:
        self.context = _OVER  # it holds this step: without the cycle both go at once
        try:
            if self.recording:
                if outcome is not None:
                    self.span.set_attribute(semconv.OUTCOME, outcome)
                if error is not None:
                    self._describe(error)
            if self.until_end is not None:
                self.until_end.expire()
        except Exception as failure:  # noqa: BLE001 - boundary: the span must end
            report_failure("ending a step", failure)
        finally:
            try:
                self.span.end(self.ended_at)
            except Exception as failure:  # noqa: BLE001 - a processor of somebody's raised
                report_failure("ending a span", failure)

    def _describe(self, error: BaseException) -> None:
        kind = error_type(error)
        self.span.set_attribute(semconv.ERROR_TYPE, kind)
        message = self.content.text(message_of(error)) if self.keeps_content else ""
        self.span.set_status(Status(StatusCode.ERROR, message or None))
        raised = origin(error)
        if self._noted_error != raised:
            details = {semconv.EXCEPTION_TYPE: full_name(error)}
            if self.keeps_content:
                details[semconv.EXCEPTION_MESSAGE] = message
                # Source lines may quote content, too.
                details[semconv.EXCEPTION_STACKTRACE] = self.content.text(frames_of(error))
            self.span.add_event("exception", details)
        if self._parent is not None:
            self._parent._noted_error = raised
