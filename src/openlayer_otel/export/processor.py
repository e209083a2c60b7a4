"""OpenlayerSpanProcessor: the best way to Openlayer, since it sees spans start and end."""

from __future__ import annotations

from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import TraceFlags

from openlayer_otel.context_attributes import attributes_in
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.export.destination import settings_of
from openlayer_otel.export.sharing import Sharer
from openlayer_otel.settings import Settings

_SAMPLED = TraceFlags.SAMPLED


class OpenlayerSpanProcessor(Sharer, SpanProcessor):
    """Sends completed traces to Openlayer, each once, as one row.

    It also puts the session, user and metadata of ``using_session`` on the spans of everybody.
    Nothing here waits for the network.

    Args:
        settings: Resolved settings; made from the other arguments and the environment by
            default.
        **arguments: Settings by name, such as ``api_key`` and ``inference_pipeline_id``.
            ``docs/configuration.md`` lists them.
    """

    def __init__(self, settings: Settings | None = None, **arguments: Any) -> None:
        super().__init__(settings_of("OpenlayerSpanProcessor", settings, arguments))
        self._assembly = self._destination.assembly if self._destination.enabled else None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Called by the SDK. Never raises."""
        try:
            carried = attributes_in(
                otel_context.get_current() if parent_context is None else parent_context
            )
            if carried:
                own = span.attributes or {}
                for name, value in tuple(carried.items()):
                    if name not in own:
                        span.set_attribute(name, value)
            if self._assembly is None or self._shut_down:
                return
            if span.context.trace_flags & _SAMPLED:
                self._assembly.start(span)
        except Exception as error:  # noqa: BLE001 - runs in the user's call
            report_failure("the start of a span", error)

    def on_end(self, span: ReadableSpan) -> None:
        """Called by the SDK. Never raises."""
        if self._assembly is None or self._shut_down or not span.context.trace_flags & _SAMPLED:
            return
        try:
            self._assembly.end(span)
        except Exception as error:  # noqa: BLE001 - runs in the user's call
            report_failure("the end of a span", error)
