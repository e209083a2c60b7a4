"""A response whose bytes the application took, and which it then let go of without a close."""

from __future__ import annotations

import gc
import json

from opentelemetry.trace import StatusCode

from openlayer_otel import semconv
from openlayer_otel.standin.llm_server import LLMServer
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog


def test_an_answer_that_was_taken_whole_is_recorded_though_nobody_closes_it(
    llm_server: LLMServer, instrumented: SpanLog
) -> None:
    client = make_client("openai", False, llm_server.url)
    manager = client.chat.completions.with_streaming_response.create(
        model="m", messages=[{"role": "user", "content": "Hi"}]
    )
    response = manager.__enter__()
    parts = response.iter_bytes()
    received = b""
    while not received.endswith(b"}") or received.count(b"{") != received.count(b"}"):
        received += next(parts)
    # In a cycle, as what an exception or an agent holds is: the body is finalised first.
    held: list[object] = [manager, response, parts]
    held.append(held)
    del manager, response, parts, held
    gc.collect()

    span = instrumented.only()
    attributes = span.attributes or {}
    said = json.loads(received)["choices"][0]["message"]["content"]
    assert said in str(attributes[semconv.OUTPUT_MESSAGES])
    assert attributes[semconv.RESPONSE_FINISH_REASONS] == ("stop",)
    assert span.status.status_code is StatusCode.UNSET
