"""``@trace`` on a trivial function beside ``start_as_current_span`` with the same attributes."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from opentelemetry import trace as otel_trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from openlayer_otel import trace

CALLS = 500
TURNS = 41


class Last(SpanProcessor):
    """Keeps the last span."""

    span: ReadableSpan | None = None

    def on_end(self, span: ReadableSpan) -> None:
        """A span has ended."""
        self.span = span


def _seconds(function: Callable[[int], Any]) -> float:
    started = time.process_time()
    for number in range(CALLS):
        function(number)
    return time.process_time() - started


def main() -> None:
    """Print microseconds per call and their ratio."""
    last = Last()
    provider = TracerProvider()
    provider.add_span_processor(last)
    otel_trace.set_tracer_provider(provider)
    tracer = provider.get_tracer("floor")

    def plain(number: int) -> int:
        return number + 1

    traced = trace(plain)
    traced(1)
    if last.span is None or not last.span.attributes:
        raise SystemExit("@trace made no span")
    attributes = dict(last.span.attributes)

    def by_hand(number: int) -> int:
        with tracer.start_as_current_span("plain", attributes=attributes):
            return number + 1

    hands, ours, ratios = [], [], []
    for _ in range(TURNS):
        bare = _seconds(plain)
        hand = _seconds(by_hand) - bare
        our = _seconds(traced) - bare
        hands.append(hand / CALLS * 1e6)
        ours.append(our / CALLS * 1e6)
        ratios.append(our / hand)
    found = {
        "by_hand": statistics.median(hands),
        "trace": statistics.median(ours),
        "ratio": statistics.median(ratios),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
