"""Tokens of a model call, as Openlayer counts and prices them.

``usageDetails`` is a partition: each token is in exactly one of its parts. The conventions'
counts overlap (input includes cached and audio input, both include cached audio, output
includes audio output), so the parts are taken out of the totals, and cached audio is cached.
Reasoning stays in the output, which is how it is priced. Where more was cached than went in, the
producer counts as Anthropic and Bedrock do, cached input beside the input, and it is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from openlayer_otel import semconv
from openlayer_otel.export.reading import count_of


class Usage(NamedTuple):
    """Token counts; None where the provider reported nothing."""

    prompt: int | None
    completion: int | None
    total: int | None
    details: dict[str, int]


# Counts that are part of other counts; most calls have none.
_SPECIAL = frozenset(
    {
        semconv.USAGE_CACHE_READ_INPUT_TOKENS,
        semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
        semconv.USAGE_AUDIO_INPUT_TOKENS,
        semconv.USAGE_AUDIO_OUTPUT_TOKENS,
    }
)


def usage_of(reading: Mapping[str, Any]) -> Usage:
    """The token counts of a reading."""
    prompt = count_of(reading, semconv.USAGE_INPUT_TOKENS)
    completion = count_of(reading, semconv.USAGE_OUTPUT_TOKENS)
    if prompt is None and completion is None:
        return Usage(None, None, None, {})
    if _SPECIAL.isdisjoint(reading):
        details = {}
        if prompt:
            details["input_tokens"] = prompt
        if completion:
            details["output_tokens"] = completion
        return Usage(prompt, completion, (prompt or 0) + (completion or 0), details)
    cached = count_of(reading, semconv.USAGE_CACHE_READ_INPUT_TOKENS) or 0
    written = count_of(reading, semconv.USAGE_CACHE_WRITE_INPUT_TOKENS) or 0
    if cached + written > (prompt or 0):
        prompt = (prompt or 0) + cached + written
    audio_in = _uncached_audio(reading, (prompt or 0) - cached - written)
    audio_out = count_of(reading, semconv.USAGE_AUDIO_OUTPUT_TOKENS) or 0
    parts = {
        "input_tokens": max(0, (prompt or 0) - cached - written - audio_in),
        "output_tokens": max(0, (completion or 0) - audio_out),
        "cached_tokens": cached,
        "cache_creation_tokens": written,
        "audio_input_tokens": audio_in,
        "audio_output_tokens": audio_out,
    }
    details = {name: count for name, count in parts.items() if count}
    return Usage(prompt, completion, (prompt or 0) + (completion or 0), details)


def _uncached_audio(reading: Mapping[str, Any], uncached: int) -> int:
    """The audio input that no cache had.

    Args:
        reading: The reading.
        uncached: The whole input that no cache had. It limits the audio where nothing says
            how much of that was cached.
    """
    audio = count_of(reading, semconv.USAGE_AUDIO_INPUT_TOKENS) or 0
    audio -= count_of(reading, semconv.USAGE_AUDIO_CACHE_READ_INPUT_TOKENS) or 0
    return max(0, min(audio, uncached))
