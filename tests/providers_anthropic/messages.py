"""Messages as the API streams them, and the parts that a span must have of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from openlayer_otel import semconv
from tests.providers_anthropic.conftest import message, server_sent
from tests.support.span_log import SpanLog, json_attribute

Json = dict[str, Any]

OnWire = Callable[..., Any]


def parts_of(spans: SpanLog) -> list[Json]:
    [output] = json_attribute(spans.only(), semconv.OUTPUT_MESSAGES)
    return list(output["parts"])


IMAGE = {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}

IMAGE_PART = {
    "type": "uri",
    "modality": "image",
    "mime_type": "image/png",
    "uri": "urn:md5:5d41402abc4b2a76b9719d911017c592",
    "checksum_md5": "5d41402abc4b2a76b9719d911017c592",
    "size_bytes": 5,
}


def stream_of(*blocks: Json, **end: Any) -> bytes:
    """A stream of these blocks, with two deltas for each text."""
    empty = message(usage={"input_tokens": 1, "output_tokens": 1}, stop_reason=None)
    events: list[Json] = [{"type": "message_start", "message": empty}]
    deltas = {
        "text": ("text_delta", "text"),
        "thinking": ("thinking_delta", "thinking"),
        "compaction": ("compaction_delta", "content"),
    }
    for index, block in enumerate(blocks):
        kind, start, pieces = block["type"], dict(block), []
        if kind in deltas:
            name, field = deltas[kind]
            pieces = [{"type": name, field: half} for half in halves(block[field])]
            start[field] = None if kind == "compaction" else ""
        elif "input" in block:
            halved = halves(json.dumps(block["input"]))
            pieces = [{"type": "input_json_delta", "partial_json": half} for half in halved]
            start["input"] = {}
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [
            {"type": "content_block_delta", "index": index, "delta": piece} for piece in pieces
        ]
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    usage = {"output_tokens": 7, **end.pop("usage", {})}
    events.append({"type": "message_delta", "delta": {**delta, **end}, "usage": usage})
    events.append({"type": "message_stop"})
    return server_sent(events)


def halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]
