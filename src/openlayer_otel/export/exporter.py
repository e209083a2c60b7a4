"""OpenlayerSpanExporter: Openlayer by name (``OTEL_TRACES_EXPORTER=openlayer``).

An exporter sees ended spans only, so it waits a short grace for what ends after the root.
Where you can choose, :class:`~openlayer_otel.OpenlayerSpanProcessor` knows more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from openlayer_otel.diagnostics import report_failure
from openlayer_otel.export.completed import key_of
from openlayer_otel.export.destination import settings_of
from openlayer_otel.export.sharing import Sharer
from openlayer_otel.settings import Settings


class OpenlayerSpanExporter(Sharer, SpanExporter):
    """Puts traces together from ended spans and sends each to Openlayer, once, as one row.

    ``export`` hands spans over and returns; it does not wait for the network.

    Args:
        settings: Resolved settings; made from the other arguments and the environment by
            default.
        **arguments: Settings by name, such as ``api_key`` and ``inference_pipeline_id``, as a
            declarative configuration file gives them.
    """

    def __init__(self, settings: Settings | None = None, **arguments: Any) -> None:
        super().__init__(settings_of("OpenlayerSpanExporter", settings, arguments))

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Called by the SDK with ended spans. Never raises."""
        if self._shut_down:
            return SpanExportResult.FAILURE
        if not self._destination.enabled:
            return SpanExportResult.SUCCESS
        try:
            # A processor of the same destination has sent these, or will.
            known = self._destination.assembly.knows
            self._destination.grouping.add(
                [span for span in spans if not known(key_of(span.context))]
            )
            self._destination.wake()
        except Exception as error:  # noqa: BLE001 - the SDK would log a traceback each time
            report_failure("the export of spans", error)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS
