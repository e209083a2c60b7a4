"""Chat completion chunks gathered into the completion that a plain call would have returned.

Compatible servers send ``null`` where OpenAI sends an index, repeat ids or leave them out,
and put the usage into a chunk without choices: nothing here relies on a field being there.
"""

from __future__ import annotations

from typing import Any

from openlayer_otel.genai.base64_text import joined_base64
from openlayer_otel.genai.encoding import from_json
from openlayer_otel.genai.record import StreamReader
from openlayer_otel.genai.text_buffer import TextBuffer
from openlayer_otel.providers.openai.messages import reasoning_details_text, thinking_text

# Fields of a delta that come in pieces of one text; other texts are given whole.
_TEXTS = frozenset({"content", "refusal", "reasoning", "reasoning_content"})
# Fields of a delta that are objects in pieces, and which of their texts are joined.
_OBJECTS = frozenset({"audio", "function_call"})
_JOINED = frozenset({"arguments", "data", "input", "transcript"})

_NOTHING: tuple[Any, ...] = (None, {}, "")


class ChatStreamReader(StreamReader):
    """Reads chat completion chunks.

    Args:
        content: Whether texts and tool calls are gathered, too.
    """

    __slots__ = ("_choices", "_content", "_first_text", "_head", "_settled", "_take")

    def __init__(self, content: bool) -> None:
        self._content = content
        self._head: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._first_text = TextBuffer()
        self._take = self._first_text.take if content else len
        # Whether the first choice is known, and the id, which some servers do not send at first.
        self._settled = False

    def piece(self, event: Any) -> bool:
        """Take in a chunk if all that is new in it is a piece of the first choice's text."""
        try:
            (choice,) = event["choices"]
            delta = choice["delta"]
            if (
                # Most compatible servers repeat the role in every chunk.
                (len(delta) == 1 or (len(delta) == 2 and delta["role"] == "assistant"))
                and choice["finish_reason"] is None
                and not choice["index"]
                and event.get("usage") is None
                and (self._settled or (0 in self._choices and not event.get("id")))
            ):
                self._take(delta["content"].encode())
                return True
        except (AttributeError, KeyError, TypeError, ValueError):
            pass  # not one choice with its usual fields, or no whole text
        return False

    def read(self, event: dict[str, Any]) -> None:
        """Take in the JSON of one chunk."""
        for name, value in event.items():
            # An empty object says nothing, least of all that there was no usage; and Azure's last
            # chunks have an empty id and model.
            if name not in ("choices", "object") and value not in _NOTHING:
                self._head[name] = value
        groq = event.get("x_groq")
        if isinstance(groq, dict) and groq.get("usage") and not event.get("usage"):
            self._head["usage"] = groq["usage"]
        choices = event.get("choices")
        for position, choice in enumerate(choices if isinstance(choices, list) else ()):
            if isinstance(choice, dict):
                self._read_choice(position, choice)
        if event.get("id") and 0 in self._choices:
            self._settled = True

    def _read_choice(self, position: int, choice: dict[str, Any]) -> None:
        index = choice.get("index")
        index = index if type(index) is int else position
        known = self._choices.get(index)
        if known is None:
            buffer = self._first_text if index == 0 else TextBuffer()
            known = self._choices[index] = _Choice(buffer)
        # An empty one says nothing, least of all that there was no other.
        if choice.get("finish_reason"):
            known.finish_reason = choice["finish_reason"]
        if choice.get("error") is not None:
            known.error = choice["error"]
        if isinstance(choice.get("usage"), dict) and not self._head.get("usage"):
            self._head["usage"] = choice["usage"]  # Moonshot
        delta = choice.get("delta")
        if self._content and isinstance(delta, dict):
            known.add(delta)

    def response(self) -> dict[str, Any]:
        """The chat completion as far as it was received."""
        choices = [self._choices[index].whole(index) for index in sorted(self._choices)]
        return {**self._head, "object": "chat.completion", "choices": choices}


