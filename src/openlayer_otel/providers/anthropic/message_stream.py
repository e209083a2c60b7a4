"""Message stream events gathered into the message that a plain call would have returned.

Source: Anthropic documentation, "Streaming Messages". ``message_start`` has the input's
tokens; the usage of ``message_delta`` is cumulative and replaces what came before. An
``error`` event ends the stream: the SDK raises it, and who reads the bytes sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openlayer_otel.genai.encoding import from_json
from openlayer_otel.genai.record import StreamReader
from openlayer_otel.genai.text_buffer import TextBuffer

# Type of a delta -> the delta's field, and the block's field that it continues.
_TEXT_DELTAS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
    "input_json_delta": ("partial_json", "input"),
    "compaction_delta": ("content", "content"),
}
# Type of a block -> the delta that most of its events carry, and that delta's field.
_USUAL_DELTAS = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "tool_use": ("input_json_delta", "partial_json"),
}
# The index of no block.
_NONE = object()


class MessageStreamReader(StreamReader):
    """Reads message stream events.

    Args:
        content: Whether texts and tool calls are gathered, too.
    """

    __slots__ = (
        "_blocks",
        "_content",
        "_delta",
        "_field",
        "_message",
        "_open_index",
        "_take",
    )

    def __init__(self, content: bool) -> None:
        self._content = content
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, _Block] = {}
        # The text of the block that is being written, for the quick way.
        self._take: Callable[[bytes], object] = len
        self._open_index: object = _NONE
        self._delta = self._field = ""

    def piece(self, event: Any) -> bool:
        """Take in an event if it continues the text of the open block."""
        try:
            delta = event["delta"]
            if delta["type"] == self._delta and event["index"] == self._open_index:
                self._take(delta[self._field].encode())
                return True
        except (AttributeError, KeyError, TypeError, ValueError):
            pass  # another kind of event, or no whole text
        return False

    def read(self, event: dict[str, Any]) -> None:
        """Take in the JSON of one event."""
        kind = event.get("type")
        if kind == "content_block_delta":
            self._read_delta(event)
        elif kind == "content_block_start":
            self._start_block(event)
        elif kind == "message_start" and isinstance(event.get("message"), dict):
            self._message = dict(event["message"])
            content = self._message.pop("content", None)
            for index, block in enumerate(content if isinstance(content, list) else ()):
                self._start_block({"index": index, "content_block": block})
        elif kind == "message_delta":
            self._read_message_delta(event)
        elif kind == "error":
            self._message["error"] = event.get("error")

    def _start_block(self, event: dict[str, Any]) -> None:
        index, block = event.get("index"), event.get("content_block")
        if not isinstance(block, dict):
            return
        index = index if type(index) is int else len(self._blocks)
        kind = block.get("type")
        # Its type tells of a compaction, also where nothing that was said is recorded.
        made = self._blocks[index] = _Block(block if self._content else {"type": kind})
        if kind == "fallback":
            self._fall_back(block.get("to"))
        usual = _USUAL_DELTAS.get(str(kind))
        self._open_index = _NONE
        if usual is not None:
            self._delta, self._field = usual
            self._open_index = index
            if self._content:
                self._take = made.buffer(_TEXT_DELTAS[self._delta][1]).take

    def _fall_back(self, to: Any) -> None:
        """From here on another model answers, whose tokens the usage counts."""
        model = to.get("model") if isinstance(to, dict) else None
        if isinstance(model, str):
            self._message["model"] = model

    def _read_delta(self, event: dict[str, Any]) -> None:
        index = event.get("index")
        block = self._blocks.get(index if type(index) is int else max(self._blocks, default=0))
        delta = event.get("delta")
        if block is not None and self._content and isinstance(delta, dict):
            block.add(delta)

    def _read_message_delta(self, event: dict[str, Any]) -> None:
        delta = event.get("delta")
        if isinstance(delta, dict):
            self._message.update({k: v for k, v in delta.items() if v is not None})
        others = {k: v for k, v in event.items() if k not in ("type", "delta", "usage")}
        self._message.update(others)
        usage = event.get("usage")
        if isinstance(usage, dict):
            known = self._message.get("usage")
            known = known if isinstance(known, dict) else {}
            given = {k: v for k, v in usage.items() if v is not None}
            self._message["usage"] = {**known, **given}

    def response(self) -> dict[str, Any]:
        """The message as far as it was received."""
        blocks = [block.whole() for _, block in sorted(self._blocks.items())]
        return {**self._message, "content": blocks}


class _Block:
    """One content block while its deltas arrive."""

    __slots__ = ("_fields", "_texts")

    def __init__(self, start: dict[str, Any]) -> None:
        self._fields = dict(start)
        self._texts: dict[str, TextBuffer] = {}
        for name in ("text", "thinking", "signature"):
            given = self._fields.get(name)
            if isinstance(given, str):
                del self._fields[name]
                buffer = self.buffer(name)
                if given:
                    buffer.append(given)

    def buffer(self, name: str) -> TextBuffer:
        """The text of the field ``name``."""
        buffer = self._texts.get(name)
        if buffer is None:
            buffer = self._texts[name] = TextBuffer()
        return buffer

    def add(self, delta: dict[str, Any]) -> None:
        """Take in a delta."""
        kind = delta.get("type")
        entry = _TEXT_DELTAS.get(kind) if isinstance(kind, str) else None
        if entry is not None:
            source, target = entry
            piece = delta.get(source)
            if isinstance(piece, str):
                self.buffer(target).append(piece)
        elif kind == "citations_delta" and delta.get("citation") is not None:
            known = self._fields.get("citations")
            known = known if isinstance(known, list) else []
            self._fields["citations"] = [*known, delta["citation"]]
        else:
            self._fields.update({k: v for k, v in delta.items() if k != "type" and v is not None})

    def whole(self) -> dict[str, Any]:
        """The block as far as it was received; a cut tool input stays text."""
        made = dict(self._fields)
        for name, buffer in self._texts.items():
            if name == "input":
                if buffer:
                    made["input"] = from_json(buffer.text())
            elif buffer or made.get("type") == name:
                made[name] = buffer.text()
        return made
