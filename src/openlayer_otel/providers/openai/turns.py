"""The turns of one WebSocket connection: each response of the model is one operation.

A *turn* begins when the client asks for a response, or when the server begins one by itself
(voice activity). It ends with the event that says so, with the connection, or when the
connection is collected. A connection may stay open for hours and has no span of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from opentelemetry import context as otel_context

from openlayer_otel import semconv
from openlayer_otel.genai.finalizing import in_finalizer
from openlayer_otel.genai.nesting import traced_elsewhere
from openlayer_otel.genai.operation import Operation
from openlayer_otel.genai.record import Endpoint, Identity, StreamReader
from openlayer_otel.genai.recording import nobody_records
from openlayer_otel.telemetry import Telemetry

MAX_ITEMS = 1_000
_ENDS = frozenset({"response.done", "response.completed", "response.incomplete", "response.failed"})
_TRANSCRIPT = "conversation.item.input_audio_transcription.completed"


class ProviderError(Exception):
    """An ``error`` event of the server, in the form that failures of SDKs have.

    Args:
        body: The event's ``error``.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        super().__init__(str(body.get("message") or "error event"))
        self.body = dict(body)


class _Turn:
    """One response of the model while its events arrive."""

    __slots__ = ("id", "operation", "reader")

    def __init__(self, operation: Operation, reader: StreamReader) -> None:
        self.operation = operation
        self.reader = reader
        self.id: str | None = None


class Turns:
    """What is known of one connection: its session, its open turns.

    Args:
        telemetry: Where the spans go.
        endpoint: How a turn's request, events and response are read.
        identity: Who serves the connection.
        model: The model that the connection names, if it names one.
    """

    def __init__(
        self, telemetry: Telemetry, endpoint: Endpoint, identity: Identity, model: str | None
    ) -> None:
        self._telemetry = telemetry
        self._endpoint = endpoint
        self._identity = identity
        self._session: dict[str, Any] = {"model": model} if model else {}
        self._items: list[Any] = []
        self._open: list[_Turn] = []
        # Sent and received by different threads or tasks; may be entered again by a finaliser.
        self._lock = threading.RLock()

    def sent(self, event: Mapping[str, Any]) -> None:
        """The client sends an event."""
        kind = event.get("type")
        with self._lock:
            if kind == "response.create":
                given = event.get("response")
                # Realtime wraps what is asked for; Responses has it beside the type.
                self._begin(given if isinstance(given, dict) else event)
            elif kind == "session.update" and isinstance(event.get("session"), dict):
                self._session.update(event["session"])
            elif kind == "conversation.item.create" and len(self._items) < MAX_ITEMS:
                self._items.append(event.get("item"))

    def received(self, event: dict[str, Any]) -> None:
        """The server has sent an event."""
        kind = event.get("type")
        if not isinstance(kind, str):
            return
        with self._lock:
            if kind in ("session.created", "session.updated"):
                session = event.get("session")
                if isinstance(session, dict):
                    self._session.update(session)
            elif kind == _TRANSCRIPT:
                self._heard(event.get("transcript"))
            elif kind == "error":
                self._failed(event)
            elif kind.startswith("response."):
                self._advance(kind, event)

    def _heard(self, transcript: Any) -> None:
        if isinstance(transcript, str) and len(self._items) < MAX_ITEMS:
            said = {"type": "input_audio", "transcript": transcript}
            self._items.append({"type": "message", "role": "user", "content": [said]})

    def _begin(self, asked: Mapping[str, Any]) -> _Turn | None:
        telemetry, endpoint = self._telemetry, self._endpoint
        context = otel_context.get_current()
        body = {**self._session, "input": self._items, **asked}
        self._items = []
        if nobody_records(telemetry.tracer, context) and not telemetry.counts_unrecorded():
            return None
        if traced_elsewhere(context, endpoint.operation):
            return None
        made = Operation.start(telemetry, endpoint, self._identity, body, "", context)
        if not isinstance(made, Operation) or endpoint.stream is None:
            return None
        turn = _Turn(made, endpoint.stream(made.content))
        self._open.append(turn)
        return turn

    def _advance(self, kind: str, event: dict[str, Any]) -> None:
        response = event.get("response")
        response_id = event.get("response_id")
        if isinstance(response, dict):
            response_id = response.get("id") or response_id
        turn = self._turn_of(response_id)
        if turn is None and kind == "response.created":
            turn = self._begin({})
        if turn is None:
            return
        if isinstance(response_id, str):
            turn.id = response_id
        if kind != "response.created":
            turn.operation.first_chunk()
        turn.reader.read(event)
        if kind in _ENDS:
            self._open.remove(turn)
            cancelled = isinstance(response, dict) and response.get("status") == "cancelled"
            outcome = semconv.OUTCOME_CANCELLED if cancelled else None
            turn.operation.finish(turn.reader.response(), outcome)

    def _turn_of(self, response_id: Any) -> _Turn | None:
        """The turn with this response id; else the oldest that has none yet; else the last.

        Events without an id (Responses) belong to the turn that is under way.
        """
        if response_id is None:
            return self._open[0] if self._open else None
        for turn in self._open:
            if turn.id == response_id:
                return turn
        return next((turn for turn in self._open if turn.id is None), None)

    def _failed(self, event: Mapping[str, Any]) -> None:
        """An error of a turn that has not begun, or of the one that has no id (Responses)."""
        error = event.get("error")
        error = error if isinstance(error, dict) else event
        waiting = next((turn for turn in self._open if turn.id is None), None)
        if waiting is None and self._endpoint.name is None and len(self._open) == 1:
            waiting = self._open[0]
        if waiting is not None:
            self._open.remove(waiting)
            waiting.operation.fail(ProviderError(error), waiting.reader.response())

    def ended(self, outcome: str, error: BaseException | None = None) -> None:
        """The connection is over, and with it every turn that is still open.

        Args:
            outcome: ``semconv.OUTCOME_*``.
            error: What broke the connection, if it broke.
        """
        with self._lock:
            turns, self._open = self._open, []
        for turn in turns:
            if error is not None:
                turn.operation.fail(error, turn.reader.response())
            else:
                turn.operation.finish(turn.reader.response(), outcome)

    def __del__(self) -> None:
        if self._open:
            in_finalizer(lambda: self.ended(semconv.OUTCOME_DROPPED))
