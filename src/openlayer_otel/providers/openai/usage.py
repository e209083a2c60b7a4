"""OpenAI's token counts. Cached input is part of the input, reasoning part of the output."""

from __future__ import annotations

from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.record import Record

# Field of the usage's details -> attribute. Chat Completions and Responses name the totals
# differently and the details alike.
_INPUT_DETAILS = {
    "cached_tokens": semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    "cache_write_tokens": semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    "text_tokens": semconv.USAGE_TEXT_INPUT_TOKENS,
    "image_tokens": semconv.USAGE_IMAGE_INPUT_TOKENS,
    "audio_tokens": semconv.USAGE_AUDIO_INPUT_TOKENS,
}
_OUTPUT_DETAILS = {
    "reasoning_tokens": semconv.USAGE_REASONING_OUTPUT_TOKENS,
    "text_tokens": semconv.USAGE_TEXT_OUTPUT_TOKENS,
    "image_tokens": semconv.USAGE_IMAGE_OUTPUT_TOKENS,
    "audio_tokens": semconv.USAGE_AUDIO_OUTPUT_TOKENS,
}


def read_usage(usage: Any, record: Record) -> None:
    """``usage`` of a Chat Completion, a completion, an embedding, a response or an image."""
    if not isinstance(usage, dict):
        return
    for kind, attribute, details in (
        ("prompt", semconv.USAGE_INPUT_TOKENS, _INPUT_DETAILS),
        ("completion", semconv.USAGE_OUTPUT_TOKENS, _OUTPUT_DETAILS),
        ("input", semconv.USAGE_INPUT_TOKENS, _INPUT_DETAILS),
        ("output", semconv.USAGE_OUTPUT_TOKENS, _OUTPUT_DETAILS),
    ):
        tokens = usage.get(f"{kind}_tokens")
        if tokens is None:
            continue
        record.usage(attribute, tokens)
        given = usage.get(f"{kind}_tokens_details")
        if isinstance(given, dict):
            for name, detail in details.items():
                value = given.get(name)
                # Zero of a modality that the model does not have says nothing.
                if value or (value == 0 and name in ("cached_tokens", "reasoning_tokens")):
                    record.usage(detail, value)
