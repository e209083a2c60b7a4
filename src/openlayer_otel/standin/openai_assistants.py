"""OpenAI's Assistants API (deprecated), as far as runs need it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from openlayer_otel.standin import sample_content as sample
from openlayer_otel.standin.exchange import Event, Json, Reply, Request, streamed


def endpoint(request: Request) -> Callable[[Request], Reply] | None:
    """What answers ``request``, or ``None``."""
    last = request.path.rstrip("/").rsplit("/", 1)[-1]
    if last == "runs" or "/runs/" in request.path:
        return _run
    if last == "messages":
        return _messages
    return {"threads": _thread, "assistants": _assistant}.get(last)


def _thread(request: Request) -> Reply:
    about = {"id": "thread_1", "object": "thread", "created_at": sample.CREATED}
    return Reply({**about, "metadata": {}, "tool_resources": None})


def _assistant(request: Request) -> Reply:
    about = {"id": "asst_1", "object": "assistant", "created_at": sample.CREATED}
    text = {"name": None, "description": None, "instructions": request.body.get("instructions")}
    return Reply({**about, **text, "model": request.model, "tools": [], "metadata": {}})


def _run(request: Request) -> Reply:
    if request.stream:
        return streamed(_run_events(request))
    return Reply(_run_object(request, "completed"))


def _run_object(request: Request, status: str) -> Json:
    output = request.steering.chunks
    usage = {"prompt_tokens": sample.INPUT_TOKENS, "completion_tokens": output}
    usage["total_tokens"] = sample.INPUT_TOKENS + output
    return {
        "id": f"run_{request.number}",
        "object": "thread.run",
        "created_at": sample.CREATED,
        "assistant_id": request.body.get("assistant_id", "asst_1"),
        "thread_id": "thread_1",
        "status": status,
        "model": request.model,
        "instructions": request.body.get("instructions") or "",
        "tools": request.body.get("tools") or [],
        "metadata": {},
        "usage": usage if status == "completed" else None,
        "parallel_tool_calls": True,
    }


def _message(text: str, status: str) -> Json:
    part = {"type": "text", "text": {"value": text, "annotations": []}}
    return {
        "id": "msg_1",
        "object": "thread.message",
        "created_at": sample.CREATED,
        "thread_id": "thread_1",
        "assistant_id": "asst_1",
        "run_id": "run_1",
        "role": "assistant",
        "status": status,
        "content": [part] if text else [],
        "metadata": {},
    }


def _messages(request: Request) -> Reply:
    message = _message(sample.text(request.steering), "completed")
    if request.method == "POST":
        return Reply(message)
    page = {"data": [message], "first_id": "msg_1", "last_id": "msg_1", "has_more": False}
    return Reply({"object": "list", **page})


def _run_events(request: Request) -> Iterator[Event]:
    yield "thread.run.created", _run_object(request, "queued")
    yield "thread.run.in_progress", _run_object(request, "in_progress")
    yield "thread.message.created", _message("", "in_progress")
    for piece in sample.text_pieces(request.steering):
        part = {"index": 0, "type": "text", "text": {"value": piece, "annotations": []}}
        delta = {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": [part]}}
        yield "thread.message.delta", delta
    yield "thread.message.completed", _message(sample.text(request.steering), "completed")
    yield "thread.run.completed", _run_object(request, "completed")
