"""Media in any package's shape -> parts of the conventions.

A *media block* holds an image, audio, a video or a document: by an address, as base64 data, or
as a file that the provider has. Each API *wraps* these in its own way (OpenAI's ``image_url``,
Anthropic's ``source``, Gemini's ``inline_data``); inside of it they are much alike.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from typing import Any

from openlayer_otel.export.reading import first_of
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.messages import Part

MEDIA_TYPES = {
    **dict.fromkeys(("image_url", "input_image", "image", "image-url"), "image"),
    "computer_screenshot": "image",
    **dict.fromkeys(("input_audio", "audio", "audio_url", "audio-url"), "audio"),
    **dict.fromkeys(("video", "video_url", "video-url"), "video"),
    **dict.fromkeys(("file", "input_file", "document", "document_url", "document-url"), "document"),
    **dict.fromkeys(("blob", "binary", "uri"), "document"),
}
"""Type of a media block -> what it holds, if nothing in it says so."""

# The outer ones first: Bedrock's image has a source, Anthropic's source has nothing inside.
_WRAPPERS = (
    "image_url", "audio_url", "video_url", "document_url", "file_url", "input_audio", "file",
    "inline_data", "inlineData", "file_data", "fileData", "image", "audio", "document", "video",
    "source",
)  # fmt: skip

# What a block without a type may consist of.
_BARE = {"image", "audio", "video", "document"}


def media(modality: str) -> Callable[[dict[str, Any]], Part]:
    """A reader of media blocks.

    Args:
        modality: What they hold, where neither they nor their media type say so.
    """

    def read(block: dict[str, Any]) -> Part:
        held: Any = block
        for wrapper in _WRAPPERS:
            inner = held.get(wrapper)
            if isinstance(inner, dict):
                media_type = _media_type(inner, modality) or _media_type(held, modality)
                held = {**held, **inner, "media_type": media_type}
            elif isinstance(inner, str) and held is block:
                held = {**block, "url" if wrapper.endswith("_url") else "data": inner}
        return _part(block, held, modality)

    return read


def holds_media(block: Any) -> bool:
    """Whether a value in a tool's answer is a media block of an API, or of MCP.

    Tools name things by themselves, too: ``{"type": "file", "content": "import os"}`` is none.
    """
    if not isinstance(block, dict):
        return False
    kind = block.get("type")
    if kind is None:  # Bedrock
        return block.keys() <= _BARE and any(
            isinstance(held, dict) and {"format", "source"} <= held.keys()
            for held in block.values()
        )
    return (
        isinstance(kind, str)
        and kind in MEDIA_TYPES
        and (
            kind.startswith(("input_", "computer_"))
            or kind.endswith("_url")
            or "modality" in block
            or {"data", "mimeType"} <= block.keys()
            or any(isinstance(block.get(wrapper), dict) for wrapper in _WRAPPERS)
        )
    )


def _media_type(block: dict[str, Any], modality: str) -> str | None:
    found = first_of(block, "mime_type", "media_type", "mediaType", "mimeType")
    form = block.get("format")
    if found is None and isinstance(form, str):
        if "/" in form:  # LiteLLM
            return form
        if modality == "document":
            return mimetypes.guess_type(f"document.{form}")[0]
        return f"{modality}/{form}"
    return found if isinstance(found, str) else None


def _part(block: dict[str, Any], held: dict[str, Any], modality: str) -> Part:
    """The part for what a block holds; a block that holds none of the three stays as it came."""
    data = first_of(held, "data", "content", "base64", "bytes", "file_data")
    if held.get("type") == "text" and isinstance(data, str):
        return shape.text(data)  # a document of Anthropic's that is given in words
    media_type = _media_type(held, modality)
    if isinstance(held.get("modality"), str):
        modality = held["modality"]
    elif media_type:
        modality = shape.modality_of(media_type)
    address = first_of(held, "uri", "url", "file_uri", "fileUri")
    file_id = first_of(held, "file_id", "fileId")
    if isinstance(address, str) and address:
        made = shape.uri(address, modality, media_type)
    elif isinstance(data, str) and data.startswith(("http://", "https://")):
        made = shape.uri(data, modality, media_type)
    elif isinstance(data, str):
        made = shape.binary(data, media_type or "application/octet-stream", modality)
    elif file_id is not None:
        made = shape.file(file_id, modality, media_type)
    else:
        return shape.generic(block.get("type") or modality, block)
    name = first_of(held, "filename", "name", "display_name")
    if isinstance(name, str):
        made["filename"] = name
    if isinstance(held.get("transcript"), str):
        made["transcript"] = held["transcript"]
    return made
