"""What calls leave in the events, where content may go to events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.attributes import BoundedAttributes

from tests.support.chat_clients import ANSWER, ChatClient
from tests.support.child_process import run_python
from tests.support.sdk_clients import http_library, make_client
from tests.support.signals import EventLog, plain
from tests.support.span_log import SpanLog, json_attribute

pytestmark = pytest.mark.matrix

DETAILS = "gen_ai.client.inference.operation.details"
EXCEPTION = "gen_ai.client.operation.exception"
CONTENT = ("gen_ai.input.messages", "gen_ai.output.messages")
# Before 1.33 the SDK's records take no structured attributes; they get the JSON text.
STRUCTURED = "extended_attributes" in BoundedAttributes.__init__.__annotations__
needs_structures = pytest.mark.skipif(
    not STRUCTURED, reason="opentelemetry-sdk before 1.33 takes no structured attributes"
)


@pytest.mark.parametrize(
    ("mode", "on_span", "on_event"),
    [
        ("NO_CONTENT", False, False),
        ("SPAN_ONLY", True, False),
        ("EVENT_ONLY", False, True),
        ("SPAN_AND_EVENT", True, True),
    ],
)
@pytest.mark.parametrize("source", ["argument", "variable"])
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_content_goes_where_it_was_sent(
    instrument: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    spans: SpanLog,
    event_log: EventLog,
    chat: ChatClient,
    mode: str,
    on_span: bool,
    on_event: bool,
    source: str,
    streamed: bool,
) -> None:
    settings = {}
    if source == "argument":
        settings["capture_content"] = mode
    else:
        monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", mode.lower())
    instrument(logger_provider=event_log.provider, **settings)
    (chat.drain if streamed else chat.ask)()
    attributes = spans.only().attributes or {}
    assert [name in attributes for name in CONTENT] == [on_span, on_span]
    assert [event.name for event in event_log.events] == [DETAILS] * on_event
    if on_event:
        event = event_log.events[0]
        assert all(name in event.attributes for name in CONTENT)


@needs_structures
def test_an_event_says_what_the_span_says_with_content_as_values(
    instrument: Callable[..., None], spans: SpanLog, event_log: EventLog, chat: ChatClient
) -> None:
    instrument(capture_content="SPAN_AND_EVENT", logger_provider=event_log.provider)
    chat.ask()
    span, event = spans.only(), event_log.named(DETAILS)
    expected = plain(span.attributes)
    for name in CONTENT:
        expected[name] = json_attribute(span, name)
    found = plain(event.attributes)
    found.pop("event.name", None)
    assert found == expected
    assert found["gen_ai.output.messages"][0]["parts"][0]["content"] == ANSWER


def test_an_event_belongs_to_the_span_of_its_call(
    instrument: Callable[..., None], spans: SpanLog, event_log: EventLog, chat: ChatClient
) -> None:
    instrument(capture_content="EVENT_ONLY", logger_provider=event_log.provider)
    chat.ask()
    context, event = spans.only().get_span_context(), event_log.named(DETAILS)
    assert context is not None
    assert (event.trace_id, event.span_id) == (context.trace_id, context.span_id)
    assert event.severity == 5


@pytest.mark.parametrize("mode", ["EVENT_ONLY", "SPAN_AND_EVENT"])
def test_what_the_application_does_to_its_lists_during_a_stream_is_not_recorded(
    instrument: Callable[..., None], event_log: EventLog, chat: ChatClient, mode: str
) -> None:
    instrument(capture_content=mode, logger_provider=event_log.provider)
    content: Any = [{"type": "text", "text": "before"}]
    messages: list[Any] = [{"role": "user", "content": content}]
    with chat.stream(messages=messages) as stream:
        content[0]["text"] = "after"
        messages.append({"role": "user", "content": "after"})
        list(stream)
    said = str(event_log.named(DETAILS).attributes["gen_ai.input.messages"])
    assert "before" in said
    assert "after" not in said


def test_a_failed_call_leaves_an_exception_event(
    instrument: Callable[..., None], spans: SpanLog, event_log: EventLog, chat: ChatClient
) -> None:
    instrument(capture_content="EVENT_ONLY", logger_provider=event_log.provider)
    with pytest.raises(chat.error) as caught:
        chat.ask(model="m;error=400")
    span, event = spans.only(), event_log.named(EXCEPTION)
    context = span.get_span_context()
    assert context is not None
    assert (event.trace_id, event.span_id) == (context.trace_id, context.span_id)
    assert event.severity == 13
    assert event.attributes["exception.type"] == f"{chat.sdk}.BadRequestError"
    assert event.attributes["exception.message"] == str(caught.value)
    assert "Traceback" in str(event.attributes["exception.stacktrace"])
    # The message is content: it goes to events only.
    assert span.status.description is None
    assert event_log.named(DETAILS).attributes["error.type"] == "invalid_request_error"


def test_events_are_redacted_and_cut_like_spans(
    instrument: Callable[..., None], event_log: EventLog, chat: ChatClient
) -> None:
    seen: list[str] = []

    def redact(text: str) -> str:
        seen.append(text)
        return text.replace("secret", "******")

    instrument(
        capture_content="SPAN_AND_EVENT",
        logger_provider=event_log.provider,
        redact=redact,
        max_content_bytes=2000,
    )
    chat.ask("the secret " + "word " * 2000)
    messages = str(event_log.named(DETAILS).attributes["gen_ai.input.messages"])
    assert "the ******" in messages
    assert "secret" not in messages
    assert "characters cut" in messages
    assert len([text for text in seen if text.startswith("the secret")]) == 1


def test_events_without_a_logger_provider_are_said_once_and_cost_nothing_else(
    instrument: Callable[..., None],
    spans: SpanLog,
    chat: ChatClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    instrument(capture_content="SPAN_AND_EVENT")
    chat.ask()
    chat.ask()
    assert [span.name for span in spans.ended] == ["chat m", "chat m"]
    said = [record for record in caplog.records if "logger provider" in record.getMessage()]
    assert [record.levelname for record in said] == ["WARNING"]


LATE_PROVIDER = """
import openai
from opentelemetry import trace, _logs
from opentelemetry.sdk.trace import TracerProvider
from openlayer_otel import OpenlayerInstrumentor
from tests.support.sdk_clients import http_library, make_client
from tests.support.signals import EventLog

