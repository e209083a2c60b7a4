"""Names and types of steps, and where no step is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import get_current_span

from openlayer_otel import telemetry, trace
from tests.support.span_log import SpanLog


@pytest.mark.parametrize(
    ("step_type", "span_name", "said"),
    [
        (
            "agent",
            "invoke_agent f",
            {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "f"},
        ),
        (
            "tool",
            "execute_tool f",
            {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f"},
        ),
        ("retriever", "retrieval f", {"gen_ai.operation.name": "retrieval"}),
        ("embedding", "embeddings f", {"gen_ai.operation.name": "embeddings"}),
        ("chat_completion", "f", {"gen_ai.operation.name": "chat"}),
        ("handoff", "f", {}),
        ("guardrail", "f", {}),
        ("user_call", "f", {}),
    ],
)
def test_steps_have_the_conventions_names(
    step_type: str, span_name: str, said: dict[str, str], steps: SpanLog
) -> None:
    @trace(step_type=step_type)
    def f(x: int) -> int:
        return x

    f(1)
    step = steps.named(span_name)
    attributes = dict(step.attributes or {})
    assert attributes["openlayer.step.name"] == "f"
    assert attributes["openlayer.step.type"] == step_type
    assert {name: attributes.get(name) for name in said} == said
    if step_type == "tool":
        assert json.loads(str(attributes["gen_ai.tool.call.arguments"])) == {"x": 1}
        assert attributes["gen_ai.tool.call.result"] == "1"


def test_a_workflow_has_the_conventions_name(steps: SpanLog) -> None:
    trace(name="w", step_type="workflow")(lambda: None)()
    step = steps.named("invoke_workflow w")
    assert (step.attributes or {})["openlayer.step.type"] == "user_call"


@pytest.mark.may_warn
def test_an_unknown_step_type_is_said_once_and_taken_as_a_user_call(
    steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        trace(step_type="nonsense")(lambda: None)()
        trace(step_type=None)(lambda: None)()
    assert [record.getMessage().count("nonsense") for record in caplog.records] == [1]
    assert {(s.attributes or {})["openlayer.step.type"] for s in steps.ended} == {"user_call"}


class Counted:
    """Counts how often somebody looks at it."""

    looked = 0

    def to_dict(self) -> dict[str, int]:
        Counted.looked += 1
        return {}


async def test_what_is_not_sampled_is_not_encoded_and_says_so_to_its_children(
    spans: SpanLog,
) -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    telemetry.activate(telemetry.Telemetry(tracer_provider=provider))

    @trace
    def plain(value: Counted) -> tuple[Counted, int]:
        return value, get_current_span().get_span_context().trace_id

    @trace
    async def stream(value: Counted) -> Any:
        yield get_current_span().get_span_context().trace_id
        yield plain(value)[1]

    @trace(promote=["value"])
    async def root(value: Counted) -> set[int]:
        return {
            plain(value)[1],
            get_current_span().get_span_context().trace_id,
            *[item async for item in stream(value)],
        }

    (trace_id,) = await root(Counted())
    assert trace_id != 0
    assert Counted.looked == 0
    assert spans.started == []


def test_without_a_tracer_provider_functions_just_run() -> None:
    @trace
    def plain(value: Counted) -> Counted:
        return value

    @trace
    def stream() -> Iterator[int]:
        yield 1

    plain(Counted())
    assert list(stream()) == [1]
    assert Counted.looked == 0


def test_under_suppression_nothing_is_recorded(steps: SpanLog) -> None:
    from opentelemetry.instrumentation.utils import suppress_instrumentation

    @trace
    def plain() -> int:
        return 1

    with suppress_instrumentation():
        assert plain() == 1
    assert steps.started == []
