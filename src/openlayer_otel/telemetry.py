"""Where spans, metrics and events of this package go: one :class:`Telemetry` at a time.

``instrument()`` and ``init()`` make one active; without them the global OpenTelemetry
providers and the environment's settings are used, so ``@trace`` works on its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import Tracer, TracerProvider

from openlayer_otel import semconv
from openlayer_otel.forking import in_forked_child
from openlayer_otel.genai.content import ContentPolicy
from openlayer_otel.genai.events import ClientEvents
from openlayer_otel.genai.metrics import ClientMetrics
from openlayer_otel.settings import Settings
from openlayer_otel.version import __version__

if TYPE_CHECKING:
    from openlayer_otel.genai.operation import Operation
    from openlayer_otel.genai.record import Record

SCOPE_NAME = "openlayer_otel"


class Telemetry:
    """The tracer, the settings and what is made from them.

    Args:
        settings: All switches; resolved from the environment by default.
        tracer_provider: The provider of the spans; the global one by default, even if it is
            set later.
        meter_provider: The provider of the metrics, likewise.
        logger_provider: The provider of the events, likewise.

    Attributes:
        providers: The providers that were given, by the names of these arguments.
    """

    __slots__ = (
        "_events",
        "_metrics",
        "content",
        "providers",
        "settings",
        "tracer",
    )

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: Any = None,
        logger_provider: Any = None,
    ) -> None:
        self.settings = settings if settings is not None else Settings.resolve()
        self.providers: dict[str, Any] = {
            "tracer_provider": tracer_provider,
            "meter_provider": meter_provider,
            "logger_provider": logger_provider,
        }
        # No schema URL: the GenAI conventions have published none that is true of these names.
        self.tracer: Tracer = trace.get_tracer(SCOPE_NAME, __version__, tracer_provider)
        self.content = ContentPolicy(self.settings)
        self._events = ClientEvents(SCOPE_NAME, __version__, logger_provider, self.content)
        self._metrics = (
            ClientMetrics(SCOPE_NAME, __version__, meter_provider)
            if self.settings.metrics
            else None
        )

    @property
    def tracer_provider(self) -> TracerProvider:
        """Where the spans go: the provider that was given, or the global one."""
        given: TracerProvider | None = self.providers["tracer_provider"]
        return trace.get_tracer_provider() if given is None else given

    def operation_ended(
        self, operation: Operation, record: Record, error: BaseException | None
    ) -> None:
        """Record the metrics and events of an operation that ends now.

        Args:
            operation: The operation; its span has all its attributes and is not ended yet.
            record: What it said.
            error: What was raised; None if nothing was.
        """
        metrics = self._metrics
        if metrics is not None and metrics.wanted:
            seconds, found = perf_counter() - operation.started, record.attributes
            metrics.record(operation, found, found.get(semconv.ERROR_TYPE), seconds)
        if operation.capture.on_events:
            self._events.record(operation, record, error)

    def counts_unrecorded(self) -> bool:
        """Whether metrics count calls whose span is not recorded (dropped by a sampler)."""
        return self._metrics is not None and self._metrics.wanted

    def chunk_recorder(self, operation: Operation) -> Callable[[float], None] | None:
        """What to tell the seconds between two chunks; None unless chunk metrics are on."""
        if self._metrics is None or not self.settings.chunk_metrics:
            return None
        return self._metrics.chunk_recorder(operation)


_active: Telemetry | None = None
_lock = threading.Lock()
# Held while `start` runs, which takes locks of its own. Who comes meanwhile waits, so that his
# calls are traced as it says; but not for ever, since it may itself be waiting for him.
_starting = threading.RLock()
_LONGEST_START = 5.0
_starting_now = False
_start: Callable[[], None] | None = None


def start_with(start: Callable[[], None]) -> None:
    """Have ``start`` called once if telemetry is asked for before any was made active.

    Args:
        start: May make one active. It must not raise.
    """
    global _start
    _start = start


def active() -> Telemetry:
    """The telemetry in use; made from the global providers and the environment if there is none."""
    global _active
    telemetry = _active
    if telemetry is not None:
        return telemetry
    if _start is not None or _starting_now:
        _run_start()
    # Made without the lock: settings may warn, and who handles the warning may come here.
    made = _active or Telemetry()
    with _lock:
        if _active is None:
            _active = made
        return _active


def _run_start() -> None:
    global _start, _starting_now
    if not _starting.acquire(timeout=_LONGEST_START):
        return
    try:
        start, _start = _start, None
        if start is not None:
            _starting_now = True
            start()
    finally:
        _starting_now = False
        _starting.release()


def activated() -> Telemetry | None:
    """The telemetry that was made active; None if there is none."""
    return _active


def activate(telemetry: Telemetry | None) -> None:
    """Make ``telemetry`` the one in use; ``None`` goes back to the defaults."""
    global _active
    with _lock:
        _active = telemetry


@in_forked_child
def _renew_locks() -> None:
    global _lock, _starting, _starting_now
    _lock, _starting, _starting_now = threading.Lock(), threading.RLock(), False
