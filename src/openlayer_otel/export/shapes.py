"""Messages in any package's shape -> messages in the conventions' shape.

Instrumentations write down what they were given: OpenAI's messages, Anthropic's blocks,
Bedrock's and Gemini's parts, LangChain's and the Vercel AI SDK's messages. Each *block* is
recognised by its ``type`` or, where it has none, by the key it consists of (those with media:
:mod:`openlayer_otel.export.media`). What is not recognised is kept as it came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openlayer_otel.export.media import MEDIA_TYPES, holds_media, media
from openlayer_otel.export.reading import decoded, first_of
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
        if blocks and all(each.get("type") == "text" for each in blocks):
            content = "".join(str(each.get("content")) for each in blocks)
        return [_marked(shape.tool_call_response(call_id, _answer(content)), message)]
    parts: list[Part] = []
    thought = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(thought, str) and thought:
        parts.append(shape.reasoning(thought))
    parts.extend(parts_of(content))
    if isinstance(message.get("audio"), dict):
        parts.append(part_of({"type": "audio", "audio": message["audio"]}))
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        parts.append(shape.generic("refusal", {"content": message["refusal"]}))
    calls = message.get("tool_calls") or message.get("toolCalls")
    for each in decoded(calls) if isinstance(decoded(calls), list) else []:
        parts.append(_call(each))
    if isinstance(message.get("function_call"), dict):
        parts.append(_call(message["function_call"]))
    return parts


def _answer(content: Any) -> Any:
    """What a tool answered: the words of text blocks, media as parts, anything else as it came."""
    if holds_media(content):
        return part_of(content)
    if not isinstance(content, list) or not content:
        return content
    if all(map(_is_words, content)):
        return "".join(str(part_of(each).get("content")) for each in content)
    if any(map(holds_media, content)):
        return [part_of(each) if _is_words(each) or holds_media(each) else each for each in content]
    return content


def _is_words(block: Any) -> bool:
    return isinstance(block, dict) and (block.get("type") in _WORDS or block.keys() == {"text"})


def _marked(part: Part, told: dict[str, Any]) -> Part:
    """``part``, marked if the block or message that it is made of calls it an error."""
    output = told.get("output")  # Vercel AI SDK 5: {"type": "error-text", "value": ...}
    if (
        told.get("is_error") is True
        or told.get("isError") is True
        or told.get("status") == "error"  # Bedrock, LangChain
        or (isinstance(output, dict) and str(output.get("type")).startswith("error-"))
    ):
        part["is_error"] = True
    return part


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
            if kind == "tool_call_response":
                answer = block["response"]
                has_parts = isinstance(answer, list) or holds_media(answer)
                return _response(block) if has_parts else block
            if kind != "uri" or not str(block["uri"]).startswith("data:"):
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


def _text(block: dict[str, Any]) -> Part:
    if block.get("thought") is True:  # Gemini
        return shape.reasoning(block.get("text"))
    return shape.text(first_of(block, "content", "text"))


def _reasoning(block: dict[str, Any]) -> Part:
    content = first_of(block, "content", "thinking", "reasoning", "text", "summary", "data")
    inner = block.get("reasoningContent")
    if isinstance(inner, dict):
        inner = inner.get("reasoningText", inner)
        content = inner.get("text") if isinstance(inner, dict) else inner
    return shape.reasoning(content)


def _call(block: Any) -> Part:
    """A tool call, whatever its names are."""
    if not isinstance(block, dict):
        return shape.generic("tool_call", {"content": block})
    for wrapper in ("function", "custom", "toolUse", "function_call", "functionCall", "tool_call"):
        inner = block.get(wrapper)
        if isinstance(inner, dict):
            return _call({"id": block.get("id"), **inner})
    made = shape.tool_call(
        first_of(block, *_CALL_IDS),
        first_of(block, "name", "toolName", "tool_name", "function.name"),
        None,
    )
    given = first_of(block, "arguments", "args", "input", "function.arguments", "parameters")
    if given is not None:
        # A custom tool takes free text, which may look like a number: it stays a text.
        found = from_json(given)
        made["arguments"] = found if isinstance(found, (dict, list)) else given
    return made


def _response(block: dict[str, Any]) -> Part:
    """A tool's answer, whatever its names are."""
    for wrapper in ("toolResult", "function_response", "functionResponse"):
        inner = block.get(wrapper)
        if isinstance(inner, dict):
            return _response({"id": block.get("id"), **inner})
    answer = first_of(block, "response", "result", "output", "content")
    if isinstance(answer, dict) and set(answer) == {"type", "value"}:
        answer = answer["value"]  # Vercel AI SDK 5: {"type": "json", "value": ...}
    made = shape.tool_call_response(first_of(block, *_CALL_IDS), _answer(answer))
    return _marked(made, block)


# An item of OpenAI's Responses has an id of its own beside that of the call.
_CALL_IDS = ("call_id", "id", "tool_use_id", "toolCallId", "tool_call_id", "toolUseId")
_WORDS = ("text", "input_text", "output_text", "summary_text")
_BY_TYPE: dict[str, Callable[[dict[str, Any]], Part]] = {
    **dict.fromkeys(_WORDS, _text),
    **dict.fromkeys(("reasoning", "thinking", "redacted_thinking"), _reasoning),
    **dict.fromkeys(
        ("tool_call", "tool_use", "tool-call", "function_call", "function", "toolUse"), _call
    ),
    "custom_tool_call": _call,
    **dict.fromkeys(
        ("tool_call_response", "tool_result", "tool-result", "function_call_output"), _response
    ),
    "custom_tool_call_output": _response,
    **{kind: media(modality) for kind, modality in MEDIA_TYPES.items()},
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
    "image": media("image"),
    "audio": media("audio"),
    "video": media("video"),
    **dict.fromkeys(
        ("document", "inline_data", "inlineData", "file_data", "fileData"), media("document")
    ),
    "content": _text,
}
