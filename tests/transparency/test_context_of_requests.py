"""The span is current where HTTP work is done, and nowhere else; retries belong to one span."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel import OpenlayerInstrumentor, semconv
from openlayer_otel.providers.stainless_body import end_of
from openlayer_otel.standin.llm_server import LLMServer
from tests.endings.application import run, settle
from tests.support.sdk_clients import http_library, make_client
from tests.support.span_log import SpanLog

BOTH = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
_EVENTS = {
    "openai": [b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n', b"data: [DONE]\n\n"],
    "anthropic": [
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"m"}}\n\n',
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ],
}


@pytest.mark.matrix
@BOTH
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_the_span_is_current_during_the_request_and_every_read_of_the_body(
    sdk: str, stream: bool, asynchronous: bool, instrumented: SpanLog
) -> None:
    """So that spans of an HTTP instrumentation stand below the call that caused them."""
    library = http_library(sdk)
    current: list[Any] = []

    def note() -> None:
        current.append(trace.get_current_span().get_span_context().span_id)

    class Body(library.SyncByteStream, library.AsyncByteStream):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Any:
            for piece in _EVENTS[sdk] if stream else [b'{"id":', b'"x"}']:
                note()
                yield piece

        async def __aiter__(self) -> Any:
            for piece in self:
                yield piece

    def answer(request: Any) -> Any:
        note()
        kind = "text/event-stream" if stream else "application/json"
        return library.Response(200, headers={"content-type": kind}, stream=Body())

    async def work() -> None:
        transport = library.MockTransport(answer)
        client = make_client(sdk, asynchronous, "http://127.0.0.1:9", transport)
        resource = client.chat.completions if sdk == "openai" else client.messages
        more = {} if sdk == "openai" else {"max_tokens": 9}
        result = await settle(resource.create(model="m", messages=[], stream=stream, **more))
        if not stream:
            return
        if asynchronous:
            async for _ in result:
                assert not trace.get_current_span().get_span_context().is_valid
        else:
            for _ in result:
                assert not trace.get_current_span().get_span_context().is_valid

    run(asynchronous, work())
    context = instrumented.only().get_span_context()
    assert context is not None
    assert set(current) == {context.span_id}
    assert len(current) >= 2


@pytest.mark.matrix
@BOTH
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_a_stream_from_the_network_is_known_to_run_nobody_elses_code(
    sdk: str, asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    """Which spares each of its chunks two changes of the context."""

    async def work() -> None:
        client = make_client(sdk, asynchronous, llm_server.url)
        resource = client.chat.completions if sdk == "openai" else client.messages
        more = {} if sdk == "openai" else {"max_tokens": 9}
        stream = await settle(resource.create(model="m", messages=[], stream=True, **more))
        end = end_of(stream.response)
        assert end is not None
        assert not end.others_read
        await settle(stream.close())

    run(asynchronous, work())
    assert instrumented.only().name == "chat m"


@pytest.mark.matrix
@BOTH
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
@pytest.mark.parametrize("failures", [0, 2, 9])
def test_retries_are_one_span_that_counts_them(
    sdk: str, asynchronous: bool, failures: int, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    async def work() -> None:
        client = make_client(sdk, asynchronous, llm_server.url, max_retries=2)
        resource = client.chat.completions if sdk == "openai" else client.messages
        more = {} if sdk == "openai" else {"max_tokens": 9}
        model = f"m;error=503;fail_times={failures};retry_after=0.001;key=k{sdk}{asynchronous}"
        try:
            await settle(resource.create(model=model, messages=[], **more))
        except Exception as error:
            assert failures == 9, error

    run(asynchronous, work())
    span = instrumented.only()
    attributes = span.attributes or {}
    assert len(llm_server.requests) == min(failures, 2) + 1
    assert attributes.get(semconv.HTTP_REQUEST_RESEND_COUNT) == (2 if failures else None)
    assert (semconv.ERROR_TYPE in attributes) == (failures == 9)


def test_a_tracer_provider_set_after_instrument_gets_the_spans(
    llm_server: LLMServer,
    spans: SpanLog,
    tracer_provider: TracerProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", type(trace._TRACER_PROVIDER_SET_ONCE)())
    instrumentor = OpenlayerInstrumentor()
    instrumentor.instrument()
    try:
        client = make_client("openai", False, llm_server.url)
        client.chat.completions.create(model="m", messages=[])
        assert spans.started == []
        trace.set_tracer_provider(tracer_provider)
        client.chat.completions.create(model="m", messages=[])
        assert spans.only().name == "chat m"
    finally:
        instrumentor.uninstrument()


def test_a_call_that_nobody_records_builds_nothing(
    llm_server: LLMServer, instrument: Callable[..., None]
) -> None:
    instrument(
        tracer_provider=trace.NoOpTracerProvider(), meter_provider=metrics.NoOpMeterProvider()
    )
    client = make_client("openai", False, llm_server.url)
    stream = client.chat.completions.create(model="m", messages=[], stream=True)
    assert type(stream._iterator).__name__ == "generator"
    assert len(list(stream)) > 3
