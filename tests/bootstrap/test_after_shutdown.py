"""What a process holds once nothing goes to Openlayer any more: nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.sdk.trace import TracerProvider

import openlayer_otel
from openlayer_otel import OpenlayerInstrumentor, OpenlayerSpanProcessor
from openlayer_otel.attachments import binaries, raw_outputs
from openlayer_otel.standin.openlayer_server import OpenlayerServer


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
