"""Calls inside other spans, other calls and open streams: each request has its one span."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace as otel_trace
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel import trace
from openlayer_otel.standin.llm_server import LLMServer
from tests.support.chat_clients import ChatClient
from tests.support.sdk_clients import http_library
from tests.support.span_log import SpanLog

pytestmark = pytest.mark.matrix


def test_a_span_of_the_user_hides_nothing(
    instrumented: SpanLog, tracer_provider: TracerProvider, chat: ChatClient
) -> None:
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "mine"}
    with tracer_provider.get_tracer("mine").start_as_current_span("mine", attributes=attributes):
        chat.ask("one")
        chat.ask("two")
    assert instrumented.tree() == [["mine", ["chat m"], ["chat m"]]]


def test_a_function_traced_as_a_chat_completion_hides_nothing(
    instrumented: SpanLog, chat: ChatClient
) -> None:
    @trace(step_type="chat_completion")
    def ask() -> None:
        chat.ask("one")
        chat.ask("two")

    ask()
    assert instrumented.tree() == [["ask", ["chat m"], ["chat m"]]]


def test_calls_made_while_a_stream_is_open_stand_beside_it(
    instrumented: SpanLog, chat: ChatClient
) -> None:
    with chat.stream(model="open") as stream:
        next(iter(stream))
        chat.ask(model="inner")
        list(stream)
    assert instrumented.tree() == [["chat open"], ["chat inner"]]


def test_a_guard_that_asks_a_model_about_each_request_has_its_own_span(
    instrumented: SpanLog, llm_server: LLMServer, chat: ChatClient
) -> None:
    """An event hook of the HTTP client runs inside the call; what it asks is another call."""
    guard = ChatClient(chat.sdk, llm_server.url)

    def check(request: Any) -> None:
        guard.ask(model="guard")

    library = http_library(chat.sdk)
    with library.Client(event_hooks={"request": [check]}) as http:
        ChatClient(chat.sdk, llm_server.url, http_client=http).ask(model="guarded")
    guard.close()
    assert instrumented.tree() == [["chat guarded", ["chat guard"]]]


def test_a_helper_that_calls_another_method_has_one_span(
    instrumented: SpanLog, chat: ChatClient
) -> None:
    messages = [{"role": "user", "content": "Hello"}]
    if chat.sdk == "openai":
        helper = getattr(chat.client.chat.completions, "stream", None)
        helper = helper or chat.client.beta.chat.completions.stream
        with helper(model="m", messages=messages) as stream:
            list(stream)
            stream.get_final_completion()
    else:
        with chat.client.messages.stream(model="m", messages=messages, max_tokens=9) as stream:
            assert "".join(stream.text_stream)
            stream.get_final_message()
    assert instrumented.only().name == "chat m"


def test_retries_are_one_span(
    instrumented: SpanLog, llm_server: LLMServer, chat: ChatClient
) -> None:
    retrying = ChatClient(chat.sdk, llm_server.url, max_retries=2)
    retrying.ask(model="m;error=500;fail_times=1;retry_after=0.01")
    retrying.close()
    assert len(llm_server.requests) == 2
    assert (instrumented.only().attributes or {})["http.request.resend_count"] == 1


def test_the_users_context_is_untouched(instrumented: SpanLog, chat: ChatClient) -> None:
    before = otel_trace.get_current_span()
    chat.ask()
    stream = chat.stream()
    assert otel_trace.get_current_span() is before
    next(iter(stream))
    assert otel_trace.get_current_span() is before
    stream.close()
    assert otel_trace.get_current_span() is before
