"""In-process answers for the real SDK clients: no socket, the same bytes for everybody."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
from httpx2._transports.default import AsyncResponseStream, ResponseStream

CHUNKS = 500
PIECE = " lorem"

MESSAGES: list[Any] = [
    {"role": "system", "content": "You are a terse assistant that answers in one sentence."},
    {"role": "user", "content": "What is the capital of France, and why is it so?"},
    {"role": "assistant", "content": "Paris, because kings settled there. Anything else?"},
    {"role": "user", "content": "Yes. What is the capital of Germany, and since when? " * 4},
]
_OPENAI_USAGE = {
    "prompt_tokens": 81,
    "completion_tokens": 12,
    "total_tokens": 93,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
_CHAT = {
    "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    "object": "chat.completion",
    "created": 1763800000,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Berlin, the capital of reunited Germany since 1990.",
                "refusal": None,
                "annotations": [],
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": _OPENAI_USAGE,
    "service_tier": "default",
    "system_fingerprint": "fp_72ed7ab54c",
}
_RESPONSE = {
    "id": "resp_67ccd2bed1ec8190b14f964abc054267",
    "object": "response",
    "created_at": 1763800000,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "model": "gpt-4o-mini-2024-07-18",
    "output": [
        {
            "type": "message",
            "id": "msg_67ccd2bf17f0819081ff3bb2cf6508e6",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Berlin, since 1990.", "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "usage": {
        "input_tokens": 81,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 12,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 93,
    },
    "metadata": {},
}
_EMBEDDING = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.01] * 64}],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 5, "total_tokens": 5},
}
_MESSAGE = {
    "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Berlin, the capital of reunited Germany since 1990."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 81,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 12,
    },
}


def _chat_chunks(count: int) -> Iterator[bytes]:
    head = {k: v for k, v in _CHAT.items() if k not in ("choices", "usage", "object")}
    head["object"] = "chat.completion.chunk"

    def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        body = {**head, "choices": [choice], "usage": None}
        return b"data: " + json.dumps(body).encode() + b"\n\n"

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    piece = chunk({"content": PIECE})
    for _ in range(count - 3):
        yield piece
    yield chunk({}, "stop")
    last = {**head, "choices": [], "usage": _OPENAI_USAGE}
    yield b"data: " + json.dumps(last).encode() + b"\n\ndata: [DONE]\n\n"


def _message_events(count: int) -> Iterator[bytes]:
    def event(name: str, **fields: Any) -> bytes:
        return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n".encode()

    start = {**_MESSAGE, "content": [], "stop_reason": None}
    yield event("message_start", message=start)
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    piece = event("content_block_delta", index=0, delta={"type": "text_delta", "text": PIECE})
    for _ in range(count - 5):
        yield piece
    yield event("content_block_stop", index=0)
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    yield event("message_delta", delta=delta, usage={"output_tokens": count})
    yield event("message_stop")


async def _asynchronous(events: list[bytes]) -> AsyncIterator[bytes]:
    for event in events:
        yield event


class Answers:
    """Answers every request the benchmark makes, with the kind of body that a network gives.

    Args:
        chunks: Events of a streamed answer.
    """

    def __init__(self, chunks: int = CHUNKS) -> None:
        self._plain = {
            "/v1/chat/completions": json.dumps(_CHAT).encode(),
            "/v1/responses": json.dumps(_RESPONSE).encode(),
            "/v1/embeddings": json.dumps(_EMBEDDING).encode(),
            "/v1/messages": json.dumps(_MESSAGE).encode(),
        }
        self._streamed = {
            "/v1/chat/completions": list(_chat_chunks(chunks)),
            "/v1/messages": list(_message_events(chunks)),
        }

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        return self._answer(request, ResponseStream)

    async def asynchronously(self, request: httpx2.Request) -> httpx2.Response:
        """The same, for asynchronous clients."""
        return self._answer(request, lambda events: AsyncResponseStream(_asynchronous(events)))

    def _answer(
        self, request: httpx2.Request, body: Callable[[list[bytes]], Any]
    ) -> httpx2.Response:
        path = request.url.path
        if b'"stream":true' in request.content:
            headers = {"content-type": "text/event-stream"}
            return httpx2.Response(200, headers=headers, stream=body(self._streamed[path]))
        headers = {"content-type": "application/json"}
        return httpx2.Response(200, headers=headers, content=self._plain[path])
