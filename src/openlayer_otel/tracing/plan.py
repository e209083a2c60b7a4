"""What the arguments of ``@trace`` ask for: one plan for each decorated function.

A :class:`Plan` starts a step for each call, records its inputs, and records how it ended:
with a value, with items that were yielded, or with an exception.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from opentelemetry.context import get_current

from openlayer_otel import semconv
from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.genai.content import ContentPolicy
from openlayer_otel.settings import Redact, Settings
from openlayer_otel.telemetry import active
from openlayer_otel.tracing.beginning import begin
from openlayer_otel.tracing.columns import has_column, put_column
from openlayer_otel.tracing.identity import StepIdentity
from openlayer_otel.tracing.outputs import Items
from openlayer_otel.tracing.parameters import Parameters
from openlayer_otel.tracing.recording import Step

_NOTHING = object()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wishes:
    """The arguments of ``@trace``; see :func:`openlayer_otel.trace` for what each means."""

    name: str | None = None
    step_type: object = semconv.STEP_TYPE_USER_CALL
    inference_pipeline_id: str | None = None
    promote: Sequence[str] | Mapping[str, str] | None = None
    guardrails: Sequence[Any] | None = None
    context_kwarg: str | None = None
    question_kwarg: str | None = None
    metadata: Mapping[str, Any] | None = None
    tags: Sequence[str] | None = None
    capture_input: bool | Collection[str] = True
    capture_output: bool = True
    redact: Redact | None = None
    on_error: Callable[[BaseException, Step], object] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.capture_input, str):  # else each of its letters, and parts of it
            object.__setattr__(self, "capture_input", (self.capture_input,))


class Plan:
    """How the calls of one function are recorded; its methods never raise.

    Args:
        wishes: The arguments of ``@trace``.
        name: The name of its steps.
        parameters: The function's parameters.
    """

    __slots__ = ("_columns", "_content", "identity", "parameters", "wishes")

    def __init__(self, wishes: Wishes, name: str, parameters: Parameters) -> None:
        self.wishes = wishes
        self.parameters = parameters
        self.identity = StepIdentity(
            name,
            wishes.step_type,
            inference_pipeline_id=wishes.inference_pipeline_id,
            tags=wishes.tags,
        )
        promote = wishes.promote or {}
        if isinstance(promote, str):
            promote = [promote]
        self._columns: dict[str, str] = (
            dict(promote)
            if isinstance(promote, Mapping)
            else {str(each): str(each) for each in promote}
        )
        # The settings' policy and this function's own, made from it when it changes.
        self._content: tuple[ContentPolicy, ContentPolicy] | None = None

    def begin(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], bound: bool) -> Step | None:
        """Start the step of a call and take down its inputs as they are now.

        Args:
            args: The positional arguments of the call.
            kwargs: Its keyword arguments.
            bound: Whether the first parameter (``self``, ``cls``) is bound already.

        Returns:
            The step; None if nothing is to be done for this call.
        """
        step = None
        try:
            content = None if self.wishes.redact is None else self._own_content()
            step = begin(self.identity, get_current(), content)
            if step is not None and step.recording:
                self._describe(step, args, kwargs, bound)
        except Exception as error:  # noqa: BLE001 - boundary: the function must be called
            report_failure("@trace", error)
        return step

    def _describe(
        self, step: Step, args: tuple[Any, ...], kwargs: Mapping[str, Any], bound: bool
    ) -> None:
        wishes = self.wishes
        if wishes.metadata:
            step.add_metadata(wishes.metadata)
        if not step.keeps_content:
            return
        inputs = self.parameters.inputs(args, kwargs, bound)
        capture = wishes.capture_input
        if capture is True:
            step.set_inputs(inputs)
        elif capture:
            step.set_inputs({name: inputs[name] for name in inputs if name in capture})
        for name, column in self._columns.items():
            value = self.parameters.value(inputs, name, _NOTHING)
            if value is not _NOTHING:
                put_column(step, column, value)
        if wishes.context_kwarg is not None:
            self._log_input(step, inputs, "context", wishes.context_kwarg)
        if wishes.question_kwarg is not None:
            self._log_input(step, inputs, "question", wishes.question_kwarg)

    def _log_input(self, step: Step, inputs: Mapping[str, Any], what: str, name: str) -> None:
        value = self.parameters.value(inputs, name, _NOTHING)
        if value is not _NOTHING:
            step.log(**{what: value})
            return
        warn_once(
            f"{what}_kwarg:{self.identity.name}:{name}",
            "openlayer-otel: %s_kwarg=%r of step %r is no input of its function; nothing is "
            "recorded for it.",
            what,
            name,
            self.identity.name,
        )

    def items(self, step: Step) -> Items | None:
        """Where to gather what the call yields; None if its output is not recorded."""
        keeps = step.keeps_content and self.wishes.capture_output
        return Items(step.content) if keeps else None

    def ended(self, step: Step, result: object) -> None:
        """The call is over with ``result``."""
        if step.recording and not step.is_over:
            try:
                if self.wishes.capture_output and step.keeps_content:
                    step.set_returned(step.content.value(result))
                if self._columns and step.keeps_content:
                    self._promote_from(step, result)
            except Exception as error:  # noqa: BLE001 - boundary: the caller gets its result
                report_failure("recording an output", error)
        step.finish()

    def yielded(self, step: Step, items: Items) -> None:
        """Record the items that the call has yielded; it is over."""
        if step.is_over:
            return
        try:
            step.set_returned(items.output())
            if self._columns and step.keeps_content:
                self._promote_from(step, None)  # what it yields has no fields
        except Exception as error:  # noqa: BLE001 - boundary: the caller gets its items
            report_failure("recording an output", error)

    def failed(self, step: Step, error: BaseException) -> None:
        """The call raised ``error``."""
        notify = self.wishes.on_error
        if notify is not None and isinstance(error, Exception) and not step.is_over:
            try:
                notify(error, step)
            except Exception as failure:  # noqa: BLE001 - the user's function; theirs goes on
                report_failure("on_error=", failure)
        step.fail(error)

    def _promote_from(self, step: Step, result: object) -> None:
        fields = result if isinstance(result, Mapping) else None
        for name, column in self._columns.items():
            if name in self.parameters:
                continue
            value = fields.get(name, _NOTHING) if fields is not None else _field(result, name)
            if value is not _NOTHING:
                put_column(step, column, value)
            elif not has_column(step, column):  # else it was one of the inputs in **kwargs
                warn_once(
                    f"promote:{self.identity.name}:{name}",
                    "openlayer-otel: promote=%r of step %r is neither an input nor a field of "
                    "the output; no column is made of it.",
                    name,
                    self.identity.name,
                )

    def _own_content(self) -> ContentPolicy:
        base = active().content
        known = self._content
        if known is None or known[0] is not base:
            known = self._content = (base, _with_redaction(active().settings, self.wishes.redact))
        return known[1]


def _field(result: object, name: str) -> object:
    """A field of a dataclass, a pydantic model or the like; methods are none."""
    value = getattr(result, name, _NOTHING)
    return _NOTHING if callable(value) else value


def _with_redaction(settings: Settings, own: Redact | None) -> ContentPolicy:
    """The settings' policy with a function's own redaction after the general one."""
    general = settings.redact
    if general is None or own is None:
        return ContentPolicy(dataclasses.replace(settings, redact=own or general))
    return ContentPolicy(dataclasses.replace(settings, redact=lambda text: own(general(text))))
