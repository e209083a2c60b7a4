"""OpenAI's API, endpoint by endpoint: which function of the stand-in answers which path."""

from __future__ import annotations

from collections.abc import Callable

from openlayer_otel.standin import openai_assistants, openai_chat, openai_media, openai_responses
from openlayer_otel.standin.exchange import Json, Reply, Request
from openlayer_otel.standin.sample_content import CREATED

_MODEL = {
    "id": "stub-model",
    "object": "model",
    "created": CREATED,
    "owned_by": "stub",
    "type": "model",
    "display_name": "Stub",
    "created_at": "2026-01-01T00:00:00Z",
}


def _models(request: Request) -> Reply:
    page = {"data": [_MODEL], "has_more": False, "first_id": _MODEL["id"], "last_id": _MODEL["id"]}
    return Reply({"object": "list", **page})


def _batch(request: Request) -> Reply:
    return Reply(
        {
            "id": "batch_1",
            "object": "batch",
            "endpoint": request.body.get("endpoint", "/v1/chat/completions"),
            "input_file_id": request.body.get("input_file_id", "file_1"),
            "completion_window": "24h",
            "status": "validating",
            "created_at": CREATED,
        }
    )


def _file(request: Request) -> Reply:
    about = {"id": "file_1", "object": "file", "bytes": 3, "created_at": CREATED}
    return Reply({**about, "filename": "f", "purpose": "batch", "status": "processed"})


def _conversation(request: Request) -> Reply:
    about = {"id": "conv_1", "object": "conversation", "created_at": CREATED}
    return Reply({**about, "metadata": {}})


def _vector_store_search(request: Request) -> Reply:
    hit: Json = {
        "file_id": "f",
        "filename": "a.txt",
        "score": 0.9,
        "attributes": {},
        "content": [{"type": "text", "text": "hit"}],
    }
    page = {"search_query": ["q"], "has_more": False, "next_page": None, "data": [hit]}
    return Reply({"object": "vector_store.search_results.page", **page})


_ENDPOINTS: dict[str, Callable[[Request], Reply]] = {
    "/chat/completions": openai_chat.chat_completion,
    "/completions": openai_chat.completion,
    "/responses": openai_responses.create,
    "/responses/compact": openai_responses.compact,
    "/responses/input_tokens": openai_responses.count_input_tokens,
    "/embeddings": openai_media.embedding,
    "/moderations": openai_media.moderation,
    "/images/generations": openai_media.image,
    "/images/edits": openai_media.image,
    "/images/variations": openai_media.image,
    "/audio/speech": openai_media.speech,
    "/audio/transcriptions": openai_media.transcription,
    "/audio/translations": openai_media.transcription,
    "/models": _models,
    "/batches": _batch,
    "/files": _file,
    "/conversations": _conversation,
}


def endpoint(request: Request) -> Callable[[Request], Reply] | None:
    """What answers ``request``, or ``None`` if this API has no such path."""
    path = request.path
    if path.startswith("/responses/resp"):
        return openai_responses.cancel if path.endswith("/cancel") else openai_responses.create
    if path.startswith("/vector_stores/") and path.endswith("/search"):
        return _vector_store_search
    if path.startswith("/models/"):
        return lambda _: Reply(_MODEL)
    if path.startswith(("/threads", "/assistants")):
        return openai_assistants.endpoint(request)
    return _ENDPOINTS.get(path)


def failure(status: int, kind: str, message: str) -> Json:
    """The body of a failed request."""
    codes = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
    error = {"message": message, "type": kind, "param": None, "code": codes.get(status)}
    return {"error": error}


def stream_failure(named_events: bool) -> str:
    """An error inside a stream, as text of one server-sent event.

    Args:
        named_events: Whether the stream's events have names, as those of Responses do.
    """
    if named_events:
        return (
            'event: error\ndata: {"type":"error","sequence_number":9,"code":"server_error",'
            '"message":"stub failure","param":null}\n\n'
        )
    return (
        'data: {"error":{"message":"stub failure","type":"server_error","code":"server_error",'
        '"param":null}}\n\n'
    )
