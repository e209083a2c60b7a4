"""OpenAI's token counts. Cached input is part of the input, reasoning part of the output."""

from __future__ import annotations

from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.record import Record

# Chat Completions and Responses name the totals differently and the details alike.
# The details are called "prompt_tokens_details", or, by Assistants and transcriptions,
# "prompt_token_details".
_INPUT = (
    ("prompt_tokens", "prompt_tokens_details", "prompt_token_details"),
    ("input_tokens", "input_tokens_details", "input_token_details"),
)
_OUTPUT = (
    ("completion_tokens", "completion_tokens_details", "completion_token_details"),
    ("output_tokens", "output_tokens_details", "output_token_details"),
)
# Field of the details -> attribute.
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
# Zero of a modality that the model does not have says nothing; zero of these does.
_ZERO_COUNTS = frozenset({"cached_tokens", "reasoning_tokens"})


def read_usage(usage: Any, record: Record) -> None:
    """``usage`` of any of OpenAI's APIs, and of the servers that are compatible with them."""
    if not isinstance(usage, dict):
        return
    attributes = record.attributes
    read = _read_side(usage, _INPUT, semconv.USAGE_INPUT_TOKENS, _INPUT_DETAILS, record)
    written = _read_side(usage, _OUTPUT, semconv.USAGE_OUTPUT_TOKENS, _OUTPUT_DETAILS, record)
    if semconv.USAGE_CACHE_READ_INPUT_TOKENS not in attributes:
        # DeepSeek's name for it.
        record.usage(semconv.USAGE_CACHE_READ_INPUT_TOKENS, usage.get("prompt_cache_hit_tokens"))
    if semconv.USAGE_REASONING_OUTPUT_TOKENS not in attributes:
        record.usage(semconv.USAGE_REASONING_OUTPUT_TOKENS, usage.get("reasoning_tokens"))
    thought = attributes.get(semconv.USAGE_REASONING_OUTPUT_TOKENS)
    total = usage.get("total_tokens")
    if thought and read is not None and written is not None and total == read + written + thought:
        # xAI counts reasoning beside the completion; the conventions count it as output.
        attributes[semconv.USAGE_OUTPUT_TOKENS] = written + thought


def _read_side(
    usage: dict[str, Any],
    names: tuple[tuple[str, str, str], ...],
    attribute: str,
    details: dict[str, str],
    record: Record,
) -> int | None:
    attributes = record.attributes
    for name, details_name, other_name in names:
        tokens = usage.get(name)
        if type(tokens) is not int:
            continue
        attributes[attribute] = tokens
        given = usage.get(details_name) or usage.get(other_name)
        if type(given) is dict:
            for detail, value in given.items():
                if type(value) is int and (value or detail in _ZERO_COUNTS) and detail in details:
                    attributes[details[detail]] = value
        return tokens
    return None
