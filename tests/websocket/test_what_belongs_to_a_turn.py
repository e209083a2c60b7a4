"""Errors, items and words that come between the events of a response."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from tests.support.span_log import SpanLog
from tests.websocket.heard import Heard

pytest.importorskip("websockets", reason="WebSockets need openai[realtime]")
realtime = pytest.importorskip("openai.resources.realtime.realtime")

ITEM: dict[str, Any] = {
    "id": "item_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_audio", "transcript": "Hello world"}],
}
CREATED = {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}
DELTA = {
    "type": "response.output_audio_transcript.delta",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 0,
    "delta": "Hello ",
}
DONE = {
    "type": "response.done",
    "response": {
        "id": "resp_1",
        "status": "completed",
        "output": [ITEM],
        "usage": {"input_tokens": 3, "output_tokens": 4},
    },
}


def said(text: str, item_id: str) -> dict[str, Any]:
    """What the user said, in words."""
    kind = "conversation.item.input_audio_transcription.completed"
    return {"type": kind, "item_id": item_id, "content_index": 0, "transcript": text}


def refused(**error: Any) -> dict[str, Any]:
    """An error of the server's."""
    given = {"type": "invalid_request_error", "message": "no", "param": None, "event_id": None}
    return {"type": "error", "event_id": "event_9", "error": {**given, **error}}


def connected(*events: dict[str, Any], refuses: Exception | None = None) -> Any:
    socket: Any = Heard(*events, refuses=refuses)
    return realtime.RealtimeConnection(socket)


def received(connection: Any, number: int) -> None:
    for _ in range(number):
        connection.recv_bytes()


def texts(span: Any, name: str) -> list[str]:
    messages = json.loads(span.attributes.get(f"gen_ai.{name}.messages", "[]"))
    return [part["content"] for message in messages for part in message["parts"]]


def test_an_error_about_something_else_ends_no_response_that_is_under_way(
    instrumented: SpanLog,
) -> None:
    connection = connected(
        CREATED,
        DELTA,
        refused(code="response_cancel_not_active"),
        refused(code="invalid_value", param="audio_end_ms"),
        DONE,
    )
    connection.response.create()
    received(connection, 5)
    (span,) = instrumented.ended
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert span.attributes["gen_ai.usage.output_tokens"] == 4
    assert texts(span, "output") == ["Hello world"]


@pytest.mark.parametrize(
    "error",
    [
        {"code": "unknown_parameter", "param": "session.colour"},
        {"code": "invalid_value", "param": "item.content[0].type"},
        {"code": "input_audio_buffer_commit_empty", "event_id": "commit_1"},
    ],
    ids=lambda error: error["code"],
)
def test_an_error_that_names_something_else_ends_no_response_that_is_asked_for(
    error: dict[str, Any], instrumented: SpanLog
) -> None:
    connection = connected(refused(**error), CREATED, DONE)
    connection.conversation.item.create(
        item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "hello"}],
        }
    )
    connection.response.create(event_id="create_1")
    received(connection, 3)
    (span,) = instrumented.ended
    assert span.status.status_code is StatusCode.UNSET
    assert texts(span, "input") == ["hello"]


@pytest.mark.parametrize("cause", [None, "create_1"])
def test_a_response_that_is_refused_fails(cause: str | None, instrumented: SpanLog) -> None:
    active = "conversation_already_has_active_response"
    connection = connected(CREATED, refused(code=active, event_id=cause), DONE)
    connection.response.create(event_id="create_0")
    received(connection, 1)
    connection.response.create(event_id="create_1")
    received(connection, 2)
    failed, whole = instrumented.ended
    assert failed.attributes["error.type"] == active
    assert whole.attributes["gen_ai.response.finish_reasons"] == ("stop",)


def test_what_could_not_be_sent_is_a_failure(instrumented: SpanLog) -> None:
    connection = connected(refuses=OSError("broken pipe"))
    with pytest.raises(OSError, match="broken pipe"):
        connection.response.create()
    (span,) = instrumented.ended
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "OSError"


def test_what_is_asked_beside_the_conversation_takes_nothing_of_it(instrumented: SpanLog) -> None:
    other = {"type": "response.done", "response": {"id": "resp_0", "status": "completed"}}
    begun = {"type": "response.created", "response": {"id": "resp_0"}}
    connection = connected(begun, other, CREATED, DONE)

    def message(text: str) -> Any:
        part = {"type": "input_text", "text": text}
        return {"type": "message", "role": "user", "content": [part]}

    connection.conversation.item.create(item=message("hello"))
    connection.response.create(response={"conversation": "none", "input": [message("classify")]})
    received(connection, 2)
    connection.response.create()
    received(connection, 2)
    beside, within = instrumented.ended
    assert texts(beside, "input") == ["classify"]
    assert texts(within, "input") == ["hello"]


def test_words_that_come_while_they_are_answered_belong_to_that_answer(
    instrumented: SpanLog,
) -> None:
    """A transcription is made beside the answer, and may come after its first words."""

    def committed(item_id: str) -> dict[str, Any]:
        return {"type": "input_audio_buffer.committed", "item_id": item_id}

    second = {"id": "resp_2", "status": "completed", "output": [ITEM]}
    connection = connected(
        committed("item_a"),
        CREATED,
        DELTA,
        committed("item_b"),
        said("What is the time?", "item_a"),
        said("And the date?", "item_b"),
        DONE,
        {"type": "response.created", "response": {"id": "resp_2"}},
        {"type": "response.done", "response": second},
    )
    received(connection, 9)
    first, following = instrumented.ended
    assert texts(first, "input") == ["What is the time?"]
    assert texts(first, "output") == ["Hello world"]
    assert texts(following, "input") == ["And the date?"]
