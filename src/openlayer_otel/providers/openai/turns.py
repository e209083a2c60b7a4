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
from openlayer_otel.providers.openai.realtime import REALTIME
from openlayer_otel.providers.openai.steering import Steering
from openlayer_otel.telemetry import Telemetry

MAX_ITEMS = 1_000
_ENDS = frozenset({"response.done", "response.completed", "response.incomplete", "response.failed"})
_COMMITTED = "input_audio_buffer.committed"
_TRANSCRIPT = "conversation.item.input_audio_transcription.completed"
# Fields of the client's other events: an error that names one is not about a response.
_OF_OTHER_EVENTS = frozenset(
    {"audio", "audio_end_ms", "content_index", "item", "item_id", "previous_item_id", "session"}
)


class ProviderError(Exception):
    """An ``error`` event of the server, in the form that failures of SDKs have.

    Args:
        body: The event's ``error``.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        super().__init__(str(body.get("message") or "error event"))
        self.body = dict(body)


class _Turn:
    """One response of the model while its events arrive.

    Attributes:
        operation: Its operation.
        reader: Gathers its events.
        id: The response's id, once the server has told it.
        event_id: What the client calls the event that asks for it, if it calls it anything.
        lane: Which lane of the connection it is on (``stream_id``), if the connection has lanes.
    """

    __slots__ = ("_heard", "_input", "_spoken", "event_id", "id", "lane", "operation", "reader")

    def __init__(
        self, operation: Operation, reader: StreamReader, given: list[Any], spoken: list[Any]
    ) -> None:
        self.operation = operation
        self.reader = reader
        self.id: str | None = None
        self.event_id: object = None
        self.lane: object = None
        self._input = given
        self._spoken = spoken
        self._heard: list[Any] = []

    def takes(self, item_id: object, said: Any) -> bool:
        """Take in what was said, if it was said before this turn began: it is written down later.

        Args:
            item_id: The item of the conversation that it is.
            said: The item, with its words.
        """
        if item_id not in self._spoken:
            return False
        self._heard.append(said)
        return True

    def response(self) -> dict[str, Any]:
        """The response as far as it was received; nothing more is heard then."""
        if self._heard and self.operation.content:
            self.operation.read_request({"input": [*self._input, *self._heard]})
        return self.reader.response()


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
        self._steering = Steering()
        # The items that were spoken since the last turn began, by id.
        self._spoken: list[Any] = []
        self._open: list[_Turn] = []
        # Sent and received by different threads or tasks; may be entered again by a finalizer.
        self._lock = threading.RLock()

    def sent(self, event: Mapping[str, Any]) -> object:
        """The client sends an event.

        Returns:
            What to tell :meth:`unsent` if it could not be sent.
        """
        kind = event.get("type")
        with self._lock:
            if kind == "response.create":
                given = event.get("response")
                # Realtime wraps what is asked for; Responses has it beside the type.
                turn = self._begin(
                    given if isinstance(given, dict) else self._steering.put_before(event)
                )
                if turn is not None:
                    turn.event_id, turn.lane = event.get("event_id"), event.get("stream_id")
                return turn
            if kind == "session.update" and isinstance(event.get("session"), dict):
                self._session.update(event["session"])
            elif kind == "conversation.item.create" and len(self._items) < MAX_ITEMS:
                self._items.append(event.get("item"))
            elif kind == "response.steer":
                self._steer(event)
        return None

    def _steer(self, event: Mapping[str, Any]) -> None:
        """A response that is under way gets more input."""
        steered = event.get("previous_response_id")
        if isinstance(steered, str):
            turn = next((turn for turn in self._open if turn.id == steered), None)
            known = {} if turn is None else turn.operation.attributes
            self._steering.give(steered, known.get(semconv.REQUEST_MODEL), event.get("input"))

    def unsent(self, sent: object, error: BaseException) -> None:
        """An event could not be sent.

        Args:
            sent: What :meth:`sent` returned for it.
            error: What the application gets to see.
        """
        with self._lock:
            if not isinstance(sent, _Turn) or sent not in self._open:
                return
            self._open.remove(sent)
        sent.operation.fail(error, sent.response())

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
            elif kind == _COMMITTED:
                if len(self._spoken) < MAX_ITEMS:
                    self._spoken.append(event.get("item_id"))
            elif kind == _TRANSCRIPT:
                self._heard(event.get("item_id"), event.get("transcript"))
            elif kind == "error":
                self._failed(event)
            elif kind.startswith("response.steer."):
                if kind.endswith(".failed"):
                    self._steering.failed(event.get("steer"))
            elif kind.startswith("response."):
                self._advance(kind, event)

    def _heard(self, item_id: Any, transcript: Any) -> None:
        """What was said, in words: the server may be answering it by now."""
        if not isinstance(transcript, str):
            return
        part = {"type": "input_audio", "transcript": transcript}
        said = {"type": "message", "role": "user", "content": [part]}
        for turn in self._open:
            if turn.takes(item_id, said):
                return
        if len(self._items) < MAX_ITEMS:
            self._items.append(said)

    def _begin(self, asked: Mapping[str, Any]) -> _Turn | None:
        telemetry, endpoint = self._telemetry, self._endpoint
        context = otel_context.get_current()
        given: list[Any] = []
        spoken: list[Any] = []
        if asked.get("input") is None:
            # Else it is asked something of its own, beside the conversation.
            given, self._items = self._items, []
            spoken, self._spoken = self._spoken, []
        body = {**self._session, "input": given, **asked}
        if nobody_records(telemetry.tracer, context) and not telemetry.counts_unrecorded():
            return None
        if traced_elsewhere(context, endpoint.operation):
            return None
        made = Operation.start(telemetry, endpoint, self._identity, body, "", context)
        if not isinstance(made, Operation) or endpoint.stream is None:
            return None
        turn = _Turn(made, endpoint.stream(made.content), given, spoken)
        self._open.append(turn)
        return turn

    def _advance(self, kind: str, event: dict[str, Any]) -> None:
        response = event.get("response")
        response_id = event.get("response_id")
        if isinstance(response, dict):
            response_id = response.get("id") or response_id
        turn = self._turn_of(response_id, event.get("stream_id"))
        if turn is None and kind == "response.created":
            turn = self._begin(self._steering.answered_by(response))
            if turn is not None:
                turn.lane = event.get("stream_id")
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
            turn.operation.finish(turn.response(), outcome)

    def _turn_of(self, response_id: Any, lane: Any) -> _Turn | None:
        """The turn with this response id; else the oldest that has none yet on the event's lane.

        Events without an id (Responses) belong to the turn that is under way there.
        """
        if response_id is None:
            return next((turn for turn in self._open if turn.lane == lane), None)
        for turn in self._open:
            if turn.id == response_id:
                return turn
        return next((turn for turn in self._open if turn.id is None and turn.lane == lane), None)

    def _failed(self, event: Mapping[str, Any]) -> None:
        """An ``error`` event: of a turn, or of something else that the client has sent."""
        error = event.get("error")
        error = error if isinstance(error, dict) else event
        turn = self._turn_of_error(error, event.get("stream_id"))
        if turn is not None:
            self._open.remove(turn)
            turn.operation.fail(ProviderError(error), turn.response())

    def _turn_of_error(self, error: Mapping[str, Any], lane: Any) -> _Turn | None:
        """The turn that an error ends; None if it ends none.

        In Realtime an error is about one of the client's events, and a response that is under
        way goes on: it can only be about one that has not begun. Over Responses it is about what
        is under way.
        """
        waiting = [turn for turn in self._open if turn.id is None and turn.lane == lane]
        if self._endpoint is not REALTIME:
            under_way = [turn for turn in self._open if turn.lane == lane]
            return next(iter(waiting or under_way), None)
        if str(error.get("param")).partition(".")[0] in _OF_OTHER_EVENTS:
            return None
        cause = error.get("event_id")
        return next((turn for turn in waiting if cause is None or turn.event_id == cause), None)

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
                turn.operation.fail(error, turn.response())
            else:
                turn.operation.finish(turn.response(), outcome)

    def __del__(self) -> None:
        if self._open:
            in_finalizer(lambda: self.ended(semconv.OUTCOME_DROPPED))
