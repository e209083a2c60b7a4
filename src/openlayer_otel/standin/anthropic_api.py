"""Anthropic's API, as the stand-in answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from openlayer_otel.standin import sample_content as sample
from openlayer_otel.standin.exchange import Event, Json, Reply, Request, streamed

STREAM_FAILURE = (
    'event: error\ndata: {"type":"error","error":'
    '{"type":"overloaded_error","message":"Overloaded"}}\n\n'
)
"""An error inside a stream, as text of one server-sent event."""

_CITATION = {
    "type": "char_location",
    "cited_text": "lorem",
    "document_index": 0,
    "document_title": "doc",
    "start_char_index": 0,
    "end_char_index": 5,
    "file_id": None,
}
_STOP_REASONS = {"tool": "tool_use", "tools2": "tool_use", "refusal": "refusal"}


def endpoint(request: Request) -> Callable[[Request], Reply] | None:
    """What answers ``request``, or ``None`` if this API has no such path."""
    endpoints = {
        "/messages": create_message,
        "/messages/count_tokens": _count_tokens,
        "/messages/batches": _create_batch,
        "/complete": _complete,
    }
    return endpoints.get(request.path)


def failure(kind: str, message: str) -> Json:
    """The body of a failed request."""
    error = {"type": kind, "message": message}
    return {"type": "error", "error": error, "request_id": "req_stub"}


def create_message(request: Request) -> Reply:
    """``POST /messages``."""
    return streamed(message_events(request)) if request.stream else Reply(message(request))


def message(request: Request) -> Json:
    """A whole message."""
    blocks, stop_reason = _answer(request)
    return {
        "id": f"msg_{request.number}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": blocks,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": _usage(request.steering.chunks),
    }


def message_events(request: Request) -> Iterator[Event]:
    """The events of one message."""

    def event(kind: str, **fields: Any) -> Event:
        return kind, {"type": kind, **fields}

    blocks, stop_reason = _answer(request)
    opening = {**message(request), "content": [], "stop_reason": None, "usage": _usage(1)}
    yield event("message_start", message=opening)
    yield event("ping")
    for index, block in enumerate(blocks):
        empty = _emptied(block)
        yield event("content_block_start", index=index, content_block=empty)
        for delta in _deltas(block, request.steering.chunks):
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    yield event("message_delta", delta=delta, usage=_usage(request.steering.chunks))
    yield event("message_stop")


def _usage(output_tokens: int) -> Json:
    return {
        "input_tokens": sample.INPUT_TOKENS,
        "cache_creation_input_tokens": 2,
        "cache_read_input_tokens": sample.CACHED_TOKENS,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }


def _answer(request: Request) -> tuple[list[Json], str]:
    """The content blocks and the stop reason of the answer."""
    mode = sample.mode(request)
    text = sample.text(request.steering)
    wants_tools = mode in ("tool", "tools2")
    if wants_tools and _answers_tools(request.body.get("messages") or []):
        # The client did what the model asked for: a conversation with tools comes to its end.
        return [_text_block(text)], "end_turn"
    blocks: list[Json] = []
    if mode == "thinking" or (request.body.get("thinking") or {}).get("type") in (
        "enabled",
        "adaptive",
    ):
        blocks.append({"type": "thinking", "thinking": sample.THINKING, "signature": "c2ln"})
    if wants_tools:
        blocks.append(_text_block("Checking. "))
        blocks += [_tool_use_block(call) for call in sample.tool_calls(request)]
    elif mode == "json":
        blocks.append(_text_block(sample.json_text(sample.sample_object(request.steering))))
    elif mode != "empty":
        blocks.append(_text_block(text, [_CITATION] if mode == "citations" else None))
    return blocks, _STOP_REASONS.get(mode, "end_turn")


def _answers_tools(messages: list[Json]) -> bool:
    content = messages[-1].get("content") if messages else None
    if not isinstance(content, list):
        return False
    return any(isinstance(each, dict) and each.get("type") == "tool_result" for each in content)


def _text_block(text: str, citations: list[Json] | None = None) -> Json:
    return {"type": "text", "text": text, "citations": citations}


def _tool_use_block(call: sample.ToolCall) -> Json:
    return {
        "type": "tool_use",
        "id": f"toolu_{call.id}",
        "name": call.name,
        "input": call.arguments,
        "caller": {"type": "direct"},
    }


def _emptied(block: Json) -> Json:
    """A content block as it starts, before its deltas."""
    if block["type"] == "text":
        return {**block, "text": "", "citations": None}
    if block["type"] == "thinking":
        return {**block, "thinking": "", "signature": ""}
    return {**block, "input": {}}


def _deltas(block: Json, count: int) -> Iterator[Json]:
    if block["type"] == "text":
        for piece in sample.cut(block["text"], count):
            yield {"type": "text_delta", "text": piece}
        for citation in block["citations"] or []:
            yield {"type": "citations_delta", "citation": citation}
    elif block["type"] == "thinking":
        for piece in sample.cut(block["thinking"], 2):
            yield {"type": "thinking_delta", "thinking": piece}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        for piece in sample.cut(sample.json_text(block["input"]), count):
            yield {"type": "input_json_delta", "partial_json": piece}


def _count_tokens(request: Request) -> Reply:
    return Reply({"input_tokens": 42})


def _create_batch(request: Request) -> Reply:
    counts = {"processing": 1, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
    return Reply(
        {
            "id": "msgbatch_1",
            "type": "message_batch",
            "processing_status": "in_progress",
            "created_at": "2026-11-22T00:00:00Z",
            "expires_at": "2026-11-23T00:00:00Z",
            "request_counts": counts,
            "ended_at": None,
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": None,
        }
    )


def _complete(request: Request) -> Reply:
    """``POST /complete``, the legacy endpoint."""
    common = {
        "type": "completion",
        "id": f"compl_{request.number}",
        "model": request.model,
        "stop": "\n",
    }
    if not request.stream:
        text = sample.text(request.steering)
        return Reply({**common, "completion": text, "stop_reason": "stop_sequence"})
    pieces = sample.text_pieces(request.steering)
    last = len(pieces) - 1
    return streamed(
        (
            "completion",
            {
                **common,
                "completion": piece,
                "stop_reason": "stop_sequence" if k == last else None,
            },
        )
        for k, piece in enumerate(pieces)
    )
