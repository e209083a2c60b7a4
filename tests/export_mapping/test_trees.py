"""Which spans become steps, and where they hang."""

from __future__ import annotations

import pytest

from openlayer_otel.export.completed import CompletedTrace
from openlayer_otel.export.payload import body_of
from openlayer_otel.settings import Settings
from tests.export_mapping.traces import Traces, chat_attributes, outline

OWN = {"openlayer.step.type": "user_call"}
CHAT = "OpenAI Chat Completion"


def test_framework_spans_between_steps_are_left_out_and_the_tree_stays_whole(
    traces: Traces,
) -> None:
    with traces.span("root", OWN, start=0) as root:
        with (
            traces.span("GET /x", {"http.method": "GET"}, parent=root, start=1) as http,
            traces.span("middleware", parent=http, start=2) as middleware,
            traces.span("inner", OWN, parent=middleware, start=3) as inner,
            traces.span("POST", {"http.method": "POST"}, parent=inner, start=4) as post,
            traces.span("chat", chat_attributes(), parent=post, start=5),
        ):
            pass
        with traces.span("last", OWN, parent=root, start=6):
            pass
    assert outline(traces.step()) == ("root", [("inner", [CHAT]), "last"])


def test_children_are_in_the_order_in_which_they_began(traces: Traces) -> None:
    with traces.span("root", OWN) as root:
        for name, start in (("third", 0.3), ("first", 0.1), ("second", 0.2)):
            with traces.span(name, OWN, parent=root, start=start):
                pass
    assert outline(traces.step()) == ("root", ["first", "second", "third"])


def test_a_clock_set_back_during_a_step_makes_it_short_not_negative(traces: Traces) -> None:
    with traces.span("root", OWN, start=5, end=2):
        pass
    row = traces.row()
    step = row["steps"][0]
    assert (row["latency"], step["latency"]) == (0.0, 0.0)
    assert step["endTime"] == step["startTime"] == row["inferenceTimestamp"]


def test_a_request_with_one_step_inside_is_that_steps_row(traces: Traces) -> None:
    with (
        traces.span("GET /chat", {"http.method": "GET"}, start=0, end=9) as server,
        traces.span("answer", OWN, parent=server, start=1, end=2),
    ):
        pass
    row = traces.row()
    assert outline(row["steps"][0]) == "answer"
    assert row["latency"] == 1000.0


def test_a_request_with_several_steps_inside_becomes_their_root(traces: Traces) -> None:
    with traces.span("GET /chat", {"http.method": "GET"}, start=0, end=9) as server:
        for name, start in (("plan", 1), ("answer", 2)):
            with traces.span(name, OWN, parent=server, start=start):
                pass
    row = traces.row()
    root = row["steps"][0]
    assert outline(root) == ("GET /chat", ["plan", "answer"])
    assert (root["type"], root["inputs"], root["latency"]) == ("user_call", None, 9000.0)
    assert root["metadata"] == {}


def test_a_trace_without_any_step_is_not_uploaded(traces: Traces) -> None:
    with (
        traces.span("GET /health", {"http.method": "GET"}) as server,
        traces.span("SELECT", {"db.system": "postgresql"}, parent=server),
    ):
        pass
    assert traces.body() is None


def test_unless_everything_is_wanted(traces: Traces) -> None:
    with (
        traces.span("GET /health", {"http.method": "GET"}) as server,
        traces.span("SELECT", parent=server),
    ):
        pass
    root = traces.row(Settings(upload_all=True))["steps"][0]
    assert outline(root) == ("GET /health", ["SELECT"])
    assert root["metadata"] == {"http.method": "GET"}


def test_steps_whose_parent_was_not_recorded_hang_on_the_root(traces: Traces) -> None:
    with traces.span("root", OWN) as root:
        with traces.span("unsampled", OWN, parent=root) as lost:
            with traces.span("orphan", OWN, parent=lost, start=0.5):
                pass
    spans = tuple(span for span in traces.ended() if span.name != "unsampled")
    body = body_of(CompletedTrace(spans[0].context.trace_id, spans, spans[-1]), Settings())
    assert body is not None
    assert outline(body.content["rows"][0]["steps"][0]) == ("root", ["orphan"])


def test_very_deep_traces_are_sent_whole(traces: Traces) -> None:
    depth = 300

    def nest(level: int, parent: object) -> None:
        with traces.span(f"level {level}", OWN, parent=parent, start=level / 1000) as span:  # type: ignore[arg-type]
            if level < depth:
                nest(level + 1, span)

    nest(1, None)
    root = traces.step()
    count, deepest, waiting = 0, 0, [(root, 1)]
    while waiting:
        step, level = waiting.pop()
        count += 1
        deepest = max(deepest, level)
        waiting.extend((each, level + 1) for each in step["steps"])
    assert count == depth
    assert deepest <= 41


def test_a_root_that_hangs_on_a_step_after_all_is_not_sent_twice(traces: Traces) -> None:
    with traces.span("outer", OWN) as outer:
        pass
    with traces.span("inner", OWN, parent=outer, start=2):
        pass
    row = traces.row()  # the last to end, inner, is given as the root
    assert outline(row["steps"][0]) == ("outer", ["inner"])


@pytest.mark.parametrize("settings", [Settings(), Settings(upload_all=True)])
def test_spans_that_are_each_others_parents_do_not_hang_the_exporter(
    traces: Traces, settings: Settings
) -> None:
    with traces.span("a", OWN) as a:
        with traces.span("b", OWN, parent=a):
            pass
    b_span, a_span = traces.ended()
    a_span._parent = b_span.context
    assert traces.body(settings) is not None
