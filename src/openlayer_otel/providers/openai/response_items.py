"""Items of the Responses API in the conventions' shape: what goes in and what comes out.

An *item* is one entry of ``input`` or ``output``: a message, a tool call, a tool's answer,
reasoning. Items that the model made in one go become one message of the assistant.
Source: OpenAI API reference, "Create a model response", ``input`` and ``output``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.messages import Message, Part
from openlayer_otel.providers.openai.messages import content_part
from openlayer_otel.providers.openai.orchestration import ORCHESTRATION

Item = dict[str, Any]

# What only the provider can read: a field of an item, and a content part and its field.
_ENCRYPTED = "encrypted_content"
# Fields that say nothing to a reader, or must not be recorded: encrypted content, pixels.
_LEFT_OUT = frozenset({"id", "call_id", "type", "status", _ENCRYPTED, "result", "role"})
# Tools of the provider's that the application runs -> the field that says what to do.
_RUN_BY_APPLICATION = {
    "computer_call": "action",
    "local_shell_call": "action",
    "shell_call": "action",
    "apply_patch_call": "operation",
}
# Tools that the provider runs. Any other type that ends like a call is taken for one, too.
_OUTPUT = "_output"
_CALL = "_call"
# Items that only the application makes, though they have no role.
_FROM_APPLICATION = frozenset(
    {"compaction_trigger", "configuration_update", "item_reference", "mcp_approval_response"}
)
# Its role is who gave the tools: it is no message.
_ADDITIONAL_TOOLS = "additional_tools"
CALLS_FOR_EITHER = frozenset({"shell_call", "tool_search_call"})
"""Calls that the provider or the application runs; :func:`run_by_application` knows which."""


def input_messages(given: Any) -> list[Message]:
    """``input``: a text, or a list of items."""
    if isinstance(given, str):
        return [shape.message("user", [shape.text(given)])]
    return shape.conversation(given, _add_item)


def _add_item(item: Item, messages: list[Message]) -> None:
    role, parts = item_parts(item)
    last = messages[-1] if messages else None
    if last is not None and role == "assistant" == last["role"] and "role" not in item:
        last["parts"].extend(parts)
    elif parts or "role" in item:
        messages.append(shape.message(role, parts))


def output_parts(items: Any) -> list[Part]:
    """``output``: the parts of the model's answer, in their order."""
    if not isinstance(items, list):
        return []
    parts: list[Part] = []
    for item in items:
        if isinstance(item, dict):
            parts.extend(item_parts(item)[1])
    return parts


def item_parts(item: Item) -> tuple[str, list[Part]]:
    """Role and parts of one item; an unknown item is kept as a generic part."""
    kind = item.get("type")
    role = item.get("role")
    if isinstance(role, str) and kind != _ADDITIONAL_TOOLS:
        return role, content_parts(item.get("content"))
    if not isinstance(kind, str):
        return "user", [shape.generic("item", item)]
    read = _BY_TYPE.get(kind)
    if read is not None:
        return read(item)
    if kind in _RUN_BY_APPLICATION:
        return "assistant", [_application_call(kind, item)]
    if kind.endswith(_OUTPUT):
        return "tool", [shape.tool_call_response(_call_id(item), _output(item))]
    if kind.endswith(_CALL):
        return "assistant", [_server_call(item)]
    role = "user" if kind in _FROM_APPLICATION else "assistant"
    return role, [shape.generic(kind, _fields(item, frozenset({_ENCRYPTED})))]


def run_by_application(item: Item) -> bool:
    """Whether a call of ``CALLS_FOR_EITHER``, or the answer to one, is the application's."""
    if item.get("type") == "shell_call":
        environment = item.get("environment")
        return not isinstance(environment, dict) or environment.get("type") != "container_reference"
    execution = item.get("execution")
    # An application need not say it; the provider's own searches have no call id.
    return execution == "client" or (execution is None and item.get("call_id") is not None)


