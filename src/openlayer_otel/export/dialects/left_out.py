"""The answer of a dialect for a span that it knows and that is no step."""

from __future__ import annotations

from openlayer_otel.export.reading import Reading

LEFT_OUT: Reading = {}
"""Compared by identity."""


def scope_of(span: object) -> str:
    """The name of the instrumentation scope that made a span."""
    scope = getattr(span, "instrumentation_scope", None)
    return str(getattr(scope, "name", "") or "")
