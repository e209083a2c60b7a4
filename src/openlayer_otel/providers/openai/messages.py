"""OpenAI's chat messages in the conventions' shape, field by field.

Source: OpenAI API reference, "Create chat completion", request ``messages`` and response
``choices[].message``. Compatible servers add fields (``reasoning``, ``reasoning_content``).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.base64_text import decoded_base64
from openlayer_otel.genai.messages import Message, Part
from openlayer_otel.providers.openai.sounds import UNKNOWN_SOUND, media_type_of_sound

_MODALITIES = frozenset({"image", "audio", "video"})
_AUDIO_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "pcm16": "audio/pcm", "opus": "audio/opus"}
_BESIDE_TEXT = frozenset(
    {
        "tool_calls",
        "reasoning_content",
        "reasoning",
        "reasoning_details",
        "audio",
        "images",
        "function_call",
    }
)


def _add_message(message: dict[str, Any], messages: list[Message]) -> None:
    role = message.get("role")
    content = message.get("content")
    if role in ("tool", "function"):
        call_id = message.get("tool_call_id")
        parts = [shape.tool_call_response(call_id, _tool_content(content))]
    else:
        parts = message_parts(message)
    messages.append(shape.message(role, parts, message.get("name")))


chat_messages = partial(shape.conversation, add=_add_message)
"""The request's conversation."""


def message_parts(message: dict[str, Any]) -> list[Part]:
    """The parts of a message or of a choice: reasoning, content, refusal, audio, tool calls."""
    content = message.get("content")
    # An answer of OpenAI's always has a refusal, which is null; of the others none.
    if type(content) is str and not message.get("refusal") and _BESIDE_TEXT.isdisjoint(message):
        # Nothing but a text, as most answers.
        return [{"type": "text", "content": content}] if content else []
    parts: list[Part] = []
    thought = _reasoning(message)
    if thought:
        parts.append(shape.reasoning(thought))
    parts.extend(content_parts(content))
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        parts.append(shape.generic("refusal", {"content": refusal}))
    audio = message.get("audio")
    if isinstance(audio, dict):
        parts.append(_audio(audio))
    images = message.get("images")  # OpenRouter
    if isinstance(images, list):
        parts.extend(content_parts(images))
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        parts.extend(_tool_call(each) for each in calls if isinstance(each, dict))
    function = message.get("function_call")
    if isinstance(function, dict):
        parts.append(shape.tool_call(None, function.get("name"), function.get("arguments")))
    return parts


def _reasoning(message: dict[str, Any]) -> str:
    """Reasoning as compatible servers give it: DeepSeek, Groq and vLLM, OpenRouter."""
    for name in ("reasoning_content", "reasoning"):
        thought = message.get(name)
        if isinstance(thought, str) and thought:
            return thought
    return reasoning_details_text(message.get("reasoning_details"))


def reasoning_details_text(details: Any) -> str:
    """What OpenRouter's ``reasoning_details`` say in words; encrypted ones say nothing."""
    if not isinstance(details, list):
        return ""
    texts = [each.get("text") or each.get("summary") for each in details if isinstance(each, dict)]
    return "".join(each for each in texts if isinstance(each, str))


def content_parts(content: Any) -> list[Part]:
    """``content``: a text, a list of content parts, or nothing."""
    if isinstance(content, str):
        return [shape.text(content)] if content else []
    if not isinstance(content, list):
        return []
    return [content_part(each) if isinstance(each, dict) else shape.text(each) for each in content]


def content_part(part: dict[str, Any]) -> Part:
    """One content part: text, image, audio, file, refusal; unknown ones as they came."""
    kind = part.get("type")
    if kind == "text":
        return shape.text(part.get("text"))
    if kind == "image_url":
        return _by_address(part.get("image_url"), "image")
    if kind == "input_audio" and part.get("input_audio"):
        return _input_audio(part["input_audio"])
    if kind == "file" and isinstance(part.get("file"), dict):
        return _file(part["file"])
    if kind == "thinking":
        return shape.reasoning(thinking_text(part.get("thinking")))
    if kind == "refusal":
        return shape.generic("refusal", {"content": part.get("refusal")})
    if isinstance(kind, str) and kind.endswith("_url") and part.get(kind):
        # video_url, audio_url, document_url of compatible servers.
        modality = kind.removesuffix("_url")
        return _by_address(part[kind], modality if modality in _MODALITIES else "document")
    made = shape.generic(kind, part)
    source = made.get("source")
    # Anthropic's way to give an image, which some servers take, too.
    if kind in ("image", "document") and isinstance(source, dict) and source.get("type") == "uri":
        return source
    return made


