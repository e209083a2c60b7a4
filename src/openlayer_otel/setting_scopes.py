"""Which settings belong where: what does nothing where it was given is said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from openlayer_otel.diagnostics import warn_once
from openlayer_otel.settings import Settings

TRACING_SETTINGS = frozenset(
    {
        "anthropic_tracing",
        "capture_content",
        "chunk_metrics",
        "max_content_bytes",
        "metrics",
        "providers",
        "redact",
    }
)
"""Settings of what is recorded; the others are of what becomes of it."""


def warn_without_effect(arguments: Iterable[str], where: str, instead: str) -> None:
    """Say once of each setting that it does nothing where it was given.

    Args:
        arguments: Names; those that are no settings are left to :meth:`Settings.resolve`.
        where: Where they were given.
        instead: Where they belong.
    """
    for name in sorted({each.name for each in fields(Settings)} & set(arguments)):
        warn_once(
            f"setting:{name}:{where}",
            "openlayer-otel: the setting %s= does nothing as an argument of %s; give it to %s.",
            name,
            where,
            instead,
        )
