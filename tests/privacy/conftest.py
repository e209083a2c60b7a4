"""Everything that a call leaves behind, in one text to search."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from tests.privacy import canaries
from tests.support.sdk_clients import http_library, make_client
from tests.support.signals import EventLog, measurements
from tests.support.span_log import SpanLog

OURS = ("openlayer_otel", "opentelemetry")


class Traces:
    """What telemetry says: spans, metrics, events, and our log at DEBUG."""

    def __init__(
        self,
        spans: SpanLog,
        reader: InMemoryMetricReader,
        events: EventLog,
        log: pytest.LogCaptureFixture,
    ) -> None:
        self._reader, self._log = reader, log
        self.spans, self.events = spans, events

    def on_spans(self) -> str:
        """Everything on the spans."""
        return "\n".join(
            repr((s.name, dict(s.attributes or {}), s.status.description, _marks(s), s.links))
            for s in [*self.spans.ended, *self.spans.open]
        )

    def in_events(self) -> str:
        """Everything in the events."""
        return "\n".join(repr((e.name, e.attributes, e.body)) for e in self.events.events)

    def everywhere(self) -> str:
        """All of it, with metrics and log."""
        metrics = repr(measurements(self._reader))
        formatter = logging.Formatter()
        log = [formatter.format(r) for r in self._log.records if r.name.startswith(OURS)]
        return "\n".join([self.on_spans(), self.in_events(), metrics, *log])


def _marks(span: Any) -> list[Any]:
    return [(event.name, dict(event.attributes or {})) for event in span.events]


@pytest.fixture
def traces(
    spans: SpanLog,
    metric_reader: InMemoryMetricReader,
    event_log: EventLog,
    caplog: pytest.LogCaptureFixture,
) -> Traces:
    """Everything that the test's calls leave behind."""
    caplog.set_level(logging.DEBUG)
    return Traces(spans, metric_reader, event_log, caplog)


@pytest.fixture
def event_log() -> Iterator[EventLog]:
    """The events of a logger provider of the test's own."""
    log = EventLog()
    yield log
    log.provider.shutdown()


HOW = ("plain", "streamed", "left early", "cut", "refused")


def call(sdk: str, how: str, **options: Any) -> None:
    """Make a call with canaries everywhere, through a real client.

    Args:
        sdk: ``"openai"`` or ``"anthropic"``.
        how: One of :data:`HOW`.
        options: Further arguments of the client.
    """
    library = http_library(sdk)
    streamed = how not in ("plain", "refused")

    def reply(request: Any) -> Any:
        if how == "refused":
            return library.Response(400, json=canaries.failure(sdk))
        if not streamed:
            return library.Response(200, json=canaries.answer(sdk))
        headers = {"content-type": "text/event-stream"}
        body = canaries.stream(sdk, cut=how == "cut")
        return library.Response(200, headers=headers, content=body)

    transport = library.MockTransport(reply)
    client = make_client(sdk, False, "http://user:canary-password@x.test", transport, **options)
    create = client.chat.completions.create if sdk == "openai" else client.messages.create
    request = dict(canaries.REQUESTS[sdk])
    try:
        answer = create(**request, stream=True) if streamed else create(**request)
        if streamed:
            _read(answer, early=how == "left early")
    except Exception as error:
        assert how in ("cut", "refused"), error


def _read(stream: Any, *, early: bool) -> None:
    with stream:
        for count, _ in enumerate(stream):
            if early and count == 2:
                return


@pytest.fixture(params=["openai", "anthropic"])
def sdk(request: pytest.FixtureRequest) -> str:
    """Each SDK in turn."""
    return str(request.param)


@pytest.fixture(params=HOW)
def how(request: pytest.FixtureRequest) -> str:
    """Each way a call can go."""
    return str(request.param)


@pytest.fixture
def record(instrument: Callable[..., None], event_log: EventLog) -> Callable[..., None]:
    """Call it to instrument the SDKs with events on."""

    def start(**settings: Any) -> None:
        instrument(logger_provider=event_log.provider, **settings)

    return start
