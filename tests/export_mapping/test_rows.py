"""The columns of a row, and that nothing the user names replaces a reserved one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from openlayer_otel.export.completed import CompletedTrace
from openlayer_otel.export.payload import body_of
from openlayer_otel.settings import Settings
from tests.export_mapping.traces import Traces, chat_attributes


def own(**more: Any) -> dict[str, Any]:
    return {"openlayer.step.type": "user_call", **more}


def test_user_session_metadata_context_and_promoted_columns_merge_as_captured(
    traces: Traces,
) -> None:
    attributes = own(
        **{
            "openlayer.step.inputs": '{"question":"why?","ctx":["c0"],"tier":"gold"}',
            "openlayer.step.output": '"Hello!"',
            "openlayer.step.metadata": '{"model_version":"v1"}',
            "openlayer.step.context": '["c0"]',
            "openlayer.step.question": "why?",
            "openlayer.step.ground_truth": '"GT"',
            "openlayer.trace.inference_id": "custom-inference-1",
            "openlayer.trace.column.customer_tier": "gold",
            "openlayer.trace.metadata": '{"env":"prod","release":"1.2.3"}',
            "openlayer.trace.tags": ["a", "b"],
            "user.id": "user-1",
            "session.id": "sess-1",
        }
    )
    with traces.span("rag", attributes):
        pass
    content = traces.content()
    row = content["rows"][0]
    steps = row.pop("steps")
    assert row.pop("latency") == 1000.0
    assert row.pop("inferenceTimestamp") == 1_800_000_000.0
    assert row == {
        "inferenceId": "custom-inference-1",
        "output": "Hello!",
        "cost": 0,
        "tokens": 0,
        "context": ["c0"],
        "_question": "why?",
        "model_version": "v1",
        "has_guardrails": False,
        "customer_tier": "gold",
        "env": "prod",
        "release": "1.2.3",
        "tags": ["a", "b"],
        "user_id": "user-1",
        "session_id": "sess-1",
        "groundTruth": "GT",
        "question": "why?",
        "ctx": ["c0"],
        "tier": "gold",
    }
    assert content["config"]["inputVariableNames"] == ["question", "ctx", "tier"]
    assert {
        key: value for key, value in content["config"].items() if value in
        ("user_id", "session_id", "groundTruth", "context", "_question")
    } == {
        "userIdColumnName": "user_id",
        "sessionIdColumnName": "session_id",
        "groundTruthColumnName": "groundTruth",
        "contextColumnName": "context",
        "questionColumnName": "_question",
    }  # fmt: skip
    # The step keeps its own id; only the row has the user's.
    assert steps[0]["id"] != "custom-inference-1"


@pytest.mark.parametrize(
    "name",
    [
        *("steps", "output", "latency", "inferenceId", "inferenceTimestamp", "cost", "tokens"),
        "truncated",
    ],
)
def test_an_argument_named_like_a_reserved_column_gets_another_column(
    traces: Traces, name: str
) -> None:
    attributes = own(
        **{
            "openlayer.step.inputs": json.dumps({name: 3}),
            "openlayer.step.metadata": json.dumps({name: 4}),
            "openlayer.trace.metadata": json.dumps({name: 5}),
        }
    )
    with traces.span("root", attributes):
        pass
    content = traces.content()
    row = content["rows"][0]
    assert row.get(name) not in (3, 4, 5)
    assert row[f"input_{name}"] == 3
    assert row[f"metadata_{name}"] == 5
    assert content["config"]["inputVariableNames"] == [f"input_{name}"]
    assert row["steps"][0]["inputs"] == {name: 3}


def test_no_other_name_replaces_what_had_to_be_renamed(traces: Traces) -> None:
    attributes = own(
        **{
            "openlayer.step.inputs": '{"cost":1}',
            "openlayer.step.metadata": '{"output":2,"metadata_output":3,"input_cost":4}',
        }
    )
    with traces.span("root", attributes):
        pass
    row = traces.row()
    assert (row["input_cost_"], row["input_cost"]) == (1, 4)
    assert (row["metadata_output_"], row["metadata_output"]) == (2, 3)


def test_names_that_are_reserved_only_when_used_stay_free_otherwise(traces: Traces) -> None:
    inputs = '{"context":{"request_id":1},"user_id":null,"session_id":"s"}'
    with traces.span("root", own(**{"openlayer.step.inputs": inputs})):
        pass
    content = traces.content()
    assert content["config"]["inputVariableNames"] == ["context", "user_id", "session_id"]
    assert "contextColumnName" not in content["config"]  # it holds no texts
    assert "userIdColumnName" not in content["config"]


@pytest.mark.parametrize(
    "attribute",
    ["openlayer.step.inputs", "openlayer.step.metadata", "openlayer.trace.metadata", "promoted"],
)
def test_a_column_called_like_a_user_or_session_is_the_rows_user_or_session(
    traces: Traces, attribute: str
) -> None:
    values = {"user_id": "u", "session_id": "s", "groundTruth": "right", "context": ["c"]}
    if attribute == "promoted":
        said = {f"openlayer.trace.column.{name}": json.dumps(it) for name, it in values.items()}
    else:
        said = {attribute: json.dumps(values)}
    with traces.span("root", own(**said)):
        pass
    content = traces.content()
    assert values.items() <= content["rows"][0].items()
    assert (
        content["config"].items()
        >= {
            "userIdColumnName": "user_id",
            "sessionIdColumnName": "session_id",
            "groundTruthColumnName": "groundTruth",
            "contextColumnName": "context",
        }.items()
    )


def test_a_logged_context_and_an_argument_of_that_name_do_not_mix(traces: Traces) -> None:
    attributes = own(
        **{
            "openlayer.step.inputs": '{"context":"something else","user_id":"u"}',
            "openlayer.step.context": '["c"]',
            "user.id": "u",
        }
    )
    with traces.span("root", attributes):
        pass
    content = traces.content()
    row = content["rows"][0]
    assert (row["context"], row["input_context"]) == (["c"], "something else")
    # The same value needs no second column.
    assert content["config"]["inputVariableNames"] == ["input_context", "user_id"]


def test_what_any_span_says_of_the_trace_is_on_the_row(traces: Traces) -> None:
    with traces.span("GET /chat", {"session.id": "outer"}, start=0) as server:
        with traces.span("root", own(**{"user.id": "u"}), parent=server, start=0.1) as root:
            with traces.span(
                "SELECT", {"openlayer.trace.metadata": '{"db":"x"}'}, parent=root, start=0.2
            ):
                pass
            with traces.span(
                "inner",
                own(
                    **{
                        "openlayer.trace.tags": ["t"],
                        "openlayer.step.question": "why?",
                        "openlayer.inference_pipeline.id": "other-pipeline",
                    }
                ),
                parent=root,
                start=0.3,
            ):
                pass
    row = traces.row()
    assert (row["session_id"], row["user_id"], row["db"]) == ("outer", "u", "x")
    assert (row["tags"], row["_question"]) == (["t"], "why?")
    body = traces.body()
    assert body is not None and body.pipeline_id == "other-pipeline"


def test_a_conversation_is_the_session_if_there_is_no_other(traces: Traces) -> None:
    with traces.span("chat", chat_attributes(**{"gen_ai.conversation.id": "conv-1"})):
        pass
    assert traces.row()["session_id"] == "conv-1"


def test_the_pipeline_of_the_settings_is_the_default(traces: Traces) -> None:
    with traces.span("chat", chat_attributes()):
        pass
    body = traces.body(Settings(inference_pipeline_id="p1"))
    assert body is not None and body.pipeline_id == "p1"
    body = traces.body(Settings())
    assert body is not None and body.pipeline_id is None


def test_the_same_trace_has_the_same_ids_each_time(traces: Traces) -> None:
    with traces.span("root", own()) as root, traces.span("chat", chat_attributes(), parent=root):
        pass
    assert traces.content() == traces.content()
    row = traces.row()
    assert row["inferenceId"] == row["steps"][0]["id"]
    assert row["steps"][0]["id"] != row["steps"][0]["steps"][0]["id"]


def test_a_step_can_be_given_its_id(traces: Traces) -> None:
    with traces.span("chat", chat_attributes(**{"openlayer.step.id": "my-inference"})):
        pass
    row = traces.row()
    assert row["inferenceId"] == row["steps"][0]["id"] == "my-inference"


def test_a_late_row_says_where_it_belongs(traces: Traces) -> None:
    with traces.span("root", own()) as root:
        pass
    parent_step = traces.step()["id"]
    with traces.span("late chat", chat_attributes(), parent=root, start=2, end=3):
        pass
    spans = traces.ended()
    late = spans[-1]
    trace = CompletedTrace(late.context.trace_id, (late,), late, late=True)
    body = body_of(trace, Settings())
    assert body is not None
    row = body.content["rows"][0]
    assert row["trace_id"] == format(late.context.trace_id, "032x")
    assert row["parent_span_id"] == format(root.get_span_context().span_id, "016x")
    assert row["parent_step_id"] == parent_step
    assert row["late"] is True


def test_a_part_of_a_distributed_trace_names_the_whole(traces: Traces) -> None:
    caller = NonRecordingSpan(SpanContext(7, 9, is_remote=True, trace_flags=TraceFlags(1)))
    with traces.span("service", own(), parent=caller):
        pass
    row = traces.row(remote_parent=True)
    assert (row["trace_id"], row["parent_span_id"]) == (format(7, "032x"), format(9, "016x"))
    assert "late" not in row


def test_an_ordinary_row_has_none_of_these_columns(traces: Traces) -> None:
    with traces.span("root", own()):
        pass
    assert not {"trace_id", "parent_span_id", "late", "open_spans"} & set(traces.row())


def test_spans_that_never_ended_are_counted(traces: Traces) -> None:
    with traces.span("root", own()):
        pass
    assert traces.row(open_spans=2)["open_spans"] == 2
