"""OpenAI's embeddings, images, audio and moderations, as the stand-in answers them."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator

from openlayer_otel.standin import sample_content as sample
from openlayer_otel.standin.exchange import Event, Json, Reply, Request, streamed

_PNG = base64.b64encode(b"\x89PNG\r\n\x1a\nstub").decode()
_IMAGE_USAGE = {
    "total_tokens": 30,
    "input_tokens": 10,
    "output_tokens": 20,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
}
_MODERATION_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)


def embedding(request: Request) -> Reply:
    """``POST /embeddings``."""
    inputs = request.body.get("input")
    # A list of token numbers is one input.
    many = isinstance(inputs, list) and bool(inputs) and not isinstance(inputs[0], int)
    count = len(inputs) if many and isinstance(inputs, list) else 1
    dimensions = request.body.get("dimensions") or request.steering.whole("dims") or 8
    vector: list[float] | str = [round(0.01 * (k + 1), 4) for k in range(dimensions)]
    if request.body.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack(f"<{dimensions}f", *vector)).decode()
    data = [{"object": "embedding", "index": k, "embedding": vector} for k in range(count)]
    usage = {"prompt_tokens": 4 * count, "total_tokens": 4 * count}
    return Reply({"object": "list", "model": request.model, "data": data, "usage": usage})


def image(request: Request) -> Reply:
    """``POST /images/generations``, ``/images/edits`` and ``/images/variations``."""
    if request.stream:
        kind = "generation" if request.path.endswith("generations") else "edit"
        return streamed(_image_events(request, f"image_{kind}"))
    data = [{"b64_json": _PNG, "revised_prompt": "p"}]
    return Reply({"created": sample.CREATED, "data": data, "usage": _IMAGE_USAGE})


def _image_events(request: Request, kind: str) -> Iterator[Event]:
    common: Json = {
        "b64_json": _PNG,
        "created_at": sample.CREATED,
        "size": "1024x1024",
        "quality": "low",
        "background": "opaque",
        "output_format": "png",
    }
    name = f"{kind}.partial_image"
    for index in range(min(3, request.steering.chunks)):
        yield name, {"type": name, "partial_image_index": index, **common}
    name = f"{kind}.completed"
    yield name, {"type": name, **common, "usage": _IMAGE_USAGE}


def speech(request: Request) -> Reply:
    """``POST /audio/speech``."""
    if request.body.get("stream_format") == "sse":
        usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
        return streamed(
            [
                ("speech.audio.delta", {"type": "speech.audio.delta", "audio": "AAAA"}),
                ("speech.audio.done", {"type": "speech.audio.done", "usage": usage}),
            ]
        )
    audio = b"ID3stub-audio" * max(1, request.steering.chunks)
    return Reply(audio, content_type="audio/mpeg")


def transcription(request: Request) -> Reply:
    """``POST /audio/transcriptions`` and ``/audio/translations``."""
    text = sample.text(request.steering)
    usage = {"type": "tokens", "input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    if not request.stream:
        return Reply({"text": text, "usage": usage})
    delta, done = "transcript.text.delta", "transcript.text.done"
    events: list[Event] = [
        (delta, {"type": delta, "delta": piece}) for piece in sample.text_pieces(request.steering)
    ]
    return streamed([*events, (done, {"type": done, "text": text, "usage": usage})])


def moderation(request: Request) -> Reply:
    """``POST /moderations``."""
    result = {
        "flagged": False,
        "categories": dict.fromkeys(_MODERATION_CATEGORIES, False),
        "category_scores": dict.fromkeys(_MODERATION_CATEGORIES, 0.01),
        "category_applied_input_types": {name: ["text"] for name in _MODERATION_CATEGORIES},
    }
    return Reply(
        {"id": f"modr-{request.number}", "model": "omni-moderation-latest", "results": [result]}
    )
