"""The GenAI events: log records beside a call's span, where content may go to events.

* ``gen_ai.client.inference.operation.details`` has the span's attributes and the content, as
  structured values instead of JSON text.
* ``gen_ai.client.operation.exception`` says what was raised.

Both carry the context of the call's span. They are recorded only where ``capture_content``
says ``EVENT_ONLY`` or ``SPAN_AND_EVENT``, so a call without events pays nothing here.

OpenTelemetry's logging API is still provisional. This module knows its three shapes: from
1.38 on, ``Logger.emit`` takes an event's fields; before, it takes a record of the SDK; before
1.35, records have no event name, and the attribute ``event.name`` stands for it.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from functools import lru_cache
from time import time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import get_current_span

from openlayer_otel import semconv
from openlayer_otel.diagnostics import warn_once
from openlayer_otel.genai.content import ContentPolicy
from openlayer_otel.genai.encoding import from_json
from openlayer_otel.genai.errors import error_text, exception_type

if TYPE_CHECKING:
    from openlayer_otel.genai.operation import Operation
    from openlayer_otel.genai.record import Record

_DEBUG = 5
_WARN = 13
_EVENT_NAME = "event.name"
_TEXTS = frozenset({semconv.RETRIEVAL_QUERY_TEXT, semconv.TOOL_DESCRIPTION})

Attributes = dict[str, Any]


class ClientEvents:
    """The events of one logger provider.

    Args:
        name: Name of the instrumentation scope.
        version: Its version.
        provider: The logger provider; the global one by default, even if it is set later.
        content: Redacts and shortens the text of exceptions.
    """

    __slots__ = ("_content", "_name", "_provider", "_version")

    def __init__(self, name: str, version: str, provider: Any, content: ContentPolicy) -> None:
        self._name = name
        self._version = version
        self._provider = provider
        self._content = content

    def record(self, operation: Operation, record: Record, error: BaseException | None) -> None:
        """Record the events of an operation that is over.

        Args:
            operation: The operation; its content may go to events.
            record: What its request and response gave.
            error: What was raised, unless it was a cancellation.
        """
        logger = self._logger()
        if logger is None:
            return
        takes_fields = _takes_fields(type(logger).emit)
        structured = takes_fields or _takes_structures()
        details = {**operation.attributes, **record.attributes}
        for name, text in record.content.items():
            details[name] = from_json(text) if structured and not _is_text(name) else text
        emit = _emit_fields if takes_fields else _emit_record
        emit(logger, semconv.EVENT_OPERATION_DETAILS, _DEBUG, details, operation.context)
        if error is not None:
            raised = self._exception(error)
            emit(logger, semconv.EVENT_OPERATION_EXCEPTION, _WARN, raised, operation.context)

    def _logger(self) -> Any:
        """The logger, if there is one that takes records; else it is said once what to do."""
        try:
            from opentelemetry._logs import NoOpLogger, get_logger
        except ImportError:
            warn_once(
                "events:api",
                "openlayer-otel: the installed opentelemetry-api has no logging API; no events "
                "are recorded. Set capture_content to SPAN_ONLY, or install a version that has it.",
            )
            return None
        # Asked for each event: both SDK and API keep it, and a global provider may be set later.
        logger = get_logger(self._name, self._version, self._provider)
        # The API's stand-in for a provider that is not set yet.
        unset = getattr(logger, "_real_logger", logger) is None
        if unset:
            warn_once(
                "events:provider",
                "openlayer-otel: capture_content asks for events, but no OpenTelemetry logger "
                "provider is set, so they go nowhere. Pass logger_provider= to instrument(), or "
                "set capture_content (OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT) to "
                "SPAN_ONLY.",
            )
        return None if unset or isinstance(logger, NoOpLogger) else logger

    def _exception(self, error: BaseException) -> Attributes:
        stack = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        return {
            semconv.EXCEPTION_TYPE: exception_type(error),
            semconv.EXCEPTION_MESSAGE: self._content.text(error_text(error)),
            semconv.EXCEPTION_STACKTRACE: self._content.text(stack),
        }


def _is_text(name: str) -> bool:
    """Whether the conventions have a text for ``name``, which may look like JSON."""
    return name in _TEXTS or name.startswith(semconv.PROMPT_VARIABLE_PREFIX)


@lru_cache
def _takes_fields(emit: Callable[..., None]) -> bool:
    """Whether a logger's ``emit`` takes the fields of an event (API 1.38 and later)."""
    return "event_name" in inspect.signature(emit).parameters


@lru_cache
def _takes_structures() -> bool:
    """Whether attributes of a record may be lists of mappings (API 1.33 and later)."""
    from opentelemetry.attributes import BoundedAttributes

    return "extended_attributes" in inspect.signature(BoundedAttributes).parameters


def _emit_fields(
    logger: Any, name: str, severity: int, attributes: Attributes, context: Context
) -> None:
    """Emit an event by its fields: API 1.38 and later."""
    from opentelemetry._logs import SeverityNumber

    logger.emit(
        timestamp=time_ns(),
        context=context,
        severity_number=SeverityNumber(severity),
        attributes=attributes,
        event_name=name,
    )


def _emit_record(
    logger: Any, name: str, severity: int, attributes: Attributes, context: Context
) -> None:
    """Emit an event as a record of the SDK: before API 1.38."""
    from opentelemetry._logs import SeverityNumber
    from opentelemetry.sdk import _logs as sdk

    record: Any = sdk.LogRecord  # type: ignore[attr-defined]
    fields: dict[str, Any] = {
        "timestamp": time_ns(),
        "severity_number": SeverityNumber(severity),
        "resource": getattr(logger, "resource", None),
    }
    if "event_name" in inspect.signature(record.__init__).parameters:
        fields.update(event_name=name, context=context, attributes=attributes)
    else:
        span = get_current_span(context).get_span_context()
        fields.update(
            trace_id=span.trace_id,
            span_id=span.span_id,
            trace_flags=span.trace_flags,
            attributes={**attributes, _EVENT_NAME: name},
        )
    logger.emit(record(**fields))
