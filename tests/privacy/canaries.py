"""Requests and answers with a *canary* in every place that can hold content.

A canary is a text that nobody would write; its second half names the place, so that a test
which finds one in the telemetry says where it came from.
"""

from __future__ import annotations

import json
from typing import Any

CANARY = "canary"


def at(place: str) -> str:
    """The canary of one place."""
    return f"{CANARY} {place}"


def _schema(place: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": at(f"{place} schema"),
        "properties": {"x": {"type": "string", "description": at(f"{place} property")}},
    }


OPENAI_REQUEST: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": at("system")},
        {"role": "user", "content": at("prompt"), "name": "ada"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": at("prompt part")},
                {"type": "image_url", "image_url": {"url": "https://x.test/?" + at("image")}},
                {"type": "thing", "thing": at("unknown part")},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "f", "arguments": json.dumps({"x": at("arguments")})},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": at("tool result")},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "f", "description": at("tool"), "parameters": _schema("tool")},
        }
    ],
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "n", "description": at("format"), "schema": _schema("format")},
    },
    "extra_body": {
        "prediction": {"type": "content", "content": at("prediction")},
        "unknown_field": at("unknown field"),
    },
}
_OPENAI_MESSAGE = {
    "role": "assistant",
    "content": at("answer"),
    "refusal": at("refusal"),
    "reasoning_content": at("reasoning"),
    "tool_calls": [
        {
            "id": "c2",
            "index": 0,
            "type": "function",
            "function": {"name": "f", "arguments": json.dumps({"x": at("call")})},
        }
    ],
}
_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}

ANTHROPIC_REQUEST: dict[str, Any] = {
    "model": "m",
    "max_tokens": 9,
    "system": [{"type": "text", "text": at("system")}],
    "messages": [
        {"role": "user", "content": at("prompt")},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": at("prompt part")},
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": at("document")},
                },
                {"type": "thing", "thing": at("unknown part")},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": at("thinking"), "signature": "s"},
                {"type": "tool_use", "id": "c1", "name": "f", "input": {"x": at("arguments")}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": at("tool result")}],
        },
    ],
    "tools": [{"name": "f", "description": at("tool"), "input_schema": _schema("tool")}],
    "extra_body": {"unknown_field": at("unknown field")},
}
_ANTHROPIC_CONTENT = [
    {"type": "thinking", "thinking": at("reasoning"), "signature": "s"},
    {"type": "text", "text": at("answer")},
    {"type": "thing", "thing": at("unknown answer")},
    {"type": "tool_use", "id": "c2", "name": "f", "input": {"x": at("call")}},
]
_ANTHROPIC_MESSAGE = {
    "id": "msg",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}

REQUESTS = {"openai": OPENAI_REQUEST, "anthropic": ANTHROPIC_REQUEST}
RECORDED = {
    "openai": (
        *("system", "prompt", "prompt part", "image", "unknown part", "arguments"),
        *("tool result", "tool", "tool schema", "tool property", "answer", "reasoning", "call"),
    ),
    "anthropic": (
        *("system", "prompt", "prompt part", "unknown part", "arguments", "thinking"),
        *("tool result", "tool", "tool schema", "tool property", "answer", "reasoning", "call"),
    ),
}
"""The places whose content a span shows when content is on: else the tests would prove nothing."""


def answer(sdk: str) -> dict[str, Any]:
    """The body of a successful answer."""
    if sdk == "anthropic":
        return {**_ANTHROPIC_MESSAGE, "content": _ANTHROPIC_CONTENT}
    choice = {"index": 0, "message": _OPENAI_MESSAGE, "finish_reason": "stop"}
    return {
        "id": "chatcmpl",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": _USAGE,
        "unknown_field": at("unknown field of the answer"),
    }


def failure(sdk: str) -> dict[str, Any]:
    """The body of an error; even its code is a sentence."""
    error = {"type": at("error type"), "code": at("error code"), "message": at("error message")}
    return {"type": "error", "error": error} if sdk == "anthropic" else {"error": error}


def stream(sdk: str, *, cut: bool = False) -> bytes:
    """The body of a streamed answer; ``cut`` ends it with an error event in the middle."""
    events = _anthropic_events() if sdk == "anthropic" else _openai_events()
    if cut:
        events = [*events[: len(events) // 2], failure(sdk)]
    lines = []
    for event in events:
        name = f"event: {event['type']}\n" if "type" in event else ""
        lines.append(f"{name}data: {json.dumps(event)}\n\n")
    return "".join([*lines, "data: [DONE]\n\n" * (sdk == "openai")]).encode()


def _openai_events() -> list[dict[str, Any]]:
    common = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    deltas = [{name: value} for name, value in _OPENAI_MESSAGE.items() if name != "role"]
    return [
        *(
            {**common, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
            for delta in deltas
        ),
        {**common, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {**common, "choices": [], "usage": _USAGE},
    ]


def _anthropic_events() -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**_ANTHROPIC_MESSAGE, "content": []}}
    ]
    deltas = {
        "thinking": lambda block: {"type": "thinking_delta", "thinking": block["thinking"]},
        "text": lambda block: {"type": "text_delta", "text": block["text"]},
        "tool_use": lambda block: {
            "type": "input_json_delta",
            "partial_json": json.dumps(block["input"]),
        },
    }
    empty = {"thinking": "", "text": "", "input": {}}
    for index, block in enumerate(_ANTHROPIC_CONTENT):
        delta = deltas.get(str(block["type"]))
        start = {**block, **{key: empty[key] for key in empty.keys() & block.keys()}}
        events.append(
            {
                "type": "content_block_start",
                "index": index,
                "content_block": start if delta else block,
            }
        )
        if delta is not None:
            events.append({"type": "content_block_delta", "index": index, "delta": delta(block)})
        events.append({"type": "content_block_stop", "index": index})
    delta_event = {"stop_reason": "end_turn", "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta_event, "usage": {"output_tokens": 1}})
    events.append({"type": "message_stop"})
    return events
