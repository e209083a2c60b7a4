"""What a process holds once nothing goes to Openlayer any more: nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.sdk.trace import TracerProvider

import openlayer_otel
from openlayer_otel import OpenlayerInstrumentor, OpenlayerSpanProcessor
from openlayer_otel.attachments import binaries, raw_outputs
from openlayer_otel.standin.llm_server import LLMServer
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog


def test_calls_after_shutdown_keep_no_answers_and_no_files(
    destination: dict[str, Any],
    tracer_provider: TracerProvider,
    call_model: Callable[..., None],
    openlayer_server: OpenlayerServer,
) -> None:
    openlayer_otel.init(**destination, inline_attachments=True, tracer_provider=tracer_provider)
    call_model()
    kept = binaries.keep(b"picture", "image/png")
    assert binaries.get(kept) is not None
    assert openlayer_otel.shutdown(30)
    assert "rawOutput" in openlayer_server.traces[0].row["steps"][0]
    assert binaries.get(kept) is None

    OpenlayerInstrumentor().instrument(tracer_provider=tracer_provider)
    call_model()
    assert not raw_outputs.wanted
    assert not raw_outputs._held
    assert binaries.get(binaries.keep(b"another", "image/png")) is None


def test_what_another_destination_wants_is_kept(
    destination: dict[str, Any],
    tracer_provider: TracerProvider,
    call_model: Callable[..., None],
    openlayer_server: OpenlayerServer,
) -> None:
    first = OpenlayerSpanProcessor(**destination, inline_attachments=True)
    second = OpenlayerSpanProcessor(**destination)
    tracer_provider.add_span_processor(second)
    first.shutdown()
    assert raw_outputs.wanted
    assert not binaries.wanted
    OpenlayerInstrumentor().instrument(tracer_provider=tracer_provider)
    call_model()
    assert second.force_flush()
    (uploaded,) = openlayer_server.traces
    assert uploaded.row["steps"][0]["rawOutput"]
    second.shutdown()
    assert not raw_outputs.wanted


def test_a_stream_that_is_still_read_is_recorded_as_far_as_it_has_come(
    destination: dict[str, Any],
    tracer_provider: TracerProvider,
    llm_server: LLMServer,
    openlayer_server: OpenlayerServer,
) -> None:
    openlayer_otel.init(**destination, tracer_provider=tracer_provider)
    client = make_client("openai", False, llm_server.url)
    stream = client.chat.completions.create(
        model="gpt-x", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    said = ""
    while not said:
        said = next(stream).choices[0].delta.content or ""
    assert openlayer_otel.shutdown(30)
    (step,) = openlayer_server.traces[0].row["steps"]
    assert step["output"] == said
    assert [chunk for chunk in stream if chunk.choices]  # the application reads on


def test_a_stream_whose_span_goes_elsewhere_is_left_alone(
    destination: dict[str, Any],
    tracer_provider: TracerProvider,
    spans: SpanLog,
    llm_server: LLMServer,
) -> None:
    OpenlayerInstrumentor().instrument(tracer_provider=tracer_provider)
    client = make_client("openai", False, llm_server.url)
    stream = client.chat.completions.create(
        model="gpt-x", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    next(stream)
    openlayer_otel.init(**destination, tracer_provider=TracerProvider(shutdown_on_exit=False))
    openlayer_otel.shutdown(30)
    assert spans.ended == []
    list(stream)
    assert (spans.only().attributes or {})["gen_ai.response.finish_reasons"] == ("stop",)
