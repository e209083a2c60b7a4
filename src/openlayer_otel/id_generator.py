"""Trace and span ids that have nothing to do with the application's random numbers.

OpenTelemetry's own generator takes ids from the functions of the ``random`` module. A program that
seeds them (``random.seed(42)``, ``set_seed()`` of a library) gets the same ids again, in each run
or for each item of a loop, so that its traces cannot be told from each other; and it gets other
random numbers than without tracing.
"""

from __future__ import annotations

import random

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from openlayer_otel.forking import in_forked_child

# Of the operating system's randomness; nobody else knows it, so nobody seeds it.
_numbers = random.Random()
in_forked_child(_numbers.seed)
_bits = _numbers.getrandbits


class SeparateIdGenerator(RandomIdGenerator):
    """Random ids of its own, for ``TracerProvider(id_generator=...)``."""

    def generate_span_id(self) -> int:
        """A span id; never 0, which is none."""
        return _bits(64) or self.generate_span_id()

    def generate_trace_id(self) -> int:
        """A trace id; never 0, which is none."""
        return _bits(128) or self.generate_trace_id()
