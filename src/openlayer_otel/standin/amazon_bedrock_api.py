"""Amazon Bedrock's runtime API, as the stand-in answers it: Claude by InvokeModel, and Converse."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Iterator
from urllib.parse import unquote

from openlayer_otel.standin import anthropic_api
from openlayer_otel.standin import sample_content as sample
from openlayer_otel.standin.exchange import Event, Json, Reply, Request

_EVENT_STREAM = "application/vnd.amazon.eventstream"


def reply(request: Request) -> Reply:
    """Answer ``POST /model/{model}/{operation}``."""
    model, _, operation = request.path.removeprefix("/model/").rpartition("/")
    request.model = request.steering.update_from_name(unquote(model))
    headers = {"x-amzn-requestid": "bedrock-stub"}
    if operation == "converse":
        return Reply(_converse(request), headers=headers)
    if operation == "converse-stream":
        return _event_stream(_converse_events(request), headers)
    headers["x-amzn-bedrock-input-token-count"] = str(sample.INPUT_TOKENS)
    headers["x-amzn-bedrock-output-token-count"] = str(request.steering.chunks)
    if operation == "invoke":
        return Reply(anthropic_api.message(request), headers=headers)
    chunks: Iterator[Event] = (
        ("chunk", {"bytes": base64.b64encode(json.dumps(data).encode()).decode()})
        for _, data in anthropic_api.message_events(request)
    )
    return _event_stream(chunks, headers)


def event_message(name: str, data: Json) -> bytes:
    """One message of the binary event stream: prelude, headers, payload, two checksums."""
    headers = {
        ":event-type": name,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    encoded = b"".join(
        struct.pack("!B", len(key)) + key.encode() + b"\x07"
        + struct.pack("!H", len(value)) + value.encode()
        for key, value in headers.items()
    )  # fmt: skip
    payload = json.dumps(data).encode()
    prelude = struct.pack("!II", 16 + len(encoded) + len(payload), len(encoded))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + encoded + payload
    return message + struct.pack("!I", zlib.crc32(message))


def _event_stream(events: Iterator[Event], headers: dict[str, str]) -> Reply:
    return Reply(events=events, framing="amazon", content_type=_EVENT_STREAM, headers=headers)


def _converse(request: Request) -> Json:
    output = request.steering.chunks
    tools = request.steering.text("mode") in ("tool", "tools2")
    content: list[Json] = [{"text": sample.text(request.steering)}]
    if tools:
        content = [
            {"toolUse": {"toolUseId": call.id, "name": call.name, "input": call.arguments}}
            for call in sample.tool_calls(request)
        ]
    usage = {"inputTokens": sample.INPUT_TOKENS, "outputTokens": output}
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use" if tools else "end_turn",
        "usage": {**usage, "totalTokens": sample.INPUT_TOKENS + output},
        "metrics": {"latencyMs": 5},
    }


def _converse_events(request: Request) -> Iterator[Event]:
    whole = _converse(request)
    yield "messageStart", {"role": "assistant"}
    for index, block in enumerate(whole["output"]["message"]["content"]):
        at = {"contentBlockIndex": index}
        tool = block.get("toolUse")
        if tool:
            start = {"toolUse": {"toolUseId": tool["toolUseId"], "name": tool["name"]}}
            yield "contentBlockStart", {**at, "start": start}
            for piece in sample.cut(sample.json_text(tool["input"]), request.steering.chunks):
                yield "contentBlockDelta", {**at, "delta": {"toolUse": {"input": piece}}}
        else:
            for piece in sample.text_pieces(request.steering):
                yield "contentBlockDelta", {**at, "delta": {"text": piece}}
        yield "contentBlockStop", at
    yield "messageStop", {"stopReason": whole["stopReason"]}
    yield "metadata", {"usage": whole["usage"], "metrics": whole["metrics"]}
