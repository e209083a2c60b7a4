"""What a test sees of metrics and events, on every supported version of OpenTelemetry."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk import _logs as sdk_logs
from opentelemetry.sdk._logs import export
from opentelemetry.sdk.metrics.export import InMemoryMetricReader


class Event:
    """One log record of an event."""

    def __init__(self, data: Any) -> None:
        record = data.log_record
        self.attributes: Mapping[str, Any] = dict(record.attributes or {})
        # Before 1.35 records have no event name.
        name = getattr(record, "event_name", None) or self.attributes.get("event.name")
        self.name = str(name)
        self.severity = record.severity_number.value
        self.trace_id = record.trace_id
        self.span_id = record.span_id
        self.body = record.body


class EventLog:
    """Keeps the events of its ``provider`` in memory."""

    def __init__(self) -> None:
        name = "InMemoryLogRecordExporter"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            exporter = getattr(export, name, None) or export.InMemoryLogExporter
            self._exporter: Any = exporter()
            self.provider = sdk_logs.LoggerProvider(shutdown_on_exit=False)
            self.provider.add_log_record_processor(export.SimpleLogRecordProcessor(self._exporter))

    @property
    def events(self) -> list[Event]:
        """All events so far, oldest first."""
        return [Event(data) for data in self._exporter.get_finished_logs()]

    def named(self, name: str) -> Event:
        """The one event of this name."""
        found = [event for event in self.events if event.name == name]
        assert len(found) == 1, (name, [event.name for event in self.events])
        return found[0]


def measurements(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    """The data points of each metric, by its name."""
    data = reader.get_metrics_data()
    if data is None:
        return {}
    return {
        metric.name: list(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def plain(value: Any) -> Any:
    """Attributes as a test writes them down: the SDK makes tuples of lists."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
