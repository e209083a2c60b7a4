"""The names of Openlayer's SDK, for code that switches by changing an import.

``docs/migration.md`` is the user's page: their line, our line, and what changes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from opentelemetry.context import attach, get_current
from opentelemetry.trace import get_current_span
from opentelemetry.util.types import AttributeValue

from openlayer_otel import semconv
from openlayer_otel.context_attributes import UntilTraceEnds, attributes_in, sharing
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.tracing.beginning import begin
from openlayer_otel.tracing.columns import session_attributes, set_for_trace
from openlayer_otel.tracing.decorator import trace
from openlayer_otel.tracing.fields import log_fields, seconds_of
from openlayer_otel.tracing.identity import StepIdentity
from openlayer_otel.tracing.recording import STEP_KEY, Step
from openlayer_otel.tracing.steps import (
    current_step,
    current_trace,
    start_step,
)

Result = TypeVar("Result")

trace_async = trace
get_current_trace = current_trace
get_current_step = current_step

_NOT_GIVEN: Any = object()


def create_step(
    name: str,
    step_type: object = semconv.STEP_TYPE_USER_CALL,
    inputs: Any = None,
    output: Any = None,
    metadata: Mapping[str, Any] | None = None,
    inference_pipeline_id: str | None = None,
    on_flush_failure: Any = None,
) -> start_step:
    """As :class:`~openlayer_otel.start_step`, with the SDK's order of arguments.

    ``on_flush_failure`` is accepted and not called: the exporter retries, spools and warns.
    """
    return start_step(
        name,
        step_type,
        inputs=inputs,
        output=output,
        metadata=metadata,
        inference_pipeline_id=inference_pipeline_id,
    )


def add_chat_completion_step_to_trace(**fields: Any) -> None:
    """Add a finished call of a model that nobody traces.

    Args:
        fields: ``name``, ``inputs``, ``output``, ``model``, ``provider``, ``prompt_tokens`` and
            so on, as for ``step.log``; ``start_time`` and ``end_time`` in seconds since 1970, or
            ``latency`` in milliseconds before now.
    """
    _add_step("Chat Completion", semconv.STEP_TYPE_CHAT_COMPLETION, fields)


def add_embedding_step_to_trace(**fields: Any) -> None:
    """Add a finished embedding call; as :func:`add_chat_completion_step_to_trace`."""
    _add_step("Embedding", semconv.STEP_TYPE_EMBEDDING, fields)


def _add_step(name: str, step_type: str, fields: dict[str, Any]) -> None:
    start, end = fields.pop("start_time", None), fields.pop("end_time", None)
    latency = fields.pop("latency", None)
    try:
        name = str(fields.pop("name", None) or name)
    except Exception as error:  # noqa: BLE001 - boundary: it is added under the usual name
        report_failure("naming a step", error)
    identity = StepIdentity(name, step_type)
    try:
        period = _period(seconds_of(start), seconds_of(end), seconds_of(latency))
        step = begin(identity, get_current(), period=period)
        if step is not None:
            log_fields(step, fields)
            step.finish()
    except Exception as error:  # noqa: BLE001 - boundary: the application goes on
        report_failure("adding a step", error)


def _period(
    start: float | None, end: float | None, latency: float | None
) -> tuple[float | None, float | None]:
    """When a call began and ended, in seconds since 1970, as far as it can be told."""
    if start is None and latency is not None:
        end = time.time() if end is None else end
        start = end - latency / 1000
    elif end is None and start is not None and latency is not None:
        end = start + latency / 1000
    return start, end


def set_user_session_context(
    user_id: str | int | None = None, session_id: str | None = None
) -> None:
    """Say whose trace this is: the current one, or outside of any the next one that starts here.

    Unlike in the SDK it ends with that trace, so that nobody's traces are given to the user
    before. For several traces use :class:`~openlayer_otel.using_session`.
    """
    attributes = session_attributes(session_id, user_id)
    context = get_current()
    step = context.get(STEP_KEY)
    if isinstance(step, Step) and not step.root.is_over:
        set_for_trace(step, attributes)
        return
    span = get_current_span(context)
    if span.is_recording():
        # The trace of a web server, say. What is attached here may not last: FastAPI takes back
        # what a dependency made current before the endpoint runs.
        span.set_attributes(attributes)
    # A mapping of its own each time: others may have inherited the one that is there.
    known = attributes_in(context)
    lasting = known.lasting if isinstance(known, UntilTraceEnds) else known
    attach(sharing(UntilTraceEnds(lasting, {**known, **attributes}), context))


def update_trace_user_session(
    user_id: str | int | None = _NOT_GIVEN, session_id: str | None = _NOT_GIVEN
) -> None:
    """Say whose trace this is from now on; ``None`` means nobody's.

    Spans that have begun keep what they have, the root's as well: to the row, the trace stays the
    user's that was said before.
    """
    if user_id is None:
        _forget((semconv.USER_ID,))
    elif user_id is not _NOT_GIVEN:
        set_user_session_context(user_id=user_id)
    if session_id is None:
        _forget(_SESSION_NAMES)
    elif session_id is not _NOT_GIVEN:
        set_user_session_context(session_id=session_id)


def clear_user_session_context() -> None:
    """Say that what follows is nobody's trace."""
    _forget((semconv.USER_ID, *_SESSION_NAMES))


_SESSION_NAMES = (semconv.SESSION_ID, semconv.CONVERSATION_ID)


def _forget(names: tuple[str, ...]) -> None:
    context = get_current()
    step = context.get(STEP_KEY)
    kept = attributes_in(context)
    if isinstance(step, Step) and step.root.trace_attributes is not None:
        for name in names:
            step.root.trace_attributes.pop(name, None)
    if isinstance(kept, UntilTraceEnds) or not isinstance(step, Step):
        attach(sharing(_without(kept, names), context))
    elif isinstance(kept, dict):
        for name in names:
            kept.pop(name, None)


def _without(kept: Mapping[str, AttributeValue], names: tuple[str, ...]) -> UntilTraceEnds:
    """``kept`` without ``names``, for this trace and those that follow."""

    def rest(values: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
        return {name: value for name, value in values.items() if name not in names}

    lasting = kept.lasting if isinstance(kept, UntilTraceEnds) else kept
    return UntilTraceEnds(rest(lasting), rest(kept))


def get_current_user_id() -> str | None:
    """The user whose spans start here, if that was said."""
    return _known(semconv.USER_ID)


def get_current_session_id() -> str | None:
    """The session whose spans start here, if that was said."""
    return _known(semconv.SESSION_ID)


def _known(name: str) -> str | None:
    value = attributes_in(get_current()).get(name)
    return value if isinstance(value, str) else None


def get_rag_context() -> Any:
    """What :func:`~openlayer_otel.log_context` last recorded in this trace."""
    return _logged("context")


def get_rag_question() -> Any:
    """What :func:`~openlayer_otel.log_question` last recorded in this trace."""
    return _logged("question")


def _logged(name: str) -> Any:
    step = current_step()
    return None if step is None else (step.root.logged or {}).get(name)


def run_async_func(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end from synchronous code; its steps belong to the current one."""
    return asyncio.run(coroutine)
