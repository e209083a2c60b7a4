"""The answer of a dialect for a span that it knows and that is no step."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan

from openlayer_otel.export.reading import Reading

LEFT_OUT: Reading = {}
"""Compared by identity."""


def scope_of(span: ReadableSpan) -> str:
    """The name of the instrumentation scope that made a span."""
    scope = span.instrumentation_scope
    return "" if scope is None else str(scope.name or "")
