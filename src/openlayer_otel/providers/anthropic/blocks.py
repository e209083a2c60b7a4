"""Anthropic's content blocks in the conventions' shape, block by block.

A *block* is one part of a message's content, a dict with a ``type``. Blocks of a type that is
not known here stay as they came. Two things are left out of every block: binary data, which
becomes a reference (see ``genai/messages.py``), and what only the API can read (encrypted
content, signatures), which says nothing and is long.

Source: Anthropic API reference, "Messages", request ``messages[].content`` and ``system``,
response ``content``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.messages import Message, Part

# Only the API can read these.
_OPAQUE = frozenset({"encrypted_content", "encrypted_index", "encrypted_stdout", "signature"})
# The API's own nesting of blocks within blocks ends far above this.
_MAX_DEPTH = 24
# The default where a base64 source names no media type.
_MEDIA_TYPES = {"image": "image/png", "document": "application/pdf"}


def _add_message(message: dict[str, Any], messages: list[Message]) -> None:
    messages.append(shape.message(message.get("role"), content_parts(message.get("content"))))


input_messages = partial(shape.conversation, add=_add_message)
"""The request's ``messages``."""


def content_parts(content: Any) -> list[Part]:
    """``content`` or ``system``: a text, a list of blocks, or nothing."""
    if isinstance(content, str):
        return [{"type": "text", "content": content}] if content else []
    if not isinstance(content, list):
        return []
    return [_part(each) if isinstance(each, dict) else shape.text(each) for each in content]


def _part(block: dict[str, Any]) -> Part:
    """One block; unknown ones as they came."""
    kind = block.get("type")
    if kind == "text":
        part = shape.text(block.get("text"))
        if block.get("citations"):
            part["citations"] = shape.by_reference(readable(block["citations"]))
        return part
    if kind == "thinking":
        return shape.reasoning(block.get("thinking"))
    if kind == "redacted_thinking":
        return shape.generic(kind, {})  # its data is encrypted
    if kind == "tool_use":
        return shape.tool_call(block.get("id"), block.get("name"), block.get("input"))
    if kind == "tool_result":
        return _tool_result(block)
    if kind == "image" or kind == "document":
        return _source(block, kind)
    if kind in ("server_tool_use", "mcp_tool_use"):
        call = {"type": block.get("name") if kind == "server_tool_use" else kind}
        call["type"] = call["type"] or kind
        call.update(readable(_without(block, "type", "id", "name", "input")))
        if "input" in block:
            call["input"] = block["input"]  # the model made it: its names mean nothing to us
        return shape.server_tool_call(block.get("id"), block.get("name"), call)
    if isinstance(kind, str) and kind.endswith("_tool_result"):
        response = {"type": kind, **readable(_without(block, "type", "tool_use_id"))}
        return shape.server_tool_call_response(block.get("tool_use_id"), response)
    return shape.generic(kind, readable(_without(block, "cache_control")))


def _without(block: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name not in names}


def readable(value: Any, depth: int = 0) -> Any:
    """``value`` (JSON) without what only the API can read."""
    if depth > _MAX_DEPTH:
        return value
    if isinstance(value, list):
        return [readable(each, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: readable(each, depth + 1) for name, each in value.items() if name not in _OPAQUE}


def _tool_result(block: dict[str, Any]) -> Part:
    """What a tool answered: its text, or its parts where there is more than text."""
    content = block.get("content")
    if isinstance(content, list):
        parts = content_parts(content)
        plain = all(part["type"] == "text" for part in parts)
        content = "".join(str(part["content"]) for part in parts) if plain else parts
    part = shape.tool_call_response(block.get("tool_use_id"), content)
    if block.get("is_error") is True:
        part["is_error"] = True
    return part


def _source(block: dict[str, Any], modality: str) -> Part:
    source = block.get("source")
    if not isinstance(source, dict):
        return shape.generic(block.get("type"), readable(block))
    kind, media_type = source.get("type"), source.get("media_type")
    media_type = media_type if isinstance(media_type, str) else None
    if kind == "base64":
        made = shape.binary(source.get("data"), media_type or _MEDIA_TYPES[modality], modality)
    elif kind == "url":
        made = shape.uri(source.get("url"), modality, media_type)
    elif kind == "file":
        made = shape.file(source.get("file_id"), modality, media_type)
    elif kind == "text":
        made = shape.text(source.get("data"))
    else:
        return shape.generic(block.get("type"), readable(block))
    if isinstance(block.get("title"), str):
        made["title"] = block["title"]
    return made


def tool_definitions(tools: Any) -> list[dict[str, Any]] | None:
    """The request's ``tools``: client tools are functions, the provider's own have a type."""
    if not isinstance(tools, list) or not tools:
        return None
    return [_definition(each) for each in tools if isinstance(each, dict)]


def _definition(tool: dict[str, Any]) -> dict[str, Any]:
    kind = tool.get("type")
    made: dict[str, Any] = {
        "type": "function" if kind in (None, "custom") else kind,
        "name": tool.get("name") or tool.get("mcp_server_name") or kind,
    }
    if tool.get("description") is not None:
        made["description"] = tool["description"]
    if tool.get("input_schema") is not None:
        made["parameters"] = tool["input_schema"]
    return made
