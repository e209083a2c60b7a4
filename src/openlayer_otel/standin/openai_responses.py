"""OpenAI's Responses API, as the stand-in answers it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from openlayer_otel.standin import sample_content as sample
from openlayer_otel.standin.exchange import Event, Json, Reply, Request, streamed

_SUMMARY = "thinking about it"


def create(request: Request) -> Reply:
    """``POST /responses`` and ``GET /responses/{id}``."""
    if request.stream:
        return streamed(response_events(request))
    return Reply(_response(request, "completed", _items(request)))


def compact(request: Request) -> Reply:
    """``POST /responses/compact``."""
    return Reply(
        {
            "id": f"resp_compact_{request.number}",
            "object": "response.compaction",
            "created_at": sample.CREATED,
            "output": _items(request),
            "usage": _usage(request),
        }
    )


def count_input_tokens(request: Request) -> Reply:
    """``POST /responses/input_tokens``."""
    return Reply({"object": "response.input_tokens", "input_tokens": sample.INPUT_TOKENS})


def cancel(request: Request) -> Reply:
    """``POST /responses/{id}/cancel``."""
    return Reply(_response(request, "cancelled", []))


def response_events(request: Request) -> Iterator[Event]:
    """The events of one response, over HTTP or a WebSocket."""
    items = _items(request)
    in_progress = _response(request, "in_progress", [])
    plan: list[tuple[str, Json]] = [
        ("response.created", {"response": in_progress}),
        ("response.in_progress", {"response": in_progress}),
    ]
    for index, item in enumerate(items):
        plan += _item_events(request, index, item)
        plan.append(("response.output_item.done", {"output_index": index, "item": item}))
    plan.append(("response.completed", {"response": _response(request, "completed", items)}))
    for sequence_number, (name, fields) in enumerate(plan):
        yield name, {"type": name, "sequence_number": sequence_number, **fields}


def _usage(request: Request) -> Json:
    output = request.steering.chunks
    return {
        "input_tokens": sample.INPUT_TOKENS,
        "input_tokens_details": {"cached_tokens": sample.CACHED_TOKENS, "cache_write_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": sample.REASONING_TOKENS},
        "total_tokens": sample.INPUT_TOKENS + output,
    }


def _id(request: Request) -> str:
    """The id of the response: the one asked for, or a new one."""
    if request.method == "GET":
        return request.path.rsplit("/", 1)[-1]
    return f"resp_{request.number}"


def _response(request: Request, status: str, output: list[Json]) -> Json:
    body = request.body
    return {
        "id": _id(request),
        "object": "response",
        "created_at": sample.CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "metadata": body.get("metadata") or {},
        "model": request.model,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "max_output_tokens": body.get("max_output_tokens"),
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "text": body.get("text") or {"format": {"type": "text"}},
        "truncation": "disabled",
        "user": None,
        "usage": _usage(request) if status == "completed" else None,
    }


def _items(request: Request) -> list[Json]:
    """The output items of the answer."""
    mode = sample.mode(request)
    if mode in ("tool", "tools2"):
        return [
            {
                "id": f"fc_{k}",
                "type": "function_call",
                "call_id": call.id,
                "name": call.name,
                "arguments": sample.json_text(call.arguments),
                "status": "completed",
            }
            for k, call in enumerate(sample.tool_calls(request))
        ]
    message = {
        "id": "msg_1",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [_content_part(request, mode)],
    }
    if mode == "thinking":
        summary = [{"type": "summary_text", "text": _SUMMARY}]
        return [{"id": "rs_1", "type": "reasoning", "summary": summary}, message]
    return [message]


def _content_part(request: Request, mode: str) -> Json:
    if mode == "refusal":
        return {"type": "refusal", "refusal": sample.REFUSAL}
    text = sample.text(request.steering)
    if mode == "json":
        text = sample.json_text(sample.sample_object(request.steering))
    citation = {"type": "url_citation", "start_index": 0, "end_index": 5}
    citation |= {"url": "https://example.com/", "title": "t"}
    return {
        "type": "output_text",
        "text": "" if mode == "empty" else text,
        "logprobs": [],
        "annotations": [citation] if mode == "citations" else [],
    }


def _item_events(request: Request, index: int, item: Json) -> list[tuple[str, Json]]:
    """The events that build up one output item, without its ``output_item.done``."""
    place: Json = {"item_id": item["id"], "output_index": index}
    if item["type"] == "function_call":
        return _function_call_events(request, place, item)
    if item["type"] == "reasoning":
        return _reasoning_events(place, item)
    return _message_events(request, place, item)


def _added(place: Json, item: Json, **emptied: Any) -> tuple[str, Json]:
    added = {"output_index": place["output_index"], "item": {**item, **emptied}}
    return "response.output_item.added", added


def _function_call_events(request: Request, place: Json, item: Json) -> list[tuple[str, Json]]:
    kind = "response.function_call_arguments"
    deltas = sample.cut(item["arguments"], request.steering.chunks)
    done = {**place, "name": item["name"], "arguments": item["arguments"]}
    return [
        _added(place, item, arguments="", status="in_progress"),
        *((f"{kind}.delta", {**place, "delta": delta}) for delta in deltas),
        (f"{kind}.done", done),
    ]


def _reasoning_events(place: Json, item: Json) -> list[tuple[str, Json]]:
    kind = "response.reasoning_summary"
    at = {**place, "summary_index": 0}
    empty = {"type": "summary_text", "text": ""}
    return [
        _added(place, item, summary=[]),
        (f"{kind}_part.added", {**at, "part": empty}),
        (f"{kind}_text.delta", {**at, "delta": _SUMMARY}),
        (f"{kind}_text.done", {**at, "text": _SUMMARY}),
        (f"{kind}_part.done", {**at, "part": item["summary"][0]}),
    ]


def _message_events(request: Request, place: Json, item: Json) -> list[tuple[str, Json]]:
    part = item["content"][0]
    at = {**place, "content_index": 0}
    extra: Json
    empty: Json
    if part["type"] == "refusal":
        kind, field, extra = "response.refusal", "refusal", {}
        empty = {"type": "refusal", "refusal": ""}
    else:
        kind, field, extra = "response.output_text", "text", {"logprobs": []}
        empty = {**part, "text": "", "annotations": []}
    whole = part[field]
    deltas = sample.cut(whole, request.steering.chunks)
    return [
        _added(place, item, content=[], status="in_progress"),
        ("response.content_part.added", {**at, "part": empty}),
        *((f"{kind}.delta", {**at, "delta": delta, **extra}) for delta in deltas),
        (f"{kind}.done", {**at, field: whole, **extra}),
        ("response.content_part.done", {**at, "part": part}),
    ]
