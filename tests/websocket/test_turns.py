"""Realtime and Responses over a WebSocket: a span for each response of the model."""

from __future__ import annotations

import gc
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import StatusCode

from openlayer_otel.standin.llm_server import LLMServer
from tests.support.span_log import SpanLog
from tests.websocket.heard import Heard

pytest.importorskip("websockets", reason="WebSockets need openai[realtime]")

HELLO = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "hello"}],
}


@pytest.fixture
def client(llm_server: LLMServer) -> openai.OpenAI:
    made = openai.OpenAI(base_url=llm_server.url + "/v1", api_key="k")
    if not hasattr(made, "realtime") or not hasattr(made.responses, "connect"):
        pytest.skip("this version of the SDK has no such WebSockets")
    return made


@pytest.fixture
async def async_client(
    llm_server: LLMServer, client: openai.OpenAI
) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=llm_server.url + "/v1", api_key="k") as made:
        yield made


def until(connection: Any, kind: str) -> list[Any]:
    """Receive events up to the first of a kind."""
    found = []
    for event in connection:
        found.append(event)
        if event.type == kind:
            break
    return found


def outputs(span: Any) -> list[dict[str, Any]]:
    return json.loads(span.attributes["gen_ai.output.messages"])


def test_each_realtime_response_is_one_span_that_ends_with_the_response(
    instrumented: SpanLog, client: openai.OpenAI
) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.conversation.item.create(item=HELLO)
        for number in (1, 2):
            connection.response.create()
            until(connection, "response.output_text.delta")
            assert len(instrumented.ended) == number - 1
            until(connection, "response.done")
            assert len(instrumented.ended) == number
    first, second = instrumented.ended
    assert first.name == "chat gpt-realtime"
    found = dict(first.attributes)
    assert found["gen_ai.request.model"] == "gpt-realtime"
    assert found["gen_ai.response.id"].startswith("resp_")
    assert found["gen_ai.response.id"] != dict(second.attributes)["gen_ai.response.id"]
    assert found["gen_ai.usage.input_tokens"] == 11
    assert found["gen_ai.usage.cache_read.input_tokens"] == 3
    assert found["gen_ai.usage.output_tokens"] == 5
    assert found["gen_ai.response.finish_reasons"] == ("stop",)
    assert found["server.address"] == "127.0.0.1"
    assert json.loads(found["gen_ai.input.messages"])[0]["parts"] == [
        {"type": "text", "content": "hello"}
    ]
    assert outputs(first)[0]["parts"][0]["type"] == "text"
    assert "gen_ai.input.messages" not in second.attributes


def test_a_turn_is_a_child_of_the_span_around_the_request_for_it(
    instrumented: SpanLog, client: openai.OpenAI, tracer_provider: TracerProvider
) -> None:
    tracer = tracer_provider.get_tracer("application")
    with (
        client.realtime.connect(model="gpt-realtime") as connection,
        tracer.start_as_current_span("question") as question,
    ):
        connection.response.create()
        until(connection, "response.done")
    turn = instrumented.named("chat gpt-realtime")
    assert turn.parent.span_id == question.get_span_context().span_id


def test_a_realtime_tool_call_is_recorded_as_one(
    instrumented: SpanLog, client: openai.OpenAI
) -> None:
    with client.realtime.connect(model="gpt-realtime;mode=tool") as connection:
        connection.response.create()
        until(connection, "response.done")
    (span,) = instrumented.ended
    assert span.attributes["gen_ai.response.finish_reasons"] == ("tool_call",)
    assert outputs(span)[0]["parts"][0]["name"] == "get_weather"


def test_a_connection_left_in_the_middle_ends_its_turn_with_what_was_said(
    instrumented: SpanLog, client: openai.OpenAI
) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.response.create()
        until(connection, "response.output_text.delta")
    (span,) = instrumented.ended
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes["openlayer.operation.outcome"] == "closed"
    assert span.attributes["gen_ai.response.finish_reasons"] == ("error",)
    assert outputs(span)[0]["parts"][0]["content"]


def test_a_dropped_connection_ends_its_turn(instrumented: SpanLog, client: openai.OpenAI) -> None:
    connection = client.realtime.connect(model="gpt-realtime").enter()
    connection.response.create()
    until(connection, "response.output_text.delta")
    socket = connection._connection
    del connection
    gc.collect()
    (span,) = instrumented.ended
    assert span.attributes["openlayer.operation.outcome"] == "dropped"
    socket.close()


