"""OpenAI's chat completions and legacy completions, as the stand-in answers them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from openlayer_otel.standin import sample_content as sample
from openlayer_otel.standin.exchange import Json, Reply, Request, streamed

_FINISH_REASONS = {"tool": "tool_calls", "tools2": "tool_calls", "filter": "content_filter"}
_TOOL_MODES = ("tool", "tools2")


def chat_completion(request: Request) -> Reply:
    """``POST /chat/completions``."""
    if request.stream:
        return streamed(((None, chunk) for chunk in _chunks(request)), done=True)
    choices = [_choice(request, index) for index in range(_choice_count(request))]
    return Reply(
        {**_common(request, "chat.completion"), "choices": choices, "usage": _usage(request)}
    )


def completion(request: Request) -> Reply:
    """``POST /completions``, the legacy endpoint."""
    tokens = request.steering.chunks
    if request.stream:
        pieces = sample.text_pieces(request.steering)
        chunks = (
            _legacy(request, piece, "stop" if k == len(pieces) - 1 else None)
            for k, piece in enumerate(pieces)
        )
        return streamed(((None, chunk) for chunk in chunks), done=True)
    usage = {"prompt_tokens": 5, "completion_tokens": tokens, "total_tokens": 5 + tokens}
    return Reply({**_legacy(request, sample.text(request.steering), "stop"), "usage": usage})


def _common(request: Request, kind: str) -> Json:
    return {
        "id": f"chatcmpl-{request.number}",
        "object": kind,
        "created": sample.CREATED,
        "model": request.model,
        "service_tier": "default",
        "system_fingerprint": "fp_stub",
    }


def _usage(request: Request) -> Json:
    output = request.steering.chunks
    return {
        "prompt_tokens": sample.INPUT_TOKENS,
        "completion_tokens": output,
        "total_tokens": sample.INPUT_TOKENS + output,
        "prompt_tokens_details": {"cached_tokens": sample.CACHED_TOKENS, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": sample.REASONING_TOKENS,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _choice_count(request: Request) -> int:
    return request.steering.whole("n") or request.body.get("n") or 1


def _logprobs(request: Request, tokens: list[str]) -> Json | None:
    if not (request.body.get("logprobs") or request.steering.switch("logprobs")):
        return None
    content = [
        {
            "token": token,
            "logprob": -0.1,
            "bytes": list(token.encode()),
            "top_logprobs": [{"token": token, "logprob": -0.1, "bytes": None}],
        }
        for token in tokens
    ]
    return {"content": content, "refusal": None}


def _choice(request: Request, index: int) -> Json:
    return {
        "index": index,
        "message": _message(request),
        "finish_reason": _FINISH_REASONS.get(sample.mode(request), "stop"),
        "logprobs": _logprobs(request, sample.text_pieces(request.steering)),
    }


def _message(request: Request) -> Json:
    mode = sample.mode(request)
    message: Json = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    if mode in _TOOL_MODES:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": sample.json_text(call.arguments)},
            }
            for call in sample.tool_calls(request)
        ]
    elif mode == "refusal":
        message["refusal"] = sample.REFUSAL
    elif mode == "json":
        message["content"] = sample.json_text(sample.sample_object(request.steering))
    else:
        message["content"] = "" if mode == "empty" else sample.text(request.steering)
    return message


def _chunks(request: Request) -> Iterator[Json]:
    include_usage = (request.body.get("stream_options") or {}).get("include_usage")
    common = _common(request, "chat.completion.chunk")
    if include_usage:
        common["usage"] = None
    mode = sample.mode(request)
    choices = range(_choice_count(request))

    def chunk(
        index: int, delta: Json, finish_reason: str | None = None, logprobs: Json | None = None
    ) -> Json:
        choice = {"index": index, "delta": delta, "finish_reason": finish_reason}
        return {**common, "choices": [{**choice, "logprobs": logprobs}]}

    first_content = None if mode in _TOOL_MODES else ""
    for index in choices:
        yield chunk(index, {"role": "assistant", "content": first_content, "refusal": None})
    for delta, logprobs in _deltas(request, mode):
        for index in choices:
            yield chunk(index, delta, logprobs=logprobs)
    for index in choices:
        yield chunk(index, {}, _FINISH_REASONS.get(mode, "stop"))
    if include_usage:
        yield {**common, "choices": [], "usage": _usage(request)}


def _deltas(request: Request, mode: str) -> Iterator[tuple[Json, Json | None]]:
    """Each content delta with its logprobs."""
    count = request.steering.chunks
    if mode in _TOOL_MODES:
        for delta in _tool_call_deltas(request, count):
            yield delta, None
    elif mode == "refusal":
        for piece in sample.cut(sample.REFUSAL, 3):
            yield {"refusal": piece}, None
    elif mode != "empty":
        pieces = sample.text_pieces(request.steering)
        if mode == "json":
            pieces = sample.cut(sample.json_text(sample.sample_object(request.steering)), count)
        for piece in pieces:
            yield {"content": piece}, _logprobs(request, [piece])


def _tool_call_deltas(request: Request, count: int) -> Iterator[Json]:
    for position, call in enumerate(sample.tool_calls(request)):
        opening: Json = {
            "index": position,
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }
        yield {"tool_calls": [opening]}
        for piece in sample.cut(sample.json_text(call.arguments), count):
            yield {"tool_calls": [{"index": position, "function": {"arguments": piece}}]}


def _legacy(request: Request, text: str, finish_reason: str | None) -> Json:
    prompt: Any = request.body.get("prompt")
    # A list of token numbers is one prompt; a list of texts or of lists is one prompt each.
    many = isinstance(prompt, list) and bool(prompt) and isinstance(prompt[0], (str, list))
    count = _choice_count(request) * (len(prompt) if many else 1)
    return {
        "id": f"cmpl-{request.number}",
        "object": "text_completion",
        "created": sample.CREATED,
        "model": request.model,
        "choices": [
            {"index": k, "text": text, "logprobs": None, "finish_reason": finish_reason}
            for k in range(count)
        ],
    }
