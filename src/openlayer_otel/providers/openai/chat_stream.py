"""Chat completion chunks gathered into the completion that a plain call would have returned.

Compatible servers send ``null`` where OpenAI sends an index, repeat ids or leave them out,
and put the usage into a chunk without choices: nothing here relies on a field being there.
"""

from __future__ import annotations

from typing import Any

from openlayer_otel.genai.encoding import json_of
from openlayer_otel.genai.text_buffer import TextBuffer

# Fields of a delta that come in pieces of one text; other texts are given whole.
_TEXTS = frozenset({"content", "refusal", "reasoning", "reasoning_content"})


class ChatStreamReader:
    """Reads :class:`ChatCompletionChunk` objects or their JSON.

    Args:
        content: Whether texts and tool calls are gathered, too.
    """

    __slots__ = ("_choices", "_content", "_first_text", "_head")

    def __init__(self, content: bool) -> None:
        self._content = content
        self._head: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._first_text = TextBuffer()

    def read(self, event: Any) -> None:
        """Take in one chunk."""
        # Nearly every chunk holds one piece of the first choice's text and nothing else; as
        # an object it is read in a tenth of the time that its JSON takes.
        choices = getattr(event, "choices", None)
        if choices and len(choices) == 1:
            choice = choices[0]
            delta = choice.delta
            if (
                choice.index == 0
                and choice.finish_reason is None
                and delta is not None
                and delta.__pydantic_fields_set__ == _ONLY_CONTENT
                and not delta.__pydantic_extra__
                and event.usage is None
                and type(delta.content) is str
                and 0 in self._choices
            ):
                if self._content:
                    self._first_text.append(delta.content)
                return
        self._read_json(json_of(event))

    def _read_json(self, chunk: Any) -> None:
        if not isinstance(chunk, dict):
            return
        for name, value in chunk.items():
            if name not in ("choices", "object") and value is not None:
                self._head[name] = value
        groq = chunk.get("x_groq")
        if isinstance(groq, dict) and groq.get("usage") and not chunk.get("usage"):
            self._head["usage"] = groq["usage"]
        for position, choice in enumerate(chunk.get("choices") or ()):
            if isinstance(choice, dict):
                self._read_choice(position, choice)

    def _read_choice(self, position: int, choice: dict[str, Any]) -> None:
        index = choice.get("index")
        index = index if type(index) is int else position
        known = self._choices.get(index)
        if known is None:
            buffer = self._first_text if index == 0 else TextBuffer()
            known = self._choices[index] = _Choice(buffer)
        if choice.get("finish_reason") is not None:
            known.finish_reason = choice["finish_reason"]
        delta = choice.get("delta")
        if self._content and isinstance(delta, dict):
            known.add(delta)

    def response(self) -> dict[str, Any]:
        """The chat completion as far as it was received."""
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [
                {
                    "index": index,
                    "finish_reason": choice.finish_reason,
                    "message": choice.message(),
                }
                for index, choice in sorted(self._choices.items())
            ],
        }


_ONLY_CONTENT = {"content"}


class _Choice:
    """One choice while its deltas arrive."""

    __slots__ = ("_calls", "_fields", "_texts", "finish_reason")

    def __init__(self, content: TextBuffer) -> None:
        self.finish_reason: Any = None
        self._texts: dict[str, TextBuffer] = {"content": content}
        self._calls: list[_ToolCall] = []
        self._fields: dict[str, Any] = {}

    def add(self, delta: dict[str, Any]) -> None:
        """Take in a delta."""
        for name, value in delta.items():
            if value is None:
                continue
            if name in _TEXTS and isinstance(value, str):
                self._texts.setdefault(name, TextBuffer()).append(value)
            elif name == "tool_calls" and isinstance(value, list):
                for call in value:
                    if isinstance(call, dict):
                        self._add_call(call)
            elif name == "function_call" and isinstance(value, dict):
                self._add_function(value)
            elif name == "audio" and isinstance(value, dict):
                _join(self._fields.setdefault("audio", {}), value)
            elif isinstance(value, list) and isinstance(self._fields.get(name), list):
                self._fields[name].extend(value)
            else:
                self._fields[name] = value

    def _add_call(self, piece: dict[str, Any]) -> None:
        """Add a piece of a tool call to the call it continues.

        By index, as OpenAI numbers them; without one, by id; without either it continues the
        last. A new id under an old index is another call (servers that number all calls 0).
        """
        index, call_id = piece.get("index"), piece.get("id") or None
        found = None
        for call in reversed(self._calls):
            if index is not None and call.index is not None:
                if call.index == index and (
                    call_id is None or call.id is None or call.id == call_id
                ):
                    found = call
                    break
            elif call_id is None or call.id == call_id:
                found = call
                break
        if found is None:
            found = _ToolCall(index, call_id)
            self._calls.append(found)
        found.add(piece)

    def _add_function(self, piece: dict[str, Any]) -> None:
        _join(self._fields.setdefault("function_call", {}), piece)

    def message(self) -> dict[str, Any]:
        """The message as far as it was received."""
        made: dict[str, Any] = {"role": "assistant", **self._fields}
        for name, buffer in self._texts.items():
            if buffer:
                made[name] = buffer.text()
        if self._calls:
            made["tool_calls"] = [call.whole() for call in self._calls]
        return made


class _ToolCall:
    """One tool call while its pieces arrive."""

    __slots__ = ("_arguments", "_fields", "_inner", "_kind", "id", "index")

    def __init__(self, index: Any, call_id: Any) -> None:
        self.index = index
        self.id = call_id
        self._kind = "function"
        self._arguments = TextBuffer()
        self._inner: dict[str, Any] = {}
        self._fields: dict[str, Any] = {}

    def add(self, piece: dict[str, Any]) -> None:
        """Take in a piece."""
        if self.id is None and piece.get("id"):
            self.id = piece["id"]
        if isinstance(piece.get("type"), str):
            self._fields["type"] = piece["type"]
        for kind, text in (("function", "arguments"), ("custom", "input")):
            inner = piece.get(kind)
            if not isinstance(inner, dict):
                continue
            self._kind = kind
            if inner.get("name"):
                self._inner["name"] = inner["name"]
            part = inner.get(text)
            if isinstance(part, str):
                self._arguments.append(part)
            elif part is not None:
                self._inner[text] = part

    def whole(self) -> dict[str, Any]:
        """The tool call as far as it was received."""
        text = "arguments" if self._kind == "function" else "input"
        inner = {text: self._arguments.text(), **self._inner}
        return {**self._fields, "id": self.id, self._kind: inner}


def _join(whole: dict[str, Any], piece: dict[str, Any]) -> None:
    """Append the texts of ``piece`` to those of ``whole``; ids and other values are replaced."""
    for name, value in piece.items():
        if value is None:
            continue
        if name in ("arguments", "data", "transcript") and isinstance(value, str):
            whole[name] = whole.get(name, "") + value
        else:
            whole[name] = value