@pytest.mark.parametrize("api", ["realtime", "responses"])
def test_a_connection_that_is_cut_fails_its_turn_and_the_application_sees_the_same(
    api: str, instrumented: SpanLog, client: openai.OpenAI
) -> None:
    from websockets.exceptions import ConnectionClosedError

    with _asked(client, api, "drop=3") as connection, pytest.raises(ConnectionClosedError):
        until(connection, "never")
    (span,) = instrumented.ended
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "websockets.exceptions.ConnectionClosedError"


def test_an_error_event_of_the_responses_api_fails_the_turn_with_the_providers_code(
    instrumented: SpanLog, client: openai.OpenAI
) -> None:
    with _asked(client, "responses", "sse_error=2") as connection:
        until(connection, "error")
    (span,) = instrumented.ended
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "server_error"


def test_a_response_over_a_websocket_is_recorded_like_any_other(
    instrumented: SpanLog, client: openai.OpenAI
) -> None:
    with _asked(client, "responses", "") as connection:
        until(connection, "response.completed")
    (span,) = instrumented.ended
    assert span.name == "chat gpt-x"
    assert span.attributes["gen_ai.usage.output_tokens"] == 5
    assert "openlayer.request.parameters" not in span.attributes
    assert outputs(span)[0]["finish_reason"] == "stop"


async def test_asynchronous_connections_are_the_same(
    instrumented: SpanLog, async_client: openai.AsyncOpenAI
) -> None:
    async with async_client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "instructions": "be brief"})
        await connection.response.create()
        async for event in connection:
            if event.type == "response.done":
                break
    async with async_client.responses.connect() as connection:
        await connection.response.create(model="gpt-x", input="hi")
        async for event in connection:
            if event.type == "response.output_text.delta":
                break
    realtime, left = instrumented.ended
    assert "be brief" in realtime.attributes["gen_ai.system_instructions"]
    assert left.attributes["openlayer.operation.outcome"] == "closed"
    assert left.attributes["gen_ai.response.finish_reasons"] == ("error",)


def test_uninstrumenting_leaves_the_sdks_classes_as_they_were(
    instrument: Any, client: openai.OpenAI, spans: SpanLog
) -> None:
    from openai.resources.realtime import realtime

    before = dict(vars(realtime.RealtimeConnection))
    instrument()
    assert dict(vars(realtime.RealtimeConnection)) != before
    from openlayer_otel import OpenlayerInstrumentor

    OpenlayerInstrumentor().uninstrument()
    assert dict(vars(realtime.RealtimeConnection)) == before
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.response.create()
        until(connection, "response.done")
    assert not spans.ended


def _asked(client: openai.OpenAI, api: str, steering: str) -> Any:
    """A connection on which a response has been asked for."""

    class Asked:
        def __enter__(self) -> Iterator[Any]:
            if api == "realtime":
                self.manager = client.realtime.connect(model=f"gpt-realtime;{steering}")
            else:
                self.manager = client.responses.connect()
            connection = self.manager.__enter__()
            if api == "realtime":
                connection.response.create()
            else:
                connection.response.create(model=f"gpt-x;{steering}".rstrip(";"), input="hi")
            return connection

        def __exit__(self, *details: Any) -> None:
            self.manager.__exit__(*details)

    return Asked()


def test_a_response_that_was_interrupted_keeps_what_was_heard_of_it(
    instrumented: SpanLog, client: openai.OpenAI
) -> None:
    from openai.resources.realtime.realtime import RealtimeConnection

    item = {"id": "item_1", "type": "message", "role": "assistant", "content": []}
    place = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0}
    ended = {"id": "resp_1", "status": "cancelled", "output": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
        {"type": "response.output_item.added", **place, "item": item},
        {
            "type": "response.output_audio_transcript.delta",
            **place,
            "content_index": 0,
            "delta": "Hello wor",
        },
        {"type": "response.done", "response": ended},
    ]
    socket: Any = Heard(*events)
    connection = RealtimeConnection(socket)
    connection.response.create()
    for _ in events:
        connection.recv_bytes()
    (span,) = instrumented.ended
    assert outputs(span)[0]["parts"] == [{"type": "text", "content": "Hello wor"}]
