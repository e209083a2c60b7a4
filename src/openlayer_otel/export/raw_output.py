"""``rawOutput`` of a step: the provider's response, without what is no text.

Embedding vectors and binary data are replaced by a note of their size: they are large and
nothing in Openlayer reads them there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from openlayer_otel.attachments import raw_outputs
from openlayer_otel.genai.encoding import plain

_VECTORS = frozenset({"embedding", "embeddings"})
_BINARY = frozenset({"b64_json", "data", "partial_image_b64", "result", "encrypted_content"})
_SHORT = 1024


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
        value = without_binary(orjson.loads(body))
    except (ValueError, RecursionError):
        return None
    return plain(value) if body.count(b"{") + body.count(b"[") > 64 else value


def without_binary(value: Any, name: str = "") -> Any:
    """``value`` with vectors and long base64 texts replaced by a note of their size."""
    if isinstance(value, Mapping):
        return {key: without_binary(item, key) for key, item in value.items()}
    if isinstance(value, list):
        if name in _VECTORS and value and isinstance(value[0], (int, float)):
            return f"[{len(value)} numbers]"
        return [without_binary(item, name) for item in value]
    if isinstance(value, str) and len(value) > _SHORT and (name in _VECTORS or name in _BINARY):
        return f"[{len(value)} characters of binary data]" if " " not in value[:_SHORT] else value
    return value