def content_parts(content: Any) -> list[Part]:
    """``content`` of an item: a text, or a list of content parts."""
    if isinstance(content, str):
        return [shape.text(content)] if content else []
    parts: list[Part] = []
    for each in content if isinstance(content, list) else ():
        if not isinstance(each, dict):
            parts.append(shape.text(each))
        elif (kind := each.get("type")) in ("output_text", "input_text", "text", "summary_text"):
            parts.append({"type": "text", "content": each.get("text")})
        else:
            parts.append(_content_part(kind, each))
    return parts


def _content_part(kind: Any, part: dict[str, Any]) -> Part:
    if kind == "reasoning_text":
        return shape.reasoning(part.get("text"))
    if kind == _ENCRYPTED:
        return shape.generic(kind, {})
    if kind in ("input_image", "computer_screenshot"):
        address = part.get("image_url")
        if address is not None:
            return shape.uri(address, "image")
        return shape.file(part.get("file_id"), "image")
    if kind == "input_file":
        return _file(part)
    return content_part(part)


def _file(part: dict[str, Any]) -> Part:
    if part.get("file_url") is not None:
        made = shape.uri(part["file_url"], "document")
    elif part.get("file_data") is not None:
        media_type = shape.media_type_of(part.get("filename"))
        made = shape.binary(part["file_data"], media_type, "document")
    else:
        made = shape.file(part.get("file_id"), "document")
    if isinstance(part.get("filename"), str):
        made["filename"] = part["filename"]
    return made


def _call_id(item: Item) -> Any:
    return item.get("call_id") or item.get("id")


def _fields(item: Item, left_out: frozenset[str]) -> Item:
    """What is recorded of an item as it came; what agents tell each other may be encrypted."""
    kept = {
        name: value for name, value in item.items() if name not in left_out and value is not None
    }
    if isinstance(kept.get("content"), list):
        kept["content"] = [
            {name: value for name, value in each.items() if name != _ENCRYPTED}
            if isinstance(each, dict)
            else each
            for each in kept["content"]
        ]
    return kept


def _function_call(item: Item) -> tuple[str, list[Part]]:
    return "assistant", [shape.tool_call(_call_id(item), item.get("name"), item.get("arguments"))]


def _custom_tool_call(item: Item) -> tuple[str, list[Part]]:
    part = shape.tool_call(_call_id(item), item.get("name"), None)
    # Free text: it is no JSON, even where it looks like some.
    part["arguments"] = item.get("input")
    return "assistant", [part]


def _application_call(kind: str, item: Item) -> Part:
    action = item.get(_RUN_BY_APPLICATION[kind]) or item.get("actions")
    return shape.tool_call(_call_id(item), kind.removesuffix(_CALL), action)


def _shell_call(item: Item) -> tuple[str, list[Part]]:
    if run_by_application(item):
        return "assistant", [_application_call("shell_call", item)]
    part = _server_call(item)
    # Unlike those of the provider's other tools, its answer is an item of its own.
    part["id"] = _call_id(item)
    return "assistant", [part]


def _tool_search_call(item: Item) -> tuple[str, list[Part]]:
    if run_by_application(item):
        part = shape.tool_call(_call_id(item), "tool_search", item.get("arguments"))
        return "assistant", [part]
    return "assistant", [_server_call(item)]


def _tool_search_output(item: Item) -> tuple[str, list[Part]]:
    """The tools that were found, by name."""
    found = _named_tools(item.get("tools"))
    if run_by_application(item):
        return "tool", [shape.tool_call_response(_call_id(item), found)]
    answer = {"type": "tool_search", "tools": found}
    return "assistant", [shape.server_tool_call_response(_call_id(item), answer)]


def _additional_tools(item: Item) -> tuple[str, list[Part]]:
    """Tools that may be used from here on, by name."""
    part = {"type": _ADDITIONAL_TOOLS, "tools": _named_tools(item.get("tools"))}
    role = item.get("role")
    return role if isinstance(role, str) else "developer", [part]


