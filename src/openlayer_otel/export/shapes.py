"""Messages in any package's shape -> messages in the conventions' shape.

Instrumentations write down what they were given: OpenAI's messages, Anthropic's blocks,
Bedrock's and Gemini's parts, LangChain's and the Vercel AI SDK's messages. Each *block* is
recognised by its ``type`` or, where it has none, by the key it consists of. What is not
recognised is kept as it came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openlayer_otel.export.reading import decoded
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.encoding import from_json
from openlayer_otel.genai.messages import Message, Part

_ROLES = {"human": "user", "ai": "assistant", "model": "assistant", "function": "tool"}
# Compared one by one: a role that cannot be hashed is compared like any other.
_SPEAKERS = ("user", "assistant", "system", "tool", "developer")
# Parts of the conventions: complete as they are.
_CONVENTION = {
    "text": "content",
    "reasoning": "content",
    "refusal": "content",
    "tool_call_response": "response",
    "server_tool_call": "server_tool_call",
    "server_tool_call_response": "server_tool_call_response",
    "uri": "uri",
}


def messages_of(value: Any, role: str = "user") -> list[Message]:
    """Messages from an attribute: JSON text or values; one message or several.

    Args:
        value: What the attribute holds.
        role: The role of content that stands alone (a text, a block).
    """
    found = from_json(value)
    if type(found) is list and all(map(_is_spoken, found)):
        return found  # neither deep nor odd, so there is nothing to do
    found = decoded(value)
    if found is None or found == "" or found == []:
        return []
    if isinstance(found, list):
        for each in found:
            if _is_message(each):
                return [message_of(message, role) for message in found]
    elif _is_message(found):
        return [message_of(found, role)]
    return [shape.message(role, parts_of(found))]


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and (
        "role" in value or "parts" in value or value.get("type") in ("human", "ai", "system")
    )


def _is_spoken(message: Any) -> bool:
    """Whether a message is in the conventions' shape already, and has nothing but texts.

    Nearly all are and have; they need not be made again.
    """
    if type(message) is not dict or message.get("role") not in _SPEAKERS:
        return False
    reason = message.get("finish_reason")
    if len(message) != (3 if reason and type(reason) is str else 2):
        return False
    parts = message.get("parts")
    if type(parts) is not list:
        return False
    for part in parts:
        if type(part) is not dict or len(part) != 2 or part.get("type") != "text":
            return False
        if type(part.get("content")) is not str:
            return False
    return True


def message_of(message: Any, role: str = "user") -> Message:
    """One message in the conventions' shape; ``role`` is for those that name none."""
    if not isinstance(message, dict):
        return shape.message(role, parts_of(message))
    said = message.get("role") or message.get("type")
    said = _ROLES.get(str(said), said) if said else role
    parts = message.get("parts")
    parts = parts_of(parts) if isinstance(parts, list) else _api_parts(message, said)
    made = shape.message(said, parts, message.get("name"))
    reason = message.get("finish_reason")
    if isinstance(reason, str) and reason:
        made["finish_reason"] = reason
    return made


def _api_parts(message: dict[str, Any], role: Any) -> list[Part]:
    content = message.get("content")
    if role == "tool" and ("tool_call_id" in message or "id" in message):
        call_id = message.get("tool_call_id") or message.get("id")
        blocks = parts_of(content)
        if any(each.get("type") == "tool_call_response" for each in blocks):
            return blocks
        return [shape.tool_call_response(call_id, _joined(blocks, content))]
    parts: list[Part] = []
    thought = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(thought, str) and thought:
        parts.append(shape.reasoning(thought))
    parts.extend(parts_of(content))
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        parts.append(shape.generic("refusal", {"content": message["refusal"]}))
    calls = message.get("tool_calls") or message.get("toolCalls")
    for each in decoded(calls) if isinstance(decoded(calls), list) else []:
        parts.append(_call(each))
    if isinstance(message.get("function_call"), dict):
        parts.append(_call(message["function_call"]))
    return parts


def _joined(blocks: list[Part], content: Any) -> Any:
    if blocks and all(each.get("type") == "text" for each in blocks):
        return "".join(str(each.get("content")) for each in blocks)
    return content


def parts_of(content: Any) -> list[Part]:
    """Parts from content: a text, a block, a list of both, or nothing."""
    if content is None or content == "":
        return []
    if isinstance(content, list):
        parts = []
        for each in content:
            if isinstance(each, dict):
                parts.append(part_of(each))
            else:
                parts.extend(parts_of(each))
        return parts
    if isinstance(content, dict):
        return [part_of(content)]
    return [shape.text(content if isinstance(content, str) else str(content))]


def part_of(block: dict[str, Any]) -> Part:
    """One part in the conventions' shape."""
    kind = block.get("type")
    if isinstance(kind, str):
        needed = _CONVENTION.get(kind)
        if needed is not None and needed in block:
            if kind == "tool_call_response" and isinstance(block["response"], list):
                return _response(block)
            return block
        read = _BY_TYPE.get(kind)
        if read is not None:
            return read(block)
        if kind.startswith("tool-"):
            return _call(block)
        return shape.generic(kind, block)
    for key, read_key in _BY_KEY.items():
        if key in block and block[key] is not None:
            return read_key(block)
    return shape.generic("unknown", block)


def _first(block: dict[str, Any], *names: str) -> Any:
    for name in names:
        if block.get(name) is not None:
            return block[name]
    return None


