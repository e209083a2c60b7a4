"""However a stream ends, its call has one span that says so, and nobody else notices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import SpanKind, StatusCode

from openlayer_otel import semconv
from openlayer_otel.standin.llm_server import LLMServer
from tests.endings.acts import ENDINGS, Ending
from tests.endings.application import Case
from tests.endings.endpoints import ENDPOINTS
from tests.endings.witness import ContextWatch, Seen, is_model_call, see
from tests.support.span_log import SpanLog, json_attribute

_QUICK = ("exhausted", "broken-out-of", "closed", "dropped", "network-cut", "timed-out")


def _cases() -> list[Case]:
    cases = [
        Case(endpoint, way, asynchronous)
        for endpoint in ENDPOINTS
        for way in endpoint.ways
        for asynchronous in (False, True)
    ]
    return [case for case in cases if case.exists()]


def _parameters() -> list[Any]:
    return [
        pytest.param(
            case,
            ending,
            id=f"{case}-{ending}",
            marks=[pytest.mark.matrix] if ending.name in _QUICK else [],
        )
        for case in _cases()
        for ending in ENDINGS
        if ending.happens(case)
    ]


@pytest.mark.parametrize(("case", "ending"), _parameters())
def test_a_stream_that_ends_like_this_has_one_true_span(
    case: Case,
    ending: Ending,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    tracer_provider: TracerProvider,
    spans: SpanLog,
) -> None:
    steering = ending.steer(case.endpoint)
    bare = see(case, ending.act, llm_server, steering)
    instrument()
    watch = ContextWatch(tracer_provider, spans)
    tracer = tracer_provider.get_tracer("application")
    with tracer.start_as_current_span("application") as application:
        seen = see(case, ending.act, llm_server, steering, watch)
        assert trace.get_current_span() is application

    assert seen == bare
    assert watch.changes == []
    assert watch.parents <= {application.get_span_context().span_id}
    calls = [span for span in spans.ended if is_model_call(span)]
    assert len(calls) == 1
    assert spans.open == []
    assert calls[0].kind is SpanKind.CLIENT
    assert calls[0].parent is not None
    assert calls[0].parent.span_id == application.get_span_context().span_id
    _check_status(calls[0], ending, case, seen)
    _check_content(calls[0], ending, case, seen)


def _check_status(span: ReadableSpan, ending: Ending, case: Case, seen: Seen) -> None:
    attributes = span.attributes or {}
    outcome = attributes.get(semconv.OUTCOME)
    assert outcome in ending.outcomes
    failed = outcome == semconv.OUTCOME_FAILED
    assert span.status.status_code is (StatusCode.ERROR if failed else StatusCode.UNSET)
    assert (semconv.ERROR_TYPE in attributes) == failed
    if failed:
        wanted = ending.error_type
        if wanted == "provider":
            wanted = case.endpoint.error_type
        found = str(attributes[semconv.ERROR_TYPE])
        if wanted == "network":
            assert found.rpartition(".")[2] in (
                "APIConnectionError",
                "RemoteProtocolError",
                "ReadError",
            )
        else:
            assert found == wanted
    elif seen.error is None:
        assert not span.status.description
    assert [event.name for event in span.events] == []


def _check_content(span: ReadableSpan, ending: Ending, case: Case, seen: Seen) -> None:
    attributes = span.attributes or {}
    endpoint = case.endpoint
    if endpoint.finish_reasons is not None:
        wanted = endpoint.finish_reasons if ending.complete else ("error",)
        assert attributes[semconv.RESPONSE_FINISH_REASONS] == wanted
    usage = {}
    if ending.complete:
        usage = dict(endpoint.usage)
    elif ending.some:
        usage = dict(endpoint.first_usage)
    for name, tokens in usage.items():
        assert attributes[name] == tokens, name
    if endpoint.text is not None:
        assert recorded_text(span) == seen.text
        assert bool(seen.text) >= (ending.complete or ending.some)
    if endpoint.chunks:
        assert (semconv.RESPONSE_TIME_TO_FIRST_CHUNK in attributes) == bool(seen.events)


def recorded_text(span: ReadableSpan) -> str:
    """The text of the answer that a span has recorded."""
    if semconv.OUTPUT_MESSAGES not in (span.attributes or {}):
        return ""
    return "".join(
        part["content"]
        for message in json_attribute(span, semconv.OUTPUT_MESSAGES)
        for part in message["parts"]
        if part["type"] == "text"
    )
