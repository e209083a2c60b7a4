"""A conversation as Openlayer shows it: ``prompt`` messages and the output of a step.

The shapes are those that Openlayer's SDK sends for chat calls: messages with ``role`` and
``content``, content with media as *content items*. Tool calls, their ids and system
instructions, which that SDK loses, are kept in OpenAI's shape, which Openlayer shows.
"""

from __future__ import annotations

from typing import Any

from openlayer_otel.export.references import References
from openlayer_otel.genai.encoding import to_json
from openlayer_otel.genai.messages import Message, Part

_WORDS = frozenset({"text", "refusal"})


def prompt_of(
    messages: list[Message], instructions: list[Part], references: References
) -> list[dict[str, Any]]:
    """The ``prompt`` input of a model call.

    Args:
        messages: The conversation, in the conventions' shape.
        instructions: System instructions given apart; they become a system message in front.
        references: Where media become attachments.
    """
    prompt: list[dict[str, Any]] = []
    if instructions:
        prompt.extend(_prompt_messages({"role": "system", "parts": instructions}, references))
    for message in messages:
        prompt.extend(_prompt_messages(message, references))
    return prompt


def _prompt_messages(message: Message, references: References) -> list[dict[str, Any]]:
    """One message as one or more: each tool's answer stands in a message of its own."""
    parts = message.get("parts") or []
    if _is_words(parts):  # as most are, which need no sorting
        content = _as_text(parts[0].get("content"))
        return [_named(message, {"role": message.get("role"), "content": content})]
    made: list[dict[str, Any]] = []
    rest: list[Part] = []
    for part in parts:
        if part.get("type") == "tool_call_response":
            answer: dict[str, Any] = {"role": "tool"}
            if part.get("id") is not None:
                answer["tool_call_id"] = part["id"]
            answer["content"] = _answer(part.get("response"), references)
            if part.get("is_error") is True:
                answer["is_error"] = True
            made.append(_named(message, answer))
        else:
            rest.append(part)
    if rest or not made:
        made.append(_prompt_message(message, rest, references))
    return made


def _prompt_message(message: Message, parts: list[Part], references: References) -> dict[str, Any]:
    calls = [part for part in parts if part.get("type") == "tool_call"]
    thoughts = [part for part in parts if part.get("type") == "reasoning"]
    others = [part for part in parts if part.get("type") not in ("tool_call", "reasoning")]
    made: dict[str, Any] = {"role": message.get("role"), "content": _content(others, references)}
    if not others and calls:
        made["content"] = None
    _named(message, made)
    if thoughts:
        made["reasoning_content"] = _words(thoughts)
    if calls:
        made["tool_calls"] = [_api_call(part) for part in calls]
    return made


def _named(message: Message, made: dict[str, Any]) -> dict[str, Any]:
    """``made``, with the name of the message's author if it has one."""
    if message.get("name"):
        made["name"] = message["name"]
    return made


def _is_words(parts: list[Part]) -> bool:
    return len(parts) == 1 and parts[0].get("type") in _WORDS


def _content(parts: list[Part], references: References) -> str | list[dict[str, Any]]:
    if not parts:
        return ""
    if _is_words(parts):
        return _words(parts)
    return [item for part in parts for item in _items(part, references)]


def _answer(response: Any, references: References) -> str | list[dict[str, Any]]:
    """What a tool answered: text, or JSON as text; with media in it, content items."""
    blocks = response if isinstance(response, list) else [response]
    # A tool may say "type" and "uri" by itself.
    if any(_is_media(each) and "modality" in each for each in blocks):
        return [item for each in blocks for item in _items(each, references)]
    return _as_text(response)


def _items(part: Any, references: References) -> list[dict[str, Any]]:
    """One part, or whatever a tool answered, as content items.

    Sound whose words are known is two: the words and the sound.
    """
    if _is_media(part):
        words = part.get("transcript")
        said = [{"type": "text", "text": words}] if isinstance(words, str) and words else []
        return [*said, references.item(part)]
    is_words = isinstance(part, dict) and part.get("type") in _WORDS
    return [{"type": "text", "text": _words([part]) if is_words else _as_text(part)}]


def _is_media(part: Any) -> bool:
    """Whether a part has media that can be referred to."""
    if not isinstance(part, dict):
        return False
    kind = part.get("type")
    return kind == "uri" or (kind == "file" and part.get("file_id") is not None)


def _words(parts: list[Part]) -> str:
    return "".join(_as_text(part.get("content")) for part in parts)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else to_json(value)


def _api_call(part: Part) -> dict[str, Any]:
    call: dict[str, Any] = {
        "type": "function",
        "function": {"name": part.get("name"), "arguments": _as_text(part.get("arguments"))},
    }
    return call if part.get("id") is None else {"id": part["id"], **call}


def output_of(messages: list[Message], references: References) -> Any:
    """The output of a model call: of its only choice, or a list with one for each choice.

    Messages with tools' answers among them are no choices, but what an agent's run has added to
    the conversation (Microsoft's Agent Framework): its last word is the output.
    """
    if not messages:
        return None
    if len(messages) > 1 and any(map(_is_tools, messages)):
        said = [message for message in messages if not _is_tools(message)]
        messages = (said or messages)[-1:]
    outputs = [_output(message.get("parts") or [], references) for message in messages]
    return outputs[0] if len(outputs) == 1 else outputs


def _is_tools(message: Message) -> bool:
    """Whether a message is nothing but tools' answers."""
    parts = message.get("parts") or []
    return bool(parts) and all(part.get("type") == "tool_call_response" for part in parts)


def _output(parts: list[Part], references: References) -> Any:
    """Text as text; one tool call as ``{"name", "arguments"}``, several as a list of them;
    both as ``{"content", "tool_calls"}``; media as content items."""
    if _is_words(parts):
        return _as_text(parts[0].get("content"))
    said = [part for part in parts if part.get("type") in _WORDS or _is_media(part)]
    content = _content(said, references) if any(map(_is_media, said)) else _words(said)
    calls = [_output_call(part) for part in parts if part.get("type") == "tool_call"]
    if calls:
        if said:
            return {"content": content, "tool_calls": calls}
        return calls[0] if len(calls) == 1 else calls
    if said:
        return content
    rest = [part for part in parts if part.get("type") != "reasoning"]
    return [item for part in rest for item in _items(part, references)] if rest else None


def _output_call(part: Part) -> dict[str, Any]:
    return {"name": part.get("name"), "arguments": part.get("arguments")}