def _text(block: dict[str, Any]) -> Part:
    if block.get("thought") is True:  # Gemini
        return shape.reasoning(block.get("text"))
    return shape.text(_first(block, "content", "text"))


def _reasoning(block: dict[str, Any]) -> Part:
    content = _first(block, "content", "thinking", "reasoning", "text", "summary", "data")
    inner = block.get("reasoningContent")
    if isinstance(inner, dict):
        inner = inner.get("reasoningText", inner)
        content = inner.get("text") if isinstance(inner, dict) else inner
    return shape.reasoning(content)


def _call(block: Any) -> Part:
    """A tool call, whatever its names are."""
    if not isinstance(block, dict):
        return shape.generic("tool_call", {"content": block})
    for wrapper in ("function", "toolUse", "function_call", "functionCall", "tool_call"):
        inner = block.get(wrapper)
        if isinstance(inner, dict):
            return _call({"id": block.get("id"), **inner})
    return shape.tool_call(
        _first(block, "id", "toolCallId", "tool_call_id", "toolUseId", "call_id"),
        _first(block, "name", "toolName", "tool_name", "function.name"),
        _first(block, "arguments", "args", "input", "function.arguments", "parameters"),
    )


def _response(block: dict[str, Any]) -> Part:
    """A tool's answer, whatever its names are."""
    for wrapper in ("toolResult", "function_response", "functionResponse"):
        inner = block.get(wrapper)
        if isinstance(inner, dict):
            return _response({"id": block.get("id"), **inner})
    answer = _first(block, "response", "result", "output", "content")
    if isinstance(answer, dict) and set(answer) == {"type", "value"}:
        answer = answer["value"]  # Vercel AI SDK 5: {"type": "json", "value": ...}
    if isinstance(answer, list):
        answer = _joined(parts_of(answer), answer)
    return shape.tool_call_response(
        _first(block, "id", "tool_use_id", "toolCallId", "tool_call_id", "toolUseId", "call_id"),
        answer,
    )


def _media(modality: str) -> Callable[[dict[str, Any]], Part]:
    """A reader of images, audio, documents: an address, base64 data, or a provider's file."""

    def read(block: dict[str, Any]) -> Part:
        held: Any = block
        for wrapper in (
            "source", "image_url", "input_audio", "file", "inline_data", "inlineData",
            "file_data", "fileData", "image", "audio", "document", "video",
        ):  # fmt: skip
            inner = held.get(wrapper)
            if isinstance(inner, dict):
                held = {**inner, "media_type": _media_type(inner) or _media_type(held)}
            elif isinstance(inner, str) and held is block:
                held = {**block, "data": inner}
        return _media_part(held, modality, _media_type(held))

    return read


def _media_type(block: dict[str, Any]) -> str | None:
    found = _first(block, "mime_type", "media_type", "mediaType", "mimeType")
    if found is None and isinstance(block.get("format"), str):
        form = block["format"]
        return f"image/{form}" if form in ("png", "jpeg", "gif", "webp") else f"audio/{form}"
    return found if isinstance(found, str) else None


def _media_part(held: dict[str, Any], modality: str, media_type: str | None) -> Part:
    if isinstance(held.get("modality"), str):
        modality = held["modality"]
    elif media_type:
        modality = shape.modality_of(media_type)
    address = _first(held, "uri", "url", "file_uri", "fileUri", "image_url")
    file_id = _first(held, "file_id", "fileId")
    data = _first(held, "data", "content", "base64", "bytes", "file_data")
    if isinstance(address, str) and address:
        made = shape.uri(address, modality, media_type)
    elif isinstance(data, str) and data.startswith(("http://", "https://")):
        made = shape.uri(data, modality, media_type)
    elif isinstance(data, str):
        made = shape.binary(data, media_type or "application/octet-stream", modality)
    elif file_id is not None:
        made = shape.file(file_id, modality, media_type)
    else:
        made = shape.generic(modality, {"modality": modality, "mime_type": media_type})
    name = _first(held, "filename", "name", "display_name")
    if isinstance(name, str):
        made["filename"] = name
    return made


_BY_TYPE: dict[str, Callable[[dict[str, Any]], Part]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "summary_text"), _text),
    **dict.fromkeys(("reasoning", "thinking", "redacted_thinking"), _reasoning),
    **dict.fromkeys(
        ("tool_call", "tool_use", "tool-call", "function_call", "function", "toolUse"), _call
    ),
    **dict.fromkeys(
        ("tool_call_response", "tool_result", "tool-result", "function_call_output"), _response
    ),
    **dict.fromkeys(("image_url", "input_image", "image", "image-url"), _media("image")),
    **dict.fromkeys(("input_audio", "audio", "audio-url"), _media("audio")),
    **dict.fromkeys(("video", "video_url", "video-url"), _media("video")),
    **dict.fromkeys(
        ("file", "input_file", "document", "document-url", "blob", "binary", "uri"),
        _media("document"),
    ),
}
_BY_KEY: dict[str, Callable[[dict[str, Any]], Part]] = {
    "text": _text,
    "toolUse": _call,
    "function_call": _call,
    "functionCall": _call,
    "toolResult": _response,
    "function_response": _response,
    "functionResponse": _response,
    "reasoningContent": _reasoning,
    "image": _media("image"),
    "audio": _media("audio"),
    "video": _media("video"),
    "document": _media("document"),
    "inline_data": _media("document"),
    "inlineData": _media("document"),
    "file_data": _media("document"),
    "fileData": _media("document"),
    "content": _text,
}
