"""OpenAI's Realtime API, as the stand-in answers its client's events."""

from __future__ import annotations

from collections.abc import Iterator

from openlayer_otel.standin import sample_content as sample
from openlayer_otel.standin.exchange import Json, Request


def session_created(request: Request) -> Json:
    """What the server says first."""
    session = {"type": "realtime", "id": "sess_1", "object": "realtime.session"}
    return {
        "type": "session.created",
        "event_id": "event_0",
        "session": {**session, "model": request.model, "output_modalities": ["text"]},
    }


def answers(turn: Request, event: Json) -> Iterator[Json]:
    """The server's events in answer to one event of the client."""
    kind = event.get("type")
    if kind == "session.update":
        session = {**session_created(turn)["session"], **event.get("session", {})}
        yield {"type": "session.updated", "event_id": "event_1", "session": session}
    elif kind == "conversation.item.create":
        item = {"id": "item_in", "object": "realtime.item", **event.get("item", {})}
        about = {"event_id": "event_2", "previous_item_id": None, "item": item}
        yield {"type": "conversation.item.added", **about}
        yield {"type": "conversation.item.done", **about}
    elif kind == "response.create":
        for number, each in enumerate(_turn_events(turn)):
            yield {"event_id": f"event_r{number}", **each}


def _turn_events(turn: Request) -> Iterator[Json]:
    item = _item(turn)
    place = {"response_id": f"resp_{turn.number}", "output_index": 0}
    at = {**place, "item_id": item["id"]}
    yield {"type": "response.created", "response": _response(turn, "in_progress", [])}
    pending = {**item, "status": "in_progress"}
    yield {"type": "response.output_item.added", **place, "item": pending}
    if item["type"] == "function_call":
        kind = "response.function_call_arguments"
        call = {"call_id": item["call_id"]}
        for piece in sample.cut(item["arguments"], turn.steering.chunks):
            yield {"type": f"{kind}.delta", **at, **call, "delta": piece}
        done = {"name": item["name"], "arguments": item["arguments"]}
        yield {"type": f"{kind}.done", **at, **call, **done}
    else:
        kind = "response.output_text"
        for piece in sample.text_pieces(turn.steering):
            yield {"type": f"{kind}.delta", **at, "content_index": 0, "delta": piece}
        yield {"type": f"{kind}.done", **at, "content_index": 0, "text": sample.text(turn.steering)}
    yield {"type": "response.output_item.done", **place, "item": item}
    yield {"type": "response.done", "response": _response(turn, "completed", [item])}


def _item(turn: Request) -> Json:
    common: Json = {"object": "realtime.item", "status": "completed"}
    if turn.steering.text("mode") in ("tool", "tools2"):
        call = sample.tool_calls(turn)[0]
        about = {"call_id": call.id, "name": call.name}
        arguments = sample.json_text(call.arguments)
        return {"id": "fc_1", "type": "function_call", **common, **about, "arguments": arguments}
    part = {"type": "output_text", "text": sample.text(turn.steering)}
    message = {"id": "item_1", "type": "message", **common, "role": "assistant"}
    return {**message, "content": [part]}


def _response(turn: Request, status: str, output: list[Json]) -> Json:
    output_tokens = turn.steering.chunks
    cached = {"text_tokens": sample.CACHED_TOKENS, "audio_tokens": 0}
    details = {"text_tokens": sample.INPUT_TOKENS, "audio_tokens": 0}
    usage = {
        "total_tokens": sample.INPUT_TOKENS + output_tokens,
        "input_tokens": sample.INPUT_TOKENS,
        "output_tokens": output_tokens,
        "input_token_details": {
            **details,
            "cached_tokens": sample.CACHED_TOKENS,
            "cached_tokens_details": cached,
        },
        "output_token_details": {"text_tokens": output_tokens, "audio_tokens": 0},
    }
    return {
        "object": "realtime.response",
        "id": f"resp_{turn.number}",
        "status": status,
        "status_details": None,
        "output": output,
        "conversation_id": "conv_rt",
        "output_modalities": ["text"],
        "max_output_tokens": "inf",
        "usage": usage if status == "completed" else None,
        "metadata": None,
    }