class _Choice:
    """One choice while its deltas arrive."""

    __slots__ = ("_calls", "_fields", "_objects", "_texts", "error", "finish_reason")

    def __init__(self, content: TextBuffer) -> None:
        self.finish_reason: Any = None
        self.error: Any = None
        self._texts: dict[str, TextBuffer] = {"content": content}
        self._calls: list[_ToolCall] = []
        self._fields: dict[str, Any] = {}
        self._objects: dict[str, _Pieces] = {}

    def add(self, delta: dict[str, Any]) -> None:
        """Take in a delta."""
        for name, value in delta.items():
            if value is None:
                continue
            if name in _TEXTS and isinstance(value, str):
                self._add_text(name, value)
            elif name == "content" and isinstance(value, list):
                self._add_parts(value)
            elif name == "reasoning_details":
                # Says in pieces of JSON what "reasoning" says in words.
                if not delta.get("reasoning"):
                    self._add_text("reasoning", reasoning_details_text(value))
            elif name == "tool_calls" and isinstance(value, list):
                for call in value:
                    if isinstance(call, dict):
                        self._add_call(call)
            elif name in _OBJECTS and isinstance(value, dict):
                self._objects.setdefault(name, _Pieces()).add(value)
            elif isinstance(value, list) and isinstance(self._fields.get(name), list):
                self._fields[name].extend(value)
            else:
                self._fields[name] = value

    def _add_text(self, name: str, piece: str) -> None:
        buffer = self._texts.get(name)
        if buffer is None:
            buffer = self._texts[name] = TextBuffer()
        buffer.append(piece)

    def _add_parts(self, parts: list[Any]) -> None:
        """Content in parts, as Mistral's reasoning models stream it."""
        for part in parts:
            if not isinstance(part, dict):
                continue
            if isinstance(part.get("text"), str):
                self._add_text("content", part["text"])
            elif part.get("type") == "thinking":
                self._add_text("reasoning", thinking_text(part.get("thinking")))

    def _add_call(self, piece: dict[str, Any]) -> None:
        """Add a piece of a tool call to the call it continues.

        By index, as OpenAI numbers them; without one, by id; without either it continues the
        last. A new id under an old index is another call if it names what is called (servers that
        number all calls 0), else a piece of the last one (those with a new id in each piece). What
        names a function where the arguments are whole already is another call, too (those without
        ids).
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
        if found is None and index is not None and not _names_what_is_called(piece):
            found = next((call for call in reversed(self._calls) if call.index == index), None)
        if found is None or (call_id is None and found.is_followed_by(piece)):
            found = _ToolCall(index, call_id)
            self._calls.append(found)
        found.add(piece)

    def whole(self, index: int) -> dict[str, Any]:
        """The choice as far as it was received."""
        made = {"index": index, "finish_reason": self.finish_reason, "message": self._message()}
        return made if self.error is None else {**made, "error": self.error}

    def _message(self) -> dict[str, Any]:
        made: dict[str, Any] = {"role": "assistant", **self._fields}
        for name, buffer in self._texts.items():
            if buffer:
                made[name] = buffer.text()
        for name, pieces in self._objects.items():
            made[name] = pieces.whole()
        if self._calls:
            calls = self._calls
            if all(type(call.index) is int for call in calls):
                calls = sorted(calls, key=lambda call: int(call.index))  # as the answer has them
            made["tool_calls"] = [call.whole() for call in calls]
        return made


def _names_what_is_called(piece: dict[str, Any]) -> bool:
    inner = piece.get("function") or piece.get("custom")
    return isinstance(inner, dict) and bool(inner.get("name"))


class _ToolCall:
    """One tool call while its pieces arrive."""

    __slots__ = ("_kind", "_pieces", "_type", "id", "index")

    def __init__(self, index: Any, call_id: Any) -> None:
        self.index = index
        self.id = call_id
        self._type: str | None = None
        self._kind = "function"
        self._pieces = _Pieces()

    def add(self, piece: dict[str, Any]) -> None:
        """Take in a piece."""
        if self.id is None and piece.get("id"):
            self.id = piece["id"]
        if isinstance(piece.get("type"), str):
            self._type = piece["type"]
        for kind in ("function", "custom"):
            inner = piece.get(kind)
            if isinstance(inner, dict):
                self._kind = kind
                self._pieces.add(inner)

    def is_followed_by(self, piece: dict[str, Any]) -> bool:
        """Whether ``piece`` begins another call, though nothing numbers the two."""
        inner = piece.get("function")
        if not isinstance(inner, dict) or not inner.get("name"):
            return False
        known = self._pieces.whole()
        if not isinstance(from_json(known.get("arguments")), dict):
            return False
        return bool(inner.get("arguments")) or inner["name"] != known.get("name")

    def whole(self) -> dict[str, Any]:
        """The tool call as far as it was received."""
        made = {"id": self.id, self._kind: self._pieces.whole()}
        return made if self._type is None else {"type": self._type, **made}


class _Pieces:
    """A JSON object that arrives in pieces: some texts are joined, other values replaced."""

    __slots__ = ("_fields", "_texts")

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._texts: dict[str, TextBuffer] = {}

    def add(self, piece: dict[str, Any]) -> None:
        """Take in a piece."""
        for name, value in piece.items():
            if name in _JOINED and isinstance(value, str):
                buffer = self._texts.get(name)
                if buffer is None:
                    buffer = self._texts[name] = TextBuffer()
                buffer.append(value)
            elif value is not None and value != "":
                self._fields[name] = value

    def whole(self) -> dict[str, Any]:
        """The object as far as it was received."""
        made = {**self._fields, **{name: text.text() for name, text in self._texts.items()}}
        if "data" in self._texts:
            made["data"] = joined_base64(made["data"])
        return made
