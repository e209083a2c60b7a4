"""Sessions of managed agents: creating one, sending it events, and streaming its events.

A *session* is a conversation with an agent that runs at Anthropic; it is told and tells
*events*. The conventions' operation for a request to such an agent is ``invoke_agent``, a
CLIENT span: sending events is one (it holds the input), and so is each stream (it holds what
the agent said and the tokens of its model requests). A stream goes on until the application
leaves it. Creating a session has no operation in the conventions; ours is ``create_session``.
The session, or a thread of it, is the conversation.

Source: Anthropic API reference, "Sessions", "Session events" (beta managed-agents-2026-04-01).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.messages import Message
from openlayer_otel.genai.record import Endpoint, Record, StreamReader
from openlayer_otel.genai.text_buffer import TextBuffer
from openlayer_otel.providers.anthropic.blocks import content_parts, readable
from openlayer_otel.providers.anthropic.messages import finish_reason, read_usage

_PATH = r"/v1/sessions/([^/]+)(?:/threads/([^/]+))?"
_CONVERSATION = re.compile(_PATH + "/")
EVENTS_PATH = re.compile(_PATH + "/events")
STREAM_PATH = re.compile(r"/v1/sessions/[^/]+(?:/events)?/stream")
# It has no "events" in it.
THREAD_STREAM_PATH = re.compile(r"/v1/sessions/[^/]+/threads/[^/]+(?:/events)?/stream")
# A stream may be open for days: what its span holds is the end of it.
_MAX_EVENTS = 1_000
# What says that the agent waits. The stream of a session tells of its threads, too, that of a
# thread of none but itself.
_IDLE = frozenset({"session.status_idle"})
_THREAD_IDLE = _IDLE | {"session.thread_status_idle"}
_FINISH_REASONS = {
    "requires_action": semconv.FINISH_TOOL_CALL,
    "retries_exhausted": semconv.FINISH_ERROR,
}


def _conversation(path: str) -> dict[str, str]:
    """The session, or the thread of it, that the path names."""
    found = _CONVERSATION.match(path)
    return {semconv.CONVERSATION_ID: found[2] or found[1]} if found else {}


def _message(event: Mapping[str, Any]) -> Message | None:
    """What an event says, as a message; None if nobody says anything in it."""
    kind = event.get("type")
    if not isinstance(kind, str):
        return None
    speaker, _, what = kind.partition(".")
    if what == "message":
        role = "assistant" if speaker == "agent" else speaker
        return shape.message(role, content_parts(event.get("content")))
    if what in ("tool_use", "custom_tool_use", "mcp_tool_use"):
        part = shape.tool_call(event.get("id"), event.get("name"), event.get("input"))
        return shape.message("assistant", [part])
    if what.endswith("tool_result"):
        call = next((event[k] for k in event if k.endswith("tool_use_id")), None)
        part = shape.tool_call_response(call, content_parts(event.get("content")))
        if event.get("is_error") is True:
            part["is_error"] = True
        return shape.message("tool", [part])
    if speaker == "user":  # an interruption, a confirmation, an outcome to reach
        return shape.message("user", [shape.generic(kind, readable(dict(event)))])
    return None


def _messages(events: Iterable[Any]) -> list[Message]:
    said = [_message(event) for event in events if isinstance(event, dict)]
    return [message for message in said if message is not None]


def _read_sent(body: Mapping[str, Any], record: Record) -> None:
    events = body.get("events", body.get("initial_events"))
    if record.with_content and isinstance(events, list):
        record.input_messages = _messages(events)


def _read_nothing(body: Any, record: Record) -> None:
    """The answer repeats what was sent."""


def _read_new_session(body: Mapping[str, Any], record: Record) -> None:
    _read_sent(body, record)
    agent = body.get("agent")
    agent = agent.get("id") if isinstance(agent, dict) else agent
    if isinstance(agent, str):
        record.attributes[semconv.AGENT_ID] = agent


def _read_session(body: Any, record: Record) -> None:
    if not isinstance(body, dict):
        return
    if isinstance(body.get("id"), str):
        record.attributes[semconv.CONVERSATION_ID] = body["id"]
    agent = body.get("agent")
    agent = agent if isinstance(agent, dict) else {}
    model = agent.get("model")
    model = model.get("id") if isinstance(model, dict) else model
    for value, attribute in (
        (agent.get("name"), semconv.AGENT_NAME),
        (model, semconv.REQUEST_MODEL),
    ):
        if isinstance(value, str) and value:
            record.attributes[attribute] = value


class SessionStreamReader(StreamReader):
    """Gathers the events of a session's stream.

    An application may ask for *previews*: the pieces of an agent's message while it is written,
    before the event that holds all of it. They stand for it as long as it has not come.

    Args:
        content: Whether what was said is gathered, too.
    """

    __slots__ = ("_content", "_events", "_previews", "_usage")

    def __init__(self, content: bool) -> None:
        self._content = content
        self._events: deque[dict[str, Any]] = deque(maxlen=_MAX_EVENTS)
        # Id of an event that is still to come -> what stands for it, and its texts by index.
        self._previews: dict[str, tuple[dict[str, Any], dict[int, TextBuffer]]] = {}
        self._usage: dict[str, int] = {}

    def read(self, event: dict[str, Any]) -> None:
        """Take in one event."""
        kind = str(event.get("type"))
        if kind == "span.model_request_end" and isinstance(event.get("model_usage"), dict):
            for name, count in event["model_usage"].items():
                if type(count) is int:
                    self._usage[name] = self._usage.get(name, 0) + count
        elif kind == "event_delta":
            if self._content:
                self._read_piece(event)
        elif kind != "event_start" and (self._content or kind.startswith("session.")):
            preview = self._previews.pop(str(event.get("id")), None)
            if preview is None:
                self._events.append(event)
            else:
                preview[0].update(event)

    def _read_piece(self, event: dict[str, Any]) -> None:
        """A piece of a message whose event is still to come."""
        delta, id_of_event = event.get("delta"), event.get("event_id")
        content = delta.get("content") if isinstance(delta, dict) else None
        text = content.get("text") if isinstance(content, dict) else None
        if not isinstance(id_of_event, str) or not isinstance(text, str):
            return
        preview = self._previews.get(id_of_event)
        if preview is None:
            preview = ({"type": "agent.message", "id": id_of_event}, {})
            self._previews[id_of_event] = preview
            self._events.append(preview[0])
            if len(self._previews) > _MAX_EVENTS:  # most were cut off: their events never come
                self._put_together(self._previews.pop(next(iter(self._previews))))
        index = delta.get("index") if isinstance(delta, dict) else None
        preview[1].setdefault(index if type(index) is int else 0, TextBuffer()).append(text)

    @staticmethod
    def _put_together(preview: tuple[dict[str, Any], dict[int, TextBuffer]]) -> None:
        event, texts = preview
        whole = [buffer.text() for _, buffer in sorted(texts.items())]
        event["content"] = [{"type": "text", "text": text} for text in whole]

    def response(self) -> dict[str, Any]:
        """The events, and the tokens of all model requests together."""
        for preview in self._previews.values():
            self._put_together(preview)
        return {"events": list(self._events), "usage": self._usage}


def _read_stream(body: Any, record: Record, idle: frozenset[str] = _IDLE) -> None:
    if not isinstance(body, dict):
        return
    read_usage(body["usage"], record)
    for event in body["events"]:
        if event.get("type") in idle:
            reason = event.get("stop_reason")
            reason = reason.get("type") if isinstance(reason, dict) else reason
            known = _FINISH_REASONS.get(str(reason)) or finish_reason(reason)
            record.attributes[semconv.RESPONSE_FINISH_REASONS] = [known]
        elif event.get("type") == "session.error":
            _read_failure(event.get("error"), record)
    if record.with_content:
        # What the user said stands in the stream, too; the span of its sending has it already.
        said = _messages(body["events"])
        record.output_messages = [each for each in said if each["role"] in ("assistant", "tool")]


def _read_failure(error: Any, record: Record) -> None:
    """An error of the session, unless the session tries again."""
    error = error if isinstance(error, dict) else {}
    status = error.get("retry_status")
    if isinstance(status, dict) and status.get("type") == "retrying":
        return
    kind, text = error.get("type"), error.get("message")
    record.failure = (
        kind if isinstance(kind, str) else semconv.ERROR_OTHER,
        text if isinstance(text, str) else None,
    )


CREATE = Endpoint(
    operation=semconv.CREATE_SESSION,
    request=_read_new_session,
    response=_read_session,
    model=lambda body, path: None,
)
SEND = Endpoint(
    operation=semconv.INVOKE_AGENT,
    request=_read_sent,
    response=_read_nothing,
    model=lambda body, path: None,
    path_attributes=_conversation,
)
STREAM = Endpoint(
    operation=semconv.INVOKE_AGENT,
    request=_read_nothing,
    response=_read_stream,
    stream=SessionStreamReader,
    model=lambda body, path: None,
    path_attributes=_conversation,
)
THREAD_STREAM = replace(STREAM, response=partial(_read_stream, idle=_THREAD_IDLE))
