"""Spans of other packages, read in the names of :mod:`openlayer_otel.semconv`.

A *dialect* is a module that turns the spans of its kind into readings. The first dialect of
:data:`DIALECTS` that claims a span reads it; the last one reads every span that follows the
GenAI conventions, ours among them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any, Protocol

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
from openlayer_otel.export.reading import Reading
from openlayer_otel.telemetry import SCOPE_NAME

Read = Callable[[ReadableSpan], "Reading | None"]


class Dialect(Protocol):
    """What the module of a dialect has."""

    def speaks(self, scope: str, names: Collection[str]) -> bool:
        """Whether a span may be of this kind, by its scope and the names of its attributes."""

    def read(self, span: ReadableSpan) -> Reading | None:
        """The reading of a span that may be of this kind.

        Returns:
            None if it is not; :data:`LEFT_OUT` if it is, and does not belong in the tree.
        """


DIALECTS: tuple[Dialect, ...] = (
    anthropic_sdk,
    pydantic_ai,
    google_adk,
    strands,
    semantic_kernel,
    litellm,
    vercel_ai,
    openinference,
    openllmetry,
    genai,
)
"""All dialects; those that one package alone speaks come first."""


# An application has few kinds of spans, so each is looked at once: asking every dialect about
# every span took a tenth of the time in which a row is made.
@lru_cache(maxsize=1024)
def _readers(scope: str, names: tuple[str, ...]) -> tuple[Read, ...]:
    """How a span may be read, by its scope and the names of its attributes."""
    # Ours have nobody else's names.
    ours = scope == SCOPE_NAME or semconv.STEP_TYPE in names
    dialects: tuple[Dialect, ...] = (genai,) if ours else DIALECTS
    return tuple(each.read for each in dialects if each.speaks(scope, names))


def read_span(span: ReadableSpan, attributes: Mapping[str, Any]) -> Reading | None:
    """What a span says, whoever made it.

    Args:
        span: The span.
        attributes: Its attributes.

    Returns:
        Its reading; None if the span is no step (HTTP, databases, plain spans).
    """
    names = tuple(attributes)
    if not names and not span._events:
        return None
    for read in _readers(scope_of(span), names):
        reading = read(span)
        if reading is LEFT_OUT:
            return None
        if reading is not None:
            return reading
    return None