trace.set_tracer_provider(TracerProvider())
OpenlayerInstrumentor().instrument(capture_content="EVENT_ONLY")
client = openai.OpenAI()
ask = lambda model: client.chat.completions.create(model=model, messages=[])
ask("early")
log = EventLog()
_logs.set_logger_provider(log.provider)
ask("late")
print([event.attributes["gen_ai.request.model"] for event in log.events])
"""


def test_a_logger_provider_that_is_set_later_gets_the_events_from_then_on(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    environment = {**child_environment, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = run_python(LATE_PROVIDER, environment=environment, directory=tmp_path)
    assert done.succeeded().output.strip() == "['late']"


@needs_structures
def test_a_query_that_looks_like_json_stays_a_text(
    instrument: Callable[..., None], event_log: EventLog
) -> None:
    pytest.importorskip("openai.resources.vector_stores", reason="not in this version of the SDK")
    instrument(capture_content="EVENT_ONLY", logger_provider=event_log.provider)
    library = http_library("openai")
    answer = {"object": "vector_store.search_results.page", "data": [], "has_more": False}
    transport = library.MockTransport(lambda request: library.Response(200, json=answer))
    client = make_client("openai", False, "http://test", transport)
    client.vector_stores.search("vs", query="42")
    assert event_log.named(DETAILS).attributes["gen_ai.retrieval.query.text"] == "42"
