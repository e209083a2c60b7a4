"""What the steps of checks must not say: content that is off, redacted or not recorded."""

from __future__ import annotations

from typing import Any

import pytest

from openlayer_otel import capture_content, trace
from openlayer_otel.tracing import (
    BlockStrategy,
    GuardrailAction,
    GuardrailResult,
)
from tests.support.span_log import SpanLog, json_attribute
from tests.tracing.guarded_kinds import (
    Words,
    guarded,
    kinds,
    outcome,
)


class Quotes:
    """Says what it was given wherever it can."""

    name = "Quotes"

    def __init__(self, action: GuardrailAction) -> None:
        self._action = action

    def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
        said = str(inputs)
        return GuardrailResult(
            self._action,
            modified_data=inputs,
            metadata={"match": said, "blocked_entities": [said], "detected_entities": [said]},
            reason=said,
            block_strategy=BlockStrategy.RETURN_ERROR_MESSAGE,
            error_message=said,
        )

    def check_output(self, output: Any, inputs: dict[str, Any]) -> GuardrailResult:
        result = self.check_input({"output": output, **inputs})
        result.modified_data = output
        return result


def everything(steps: SpanLog) -> str:
    """All that was recorded of all steps."""
    return " ".join(
        f"{step.name} {dict(step.attributes or {})} {step.status.description} "
        f"{[dict(event.attributes or {}) for event in step.events]}"
        for step in steps.ended
    )


actions = pytest.mark.parametrize("action", list(GuardrailAction))


@kinds
@actions
async def test_with_content_off_checks_say_nothing_of_what_they_saw(
    kind: Any, action: GuardrailAction, steps: SpanLog
) -> None:
    function = guarded(kind, Quotes(action))
    with capture_content("none"):
        await outcome(function("TOPSECRET"))
    assert len(steps.ended) > 1
    assert "TOPSECRET" not in everything(steps)


@actions
def test_redaction_of_a_function_is_for_its_checks_too(
    action: GuardrailAction, steps: SpanLog
) -> None:
    traced = trace(guardrails=[Quotes(action)], redact=lambda text: text.replace("TOP", "***"))
    traced(lambda q: q)("TOPSECRET")
    assert "***SECRET" in everything(steps)
    assert "TOPSECRET" not in everything(steps)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.may_warn
def test_what_a_function_does_not_record_its_checks_do_not_either(
    fails: bool, steps: SpanLog
) -> None:
    class Silent(Words):
        def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
            assert inputs["q"] == "TOPSECRET"
            if fails:
                raise LookupError
            return GuardrailResult(GuardrailAction.MODIFY, {**inputs, "q": "TOPSECRET2"})

    @trace(guardrails=[Silent()], capture_input=["n"], capture_output=False)
    def one(q: str, n: int) -> str:
        return q

    one("TOPSECRET", 5)
    assert "TOPSECRET" not in everything(steps)
    check = steps.named("Word Guard - Input")
    assert json_attribute(check, "openlayer.step.inputs") == {"original_data": {"n": 5}}
    assert json_attribute(check, "openlayer.step.output") == {"n": 5}

    steps.ended.clear()
    trace(guardrails=[Silent()], capture_input=False)(lambda q: "out")("TOPSECRET")
    assert "TOPSECRET" not in everything(steps)
    output = steps.named("Word Guard - Output")
    assert json_attribute(output, "openlayer.step.inputs") == {"original_data": "out"}
