"""OpenTelemetry's suppression is honoured, and reaches exactly as far as it is set."""

from __future__ import annotations

import pytest
from opentelemetry import context
from opentelemetry.instrumentation.utils import (
    suppress_http_instrumentation,
    suppress_instrumentation,
)

from openlayer_otel.semconv import GENAI_INFERENCE_CONTEXT_KEY
from tests.support.chat_clients import ChatClient
from tests.support.span_log import SpanLog

pytestmark = pytest.mark.matrix

KEYS = ("suppress_instrumentation", context._SUPPRESS_INSTRUMENTATION_KEY)


def test_suppressed_calls_have_no_span(instrumented: SpanLog, chat: ChatClient) -> None:
    with suppress_instrumentation():
        chat.ask()
        chat.drain()
        with pytest.raises(chat.error):
            chat.ask(model="m;error=400")
    assert instrumented.started == []
    chat.ask()
    assert instrumented.only().name == "chat m"


def _call_with(key: str, value: object, chat: ChatClient) -> None:
    """Make calls where the context has ``value`` under ``key``."""
    token = context.attach(context.set_value(key, value))
    try:
        chat.ask()
        chat.drain()
    finally:
        context.detach(token)


@pytest.mark.parametrize("key", KEYS, ids=["plain key", "made key"])
def test_each_of_the_two_keys_is_enough(instrumented: SpanLog, chat: ChatClient, key: str) -> None:
    _call_with(key, True, chat)
    assert instrumented.started == []


def test_a_stream_belongs_to_where_it_was_started(instrumented: SpanLog, chat: ChatClient) -> None:
    with suppress_instrumentation():
        suppressed = chat.stream(model="no")
    recorded = chat.stream(model="yes")
    with suppressed, recorded:
        list(suppressed)
        with suppress_instrumentation():
            list(recorded)
    span = instrumented.only()
    assert span.name == "chat yes"
    assert (span.attributes or {})["gen_ai.response.finish_reasons"] == ("stop",)


def test_suppressed_http_spans_leave_ours(instrumented: SpanLog, chat: ChatClient) -> None:
    with suppress_http_instrumentation():
        chat.ask()
    assert instrumented.only().name == "chat m"


def test_data_of_an_official_package_that_cannot_be_marked_is_believed_every_time(
    instrumented: SpanLog, chat: ChatClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Of another version of it, say: no attribute can be set on what it puts into the context."""
    _call_with(GENAI_INFERENCE_CONTEXT_KEY, ("frozen",), chat)
    assert instrumented.started == []
    assert "failed" not in caplog.text
