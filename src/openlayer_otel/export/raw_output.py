"""``rawOutput`` of a step: the provider's response, without what is never recorded.

A provider's answer repeats what no span holds: who the user is, what only the provider can
decrypt, pictures and sound. Left out is what stands where the provider puts it. What a model or
an application *made* (a tool call's arguments, a JSON schema) may use the same names and is kept
as it is, and so is every text that is no base64.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from openlayer_otel.attachments import raw_outputs
from openlayer_otel.genai.encoding import plain
from openlayer_otel.genai.received import received_json

LEFT_OUT = "[not recorded]"

# Left out wherever the provider's own objects hold them, as is every name that begins with
# "encrypted_".
_SECRET = frozenset(
    {
        "signature",  # of Anthropic's thinking and compaction
        "thought_signature",  # Gemini's, behind OpenAI's API
        "fallback_credit_token",  # of Anthropic's refusals: worth money to who presents it
        "logprobs",
        "headers",  # of a remote MCP server, and what follows
        "authorization",
        "authorization_token",
        "mcp_servers",
    }
)
# Left out of the response itself and of the objects of the API in it (a run, a session).
_OF_THE_CALLER = frozenset({"user", "metadata", "safety_identifier", "prompt_cache_key"})
_API_TYPES = frozenset({"agent", "session"})  # and their events: "session.updated"
# JSON that a model or an application made.
_MADE = frozenset(
    {
        *("action", "arguments", "args", "attributes", "input_schema", "json_schema", "parameters"),
        *("parsed", "properties", "schema", "structured_content", "structuredContent"),
    }
)
# Under "data" stands binary data in a block of these types, or of what these names hold.
_DATA_TYPES = frozenset({"audio", "base64", "image"})
_DATA_HOLDERS = frozenset({"audio", "inline_data", "input_audio"})
_ENCRYPTED_DATA_TYPES = frozenset({"redacted_thinking", "reasoning.encrypted"})
_BINARY = frozenset({"audio", "b64_json", "file_data", "partial_image_b64"})
_MAYBE_BINARY = frozenset({"data", "result"})
_VECTORS = frozenset({"embedding", "embeddings"})
# Longer than any checksum in hexadecimal digits.
_TOO_LONG_FOR_TEXT = 128
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\r\n]+={0,2}\s*")
_DATA_ADDRESS = re.compile(r"data:[^,]{0,200};base64,")

# One of these names with a value that says something, or a data address.
_ANYTHING_TO_LEAVE_OUT = re.compile(
    (
        '"(?:encrypted_[a-z_]+|'
        + "|".join(
            re.escape(name)
            for name in sorted(_SECRET | _OF_THE_CALLER | _BINARY | _MAYBE_BINARY | _VECTORS)
        )
        + r')"\s*:\s*(?!\s|null|""|\[\s*\]|\{\s*\})|"data:'
    ).encode(),
)


def raw_output_of(span_ids: list[int]) -> Any:
    """The response body kept for one of these spans; None if there is none.

    Args:
        span_ids: The span of the call, and those that describe the same call.
    """
    body = None
    for span_id in span_ids:
        taken = raw_outputs.take(span_id)  # even if it is not used, or it would stay
        body = body or taken
    if body is None:
        return None
    try:
        value = received_json(body)
        if _ANYTHING_TO_LEAVE_OUT.search(body):
            value = _recorded(value, "", response=True)
    except (ValueError, RecursionError):
        return None
    return plain(value) if body.count(b"{") + body.count(b"[") > 64 else value


def _recorded(value: Any, name: str, *, response: bool = False) -> Any:
    """``value`` without what is never recorded.

    Args:
        value: A part of the response.
        name: Under which name it stands.
        response: Whether it is the response itself, or a list of them.
    """
    if isinstance(value, dict):
        return _recorded_object(value, name, response)
    if isinstance(value, list):
        if name in _VECTORS and value and isinstance(value[0], (int, float)):
            return f"[{len(value)} numbers]"
        return [_recorded(item, name, response=response) for item in value]
    if isinstance(value, str) and name in _VECTORS:
        return _size_of(value)
    return value


def _recorded_object(value: Mapping[str, Any], name: str, response: bool) -> dict[str, Any]:
    """One object of the provider's, which stands under ``name``."""
    kind = value.get("type")
    if not isinstance(kind, str):
        kind = ""
    left_out = _SECRET
    if response or isinstance(value.get("object"), str) or kind.partition(".")[0] in _API_TYPES:
        left_out = _SECRET | _OF_THE_CALLER
    kept: dict[str, Any] = {}
    for key, item in value.items():
        if not item or not isinstance(item, (str, list, dict)) or _is_made(key, item, kind):
            kept[key] = item
        elif key in left_out or key.startswith("encrypted_"):
            kept[key] = LEFT_OUT
        elif isinstance(item, str) and key not in _VECTORS:
            kept[key] = _recorded_text(item, key, kind, name)
        elif key == "variables" and isinstance(item, dict):  # of a prompt: the names are made
            kept[key] = {made: _recorded(each, "") for made, each in item.items()}
        else:
            kept[key] = _recorded(item, key)
    return kept


def _is_made(key: str, item: Any, kind: str) -> bool:
    """Whether a model or an application made ``item``, so that its names mean nothing to us."""
    if key in _MADE:
        return True
    return isinstance(item, dict) and (key == "input" or (key == "data" and kind == "json"))


def _recorded_text(text: str, key: str, kind: str, holder: str) -> str:
    """A text under ``key`` in an object of type ``kind`` that stands under ``holder``."""
    if key == "data":
        if kind in _ENCRYPTED_DATA_TYPES:
            return LEFT_OUT
        if kind in _DATA_TYPES or holder in _DATA_HOLDERS:
            return _size_of(text)
    if key in _BINARY or (key == "result" and kind == "image_generation_call"):
        return _size_of(text)
    if key in _MAYBE_BINARY and kind != "text" and len(text) > _TOO_LONG_FOR_TEXT:
        return _size_of(text) if _BASE64.fullmatch(text) else text
    # The prose of an answer may quote such an address.
    if key.endswith("url") and text.startswith("data:") and _DATA_ADDRESS.match(text):
        return _size_of(text)
    return text


def _size_of(text: str) -> str:
    return f"[{len(text)} characters of binary data]"
