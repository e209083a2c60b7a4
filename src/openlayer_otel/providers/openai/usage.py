"""OpenAI's token counts. Cached input is part of the input, reasoning part of the output."""

from __future__ import annotations

from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.record import Record

# Field of the details -> attribute.
_INPUT_DETAILS = {
    "cached_tokens": semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    "cache_write_tokens": semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    # DashScope's name, and LiteLLM's for what Anthropic has written.
    "cache_creation_input_tokens": semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    "cache_creation_tokens": semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    "text_tokens": semconv.USAGE_TEXT_INPUT_TOKENS,
    "image_tokens": semconv.USAGE_IMAGE_INPUT_TOKENS,
    "audio_tokens": semconv.USAGE_AUDIO_INPUT_TOKENS,
}
# Field of the input's ``cached_tokens_details`` (Realtime) -> attribute.
_CACHED_DETAILS = {
    "text_tokens": semconv.USAGE_TEXT_CACHE_READ_INPUT_TOKENS,
    "image_tokens": semconv.USAGE_IMAGE_CACHE_READ_INPUT_TOKENS,
    "audio_tokens": semconv.USAGE_AUDIO_CACHE_READ_INPUT_TOKENS,
}
_OUTPUT_DETAILS = {
    "reasoning_tokens": semconv.USAGE_REASONING_OUTPUT_TOKENS,
    "text_tokens": semconv.USAGE_TEXT_OUTPUT_TOKENS,
    "image_tokens": semconv.USAGE_IMAGE_OUTPUT_TOKENS,
    "audio_tokens": semconv.USAGE_AUDIO_OUTPUT_TOKENS,
}
# Zero of a modality that the model does not have says nothing; zero of these does.
_ZERO_COUNTS = frozenset({"cached_tokens", "reasoning_tokens"})


_Side = tuple[str, str, str, str, dict[str, str]]


def _side(name: str, attribute: str, details: dict[str, str]) -> _Side:
    """A total, and its details: ``prompt_tokens_details`` or, as Assistants and transcriptions
    have it, ``prompt_token_details``."""
    return f"{name}_tokens", f"{name}_tokens_details", f"{name}_token_details", attribute, details


# Chat Completions and Responses name the totals differently and the details alike.
_CHAT: tuple[_Side, ...] = (
    _side("prompt", semconv.USAGE_INPUT_TOKENS, _INPUT_DETAILS),
    _side("completion", semconv.USAGE_OUTPUT_TOKENS, _OUTPUT_DETAILS),
)
_RESPONSES: tuple[_Side, ...] = (
    _side("input", semconv.USAGE_INPUT_TOKENS, _INPUT_DETAILS),
    _side("output", semconv.USAGE_OUTPUT_TOKENS, _OUTPUT_DETAILS),
)
# Compatible servers may mix the names; then those of Chat Completions count.
_MIXED = (*_CHAT, *_RESPONSES)


def read_usage(usage: Any, record: Record) -> None:
    """``usage`` of any of OpenAI's APIs, and of the servers that are compatible with them."""
    if not isinstance(usage, dict):
        return
    attributes = record.attributes
    if "prompt_tokens" not in usage and "completion_tokens" not in usage:
        sides = _RESPONSES
    elif "input_tokens" not in usage and "output_tokens" not in usage:
        sides = _CHAT
    else:
        sides = _MIXED
    for name, details_name, other_name, attribute, details in sides:
        tokens = usage.get(name)
        if type(tokens) is not int:
            tokens = _integral(tokens)
        if tokens is None or attribute in attributes:
            continue
        attributes[attribute] = tokens
        given = usage.get(details_name) or usage.get(other_name)
        if type(given) is dict:
            for detail, count in given.items():
                if type(count) is int and (count or detail in _ZERO_COUNTS) and detail in details:
                    attributes[details[detail]] = count
                elif type(count) is dict and detail == "cached_tokens_details":
                    _read_cached(count, attributes)
    if semconv.USAGE_CACHE_READ_INPUT_TOKENS not in attributes:
        # DeepSeek's name for it; Moonshot's and that of gateways to Anthropic, of which servers
        # without a cache send a zero.
        hits = usage.get("prompt_cache_hit_tokens")
        if hits is None:
            hits = usage.get("cached_tokens") or usage.get("cache_read_input_tokens") or None
        record.usage(semconv.USAGE_CACHE_READ_INPUT_TOKENS, hits)
    if semconv.USAGE_CACHE_WRITE_INPUT_TOKENS not in attributes:
        written = usage.get("cache_creation_input_tokens") or None
        record.usage(semconv.USAGE_CACHE_WRITE_INPUT_TOKENS, written)
    if semconv.USAGE_REASONING_OUTPUT_TOKENS not in attributes:
        record.usage(semconv.USAGE_REASONING_OUTPUT_TOKENS, usage.get("reasoning_tokens"))
    if attributes.get(semconv.USAGE_REASONING_OUTPUT_TOKENS):
        _count_reasoning(attributes, usage.get("total_tokens"))


def _integral(count: object) -> int | None:
    """A whole number that a compatible server has written as a fraction: ``12.0``."""
    return int(count) if type(count) is float and count.is_integer() else None


def _read_cached(given: dict[str, Any], attributes: dict[str, Any]) -> None:
    for detail, attribute in _CACHED_DETAILS.items():
        count = given.get(detail)
        if type(count) is int and count:
            attributes[attribute] = count


def _count_reasoning(attributes: dict[str, Any], total: object) -> None:
    """xAI counts reasoning beside the completion; the conventions count it as output."""
    thought = attributes[semconv.USAGE_REASONING_OUTPUT_TOKENS]
    read = attributes.get(semconv.USAGE_INPUT_TOKENS)
    written = attributes.get(semconv.USAGE_OUTPUT_TOKENS)
    if read is not None and written is not None and total == read + written + thought:
        attributes[semconv.USAGE_OUTPUT_TOKENS] = written + thought
