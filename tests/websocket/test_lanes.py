"""Several responses at once over one WebSocket: each on a lane of its own."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import StatusCode

from tests.support.span_log import SpanLog

exceptions = pytest.importorskip("websockets.exceptions", reason="needs openai[realtime]")
lanes = pytest.importorskip("openai.lib.responses_websocket", reason="the SDK has no lanes")

LIMITS = {"max_lanes": 4, "max_events_per_lane": 99, "max_events": 99}
SIZES = {"max_bytes_per_lane": 100_000, "max_bytes": 100_000}


class _Socket:
    """Answers once it has got so many requests, event by event."""

    def __init__(self, requests: int, *events: dict[str, Any]) -> None:
        self._events = [json.dumps(event).encode() for event in events]
        self._asked = threading.Semaphore(0)
        self._requests = requests

    def send(self, data: str) -> None:
        self._asked.release()

    def recv(self, decode: bool | None = None) -> bytes:
        for _ in range(self._requests):
            self._asked.acquire(timeout=10)
        self._requests = 0
        if not self._events:
            raise exceptions.ConnectionClosedOK(None, None)
        return self._events.pop(0)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """The end: nobody waits any more."""
        self._asked.release(self._requests + 1)


def _answer(lane: str, *words: str) -> list[dict[str, Any]]:
    """The events of one response; deltas name the lane and no response."""
    response = {"id": f"resp_{lane}", "object": "response", "model": "m"}
    content = [{"type": "output_text", "text": "".join(words), "annotations": []}]
    item = {"id": "i", "type": "message", "role": "assistant", "content": content}
    place = {"output_index": 0, "content_index": 0, "item_id": "i"}
    usage = {"input_tokens": len(words), "output_tokens": 1, "total_tokens": 2}
    done = {**response, "status": "completed", "output": [item], "usage": usage}
    events = [
        {"type": "response.created", "response": {**response, "status": "in_progress"}},
        {"type": "response.output_item.added", **place, "item": {**item, "content": []}},
        *({"type": "response.output_text.delta", **place, "delta": word} for word in words),
        {"type": "response.completed", "response": done},
    ]
    return [{**event, "stream_id": lane} for event in events]


def _session(socket: Any) -> Any:
    from openai.resources.responses.responses import ResponsesConnection

    limits = lanes.ResponsesWebSocketLimits(**LIMITS, **SIZES)
    return lanes.ResponsesWebSocketSession(ResponsesConnection(socket), limits=limits)


def _asked(question: str) -> Any:
    return {"type": "response.create", "model": "m", "input": question}


def _text(span: Any, name: str) -> str:
    (message,) = json.loads(span.attributes[f"gen_ai.{name}.messages"])
    return str(message["parts"][0]["content"])


def test_responses_of_two_lanes_are_kept_apart(
    instrumented: SpanLog, tracer_provider: TracerProvider
) -> None:
    tracer = tracer_provider.get_tracer("application")
    one, two = _answer("a", "one", " two"), _answer("b", "three", " four", " five")
    # The second that was asked is the first to answer, and neither is whole at the end.
    events = [two[0], two[1], one[0], one[1], one[2], two[2], two[3], one[3], two[4]]
    with _session(_Socket(2, *events)) as session:
        first, second = session.lane("a"), session.lane("b")
        with tracer.start_as_current_span("question") as question:
            first.send(_asked("count"))
            second.send(_asked("go on"))
        for _ in one[:-1]:
            first.recv(timeout=10)
        for _ in two[:-1]:
            second.recv(timeout=10)
    found = {_text(span, "input"): span for span in instrumented.ended if span.name == "chat m"}
    assert _text(found["count"], "output") == "one two"
    assert _text(found["go on"], "output") == "three four five"
    assert found["count"].attributes["gen_ai.response.id"] == "resp_a"
    for span in found.values():
        assert span.parent.span_id == question.get_span_context().span_id


def test_an_error_on_a_lane_is_that_lanes(instrumented: SpanLog) -> None:
    error = {"type": "invalid_request_error", "code": "previous_response_not_found"}
    refused = {"type": "error", "stream_id": "b", "status": 400, "error": error}
    with _session(_Socket(2, refused, *_answer("a", "one"))) as session:
        first, second = session.lane("a"), session.lane("b")
        first.send(_asked("count"))
        second.send(_asked("go on"))
        assert first.get_final_response(timeout=10).id == "resp_a"
    found = {_text(span, "input"): span for span in instrumented.ended}
    assert found["count"].status.status_code is StatusCode.UNSET
    assert found["go on"].attributes["error.type"] == "previous_response_not_found"


def test_an_error_ends_what_is_under_way_on_its_lane(instrumented: SpanLog) -> None:
    one, two = _answer("a", "one"), _answer("b", "two", " three")
    error = {"type": "server_error", "code": "server_error", "message": "The model broke down."}
    broken = {"type": "error", "stream_id": "b", "status": 500, "error": error}
    with _session(_Socket(2, one[0], *two[:3], broken, *one[1:])) as session:
        first, second = session.lane("a"), session.lane("b")
        first.send(_asked("count"))
        second.send(_asked("go on"))
        assert first.get_final_response(timeout=10).id == "resp_a"
    found = {_text(span, "input"): span for span in instrumented.ended}
    assert found["count"].status.status_code is StatusCode.UNSET
    assert _text(found["count"], "output") == "one"
    assert found["go on"].attributes["error.type"] == "server_error"
    assert _text(found["go on"], "output") == "two"


def test_what_a_lane_refuses_to_send_is_a_failure(instrumented: SpanLog) -> None:
    with _session(_Socket(1, *_answer("a", "one"))) as session:
        lane = session.lane("a")
        with pytest.raises(ValueError, match="does not match"):
            lane.send({**_asked("count"), "stream_id": "b"})
        (span,) = instrumented.ended
        assert span.attributes["error.type"] == "ValueError"


class _AsyncSocket(_Socket):
    """The same for an asynchronous connection."""

    async def send(self, data: str) -> None:  # type: ignore[override]
        super().send(data)

    async def recv(self, decode: bool | None = None) -> bytes:  # type: ignore[override]
        return await asyncio.to_thread(super().recv)

    async def close(self, code: int = 1000, reason: str = "") -> None:  # type: ignore[override]
        super().close()


async def test_asynchronous_lanes_are_the_same(instrumented: SpanLog) -> None:
    from openai.resources.responses.responses import AsyncResponsesConnection

    one, two = _answer("a", "one"), _answer("b", "two")
    socket: Any = _AsyncSocket(2, *two[:-1], *one[:-1], two[-1], one[-1])
    limits = lanes.ResponsesWebSocketLimits(**LIMITS, **SIZES)
    connection = AsyncResponsesConnection(socket)
    async with lanes.AsyncResponsesWebSocketSession(connection, limits=limits) as session:
        first, second = session.lane("a"), session.lane("b")
        await first.send(_asked("count"))
        await second.send(_asked("go on"))
        assert (await first.get_final_response()).id == "resp_a"
        assert (await second.get_final_response()).id == "resp_b"
    found = {_text(span, "input"): _text(span, "output") for span in instrumented.ended}
    assert found == {"count": "one", "go on": "two"}
