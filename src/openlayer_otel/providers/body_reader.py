"""A response body that the application reads itself: what its bytes say, on their way."""

from __future__ import annotations

import weakref
from typing import Any

from openlayer_otel.diagnostics import report_failure
from openlayer_otel.genai.received import received_json, response_json
from openlayer_otel.genai.streaming import StreamEnd
from openlayer_otel.providers.content_encoding import Decode, decoder_of

_MAX_BODY = 32_000_000


class BodyReader:
    """Reads the bytes of a body that the application takes itself. Its methods never raise.

    Args:
        response: The response; its ``content-encoding`` is undone.
        end: Gets each server-sent event as a dict.
        streamed: Whether the body is a stream of server-sent events; else it is one JSON text.
    """

    __slots__ = (
        "_after_return",
        "_data",
        "_decode",
        "_end",
        "_finished",
        "_pending",
        "_response",
        "_size",
        "_streamed",
    )

    def __init__(self, response: Any, end: StreamEnd, streamed: bool) -> None:
        self._response = weakref.ref(response)
        self._end = end
        self._streamed = streamed
        self._pending: list[bytes] = []
        # The lines of an event whose JSON is written in several.
        self._data: list[bytes] = []
        # The last bytes ended in a carriage return: a line feed after it ends no other line.
        self._after_return = False
        self._size = 0
        self._finished = False
        self._decode: Decode | None = decoder_of(response)

    def feed(self, chunk: bytes) -> None:
        """Take in the next bytes of the body."""
        if self._decode is None:
            return
        try:
            data = self._decode(chunk)
        except Exception:  # noqa: BLE001 - of whichever library: the header says what is not so
            self._give_up()
            return
        try:
            if self._streamed:
                self._events(data)
                return
            self._size += len(data)
            if self._size <= _MAX_BODY:
                self._pending.append(data)
            else:
                self._give_up()
        except Exception as error:  # noqa: BLE001 - boundary: the application gets its bytes
            report_failure("reading a response body", error)
            self._give_up()

    def _give_up(self) -> None:
        """Part of a sound would be another sound, of another size: nothing is said of it."""
        self._decode = None
        self._pending.clear()

    def _events(self, data: bytes) -> None:
        if self._after_return and data.startswith(b"\n"):
            self._after_return = False
            data = data[1:]
        if not data:
            return
        self._after_return = data.endswith(b"\r")
        self._pending.append(data)
        if b"\n" not in data and b"\r" not in data:
            return
        *lines, rest = b"".join(self._pending).splitlines(keepends=True) or [b""]
        if rest.endswith((b"\n", b"\r")):
            lines.append(rest)
            rest = b""
        self._pending = [rest] if rest else []
        for line in lines:
            self._event(line)

    def _event(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            data = line[5:].strip()
            event = None if self._data else received_json(data)
            if isinstance(event, dict):
                self._end.take(event)
            else:
                self._data.append(data)
        elif self._data and not line.strip():
            self._event_in_lines()

    def _event_in_lines(self) -> None:
        data, self._data = self._data, []
        event = received_json(b"\n".join(data)) if len(data) > 1 else None
        if isinstance(event, dict):
            self._end.take(event)

    def _last_event(self) -> None:
        """A last line without its end: who reads by lines gets it, too."""
        line, self._pending = b"".join(self._pending), []
        try:
            self._event(line)
            self._event_in_lines()
        except Exception as error:  # noqa: BLE001 - boundary: the application gets its bytes
            report_failure("reading a response body", error)

    def finish(self, complete: bool) -> None:
        """No more of the body is read: hand over what a plain response said.

        Args:
            complete: Whether the body was read to its end. JSON that is whole says so itself.
        """
        if self._finished:
            return
        self._finished = True
        if self._streamed:
            if complete:
                self._last_event()
            return
        content = getattr(self._response(), "_content", None)
        body = content if isinstance(content, bytes) else b"".join(self._pending)
        whole = response_json(body)
        if whole is not None:
            self._end.operation.finish(whole, raw=body)
        elif complete and not self._end.operation.endpoint.finish_reason_due and body:
            # Text, audio and the like, read to its end.
            self._end.operation.finish(None, raw=body)
