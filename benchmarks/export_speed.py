"""10,000 traces to Openlayer beside the OTLP/HTTP exporter: spans a second and CPU a span.

Both send to a server in a process of its own that answers at once; both are given the same
spans with their default settings, and flushed. They take turns, in an order that changes, so
that a machine that is shared treats them alike; reported are the medians of the rounds, and the
median of the ratio of the two within a round.
"""

from __future__ import annotations

import gc
import http.server
import json
import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from openlayer_otel import OpenlayerSpanProcessor

TRACES = 2_000
ROUNDS = 5
# Before the clock runs: libraries are imported, connections opened, threads started.
_WARM_UP = 200
_MESSAGES = json.dumps(
    [{"role": "user", "parts": [{"type": "text", "content": "What is the capital? " * 10}]}]
)


# What stands once in the body of a request for each trace of these.
_MARKS = {"/v1/traces": b"gen_ai.operation.name", "/data-stream": b'"inferenceTimestamp":'}


class _Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Answers go out in one piece, as those of real servers: two small ones would wait 40 ms for
    # each other.
    wbufsize = 65_536
    counted: Any = None

    def do_POST(self) -> None:
        """Take whatever comes."""
        received = self.rfile.read(int(self.headers["content-length"]))
        traces = sum(
            received.count(mark) for end, mark in _MARKS.items() if self.path.endswith(end)
        )
        body = b'{"success": true}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        with self.counted.get_lock():
            self.counted.value += traces

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def _serve(port: Any, counted: Any) -> None:
    _Sink.counted = counted
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    port.value = server.server_address[1]
    server.serve_forever()


def _traces(provider: TracerProvider, count: int) -> int:
    """Make traces: a root, a model call below it, and a tool. Returns the number of spans."""
    tracer = provider.get_tracer("benchmark")
    for number in range(count):
        with tracer.start_as_current_span(
            "agent", attributes={"openlayer.step.type": "agent", "openlayer.step.inputs": "{}"}
        ):
            attributes = {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o-mini",
                "gen_ai.response.id": f"chatcmpl-{number}",
                "gen_ai.input.messages": _MESSAGES,
                "gen_ai.output.messages": _MESSAGES,
                "gen_ai.usage.input_tokens": 81,
                "gen_ai.usage.output_tokens": 12,
            }
            with tracer.start_as_current_span("chat", kind=SpanKind.CLIENT, attributes=attributes):
                pass
            with tracer.start_as_current_span("tool", attributes={"openlayer.step.type": "tool"}):
                pass
        if number % 500 == 499:
            # As an application that does something else, too: nobody's queue overflows.
            provider.force_flush(60_000)
    return count * 3


def _measured(make: Callable[[], SpanProcessor]) -> dict[str, float]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(make())
    _traces(provider, _WARM_UP)
    provider.force_flush(120_000)
    gc.collect()
    started, cpu = time.perf_counter(), time.process_time()
    count = _traces(provider, TRACES)
    provider.force_flush(120_000)
    elapsed, used = time.perf_counter() - started, time.process_time() - cpu
    provider.shutdown()
    return {
        "spans_per_second": count / elapsed,
        "spans_per_core_second": count / used,
        "cpu_per_span": used / count * 1e6,
    }


def main() -> None:
    """Print both, and fail if anything was lost."""
    context = multiprocessing.get_context("spawn")
    port, counted = context.Value("i", 0), context.Value("i", 0)
    server = context.Process(target=_serve, args=(port, counted), daemon=True)
    server.start()
    while not port.value:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{port.value}"
    contenders: dict[str, Callable[[], SpanProcessor]] = {
        "no export": SpanProcessor,
        "otlp": lambda: BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{url}/v1/traces")),
        "openlayer": lambda: OpenlayerSpanProcessor(
            api_key="k", inference_pipeline_id="p", base_url=url, spool=False
        ),
    }
    rounds: list[dict[str, dict[str, float]]] = []
    for number in range(ROUNDS):
        names = list(contenders)
        found = {}
        for name in names if number % 2 else reversed(names):
            before = counted.value
            found[name] = _measured(contenders[name])
            received = counted.value - before
            if name != "no export" and received != TRACES + _WARM_UP:
                raise SystemExit(f"{name}: {received} of {TRACES + _WARM_UP} traces were received")
        rounds.append(found)
    server.terminate()
    threading.Event().wait(0.1)
    print(json.dumps(_medians(rounds)))


def _medians(rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """The medians of what was measured, and of the ratio of the two exporters."""
    speed = "spans_per_core_second"
    medians: dict[str, Any] = {
        name: {
            what: statistics.median(each[name][what] for each in rounds) for what in rounds[0][name]
        }
        for name in rounds[0]
    }
    medians["ratio"] = statistics.median(
        each["openlayer"][speed] / each["otlp"][speed] for each in rounds
    )
    return medians


if __name__ == "__main__":
    main()
