"""All that was collected is sent within a time limit: by a tracer provider, or by a processor."""

from __future__ import annotations

import time
from collections.abc import Callable

from opentelemetry import trace

from openlayer_otel.export import sharing
from openlayer_otel.export.otlp_preset import OtlpSpanProcessor
from openlayer_otel.export.processor import OpenlayerSpanProcessor
from openlayer_otel.time_limits import within

Processor = OpenlayerSpanProcessor | OtlpSpanProcessor
"""A processor that sends traces to Openlayer."""


def empty(provider: trace.TracerProvider, timeout: float) -> bool:
    """Have ``provider`` send what its processors have, and every other destination what it has.

    Args:
        provider: The tracer provider.
        timeout: Longest wait in seconds.

    Returns:
        Whether everything was sent in time.
    """
    deadline = time.monotonic() + timeout
    force_flush: Callable[[int], bool] | None = getattr(provider, "force_flush", None)
    # Without an SDK there is nothing to send.
    flushed = force_flush is None or within(
        timeout, lambda: force_flush(int(timeout * 1000)) is not False
    )
    # The provider asks its processors in turn; one that does not come back must not keep ours
    # from being asked, and destinations of other providers are flushed as well.
    left = max(0.0, deadline - time.monotonic())
    return sharing.flush_all(left) and flushed is True


def empty_and_stop(processor: Processor, timeout: float, exit_timeout: float) -> bool:
    """Have ``processor`` send what it has, then stop it.

    Args:
        processor: The processor.
        timeout: Longest wait in seconds.
        exit_timeout: How much of it is for what cannot be sent, at most half: it is put on disk
            when the processor is shut down.

    Returns:
        Whether everything was sent in time.
    """
    deadline = time.monotonic() + timeout
    flushing = timeout - min(timeout / 2, exit_timeout)
    flushed = within(flushing, lambda: processor.force_flush(int(flushing * 1000)))
    left = max(0.0, deadline - time.monotonic())
    return within(left, lambda: _stop(processor, left)) is True and flushed is True


def _stop(processor: Processor, timeout: float) -> bool:
    if isinstance(processor, OpenlayerSpanProcessor):
        processor.shutdown(timeout)
    else:
        processor.shutdown()
    return True
