"""Steps of the user's own code: every step type with its fields."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.export_mapping.traces import Traces

COMMON = [
    "name", "id", "type", "inputs", "output", "groundTruth", "metadata", "steps", "latency",
    "startTime", "endTime",
]  # fmt: skip


def own(step_type: str, **more: Any) -> dict[str, Any]:
    return {
        "openlayer.step.type": step_type,
        "openlayer.step.inputs": '{"q":"x"}',
        "openlayer.step.output": '"o"',
        **more,
    }


@pytest.mark.parametrize(
    ("step_type", "fields"),
    [
        ("user_call", {}),
        (
            "chat_completion",
            dict.fromkeys(
                ("provider", "promptTokens", "completionTokens", "tokens", "cost", "model",
                 "modelParameters", "rawOutput")
            ),
        ),
        (
            "embedding",
            dict.fromkeys(
                ("provider", "promptTokens", "tokens", "cost", "model", "modelParameters",
                 "rawOutput", "embeddingDimensions", "embeddingCount")
            ),
        ),
        ("agent", {"tool": None, "action": None, "agentType": None}),
        ("retriever", {"documents": None}),
        ("tool", {"functionName": "step", "arguments": {"q": "x"}}),
        ("handoff", {"fromComponent": None, "toComponent": None, "handoffData": None}),
        (
            "guardrail",
            dict.fromkeys(
                ("action", "blockedEntities", "confidenceThreshold", "reason", "detectedEntities",
                 "blockStrategy", "redactedEntities", "dataType")
            ),
        ),
    ],
)  # fmt: skip
def test_every_type_has_all_its_fields_null_where_nothing_is_known(
    traces: Traces, step_type: str, fields: dict[str, Any]
) -> None:
    with traces.span("step", own(step_type)):
        pass
    step = traces.step()
    assert list(step) == COMMON + list(fields)
    assert {name: step[name] for name in fields} == fields
    assert (step["name"], step["type"], step["inputs"], step["output"]) == (
        "step", step_type, {"q": "x"}, "o",
    )  # fmt: skip
    assert step["metadata"] == {"has_guardrails": False}


def test_a_traced_functions_row_leaves_tokens_to_the_backend(traces: Traces) -> None:
    with traces.span("step", own("agent")):
        pass
    row = traces.row()
    assert (row["cost"], row["tokens"], row["has_guardrails"], row["q"]) == (0, 0, False, "x")


def test_a_row_of_a_model_step_made_by_hand_has_no_tokens_of_its_own(traces: Traces) -> None:
    with traces.span("step", own("chat_completion")):
        pass
    row = traces.row()
    assert row["cost"] is None and row["tokens"] is None


def test_fields_of_the_type_can_be_set(traces: Traces) -> None:
    fields = {
        "openlayer.step.field.provider": "OpenAI",
        "openlayer.step.field.model": "gpt-4o",
        "openlayer.step.field.promptTokens": 3,
        "openlayer.step.field.cost": "0.25",
        "openlayer.step.field.modelParameters": '{"temperature":0}',
        "openlayer.step.field.usageDetails": '{"input_tokens":3}',
        "openlayer.step.field.colour": '"red"',
    }
    with traces.span("step", own("chat_completion", **fields)):
        pass
    step = traces.step()
    assert (step["provider"], step["model"], step["promptTokens"], step["cost"]) == (
        "OpenAI", "gpt-4o", 3, 0.25,
    )  # fmt: skip
    assert step["modelParameters"] == {"temperature": 0}
    assert step["usageDetails"] == {"input_tokens": 3}
    # What the type does not have is not lost.
    assert step["metadata"]["colour"] == "red"


def test_metadata_context_question_and_ground_truth_are_on_the_step(traces: Traces) -> None:
    attributes = own(
        "user_call",
        **{
            "openlayer.step.metadata": '{"model_version":"v1"}',
            "openlayer.step.context": '["c0"]',
            "openlayer.step.question": "why?",
            "openlayer.step.ground_truth": '"GT"',
        },
    )
    with traces.span("rag", attributes):
        pass
    step = traces.step()
    assert step["groundTruth"] == "GT"
    assert list(step["metadata"].items()) == [
        ("context", ["c0"]), ("_question", "why?"), ("model_version", "v1"),
        ("has_guardrails", False),
    ]  # fmt: skip


def test_what_a_user_writes_by_hand_need_not_be_json(traces: Traces) -> None:
    attributes = {
        "openlayer.step.inputs": "just text",
        "openlayer.step.output": "more text",
        "openlayer.step.metadata": "a note",
    }
    with traces.span("by hand", attributes):
        pass
    step = traces.step()
    assert step["inputs"] == {"input": "just text"}
    assert step["output"] == "more text"
    assert step["metadata"] == {"metadata": "a note"}


def test_the_conventions_agents_tools_and_retrievals_are_typed(traces: Traces) -> None:
    documents = [{"id": "d1", "score": 0.9}]
    with (
        traces.span(
            "invoke_agent Planner",
            {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "Planner"},
        ) as agent,
    ):
        with traces.span(
            "execute_tool get_weather",
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "get_weather",
                "gen_ai.tool.call.arguments": '{"city":"Paris"}',
                "gen_ai.tool.call.result": '{"temp":20}',
            },
            parent=agent,
        ):
            pass
        with traces.span(
            "retrieval index",
            {
                "gen_ai.operation.name": "retrieval",
                "gen_ai.retrieval.query.text": "capital?",
                "gen_ai.retrieval.documents": json.dumps(documents),
            },
            parent=agent,
            start=0.5,
        ):
            pass
    root = traces.step()
    assert (root["name"], root["type"]) == ("Planner", "agent")
    tool, retriever = root["steps"]
    assert (tool["name"], tool["type"]) == ("get_weather", "tool")
    assert tool["arguments"] == tool["inputs"] == {"city": "Paris"}
    assert tool["output"] == {"temp": 20}
    assert (retriever["name"], retriever["type"]) == ("retrieval index", "retriever")
    assert retriever["inputs"] == {"query": "capital?"}
    assert retriever["documents"] == retriever["output"] == documents
