"""Spans reach an OTLP receiver through OpenTelemetry's own exporters, and lose nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcSpanExporter,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpSpanExporter,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import format_span_id, format_trace_id

from openlayer_otel.standin.llm_server import LLMServer
from tests.support.otlp_receiver import Receiver, grpc_receiver, http_receiver
from tests.support.span_log import SpanLog

MESSAGES: list[Any] = [{"role": "user", "content": "Zürich, 東京 or \N{SNOWMAN}?"}]


def _http_exporter(endpoint: str) -> SpanExporter:
    return HttpSpanExporter(endpoint=endpoint + "/v1/traces")


def _grpc_exporter(endpoint: str) -> SpanExporter:
    return GrpcSpanExporter(endpoint=endpoint, insecure=True)


@pytest.fixture(params=["http", "grpc"])
def receiver(request: pytest.FixtureRequest, tracer_provider: TracerProvider) -> Iterator[Receiver]:
    """A receiver that the test's spans are exported to."""
    roads: dict[
        str,
        tuple[Callable[[], AbstractContextManager[Receiver]], Callable[[str], SpanExporter]],
    ] = {"http": (http_receiver, _http_exporter), "grpc": (grpc_receiver, _grpc_exporter)}
    start, make_exporter = roads[request.param]
    with start() as receiver:
        tracer_provider.add_span_processor(BatchSpanProcessor(make_exporter(receiver.endpoint)))
        yield receiver
        tracer_provider.shutdown()


def _run_an_application(llm_server: LLMServer, provider: TracerProvider) -> None:
    """Plain, streamed, left early, tools, failed: all under one span."""
    tracer = provider.get_tracer("the application")
    openai_url, anthropic_url = llm_server.url + "/v1", llm_server.url
    with (
        openai.OpenAI(base_url=openai_url, api_key="k", max_retries=0) as gpt,
        anthropic.Anthropic(base_url=anthropic_url, api_key="k", max_retries=0) as claude,
        tracer.start_as_current_span("request"),
    ):
        gpt.chat.completions.create(model="gpt-x;mode=tools2;n=2", messages=MESSAGES)
        list(gpt.chat.completions.create(model="gpt-x", messages=MESSAGES, stream=True))
        with gpt.chat.completions.create(model="gpt-x", messages=MESSAGES, stream=True) as left:
            next(left)
        claude.messages.create(
            model="claude-x;mode=thinking",
            max_tokens=9,
            system="Be brief.",
            stop_sequences=["a", "b"],
            messages=MESSAGES,
        )
        with pytest.raises(openai.BadRequestError):
            gpt.chat.completions.create(model="gpt-x;error=400", messages=MESSAGES)


def test_every_span_arrives_as_it_was_recorded(
    receiver: Receiver,
    instrumented: SpanLog,
    llm_server: LLMServer,
    tracer_provider: TracerProvider,
) -> None:
    _run_an_application(llm_server, tracer_provider)
    assert tracer_provider.force_flush()

    assert len(instrumented.ended) == 6
    received = {each.span.span_id: each for each in receiver.wait_for(6)}
    assert len(received) == 6
    for recorded in instrumented.ended:
        identity = recorded.get_span_context()
        assert identity is not None
        arrived = received[bytes.fromhex(format_span_id(identity.span_id))]
        _assert_same(arrived.span, recorded)
        assert arrived.attributes == dict(recorded.attributes or {})
        assert arrived.resource["service.name"] == recorded.resource.attributes["service.name"]
        assert recorded.instrumentation_scope is not None
        assert arrived.scope == recorded.instrumentation_scope.name


def _assert_same(arrived: Span, recorded: ReadableSpan) -> None:
    identity = recorded.get_span_context()
    assert identity is not None
    assert arrived.trace_id.hex() == format_trace_id(identity.trace_id)
    parent = "" if recorded.parent is None else format_span_id(recorded.parent.span_id)
    assert arrived.parent_span_id.hex() == parent
    assert arrived.name == recorded.name
    # OTLP counts kinds from 1 (0 is "unspecified"), the API from 0.
    assert arrived.kind == recorded.kind.value + 1
    assert arrived.start_time_unix_nano == recorded.start_time
    assert arrived.end_time_unix_nano == recorded.end_time
    # OTLP and the API number UNSET and ERROR alike: 0 and 2.
    assert arrived.status.code == recorded.status.status_code.value
    assert arrived.status.message == (recorded.status.description or "")
    assert [event.name for event in arrived.events] == [event.name for event in recorded.events]


def test_the_model_calls_are_clients_below_the_applications_span(
    receiver: Receiver,
    instrumented: SpanLog,
    llm_server: LLMServer,
    tracer_provider: TracerProvider,
) -> None:
    _run_an_application(llm_server, tracer_provider)
    tracer_provider.force_flush()

    received = receiver.wait_for(6)
    (root,) = (each.span for each in received if each.span.name == "request")
    calls = [each for each in received if each.scope == "openlayer_otel"]
    assert len(calls) == 5
    for call in calls:
        assert call.span.kind == Span.SPAN_KIND_CLIENT
        assert call.span.parent_span_id == root.span_id
        assert call.span.trace_id == root.trace_id
        assert call.attributes["gen_ai.operation.name"] == "chat"
        assert "Zürich, 東京 or \N{SNOWMAN}?" in call.attributes["gen_ai.input.messages"]
    by_provider = sorted(call.attributes["gen_ai.provider.name"] for call in calls)
    assert by_provider == ["anthropic", "openai", "openai", "openai", "openai"]
