"""The Images API: generations, edits, variations; plain and streamed.

The pixels are never recorded: a reference names an image by checksum and size. Pictures that
an edit or a variation starts from travel as files beside the request and are not looked at.
Source: OpenAI API reference, "Images".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.record import Endpoint, Record, StreamReader
from openlayer_otel.providers.openai.fields import (
    read_choice_count,
    read_head,
    read_parameters,
    read_streaming,
)
from openlayer_otel.providers.openai.usage import read_usage

_PARAMETERS = frozenset(
    {
        "background",
        "complexity",
        "frame_count",
        "frame_duration_ms",
        "input_fidelity",
        "moderation",
        "output_compression",
        "output_format",
        "partial_images",
        "quality",
        "response_format",
        "size",
        "style",
        "svg",
    }
)


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """The request, field by field."""
    record.attributes[semconv.OUTPUT_TYPE] = "image"
    read_streaming(body, record)
    read_choice_count(body, record)
    read_parameters(body, _PARAMETERS, record)
    prompt = body.get("prompt")
    if record.with_content and prompt is not None:
        record.input_messages = [shape.message("user", [shape.text(prompt)])]


def read_response(body: Any, record: Record) -> None:
    """The images, each a choice of the model."""
    if not isinstance(body, dict):
        return
    read_head(body, record)
    read_usage(body.get("usage"), record)
    images = body.get("data")
    if record.with_content and isinstance(images, list):
        media_type = shape.image_type(body.get("output_format"))
        record.output_messages = [
            shape.output_message("assistant", _image(image, media_type), None)
            for image in images
            if isinstance(image, dict)
        ]


def _image(image: dict[str, Any], media_type: str) -> list[shape.Part]:
    """One image by address or reference, and the prompt that the model made of the user's."""
    parts: list[shape.Part] = []
    if isinstance(image.get("b64_json"), str):
        parts.append(shape.binary(image["b64_json"], media_type, "image"))
    elif isinstance(image.get("url"), str):
        parts.append(shape.uri(image["url"], "image"))
    revised = image.get("revised_prompt")
    if isinstance(revised, str) and revised:
        parts.append(shape.text(revised))
    return parts


class ImageStreamReader(StreamReader):
    """Keeps the finished images of a stream, or the newest unfinished one if none came.

    Args:
        content: Whether images are kept at all.
    """

    __slots__ = ("_content", "_finished", "_head", "_partial")

    def __init__(self, content: bool) -> None:
        self._content = content
        self._head: dict[str, Any] = {}
        self._finished: list[dict[str, Any]] = []
        self._partial: dict[str, Any] | None = None

    def read(self, event: dict[str, Any]) -> None:
        """Take in one event: a partial image, or a finished one with the usage."""
        for name in ("usage", "output_format", "error"):
            if event.get(name) is not None:
                self._head[name] = event[name]
        if not self._content:
            return
        image = {"b64_json": event.get("b64_json")}
        if str(event.get("type")).endswith(".completed"):
            self._finished.append(image)
        else:
            self._partial = image

    def response(self) -> dict[str, Any]:
        """The images as far as they were received."""
        images = self._finished or ([self._partial] if self._partial else [])
        return {**self._head, "data": images}


IMAGES = Endpoint(
    operation=semconv.GENERATE_CONTENT,
    request=read_request,
    response=read_response,
    stream=ImageStreamReader,
)