def _by_address(held: Any, modality: str) -> Part:
    """What is held by an address, given as it is or as ``{"url": ...}``."""
    return shape.uri(held.get("url") if isinstance(held, dict) else held, modality)


def _input_audio(audio: Any) -> Part:
    if isinstance(audio, dict):
        media_type = _AUDIO_TYPES.get(str(audio.get("format")), "audio/wav")
        return shape.binary(audio.get("data"), media_type, "audio")
    if isinstance(audio, str) and not audio.startswith(("http:", "https:")):  # Mistral
        return _sound(audio)
    return shape.uri(audio, "audio")


def _sound(encoded: str) -> Part:
    data = decoded_base64(encoded)
    if data is None:
        return shape.binary(encoded, UNKNOWN_SOUND, "audio")
    return shape.binary_data(data, media_type_of_sound(data), "audio")


def thinking_text(thinking: Any) -> str:
    """What a Mistral ``thinking`` part says: a text, or a list of text parts."""
    if isinstance(thinking, list):
        texts = [each.get("text") for each in thinking if isinstance(each, dict)]
        return "".join(each for each in texts if isinstance(each, str))
    return thinking if isinstance(thinking, str) else ""


def _file(file: dict[str, Any]) -> Part:
    data = file.get("file_data")
    if data is not None:
        media_type = shape.media_type_of(file.get("filename"))
        made = shape.binary(data, media_type, "document")
    else:
        made = shape.file(file.get("file_id"), "document")
    if isinstance(file.get("filename"), str):
        made["filename"] = file["filename"]
    return made


def _audio(audio: dict[str, Any]) -> Part:
    made = (
        _sound(audio["data"])
        if isinstance(audio.get("data"), str)
        else shape.file(audio.get("id"), "audio")
    )
    if isinstance(audio.get("transcript"), str):
        made["transcript"] = audio["transcript"]
    return made


def _tool_call(call: dict[str, Any]) -> Part:
    function = call.get("function")
    if isinstance(function, dict):
        return shape.tool_call(call.get("id"), function.get("name"), function.get("arguments"))
    custom = call.get("custom")
    if isinstance(custom, dict):
        # A custom tool takes free text: it is no JSON, even where it looks like some.
        part = shape.tool_call(call.get("id"), custom.get("name"), None)
        part["arguments"] = custom.get("input")
        return part
    return shape.generic(call.get("type") or "tool_call", call)


def _tool_content(content: Any) -> Any:
    if isinstance(content, list):
        parts = content_parts(content)
        if all(part["type"] == "text" for part in parts):
            return "".join(str(part["content"]) for part in parts)
        return parts
    return content


def tool_definitions(tools: Any) -> list[dict[str, Any]] | None:
    """The request's ``tools`` (Chat Completions or Responses) or legacy ``functions``."""
    if not isinstance(tools, list) or not tools:
        return None
    return [_definition(each) for each in tools if isinstance(each, dict)]


def _definition(tool: dict[str, Any]) -> dict[str, Any]:
    kind = tool.get("type") or "function"
    inner = tool.get(kind) if isinstance(kind, str) else None
    described = inner if isinstance(inner, dict) else tool
    made = {"type": kind, "name": described.get("name") or described.get("server_label") or kind}
    for key in ("description", "parameters", "format"):
        if described.get(key) is not None:
            made[key] = described[key]
    inner_tools = tool_definitions(described.get("tools"))  # of a namespace
    return made if inner_tools is None else {**made, "tools": inner_tools}
