"""What streams hold: one of 100,000 chunks, and 20,000 that are open at the same time."""

from __future__ import annotations

import gc
import json
import resource
import tracemalloc
from pathlib import Path
from typing import Any

import httpx2
import openai
from opentelemetry.sdk.trace import TracerProvider

from benchmarks.transports import MESSAGES, PIECE, Answers
from openlayer_otel import OpenlayerInstrumentor

CHUNKS = 100_000
OPEN = 20_000


def _client(chunks: int) -> openai.OpenAI:
    transport = httpx2.MockTransport(Answers(chunks))
    return openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport))


def _open(client: openai.OpenAI) -> Any:
    return client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)


def _long_stream() -> tuple[int, int]:
    """Bytes that one long stream holds before its last chunk, and after it is over."""
    client = _client(CHUNKS)
    list(_open(_client(10)))
    gc.collect()
    tracemalloc.start()
    stream = _open(client)
    for _ in range(CHUNKS - 3):
        next(stream)
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    for _ in stream:
        pass
    del stream
    gc.collect()
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return held, left


def _resident() -> int:
    """Bytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _open_streams() -> int:
    """Bytes that each of many open streams adds to the process."""
    client = _client(10)
    streams = [_open(client) for _ in range(100)]
    gc.collect()
    before = _resident()
    for _ in range(OPEN):
        stream = _open(client)
        next(stream)
        streams.append(stream)
    gc.collect()
    held = _resident() - before
    for stream in streams:
        stream.close()
    return held // OPEN


def main() -> None:
    """Print what bare and instrumented streams hold."""
    bare_held, bare_left = _long_stream()
    bare_open = _open_streams()
    OpenlayerInstrumentor().instrument(tracer_provider=TracerProvider())
    held, left = _long_stream()
    each = _open_streams()
    text = CHUNKS * len(PIECE)
    found = {
        "text": text,
        "held": held - bare_held,
        "times_text": (held - bare_held) / text,
        "left": left - bare_left,
        "open_stream": each - bare_open,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
