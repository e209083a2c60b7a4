"""Spans of other packages, read in the names of :mod:`openlayer_otel.semconv`.

A *dialect* is a function that gets a span and returns its reading, or None if the span is
not of its kind. The first dialect of :data:`DIALECTS` that claims a span reads it; the last
one reads every span that follows the GenAI conventions, ours among them. A dialect that
claims a span it wants left out of the tree returns :data:`LEFT_OUT`.
"""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel import semconv
from openlayer_otel.export.dialects import (
    anthropic_sdk,
    genai,
    google_adk,
    litellm,
    openinference,
    openllmetry,
    pydantic_ai,
    semantic_kernel,
    strands,
    vercel_ai,
)
from openlayer_otel.export.dialects.left_out import LEFT_OUT, scope_of
from openlayer_otel.export.reading import Reading, attributes_of
from openlayer_otel.telemetry import SCOPE_NAME

Dialect = Callable[[ReadableSpan], Reading | None]

DIALECTS: tuple[Dialect, ...] = (
    anthropic_sdk.read,
    pydantic_ai.read,
    google_adk.read,
    strands.read,
    semantic_kernel.read,
    litellm.read,
    vercel_ai.read,
    openinference.read,
    openllmetry.read,
    genai.read,
)
"""All dialects; those that one package alone speaks come first."""


def read_span(span: ReadableSpan) -> Reading | None:
    """What a span says, whoever made it.

    Returns:
        Its reading; None if the span is no step (HTTP, databases, plain spans).
    """
    if not attributes_of(span) and not span.events:
        return None
    if scope_of(span) == SCOPE_NAME or semconv.STEP_TYPE in attributes_of(span):
        return genai.read(span)  # ours: nobody else's names to look for
    for dialect in DIALECTS:
        reading = dialect(span)
        if reading is LEFT_OUT:
            return None
        if reading is not None:
            return reading
    return None
