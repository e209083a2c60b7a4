"""Anthropic's content blocks in the conventions' shape, block by block.

Source: Anthropic API reference, "Messages", request ``messages[].content`` and ``system``,
response ``content``.
"""

from __future__ import annotations

from typing import Any

from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.messages import Part


def content_parts(content: Any) -> list[Part]:
    """``content`` or ``system``: a text, a list of blocks, or nothing."""
    if isinstance(content, str):
        return [shape.text(content)] if content else []
    if not isinstance(content, list):
        return []
    return [_part(each) if isinstance(each, dict) else shape.text(each) for each in content]


def _part(block: dict[str, Any]) -> Part:
    """One block; unknown ones as they came."""
    kind = block.get("type")
    if kind == "text":
        part = shape.text(block.get("text"))
        if block.get("citations"):
            part["citations"] = block["citations"]
        return part
    if kind == "thinking":
        return shape.reasoning(block.get("thinking"))
    if kind == "tool_use":
        return shape.tool_call(block.get("id"), block.get("name"), block.get("input"))
    if kind == "tool_result":
        return shape.tool_call_response(block.get("tool_use_id"), _result(block.get("content")))
    if kind in ("image", "document"):
        return _source(block, "image" if kind == "image" else "document")
    if kind in ("server_tool_use", "mcp_tool_use"):
        call = {"type": block.get("name") or kind, **_without(block, "type", "id", "name")}
        return shape.server_tool_call(block.get("id"), block.get("name"), call)
    if isinstance(kind, str) and kind.endswith("_tool_result"):
        response = {"type": kind, **_without(block, "type", "tool_use_id")}
        return shape.server_tool_call_response(block.get("tool_use_id"), response)
    if kind == "compaction":
        return shape.generic("compaction", _without(block, "cache_control"))
    return shape.generic(kind, block)


def _without(block: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name not in names}


def _result(content: Any) -> Any:
    """What a tool answered: its text, or its parts where there is more than text."""
    if not isinstance(content, list):
        return content
    parts = content_parts(content)
    if all(part["type"] == "text" for part in parts):
        return "".join(str(part["content"]) for part in parts)
    return parts


def _source(block: dict[str, Any], modality: str) -> Part:
    source = block.get("source")
    if not isinstance(source, dict):
        return shape.generic(block.get("type"), block)
    kind, media_type = source.get("type"), source.get("media_type")
    media_type = media_type if isinstance(media_type, str) else None
    if kind == "base64":
        default = "image/png" if modality == "image" else "application/pdf"
        made = shape.binary(source.get("data"), media_type or default, modality)
    elif kind == "url":
        made = shape.uri(source.get("url"), modality, media_type)
    elif kind == "file":
        made = shape.file(source.get("file_id"), modality, media_type)
    elif kind == "text":
        made = shape.text(source.get("data"))
    else:
        return shape.generic(block.get("type"), block)
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
