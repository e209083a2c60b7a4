"""Whatever stands on a span, the row is valid JSON and the rest of the trace is there."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from openlayer_otel.settings import Settings
from tests.export_mapping.traces import Traces, chat_attributes

OWN = {"openlayer.step.type": "user_call"}
LONE = "half an emoji \ud83d"
ODD_VALUES: list[Any] = [
    LONE,
    '{"a":"\\ud83d"}',
    "NaN",
    float("nan"),
    float("inf"),
    2**62,
    "9" * 400,
    True,
    [1, 2],
    ["a", LONE],
    b"\xff\x00",
    "",
    "[" * 5000,
    "[" * 300 + "]" * 300,
    "{}",
    "[]",
    "null",
    '[{"role":null,"parts":null}]',
    '[{"parts":[{"type":"tool_call"}]}]',
    '[{"role":"user","parts":[null,3,{"type":5}]}]',
    '[[["x"]]]',
    {"a": [1, {"b": None}]},
    [{"role": "user", "content": "x"}],
]
NAMES = [
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "gen_ai.response.id",
    "gen_ai.usage.input_tokens",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.response.finish_reasons",
    "gen_ai.response.time_to_first_chunk",
    "openlayer.request.parameters",
    "openlayer.step.type",
    "openlayer.step.inputs",
    "openlayer.step.output",
    "openlayer.step.metadata",
    "openlayer.step.attachments",
    "openlayer.step.context",
    "openlayer.step.question",
    "openlayer.step.id",
    "openlayer.step.field.cost",
    "openlayer.step.field.usageDetails",
    "openlayer.trace.metadata",
    "openlayer.trace.tags",
    "openlayer.trace.ground_truth",
    "openlayer.trace.inference_id",
    "openlayer.trace.column.x",
    "user.id",
    "openinference.span.kind",
    "llm.input_messages.0.message.content",
    "llm.input_messages.x",
    "gen_ai.prompt.0.content",
    "gen_ai.prompt.0",
    "traceloop.span.kind",
    "traceloop.entity.input",
    "ai.operationId",
    "ai.prompt.messages",
    "ai.response.toolCalls",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_value_of_an_attribute_loses_the_trace(traces: Traces, name: str) -> None:
    for value in ODD_VALUES:
        one = Traces()
        with (
            one.span("root", OWN) as root,
            one.span("odd", chat_attributes(), parent=root) as span,
            one.span("fine", chat_attributes(**{"gen_ai.response.id": "y"}), parent=root, start=9),
        ):
            span.set_attribute(name, value)
            if name not in (span.attributes or {}):  # type: ignore[attr-defined]
                span._attributes[name] = value  # type: ignore[attr-defined]
        body = one.body(Settings())
        assert body is not None, value
        # The encoder refuses surrogates, huge numbers and endless nesting.
        row = orjson.loads(orjson.dumps(body.content))["rows"][0]
        assert row["steps"][0]["steps"][-1]["name"] == "OpenAI Chat Completion", value


def test_a_lone_surrogate_costs_one_character(traces: Traces) -> None:
    with traces.span("root", {**OWN, "openlayer.step.output": LONE}):
        pass
    assert traces.row()["output"] == "half an emoji \ufffd"


def test_a_span_without_attributes_or_context_is_no_trouble(traces: Traces) -> None:
    with traces.span("root", OWN) as root, traces.span("bare", parent=root):
        pass
    assert traces.step()["steps"] == []


def test_a_model_call_that_lost_its_oldest_attributes_to_a_limit_is_a_step(traces: Traces) -> None:
    # Over OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT the SDK drops the oldest: operation, provider, model.
    late = {"gen_ai.response.model": "gpt-4o-mini", "gen_ai.usage.input_tokens": 11}
    with traces.span("answer", OWN) as root, traces.span("chat gpt-4o-mini", late, parent=root):
        pass
    (call,) = traces.row()["steps"][0]["steps"]
    assert (call["type"], call["promptTokens"]) == ("chat_completion", 11)
