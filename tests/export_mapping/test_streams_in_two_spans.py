"""Logfire tells of a stream in two spans beside each other: the request, and how it went."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from tests.export_mapping.traces import Traces, chat_attributes, said

SCOPE = "logfire.openai"
ASKED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.input.messages": said(("user", "Say hi")),
    "request_data": '{"model":"gpt-4o-mini"}',
    "logfire.span_type": "span",
}
CUT = {**ASKED, "logfire.span_type": "log", "error.type": "APIConnectionError"}
WENT = {
    **ASKED,
    "logfire.span_type": "log",
    "gen_ai.output.messages": said(("assistant", "Hello!")),
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.usage.input_tokens": 11,
    "gen_ai.usage.output_tokens": 4,
}
OURS_CUT = {
    name: value
    for name, value in chat_attributes().items()
    if not name.startswith(("gen_ai.usage.", "gen_ai.output."))
}
OWN = {"openlayer.step.type": "user_call"}


def stream(traces: Traces, parent: Any, log: dict[str, Any], start: int = 1) -> None:
    with traces.span("Chat", ASKED, parent=parent, scope=SCOPE, start=start, end=start + 1):
        pass
    report(traces, parent, log, at=start + 8)


def report(traces: Traces, parent: Any, log: dict[str, Any], at: int) -> None:
    with traces.span("streaming", log, parent=parent, scope=SCOPE, start=at, end=at) as span:
        if "error.type" in log:
            span.set_status(StatusCode.ERROR, "cut")


def test_a_stream_is_one_step_with_the_answer_and_the_whole_time(traces: Traces) -> None:
    with traces.span("root", OWN, start=0, end=20) as root:
        stream(traces, root, WENT)
    (step,) = traces.step()["steps"]
    assert (step["output"], step["tokens"], step["steps"]) == ("Hello!", 15, [])
    assert step["latency"] == 8000


def test_a_stream_that_was_cut_is_one_step_that_failed(traces: Traces) -> None:
    with traces.span("root", OWN, start=0, end=20) as root:
        stream(traces, root, CUT)
    (step,) = traces.step()["steps"]
    assert (step["steps"], step["metadata"]["errorType"]) == ([], "APIConnectionError")


@pytest.mark.parametrize(("ours", "log"), [(chat_attributes(), WENT), (OURS_CUT, CUT)])
def test_both_inside_our_span_are_the_same_call(
    traces: Traces, ours: dict[str, Any], log: dict[str, Any]
) -> None:
    with (
        traces.span("root", OWN, start=0, end=20) as root,
        traces.span("chat gpt-4o-mini", ours, parent=root, start=0, end=15) as chat,
    ):
        stream(traces, chat, log)
    (step,) = traces.step()["steps"]
    assert step["steps"] == []


def test_our_span_inside_the_request_is_the_same_call_and_counts_once(traces: Traces) -> None:
    with traces.span("root", OWN, start=0, end=20) as root:
        with traces.span("Chat", ASKED, parent=root, scope=SCOPE, start=1, end=2) as request:
            pass
        with traces.span("chat gpt-4o-mini", chat_attributes(), parent=request, start=1, end=9):
            pass
        report(traces, root, WENT, at=9)
    (step,) = traces.step()["steps"]
    assert (step["tokens"], step["steps"]) == (15, [])


def test_two_streams_of_the_same_words_are_two_steps(traces: Traces) -> None:
    with traces.span("root", OWN, start=0, end=20) as root:
        stream(traces, root, WENT, start=1)
        stream(traces, root, {**WENT, "gen_ai.response.id": "chatcmpl-2"}, start=3)
    assert [step["output"] for step in traces.step()["steps"]] == ["Hello!", "Hello!"]


def test_a_request_that_failed_began_no_stream(traces: Traces) -> None:
    with traces.span("root", OWN, start=0, end=20) as root:
        with traces.span("Chat", ASKED, parent=root, scope=SCOPE, start=0, end=1) as failed:
            failed.set_status(StatusCode.ERROR, "refused")
        stream(traces, root, WENT, start=2)
    assert [step["output"] for step in traces.step()["steps"]] == [None, "Hello!"]
