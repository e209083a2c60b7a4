"""``init()`` for scripts and notebooks, and the ``flush()`` and ``shutdown()`` that go with it.

``init()`` makes what an application without OpenTelemetry lacks: a tracer provider, the span
processor that sends traces to Openlayer, and the hooks of the providers' SDKs. Where a tracer
provider is set already, that one gets the processor.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel import telemetry as telemetry_module
from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.environment import is_set
from openlayer_otel.export import otlp_preset
from openlayer_otel.export.already_sending import sends_to_openlayer
from openlayer_otel.export.emptying import Processor, empty, empty_and_stop
from openlayer_otel.export.processor import OpenlayerSpanProcessor
from openlayer_otel.forking import in_forked_child
from openlayer_otel.genai.streaming import end_open_streams
from openlayer_otel.instrumentor import (
    OpenlayerInstrumentor,
    is_bare,
    is_of_init,
    said_after_init,
    switch_on_for_init,
)
from openlayer_otel.setting_scopes import TRACING_SETTINGS
from openlayer_otel.settings import Settings
from openlayer_otel.telemetry import Telemetry
from openlayer_otel.time_limits import DEFAULT_TIMEOUT, seconds_of
from openlayer_otel.tracer_providers import provider_for


@dataclass(frozen=True)
class _Start:
    """What one ``init()`` asks for.

    Attributes:
        said: The names of those settings that are its arguments.
    """

    settings: Settings
    provider: TracerProvider
    instrument: bool
    said: frozenset[str] = field(compare=False)


@dataclass(frozen=True)
class _Started:
    """What one ``init()`` did.

    Attributes:
        processor: The one that was added; ``None`` if the provider had one already.
        instrumented: Whether this ``init()`` hooked the SDKs.
        bare_before: Whether they were hooked before, by ``opentelemetry-instrument`` or an
            ``instrument()`` that said nothing about how.
    """

    start: _Start
    processor: Processor | None
    instrumented: bool
    bare_before: bool


_started: _Started | None = None
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
        provider = provider_for(tracer_provider)
        said = frozenset(name for name, value in settings.items() if value is not None)
        wanted = _Start(resolved, provider, instrument, said)
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
    if _started is not None or not is_set(os.environ, "OPENLAYER_API_KEY"):
        return
    current = trace.get_tracer_provider()
    if not isinstance(current, TracerProvider) or not sends_to_openlayer(
        current, Settings.resolve()
    ):
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
    return empty(provider, seconds_of(timeout))


def shutdown(timeout: float = DEFAULT_TIMEOUT) -> bool:
    """Undo :func:`init`: send what is left, then stop tracing.

    Streams that are still open are recorded as far as they have come. The tracer provider itself
    stays, for the processors that others have added to it.

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
        unhooked = _unhook(started)
        end_open_streams(started.start.provider)
        done = _end(started, seconds_of(timeout))
        instrumentor = OpenlayerInstrumentor()
        if not instrumentor.is_instrumented_by_opentelemetry:
            telemetry_module.activate(None)
            if unhooked and started.bare_before:
                instrumentor.instrument()
        return done


def _unhook(started: _Started) -> bool:
    """Take out the hooks that an ``init()`` put in; returns whether they were still there."""
    instrumentor = OpenlayerInstrumentor()
    its_own = started.instrumented and is_of_init()
    if its_own:
        instrumentor.uninstrument()
    return its_own


def _end(started: _Started, timeout: float) -> bool:
    """Send what an ``init()`` has collected, and stop that; returns whether it was sent in time."""
    if started.processor is None:
        return empty(started.start.provider, timeout)
    return empty_and_stop(started.processor, timeout, started.start.settings.exit_timeout)


def _start(wanted: _Start) -> None:
    """Do what ``wanted`` says, unless it is done already."""
    global _started
    bare_before = is_bare()
    added: Mapping[str, Any] = {}
    started = _started
    if started is not None:
        if started.start == wanted and not _is_over(started):
            return
        _started = None
        added = said_after_init()
        # Calls are not traced meanwhile: nothing may be recorded that either of them redacts.
        bare_before = (_unhook(started) and started.bare_before) or bare_before
        _end(started, wanted.settings.exit_timeout)
    processor: Processor | None = None
    if sends_to_openlayer(wanted.provider, wanted.settings):
        warn_once(
            "init:twice",
            "openlayer-otel: the tracer provider sends its traces to Openlayer already (because of "
            "OTEL_TRACES_EXPORTER, OPENLAYER_OTEL_OTLP or add_span_processor()); init() does not "
            "add to that.",
        )
    else:
        processor = otlp_preset.processor_for(wanted.settings) or OpenlayerSpanProcessor(
            settings=wanted.settings
        )
        wanted.provider.add_span_processor(processor)
    instrumented = _activate(wanted, added, bare_before=bare_before)
    _started = _Started(wanted, processor, instrumented, bare_before)


def _is_over(started: _Started) -> bool:
    """Whether what an ``init()`` relied on has been undone since, by the provider for instance."""
    if started.instrumented and not OpenlayerInstrumentor().is_instrumented_by_opentelemetry:
        return True
    if started.processor is None:
        return not sends_to_openlayer(started.start.provider, started.start.settings)
    return started.processor.is_shut_down


def _activate(wanted: _Start, added: Mapping[str, Any], *, bare_before: bool) -> bool:
    """Hook the SDKs if that is wanted; returns whether this did it.

    Args:
        wanted: What this ``init()`` asks for.
        added: What ``instrument()`` said in addition to the ``init()`` before this one.
        bare_before: See :class:`_Started`.
    """
    instrumentor = OpenlayerInstrumentor()
    hooked = instrumentor.is_instrumented_by_opentelemetry
    if hooked and not bare_before:
        # The application called instrument() itself, maybe with a redact function: those
        # settings stay.
        _warn_of_other_settings(wanted)
        if telemetry_module.active().tracer_provider is not wanted.provider:
            instrumentor.instrument(tracer_provider=wanted.provider)
        return False
    if hooked:
        # By opentelemetry-instrument or a bare instrument(): init() says how.
        instrumentor.uninstrument()
    # What @trace goes by, also after an uninstrument().
    telemetry_module.activate(Telemetry(wanted.settings, tracer_provider=wanted.provider))
    if not (bare_before or wanted.instrument):
        return False
    switch_on_for_init(wanted.settings, wanted.provider, added)
    return True


def _warn_of_other_settings(wanted: _Start) -> None:
    """Say once which settings of ``init()`` do nothing, since ``instrument()`` had its own."""
    used = telemetry_module.active().settings
    names = sorted(
        name
        for name in wanted.said & TRACING_SETTINGS
        if getattr(wanted.settings, name) != getattr(used, name)
    )
    if names:
        warn_once(
            "init:instrumented",
            "openlayer-otel: calls are traced with the settings that instrument() was given before "
            "init(); those of init() for %s do nothing. Give them to instrument(), or call init() "
            "alone.",
            ", ".join(names),
        )


@in_forked_child
def _renew_lock() -> None:
    global _lock
    _lock = threading.RLock()
