"""A response that is steered: the server goes on with another one, which nobody has asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.span_log import SpanLog
from tests.websocket.heard import Heard

pytest.importorskip("websockets", reason="WebSockets need openai[realtime]")
pytest.importorskip(
    "openai.types.responses.response_steer_event", reason="the SDK does not know of steering"
)

ASKED: Any = {"type": "response.create", "model": "m-1", "input": "a long story"}


def _connected(*events: dict[str, Any]) -> Any:
    from openai.resources.responses.responses import ResponsesConnection

    socket: Any = Heard(*events)
    return ResponsesConnection(socket)


def _event(kind: str, number: int, **fields: Any) -> dict[str, Any]:
    before = f"resp_{number - 1}" if number > 1 else None
    response = {"id": f"resp_{number}", "object": "response", "model": "m-1-0", "output": []}
    return {
        "type": f"response.{kind}",
        "response": {**response, "previous_response_id": before, **fields},
    }


def _steer(given: Any) -> Any:
    return {"type": "response.steer", "previous_response_id": "resp_1", "input": given}


STEERED = _event("incomplete", 1, status="incomplete", incomplete_details={"reason": "steered"})
ACCEPTED = {"type": "response.steer.accepted", "steer": {"previous_response_id": "resp_1"}}


def _given(span: Any) -> list[str]:
    messages = json.loads(span.attributes.get("gen_ai.input.messages", "[]"))
    return [part["content"] for message in messages for part in message["parts"]]


def _received(connection: Any, number: int) -> None:
    for _ in range(number):
        connection.recv_bytes()


def test_the_response_that_follows_has_the_model_and_what_was_added(
    instrumented: SpanLog,
) -> None:
    connection = _connected(
        _event("created", 1, status="in_progress"),
        ACCEPTED,
        STEERED,
        _event("created", 2, status="in_progress"),
        _event("completed", 2, status="completed"),
    )
    connection.send(ASKED)
    _received(connection, 1)
    connection.send(_steer("make it short"))
    message = {"role": "user", "content": [{"type": "input_text", "text": "and funny"}]}
    connection.send(_steer([message]))
    _received(connection, 4)
    first, second = instrumented.ended
    assert _given(first) == ["a long story"]
    assert first.attributes["gen_ai.response.finish_reasons"] == ("steered",)
    assert "gen_ai.response.time_to_first_chunk" in first.attributes
    assert second.name == "chat m-1"
    assert _given(second) == ["make it short", "and funny"]
    assert second.attributes["gen_ai.request.previous_response.id"] == "resp_1"
    assert second.attributes["gen_ai.response.id"] == "resp_2"


def test_what_is_asked_next_comes_after_what_was_added(instrumented: SpanLog) -> None:
    connection = _connected(
        _event("created", 1, status="in_progress"),
        _event("completed", 1, status="completed"),
        _event("completed", 2, status="completed"),
    )
    connection.send(ASKED)
    _received(connection, 1)
    connection.send(_steer("make it short"))
    _received(connection, 1)
    asked = {**ASKED, "input": "well?", "model": "m-2", "previous_response_id": "resp_1"}
    connection.send(asked)
    _received(connection, 1)
    _, second = instrumented.ended
    assert second.name == "chat m-2"
    assert _given(second) == ["make it short", "well?"]


def test_what_the_server_refuses_is_not_what_the_next_response_is_asked(
    instrumented: SpanLog,
) -> None:
    refused = {"previous_response_id": "resp_1", "input": "make it short"}
    connection = _connected(
        _event("created", 1, status="in_progress"),
        {"type": "response.steer.failed", "error": {"message": "no"}, "steer": refused},
        STEERED,
        _event("created", 2, status="in_progress"),
        _event("completed", 2, status="completed"),
    )
    connection.send(ASKED)
    _received(connection, 1)
    connection.send(_steer("make it short"))
    connection.send(_steer("make it funny"))
    _received(connection, 4)
    _, second = instrumented.ended
    assert _given(second) == ["make it funny"]
