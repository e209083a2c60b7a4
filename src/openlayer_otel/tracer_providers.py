"""The tracer provider that ``init()`` uses: the given one, the global one, or a new one."""

from __future__ import annotations

from typing import Any, TypeGuard

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import DEFAULT_ON

from openlayer_otel.diagnostics import warn_once
from openlayer_otel.id_generator import SeparateIdGenerator

# What the SDK takes where its variables say nothing.
_LIMIT = 128
# Used where the global tracer provider takes no processors.
_own: TracerProvider | None = None


def provider_for(given: Any) -> TracerProvider:
    """The provider to add processors to.

    Args:
        given: What the application gave; None, or what takes no processors, means the global one,
            which is made and set if there is none.
    """
    if given is not None:
        if _takes_processors(given):
            return given
        warn_once(
            "init:tracer_provider",
            "openlayer-otel: tracer_provider= is %s, to which no span processor can be added; "
            "init() uses the global tracer provider.",
            type(given).__qualname__,
        )
    return _global_provider()


def _takes_processors(provider: Any) -> TypeGuard[TracerProvider]:
    return callable(getattr(provider, "add_span_processor", None))


def _global_provider() -> TracerProvider:
    global _own
    current = trace.get_tracer_provider()
    # The SDK's, or one that stands for the SDK's, as Logfire's does.
    if _takes_processors(current):
        return current
    if isinstance(current, trace.ProxyTracerProvider):
        provider = new_provider()
        trace.set_tracer_provider(provider)
        return provider
    if _own is None:
        _own = new_provider()
        warn_once(
            "init:provider",
            "openlayer-otel: the global tracer provider is %s, not that of the OpenTelemetry SDK; "
            "init() uses one of its own, so spans of other libraries are not in its traces.",
            type(current).__qualname__,
        )
    return _own


def new_provider() -> TracerProvider:
    """A new tracer provider, also where the SDK refuses what the environment says of it."""
    try:
        return TracerProvider(id_generator=SeparateIdGenerator())
    except ValueError as error:
        warn_once(
            "init:environment",
            "openlayer-otel: the OpenTelemetry SDK refuses one of its environment variables (%s); "
            "its default sampler and limits are used. Mend or unset the variable.",
            error,
        )
    limits = SpanLimits(
        max_attributes=_LIMIT,
        max_span_attributes=_LIMIT,
        max_event_attributes=_LIMIT,
        max_link_attributes=_LIMIT,
        max_events=_LIMIT,
        max_links=_LIMIT,
        max_attribute_length=SpanLimits.UNSET,
        max_span_attribute_length=SpanLimits.UNSET,
    )
    return TracerProvider(
        sampler=DEFAULT_ON, span_limits=limits, id_generator=SeparateIdGenerator()
    )
