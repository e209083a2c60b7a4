"""Messages and parts in the shape of the GenAI conventions (JSON Schemas ``gen-ai-*-messages``).

A *message* is ``{"role", "parts"}``; a *part* is a dict with a ``type``. Providers build
messages with these functions only, so the shape has one place.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable
from typing import Any

from openlayer_otel.attachments import binaries
from openlayer_otel.genai.base64_text import decoded_base64
from openlayer_otel.genai.encoding import from_json

Part = dict[str, Any]
Message = dict[str, Any]

_MODALITIES = ("image", "audio", "video")
_DATA_ADDRESS = re.compile(r"data:[^,]{0,200};base64,")
_IMAGE_SUBTYPES = {"jpg": "jpeg", "svg": "svg+xml"}
_ANY_BYTES = "application/octet-stream"
# The APIs' own nesting of parts within parts ends far above this.
_MAX_DEPTH = 24


# Compared one by one: a role that cannot be hashed is compared like any other.
_SPEAKERS = ("user", "assistant", "system", "developer")


def conversation(
    messages: Any, add: Callable[[dict[str, Any], list[Message]], None]
) -> list[Message]:
    """A request's messages, oldest first; what is no list of messages is an empty conversation.

    Nearly all messages hold a role and a text and nothing else, which every provider writes
    alike: these are read here, in half of the time.

    Args:
        messages: The provider's messages.
        add: Adds any other message to those that came before.
    """
    if not isinstance(messages, list):
        return []
    found: list[Message] = []
    for message in messages:
        if not isinstance(message, dict):
            continue
        content = message.get("content")
        if (
            len(message) == 2
            and type(content) is str
            and content
            and (role := message.get("role")) in _SPEAKERS
        ):
            found.append({"role": role, "parts": [{"type": "text", "content": content}]})
        else:
            add(message, found)
    return found


def text(content: object) -> Part:
    """Something said in words."""
    return {"type": "text", "content": content}


def reasoning(content: object) -> Part:
    """The model's reasoning, or its summary."""
    return {"type": "reasoning", "content": content}


def tool_call(call_id: object, name: object, arguments: object) -> Part:
    """The model asks for a tool.

    Args:
        call_id: The provider's id of the call; left out when there is none.
        name: The tool's name.
        arguments: A JSON text (decoded if it is valid), or the value itself.
    """
    part: Part = {"type": "tool_call", "name": name}
    if call_id is not None:
        part["id"] = call_id
    if arguments is not None:
        part["arguments"] = from_json(arguments)
    return part


def tool_call_response(call_id: object, response: object) -> Part:
    """What a tool answered."""
    part: Part = {"type": "tool_call_response", "response": response}
    if call_id is not None:
        part["id"] = call_id
    return part


def server_tool_call(call_id: object, name: object, call: dict[str, Any]) -> Part:
    """A tool that the provider runs itself; ``call`` has a ``type`` and the call's own fields."""
    part: Part = {
        "type": "server_tool_call",
        "name": name,
        "server_tool_call": by_reference(call),
    }
    if call_id is not None:
        part["id"] = call_id
    return part


def server_tool_call_response(call_id: object, response: dict[str, Any]) -> Part:
    """What a tool of the provider's answered; ``response`` has a ``type``."""
    part: Part = {
        "type": "server_tool_call_response",
        "server_tool_call_response": by_reference(response),
    }
    if call_id is not None:
        part["id"] = call_id
    return part


def modality_of(media_type: str) -> str:
    """``image``, ``audio``, ``video`` or ``document`` for a media type."""
    kind = media_type.partition("/")[0]
    return kind if kind in _MODALITIES else "document"


def media_type_of(filename: object, default: str = _ANY_BYTES) -> str:
    """The media type that a file's name says, if it says one."""
    if not isinstance(filename, str):
        return default
    media_type, compression = mimetypes.guess_type(filename)
    return default if media_type is None or compression is not None else media_type


def image_type(form: object) -> str:
    """The media type of an image whose format a provider says, such as ``webp``; or PNG."""
    if not isinstance(form, str) or not form:
        return "image/png"
    return f"image/{_IMAGE_SUBTYPES.get(form, form)}"


def binary(encoded: object, media_type: str, modality: str | None = None) -> Part:
    """Binary content: a reference by checksum and size; the data never goes on a span.

    Args:
        encoded: Base64 text, or a ``data:`` address.
        media_type: Such as ``image/png``; that of a ``data:`` address wins.
        modality: ``image``, ``audio``, ``video`` or ``document``; from the media type by default.
    """
    if isinstance(encoded, str) and encoded.startswith("data:"):
        media_type = encoded[5:].partition(",")[0].partition(";")[0] or media_type
    data = decoded_base64(encoded)
    if data is not None:
        return binary_data(data, media_type, modality)
    return {
        "type": "uri",
        "modality": modality or modality_of(media_type),
        "mime_type": media_type,
        "uri": "",
    }


def binary_data(data: bytes, media_type: str, modality: str | None = None) -> Part:
    """Binary content that is no text: a reference, as :func:`binary` makes it."""
    checksum = binaries.keep(data, media_type)
    return {
        "type": "uri",
        "modality": modality or modality_of(media_type),
        "mime_type": media_type,
        "uri": f"urn:md5:{checksum}",
        "checksum_md5": checksum,
        "size_bytes": len(data),
    }


def uri(address: object, modality: str, media_type: str | None = None) -> Part:
    """Content by address. A ``data:`` address is binary content and becomes a reference."""
    if isinstance(address, str) and address.startswith("data:"):
        return binary(address, media_type or _ANY_BYTES)
    part: Part = {"type": "uri", "modality": modality, "uri": address}
    if media_type:
        part["mime_type"] = media_type
    return part


def file(file_id: object, modality: str, media_type: str | None = None) -> Part:
    """Content uploaded to the provider before."""
    part: Part = {"type": "file", "modality": modality, "file_id": file_id}
    if media_type:
        part["mime_type"] = media_type
    return part


def generic(kind: object, fields: dict[str, Any]) -> Part:
    """A part this package does not know: kept as it came, but for binary data."""
    kept = {name: by_reference(value) for name, value in fields.items()}
    return {**kept, "type": kind if isinstance(kind, str) and kind else "unknown"}


def by_reference(value: Any, depth: int = 0) -> Any:
    """JSON in which a reference stands for binary data, wherever it is.

    Binary data are a ``data:`` address and Anthropic's ``{"type": "base64", "data": ...}``.
    """
    if isinstance(value, str):
        if value.startswith("data:") and _DATA_ADDRESS.match(value):
            return binary(value, _ANY_BYTES)
        return value
    if depth > _MAX_DEPTH:
        return value
    if isinstance(value, list):
        return [by_reference(each, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "base64" and isinstance(value.get("data"), str):
        media_type = value.get("media_type")
        return binary(value["data"], media_type if isinstance(media_type, str) else _ANY_BYTES)
    return {name: by_reference(each, depth + 1) for name, each in value.items()}


def message(role: object, parts: list[Part], name: object = None) -> Message:
    """One message of a conversation."""
    made: Message = {"role": role if isinstance(role, str) else "unknown", "parts": parts}
    if isinstance(name, str) and name:
        made["name"] = name
    return made


def output_message(role: object, parts: list[Part], finish_reason: str | None) -> Message:
    """One choice of the model."""
    made: Message = {"role": role if isinstance(role, str) else "assistant", "parts": parts}
    if finish_reason:
        made["finish_reason"] = finish_reason
    return made
