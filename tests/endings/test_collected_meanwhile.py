"""Streams that are collected while the application's own thread holds a lock of the SDK."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import openai
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from openlayer_otel import semconv
from openlayer_otel.standin.llm_server import LLMServer
from tests.support.span_log import SpanLog


class _Collecting(SpanProcessor):
    """A processor with a plain lock, in whose hold the garbage collector runs.

    It may run wherever memory is asked for; here it does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.collect = False

    def on_end(self, span: ReadableSpan) -> None:
        with self._lock:
            if self.collect:
                self.collect = False
                gc.collect()


@pytest.mark.matrix
def test_a_stream_collected_in_the_hold_of_a_processors_lock_stops_nobody(
    tracer_provider: TracerProvider,
    spans: SpanLog,
    instrument: Callable[..., None],
    llm_server: LLMServer,
    meter_provider: MeterProvider,
) -> None:
    collecting = _Collecting()
    tracer_provider.add_span_processor(collecting)
    instrument()
    over = threading.Event()

    def run() -> None:
        with openai.OpenAI(base_url=llm_server.url + "/v1", api_key="k") as client:
            held: dict[str, Any] = {}
            held["itself"] = held
            messages = [{"role": "user", "content": "hi"}]
            held["stream"] = client.chat.completions.create(
                model="m",
                messages=messages,  # type: ignore[arg-type]
                stream=True,
            )
            next(held["stream"])
            del held
            collecting.collect = True
            client.chat.completions.create(model="n", messages=messages)  # type: ignore[arg-type]
        over.set()

    gc.collect()
    gc.disable()
    try:
        threading.Thread(target=run, daemon=True).start()
        assert over.wait(20), "the application's thread waits for itself"
    finally:
        gc.enable()
    for _ in range(200):
        if len(spans.ended) == 2:
            break
        over.clear()
        over.wait(0.01)
    dropped = spans.named("chat m")
    assert (dropped.attributes or {})[semconv.OUTCOME] == semconv.OUTCOME_DROPPED
