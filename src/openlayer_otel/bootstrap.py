"""``init()`` for scripts and notebooks, and the ``flush()`` and ``shutdown()`` that go with it.

``init()`` makes what an application without OpenTelemetry lacks: a tracer provider, the span
processor that sends traces to Openlayer, and the hooks of the providers' SDKs. Where a tracer
provider is set already, that one gets the processor.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from openlayer_otel import telemetry as telemetry_module
from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.export import destination, otlp_preset
from openlayer_otel.export.exporter import OpenlayerSpanExporter
from openlayer_otel.export.processor import OpenlayerSpanProcessor
from openlayer_otel.instrumentor import OpenlayerInstrumentor
from openlayer_otel.settings import Settings
from openlayer_otel.telemetry import Telemetry

DEFAULT_TIMEOUT = 30.0
"""Seconds that :func:`flush` and :func:`shutdown` take at most, by default."""


@dataclass(frozen=True)
class _Start:
    """What one ``init()`` asks for."""

    settings: Settings
    provider: TracerProvider
    instrument: bool


@dataclass(frozen=True)
class _Started:
    """What one ``init()`` did.

    Attributes:
        processor: The one that was added; ``None`` if the provider had one already.
        instrumented: Whether this ``init()`` hooked the SDKs.
    """

    start: _Start
    processor: SpanProcessor | None
    instrumented: bool


_started: _Started | None = None
# Used where the global tracer provider takes no processors.
_own_provider: TracerProvider | None = None
_lock = threading.RLock()


def init(
    *,
    api_key: str | None = None,
    inference_pipeline_id: str | None = None,
    base_url: str | None = None,
    instrument: bool = True,
    tracer_provider: TracerProvider | None = None,
    **settings: Any,
) -> TracerProvider:
    """Trace this process and send its traces to Openlayer.

    Calling it again changes nothing; calling it with other settings replaces the first call:
    what it has collected is sent first. After a ``shutdown()``, be it the provider's, it starts
    anew. Never raises: what cannot be used is named in one warning,
    and the application runs on.

    Args:
        api_key: Openlayer API key; ``OPENLAYER_API_KEY`` by default.
        inference_pipeline_id: Pipeline that gets the traces;
            ``OPENLAYER_INFERENCE_PIPELINE_ID`` by default.
        base_url: Address of Openlayer's API; ``OPENLAYER_BASE_URL`` by default, or Openlayer's.
        instrument: Whether to trace the calls of the providers' SDKs, too.
        tracer_provider: The provider to use. By default the global one, which is made and set
            if there is none.
        settings: Any other field of :class:`~openlayer_otel.settings.Settings`, such as
            ``capture_content=False``.

    Returns:
        The tracer provider in use, for adding exporters of your own.
    """
    resolved = Settings.resolve(
        api_key=api_key,
        inference_pipeline_id=inference_pipeline_id,
        base_url=base_url,
        **settings,
    )
    with _lock:
        provider = tracer_provider if tracer_provider is not None else _provider()
        wanted = _Start(resolved, provider, instrument)
        try:
            _start(wanted)
        except Exception as error:  # noqa: BLE001 - boundary: tracing must not stop a program
            report_failure("init()", error)
        return provider


def init_from_environment() -> None:
    """What ``init(instrument=False)`` does, where the environment has a key and nobody did it yet.

    Openlayer's SDK sends traces when its variables are set; its names are to do so, too. Never
    raises.
    """
    current = trace.get_tracer_provider()
    sends = isinstance(current, TracerProvider) and _sends_to_openlayer(current)
    if os.environ.get("OPENLAYER_API_KEY") and _started is None and not sends:
        init(instrument=False)


def is_started() -> bool:
    """Whether :func:`init` is in force."""
    return _started is not None


def settings_in_use() -> Settings:
    """The settings of the last :func:`init`, or else those that calls are traced with."""
    started = _started
    return telemetry_module.active().settings if started is None else started.start.settings


def flush(timeout: float = DEFAULT_TIMEOUT) -> bool:
    """Send what has been collected, and wait until it is sent.

    Args:
        timeout: Longest wait in seconds.

    Returns:
        Whether everything was sent in time. Traces that were not stay queued.
    """
    started = _started
    provider = started.start.provider if started is not None else trace.get_tracer_provider()
    return _flush(provider, timeout)


def shutdown(timeout: float = DEFAULT_TIMEOUT) -> bool:
    """Undo :func:`init`: send what is left, then stop tracing.

    The tracer provider itself stays, for the processors that others have added to it.

    Args:
        timeout: Longest wait in seconds.

    Returns:
        Whether everything was sent in time. What was not is in the spool, if there is one.
    """
    global _started
    with _lock:
        started, _started = _started, None
        if started is None:
            return True
        deadline = time.monotonic() + timeout
        instrumentor = OpenlayerInstrumentor()
        if started.instrumented:
            instrumentor.uninstrument()
        elif not instrumentor.is_instrumented_by_opentelemetry:
            telemetry_module.activate(None)
        processor = started.processor
        if processor is None:
            return _flush(started.start.provider, timeout)
        # The end is for what cannot be sent: it is put on disk when the processor is shut down.
        kept = min(timeout / 2, started.start.settings.exit_timeout)
        flushing = timeout - kept
        flushed = _within(flushing, lambda: processor.force_flush(int(flushing * 1000)))
        left = max(0.0, deadline - time.monotonic())
        return _within(left, lambda: _stop(processor, left)) is True and flushed is True


def _flush(provider: trace.TracerProvider, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    force_flush: Callable[[int], bool] | None = getattr(provider, "force_flush", None)
    # Without an SDK there is nothing to send.
    flushed = force_flush is None or _within(
        timeout, lambda: force_flush(int(timeout * 1000)) is not False
    )
    # The provider asks its processors in turn; one that does not come back must not keep ours
    # from being asked, and destinations of other providers are flushed as well.
    left = max(0.0, deadline - time.monotonic())
    return destination.flush_all(left) and flushed is True


def _stop(processor: SpanProcessor, timeout: float) -> bool:
    if isinstance(processor, OpenlayerSpanProcessor):
        processor.shutdown(timeout)
    else:
        processor.shutdown()
    return True


def _start(wanted: _Start) -> None:
    """Do what ``wanted`` says, unless it is done already."""
    global _started
    if _started is not None:
        used = _started.processor
        over = isinstance(used, OpenlayerSpanProcessor) and used.is_shut_down
        if _started.start == wanted and not over:
            return
        shutdown(wanted.settings.exit_timeout)
    processor: SpanProcessor | None = None
    if _sends_to_openlayer(wanted.provider):
        warn_once(
            "init:twice",
            "openlayer-otel: the tracer provider sends its traces to Openlayer already (because of "
            "OTEL_TRACES_EXPORTER or add_span_processor()); init() does not add to that.",
        )
    else:
        processor = otlp_preset.processor_for(wanted.settings) or OpenlayerSpanProcessor(
            settings=wanted.settings
        )
        wanted.provider.add_span_processor(processor)
    instrumented = _activate(wanted)
    _started = _Started(wanted, processor, instrumented)


def _provider() -> TracerProvider:
    """The global tracer provider if processors can be added to it, else a new one."""
    current = trace.get_tracer_provider()
    if isinstance(current, TracerProvider):
        return current
    if isinstance(current, trace.ProxyTracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
        return provider
    global _own_provider
    if _own_provider is None:
        _own_provider = TracerProvider()
        warn_once(
            "init:provider",
            "openlayer-otel: the global tracer provider is %s, not that of the OpenTelemetry SDK; "
            "init() uses one of its own, so spans of other libraries are not in its traces.",
            type(current).__qualname__,
        )
    return _own_provider


def _sends_to_openlayer(provider: TracerProvider) -> bool:
    """Whether a live processor or exporter of ours is among the provider's processors.

    The SDK has no public way to list them; if its private one changes, the answer is no.
    """
    processors = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
    for each in processors:
        batch = getattr(each, "_batch_processor", each)
        exporter = getattr(batch, "_exporter", getattr(each, "span_exporter", None))
        if isinstance(exporter, OpenlayerSpanExporter):
            return True
        if isinstance(each, OpenlayerSpanProcessor) and not each.is_shut_down:
            return True
    return False


def _activate(wanted: _Start) -> bool:
    """Hook the SDKs if that is wanted; returns whether this did it."""
    instrumentor = OpenlayerInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        # The application called instrument() itself, maybe with a redact function: those
        # settings stay.
        return False
    if wanted.instrument:
        instrumentor.instrument(settings=wanted.settings, tracer_provider=wanted.provider)
    else:
        telemetry_module.activate(Telemetry(wanted.settings, tracer_provider=wanted.provider))
    return wanted.instrument


def _within(timeout: float, action: Callable[[], Any]) -> Any:
    """What ``action`` returns, or ``None`` if it takes longer than ``timeout`` seconds or fails.

    Processors of others may ignore their deadline, so it is kept here.
    """
    result: list[Any] = []

    def run() -> None:
        try:
            result.append(action())
        except Exception as error:  # noqa: BLE001 - a thread of its own has no caller to tell
            report_failure("flush()", error)

    thread = threading.Thread(target=run, name="openlayer-otel-flush", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # The interpreter is on its way out and starts no more threads.
        run()
    else:
        thread.join(timeout)
    return result[0] if result else None
