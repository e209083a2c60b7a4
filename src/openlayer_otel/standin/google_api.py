"""Google's model APIs, as the stand-in answers them: Gemini, and Claude on Vertex AI."""

from __future__ import annotations

from openlayer_otel.standin import anthropic_api
from openlayer_otel.standin import sample_content as sample
from openlayer_otel.standin.exchange import Json, Reply, Request, streamed


def reply(request: Request) -> Reply | None:
    """Answer ``POST .../models/{model}:{operation}``; ``None`` for an unknown operation."""
    name, _, operation = request.path.rpartition(":")
    request.model = request.steering.update_from_name(name.rsplit("/", 1)[-1])
    if operation == "rawPredict":
        return Reply(anthropic_api.message(request))
    if operation == "streamRawPredict":
        return streamed(anthropic_api.message_events(request))
    if operation == "generateContent":
        return Reply(_content(request, sample.text(request.steering), last=True))
    if operation == "streamGenerateContent":
        pieces = sample.text_pieces(request.steering)
        return streamed(
            (None, _content(request, piece, last=k == len(pieces) - 1))
            for k, piece in enumerate(pieces)
        )
    if operation == "countTokens":
        return Reply({"totalTokens": sample.INPUT_TOKENS})
    if operation in ("batchEmbedContents", "embedContent"):
        count = len(request.body.get("requests", [1]))
        return Reply({"embeddings": [{"values": [0.1, 0.2]}] * count})
    return None


def _content(request: Request, text: str, *, last: bool) -> Json:
    parts: list[Json] = [{"text": text}]
    if request.steering.text("mode") in ("tool", "tools2"):
        calls = sample.tool_calls(request)
        parts = [{"functionCall": {"name": each.name, "args": each.arguments}} for each in calls]
    candidate: Json = {"content": {"parts": parts, "role": "model"}, "index": 0}
    answer: Json = {"candidates": [candidate], "modelVersion": request.model}
    answer["responseId"] = f"gemini-{request.number}"
    if last:
        output = request.steering.chunks
        candidate["finishReason"] = "STOP"
        answer["usageMetadata"] = {
            "promptTokenCount": sample.INPUT_TOKENS,
            "candidatesTokenCount": output,
            "totalTokenCount": sample.INPUT_TOKENS + output,
            "thoughtsTokenCount": 0,
        }
    return answer
