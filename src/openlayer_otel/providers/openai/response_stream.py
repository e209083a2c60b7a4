"""Events of the Responses API gathered into the response that a plain call would have returned.

The last event of a stream holds the whole response; until then its *items* (messages, tool
calls, reasoning) are put together from the events: an item is *added* with what is known of
it, its texts arrive in pieces, and when it is *done* the whole item comes once more. Where the
last event holds no items, as of a response that failed, those that were put together stand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openlayer_otel.genai.record import StreamReader
from openlayer_otel.genai.text_buffer import TextBuffer

_OUTPUT_TEXT = "response.output_text.delta"
_ACTION, _COMMAND = "action", "command"
# The place of no item.
_NOWHERE = object()
# Event that brings a piece of text -> the item's field, and the type of the part in it that
# the piece belongs to (None: the field is the text), and which index of the event counts parts.
_PIECES: dict[str, tuple[str, str | None, str]] = {
    _OUTPUT_TEXT: ("content", "output_text", "content_index"),
    "response.refusal.delta": ("content", "refusal", "content_index"),
    "response.reasoning_text.delta": ("content", "reasoning_text", "content_index"),
    "response.reasoning_summary_text.delta": ("summary", "summary_text", "summary_index"),
    "response.function_call_arguments.delta": ("arguments", None, ""),
    "response.custom_tool_call_input.delta": ("input", None, ""),
    "response.mcp_call_arguments.delta": ("arguments", None, ""),
    "response.code_interpreter_call_code.delta": ("code", None, ""),
    # The parts of an action are its commands, which are mere texts.
    "response.shell_call_command.delta": (_ACTION, _COMMAND, "command_index"),
}
# The item whose beginning was missed, as far as such an event tells; else it is a message.
_ITEMS = {
    "response.reasoning_text.delta": "reasoning",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.function_call_arguments.delta": "function_call",
    "response.custom_tool_call_input.delta": "custom_tool_call",
    "response.mcp_call_arguments.delta": "mcp_call",
    "response.code_interpreter_call_code.delta": "code_interpreter_call",
    "response.shell_call_command.delta": "shell_call",
}
_MESSAGE = {"type": "message", "role": "assistant"}
_WHOLE = frozenset({"response.completed", "response.incomplete", "response.failed"})
_HEAD = (
    "id",
    "object",
    "created_at",
    "model",
    "service_tier",
    "conversation",
    "error",
    "usage",
)


class ResponseStreamReader(StreamReader):
    """Reads response stream events.

    Args:
        content: Whether texts and tool calls are gathered, too.
    """

    __slots__ = ("_content", "_error", "_head", "_items", "_part", "_place", "_take", "_whole")

    def __init__(self, content: bool) -> None:
        self._content = content
        self._head: dict[str, Any] = {}
        self._items: dict[int, _Item] = {}
        # The response, once it is there.
        self._whole: dict[str, Any] | None = None
        self._error: dict[str, Any] | None = None
        # Where the last piece of output text went: the next one nearly always goes there, too.
        self._place: object = _NOWHERE
        self._part: Any = None
        self._take: Callable[[bytes], object] = len

    def piece(self, event: Any) -> bool:
        """Take in an event if it continues the text that the last one continued."""
        try:
            if event["type"] == _OUTPUT_TEXT and (
                (event["output_index"] == self._place and event["content_index"] == self._part)
                or not self._content
            ):
                self._take(event["delta"].encode())
                return True
        except (AttributeError, KeyError, TypeError, ValueError):
            pass  # another kind of event, or no whole text
        return False

    def read(self, event: dict[str, Any]) -> None:
        """Take in the JSON of one event."""
        kind = event.get("type")
        if not isinstance(kind, str):
            return
        if kind in _PIECES:
            if self._content:
                self._read_piece(kind, event)
        elif kind in _WHOLE:
            self._read_whole(kind, event.get("response"))
        elif kind in ("response.output_item.added", "response.output_item.done"):
            self._read_item(event, kind.endswith(".done"))
        elif kind in ("response.created", "response.in_progress", "response.queued"):
            response = event.get("response")
            if isinstance(response, dict):
                given = {name: response[name] for name in _HEAD if response.get(name) is not None}
                self._head.update(given)
        elif kind == "error":
            inner = event.get("error")
            self._error = inner if isinstance(inner, dict) else event

    def _read_whole(self, kind: str, response: Any) -> None:
        self._whole = whole = dict(response) if isinstance(response, dict) else {}
        if "status" not in whole:  # compatible servers
            whole["status"] = kind.removeprefix("response.")
        if whole.get("output"):
            self._items.clear()
            self._place, self._take = _NOWHERE, len

    def _read_item(self, event: dict[str, Any], done: bool) -> None:
        item = event.get("item")
        if not isinstance(item, dict):
            return
        index = self._index(event)
        self._items[index] = _Item(item if self._content else {"type": item.get("type")}, done)
        if index == self._place:
            self._place = _NOWHERE

    def _read_piece(self, kind: str, event: dict[str, Any]) -> None:
        field, part_type, index_name = _PIECES[kind]
        delta = event.get("delta")
        if not isinstance(delta, str):
            return
        index = self._index(event)
        item = self._items.get(index)
        if item is None:
            begun = {"type": _ITEMS[kind]} if kind in _ITEMS else _MESSAGE
            item = self._items[index] = _Item(begun, False)
        if item.done:
            return
        position = event.get(index_name)
        buffer = item.buffer(field, part_type, position if type(position) is int else 0)
        buffer.append(delta)
        if kind == _OUTPUT_TEXT:
            self._place, self._part, self._take = index, position, buffer.take

    def _index(self, event: dict[str, Any]) -> int:
        """Which item an event is about; the last one where compatible servers do not say."""
        index = event.get("output_index")
        if type(index) is int:
            return index
        return max(self._items, default=0)

    def response(self) -> dict[str, Any]:
        """The response as far as it was received."""
        # Without a last event: whatever the first one said of it, it has come this far only.
        last = {"status": "incomplete"} if self._whole is None else self._whole
        whole = {**self._head, **last}
        if not whole.get("output"):
            whole["output"] = self.items()
        if self._error is not None and not whole.get("error"):
            whole["error"] = self._error
        return whole

    def items(self) -> list[dict[str, Any]]:
        """The items as far as they were received, if the response has not come with its own."""
        return [self._items[index].whole() for index in sorted(self._items)]


class _Item:
    """One item while its events arrive."""

    __slots__ = ("_buffers", "_fields", "done")

    def __init__(self, fields: dict[str, Any], done: bool) -> None:
        self.done = done
        self._fields = fields
        self._buffers: dict[tuple[str, str | None, int], TextBuffer] = {}

    def buffer(self, field: str, part_type: str | None, position: int) -> TextBuffer:
        """Where the pieces of one text go.

        Args:
            field: The item's field.
            part_type: The type of the part in the field; None if the field is the text.
            position: The number of the part.
        """
        key = (field, part_type, position)
        found = self._buffers.get(key)
        if found is None:
            found = self._buffers[key] = TextBuffer()
        return found

    def whole(self) -> dict[str, Any]:
        """The item as far as it was received."""
        made = dict(self._fields)
        parts: dict[str, dict[int, dict[str, Any]]] = {}
        for (field, part_type, position), buffer in self._buffers.items():
            if part_type is None:
                made[field] = buffer.text()
            else:
                name = "refusal" if part_type == "refusal" else "text"
                part = {"type": part_type, name: buffer.text()}
                parts.setdefault(field, {})[position] = part
        for field, found in parts.items():
            ordered = [found[position] for position in sorted(found)]
            if field == _ACTION:
                action = made.get(_ACTION)
                action = action if isinstance(action, dict) else {}
                made[_ACTION] = {**action, "commands": [each["text"] for each in ordered]}
            else:
                made[field] = ordered
        return made
