"""The output of something that yields: texts joined, anything else as a list, both bounded.

An *item* is what a generator or stream yields. Its text is the item itself, or what a known
SDK chunk says (read by its fields, no SDK is imported). As soon as one item is neither, the
output is the list of all items. Items are encoded when they pass: what the consumer does to
them later is not seen.
"""

from __future__ import annotations

import codecs
import math
from typing import Any

from openlayer_otel.diagnostics import report_failure
from openlayer_otel.genai.content import ContentPolicy, Encoded
from openlayer_otel.genai.text_buffer import TextBuffer

MAX_ITEMS = 10_000
_CHUNK = "chat.completion.chunk"
_COMPLETION = "text_completion"


class Items:
    """Gathers items; its methods never raise.

    Args:
        content: How the output is recorded. Its size limit bounds what is held, too.
    """

    __slots__ = ("_bytes", "_content", "_cut", "_decoder", "_limit", "_list", "_text", "count")

    def __init__(self, content: ContentPolicy) -> None:
        self._content = content
        self._limit = content.limit or math.inf
        self._text = TextBuffer()
        self._list: list[str] | None = None
        self._bytes = 0
        self._cut = 0
        self._decoder: codecs.IncrementalDecoder | None = None
        self.count = 0

    def add(self, item: Any) -> None:
        """Take in the next item."""
        self.count += 1
        try:
            # One item over the limit is kept: it makes the content path mark the output as cut.
            if self._bytes > self._limit or (
                self._list is not None and len(self._list) >= MAX_ITEMS
            ):
                self._cut += 1
                return
            if self._list is None:
                text = item if type(item) is str else self._text_of(item)
                if text is not None:
                    self._bytes += len(text)
                    self._text.append(text)
                    return
                before = self._text.text()
                self._list = [self._content.value(before).text] if before else []
            encoded = self._content.value(item).text
            self._bytes += len(encoded)
            self._list.append(encoded)
        except Exception as error:  # noqa: BLE001 - boundary: the consumer gets its item
            report_failure("recording an item", error)

    def output(self) -> Encoded:
        """What was gathered, as JSON text."""
        if self._list is None:
            encoded = self._content.value(self._text.text())
            return Encoded(encoded.text, encoded.truncated or self._cut > 0)
        items = list(self._list)
        if self._cut:
            items.append(self._content.value(f"… [{self._cut} more items]").text)
        return Encoded("[" + ",".join(items) + "]", self._cut > 0)

    def _text_of(self, item: Any) -> str | None:
        try:
            if isinstance(item, (bytes, bytearray)):
                return self._decoded(bytes(item))
            return chunk_text(item)
        except Exception:  # noqa: BLE001 - an item's own properties may raise anything
            return None

    def _decoded(self, data: bytes) -> str | None:
        """Bytes as text, also where a character is split; None if they are no UTF-8."""
        if self._decoder is None:
            self._decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            return self._decoder.decode(data)
        except UnicodeDecodeError:
            return None


def chunk_text(item: Any) -> str | None:
    """The text of a chunk that an SDK streams.

    Known are OpenAI's chat and completion chunks and Responses events, Anthropic's message
    events, and the events of both SDKs' helpers.

    Returns:
        The text it adds to the answer, ``""`` if it adds none; None if it is no known chunk.
    """
    kind = getattr(item, "object", None)
    if kind in (_CHUNK, _COMPLETION):
        return "".join(_choice_text(choice) for choice in getattr(item, "choices", None) or ())
    event = getattr(item, "type", None)
    if not isinstance(event, str) or isinstance(item, (dict, type)):
        return None
    module = type(item).__module__
    if event == "response.output_text.delta" or event == "content.delta":
        delta = getattr(item, "delta", None)
        return delta if isinstance(delta, str) else ""
    if event == "content_block_delta":
        text = getattr(getattr(item, "delta", None), "text", None)
        return text if isinstance(text, str) else ""
    if module.startswith(("openai.", "anthropic.")):
        # Starts, stops, tool input, and the helpers' repetition of the text above.
        return ""
    return None


def _choice_text(choice: Any) -> str:
    delta = getattr(choice, "delta", None)
    text = getattr(delta, "content", None) if delta is not None else getattr(choice, "text", None)
    return text if isinstance(text, str) else ""


def response_text(response: Any) -> Any:
    """What a whole response said, from its JSON: its text, or its tool calls.

    Args:
        response: A chat completion, a response or a message, as a dict.
    """
    if not isinstance(response, dict):
        return None
    parts = response.get("content") or [
        part for each in _dicts(response.get("output")) for part in _dicts(each.get("content"))
    ]
    texts = [part["text"] for part in _dicts(parts) if isinstance(part.get("text"), str)]
    calls: list[Any] = []
    for choice in _dicts(response.get("choices")):
        message = choice.get("message")
        if isinstance(message, dict):
            if isinstance(message.get("content"), str):
                texts.append(message["content"])
            calls += [call.get("function") for call in _dicts(message.get("tool_calls"))]
        elif isinstance(choice.get("text"), str):
            texts.append(choice["text"])
    calls += [_call(part, "input") for part in _dicts(parts) if part.get("type") == "tool_use"]
    calls += [
        _call(part, "arguments")
        for part in _dicts(response.get("output"))
        if part.get("type") == "function_call"
    ]
    if not texts and calls:
        return calls[0] if len(calls) == 1 else calls
    return "".join(texts)


def _call(part: dict[str, Any], arguments: str) -> dict[str, Any]:
    return {"name": part.get("name"), "arguments": part.get(arguments)}


def _dicts(items: Any) -> list[dict[str, Any]]:
    return [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []
