"""How much memory the export takes, and how fast it is beside the OTLP HTTP exporter.

    python benchmarks/soak.py [--traces 100000] [--seconds 260]

Two measurements in one run, each against a server in a process of its own:

soak
    That many traces, as fast as the bounded queue lets them through, into a backend that takes
    a few milliseconds for each. Printed: what became of each trace, and the memory of this
    process over time.
throughput
    The same agent-like traces through the OpenlayerSpanProcessor and through the SDK's
    BatchSpanProcessor with its OTLP HTTP exporter, into a backend that answers at once: spans
    per second of wall time and per second of processor time of this process, all delivered.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from openlayer_otel import OpenlayerSpanProcessor

MESSAGES = json.dumps(
    [
        {
            "role": "user",
            "parts": [{"type": "text", "content": "What is the weather in Paris? " * 10}],
        }
    ]
)
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.usage.input_tokens": 120,
    "gen_ai.usage.output_tokens": 30,
    "gen_ai.input.messages": MESSAGES,
    "gen_ai.output.messages": MESSAGES,
}
SPANS_PER_TRACE = 5

SERVER = """
import asyncio, re, sys
delay = float(sys.argv[1])
seen = {"requests": 0, "rows": set()}
ids = re.compile(rb'"inferenceId":"([^"]+)"')
async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            length = 0
            for line in head.split(b"\\r\\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = await reader.readexactly(length)
            if head.startswith(b"GET"):
                answer = b"%d %d" % (seen["requests"], len(seen["rows"]))
            else:
                seen["requests"] += 1
                seen["rows"].update(ids.findall(body))
                answer = b'{"success":true}' if b"inference-pipelines" in head else b""
                if delay:
                    await asyncio.sleep(delay)
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\n"
                         b"Content-Length: %d\\r\\n\\r\\n" % len(answer) + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


class Backend:
    """A server in a process of its own, so that its work is not counted as ours."""

    def __init__(self, delay: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(delay)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.address = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def counts(self) -> tuple[int, int]:
        """Requests, and different rows."""
        with urllib.request.urlopen(self.address + "/count") as answer:
            requests, rows = answer.read().split()
        return int(requests), int(rows)

    def __enter__(self) -> Backend:
        return self

    def __exit__(self, *details: object) -> None:
        self._process.kill()
        self._process.wait()


def one_trace(tracer: Any) -> None:
    """An agent, two model calls, a tool and the HTTP request that it makes."""
    agent = {"openlayer.step.type": "agent", "openlayer.step.inputs": '{"question":"weather?"}'}
    with tracer.start_as_current_span("agent", attributes=agent):
        tracer.start_span("chat gpt-4o-mini", attributes=CHAT).end()
        with tracer.start_as_current_span("tool", attributes={"openlayer.step.type": "tool"}):
            tracer.start_span("GET", attributes={"http.request.method": "GET"}).end()
        tracer.start_span("chat gpt-4o-mini", attributes=CHAT).end()


def short_trace(tracer: Any) -> None:
    """A step and the model call in it."""
    with tracer.start_as_current_span("agent", attributes={"openlayer.step.type": "agent"}):
        tracer.start_span("chat gpt-4o-mini", attributes=CHAT).end()


def resident_megabytes() -> float:
    """Memory of this process now."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def openlayer_processor(backend: Backend, spool: str) -> OpenlayerSpanProcessor:
    """Ours, to that backend."""
    return OpenlayerSpanProcessor(
        api_key="k",
        inference_pipeline_id="p",
        base_url=backend.address + "/v1",
        spool_directory=spool,
        exit_timeout=30,
    )


def soak(traces: int, seconds: float, delay: float) -> None:
    """Print the fate of the traces, and the memory."""
    with Backend(delay) as backend, tempfile.TemporaryDirectory() as spool:
        processor = openlayer_processor(backend, spool)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(processor)
        tracer = provider.get_tracer("soak")
        began = time.monotonic()
        memory = [(0, resident_megabytes())]
        made = 0
        while made < traces and time.monotonic() - began < seconds:
            short_trace(tracer)
            made += 1
            # A producer that is faster than any backend would measure dropping, not sending.
            while processor.counts().waiting > 1_900:
                time.sleep(0.002)
            if made % (traces // 10) == 0:
                memory.append((made, resident_megabytes()))
        left = max(10.0, seconds - (time.monotonic() - began) + 30)
        provider.force_flush(int(left * 1000))
        ends = time.monotonic() + left
        while processor.counts().replayed < processor.counts().spooled and time.monotonic() < ends:
            time.sleep(0.1)
        took = time.monotonic() - began
        counts = processor.counts()
        requests, rows = backend.counts()
        print(f"soak: {made:,} traces of 2 spans in {took:.0f} s ({delay * 1000:g} ms a request)")
        print(
            f"  sent {counts.sent:,}, by way of the disk {counts.replayed:,}, lost {counts.lost:,}"
        )
        print(f"  received: {requests:,} requests, {rows:,} different rows")
        if rows != made:
            raise SystemExit(f"{made - rows:,} traces did not arrive")
        print("  memory in MB: " + ", ".join(f"{n:,}: {size:.0f}" for n, size in memory))
        provider.shutdown()


def throughput(name: str, traces: int, processor: SpanProcessor) -> float:
    """Print spans per second; returns those per second of processor time."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("throughput")
    began, used = time.monotonic(), time.process_time()
    user = 0.0
    for number in range(traces):
        before = time.thread_time()
        one_trace(tracer)
        user += time.thread_time() - before
        if number % 200 == 199:  # both queues hold 2,048; nothing may be dropped
            provider.force_flush(60_000)
    provider.force_flush(60_000)
    wall, cpu = time.monotonic() - began, time.process_time() - used
    spans = traces * SPANS_PER_TRACE
    print(
        f"  {name:10} {spans / wall:8,.0f} spans/s, {spans / cpu:8,.0f} spans/s of processor time, "
        f"{user / spans * 1e6:5.1f} us a span on the user's thread"
    )
    provider.shutdown()
    return spans / cpu


def compare(traces: int) -> None:
    """Print both throughputs, twice, for they vary."""
    print(f"throughput: {traces:,} traces of {SPANS_PER_TRACE} spans, all delivered")
    for _ in range(2):
        with Backend(0) as backend, tempfile.TemporaryDirectory() as spool:
            ours = openlayer_processor(backend, spool)
            fast = throughput("openlayer", traces, ours)
        with Backend(0) as backend:
            exporter = OTLPSpanExporter(endpoint=backend.address + "/v1/traces")
            other = throughput("otlp-http", traces, BatchSpanProcessor(exporter))
        print(f"  ratio      {fast / other:.2f}")


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=260, help="longest time for the soak")
    parser.add_argument("--delay", type=float, default=0.002, help="seconds a request takes")
    parser.add_argument("--compare", type=int, default=2_000, help="traces for the throughput")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    if arguments.compare:
        compare(arguments.compare)
    if arguments.traces:
        soak(arguments.traces, arguments.seconds, arguments.delay)


if __name__ == "__main__":
    main()