def _named_tools(tools: Any) -> list[dict[str, Any]]:
    """Type and name of each tool, and no more: a definition may hold an MCP server's secrets."""
    made = []
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict):
            named = _named_tool(tool)
            inner = tool.get("tools")  # of a namespace
            if isinstance(inner, list):
                named["tools"] = [_named_tool(each) for each in inner if isinstance(each, dict)]
            made.append(named)
    return made


def _named_tool(tool: dict[str, Any]) -> dict[str, Any]:
    kind = tool.get("type") or "function"
    return {"type": kind, "name": tool.get("name") or tool.get("server_label") or kind}


def _apply_patch_output(item: Item) -> tuple[str, list[Part]]:
    """What came of a patch: a text, or else whether it could be applied."""
    answer = _output(item) or item.get("status")
    return "tool", [shape.tool_call_response(_call_id(item), answer)]


def _output(item: Item) -> Any:
    """What a tool answered: a text, or content parts, pictures by reference."""
    output = item.get("output", item.get("result"))
    if isinstance(output, dict) and "type" in output:
        return content_parts([output])[0]
    if isinstance(output, list) and all(
        isinstance(each, dict) and str(each.get("type")).startswith("input_") for each in output
    ):
        parts = content_parts(output)
        if parts and all(part["type"] == "text" for part in parts):
            return "".join(str(part["content"]) for part in parts)
        return parts
    return output


def _reasoning(item: Item) -> tuple[str, list[Part]]:
    """Summary and text of the model's reasoning; encrypted reasoning says nothing."""
    parts: list[Part] = []
    for name in ("summary", "content"):
        texts = item.get(name)
        for each in texts if isinstance(texts, list) else ():
            if isinstance(each, dict) and isinstance(each.get("text"), str) and each["text"]:
                parts.append(shape.reasoning(each["text"]))
    return "assistant", parts


def _server_call(item: Item) -> Part:
    """A tool that the provider runs, with its answer where the item holds one."""
    kind = item["type"]
    name = kind.removesuffix(_CALL)
    call = {"type": name, **_fields(item, _LEFT_OUT)}
    return shape.server_tool_call(item.get("id"), name, call)


def _mcp_call(item: Item) -> tuple[str, list[Part]]:
    """A tool of an MCP server that the provider called: the call, and what came of it."""
    call = {"type": "mcp", "server_label": item.get("server_label")}
    if item.get("arguments") is not None:
        call["arguments"] = shape.tool_call(None, None, item["arguments"])["arguments"]
    parts = [shape.server_tool_call(item.get("id"), item.get("name"), call)]
    answer = {name: item[name] for name in ("output", "error") if item.get(name) is not None}
    if answer:
        parts.append(shape.server_tool_call_response(item.get("id"), {"type": "mcp", **answer}))
    return "assistant", parts


def _image_generation(item: Item) -> tuple[str, list[Part]]:
    """An image that the model made: the call, and the image by reference."""
    parts = [_server_call(item)]
    if isinstance(item.get("result"), str) and item["result"]:
        media_type = shape.image_type(item.get("output_format"))
        parts.append(shape.binary(item["result"], media_type, "image"))
    return "assistant", parts


def _compaction(item: Item) -> tuple[str, list[Part]]:
    part: Part = {"type": "compaction"}
    if item.get("id") is not None:
        part["id"] = item["id"]
    return "assistant", [part]


_BY_TYPE: dict[str, Callable[[Item], tuple[str, list[Part]]]] = {
    "function_call": _function_call,
    "custom_tool_call": _custom_tool_call,
    "shell_call": _shell_call,
    "tool_search_call": _tool_search_call,
    "tool_search_output": _tool_search_output,
    "apply_patch_call_output": _apply_patch_output,
    _ADDITIONAL_TOOLS: _additional_tools,
    "reasoning": _reasoning,
    "mcp_call": _mcp_call,
    "image_generation_call": _image_generation,
    "compaction": _compaction,
    "compaction_summary": _compaction,
    **ORCHESTRATION,
}
