"""Guardrails on every kind of callable: allow, modify, block; a block really blocks."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from openlayer_otel import trace
from openlayer_otel.tracing import (
    BlockStrategy,
    GuardrailBlockedException,
    GuardrailResult,
)
from tests.support.span_log import SpanLog, json_attribute
from tests.tracing.guarded_kinds import (
    ALLOW,
    RAN,
    Words,
    async_generator,
    coroutine,
    guarded,
    kinds,
    outcome,
    plain,
)


@kinds
async def test_what_is_allowed_passes(kind: Any, steps: SpanLog) -> None:
    assert await outcome(guarded(kind, Words())("fine")) == "out:fine"
    step = steps.named("guarded")
    assert json_attribute(step, "openlayer.step.output") == "out:fine"
    metadata = json_attribute(step, "openlayer.step.metadata")
    assert metadata["has_guardrails"] is True
    assert metadata["guardrail_actions"] == ["allow", "allow"]
    assert metadata["guardrail_names"] == ["word_guard", "word_guard"]
    assert [metadata[f"guardrail_{each}"] for each in ("blocked", "modified", "allowed")] == [
        False,
        False,
        True,
    ]


@kinds
async def test_what_is_modified_goes_on_modified(kind: Any, steps: SpanLog) -> None:
    guard = Words()
    assert await outcome(guarded(kind, guard)("secret")) == "out:REDACTED"
    assert RAN == ["REDACTED"]
    assert steps.tree() == [["guarded", ["Word Guard - Input"], ["Word Guard - Output"]]]
    check = steps.named("Word Guard - Input")
    said = check.attributes or {}
    assert said["openlayer.step.type"] == "guardrail"
    assert json_attribute(check, "openlayer.step.inputs")["original_data"]["q"] == "secret"
    assert json_attribute(check, "openlayer.step.output")["q"] == "REDACTED"
    assert json_attribute(check, "openlayer.step.field.action") == "modify"
    assert json_attribute(check, "openlayer.step.field.dataType") == "input"
    assert json_attribute(check, "openlayer.step.field.reason") == "pii"
    metadata = json_attribute(steps.named("guarded"), "openlayer.step.metadata")
    assert metadata["guardrail_modified"] is True
    assert metadata["guardrails"]["input_word_guard"] == {
        "action": "modify",
        "reason": "pii",
        "metadata": {"n": 1},
    }


@kinds
async def test_an_output_is_modified(kind: Any, steps: SpanLog) -> None:
    assert await outcome(guarded(kind, Words())("q", "a secret")) == "a REDACTED"
    assert json_attribute(steps.named("guarded"), "openlayer.step.output") == "a REDACTED"


@kinds
@pytest.mark.parametrize("side", ["input", "output"])
async def test_a_block_raises_by_default(kind: Any, side: str, steps: SpanLog) -> None:
    function = guarded(kind, Words())
    with pytest.raises(GuardrailBlockedException, match=r"Word Guard.*bad word") as caught:
        await outcome(function("forbidden") if side == "input" else function("q", "forbidden"))
    assert caught.value.guardrail_name == "Word Guard"
    assert ([] if side == "input" else ["q"]) == RAN
    step = steps.named("guarded")
    assert step.status.status_code is StatusCode.ERROR
    assert "forbidden" not in str((step.attributes or {}).get("openlayer.step.output"))
    metadata = json_attribute(step, "openlayer.step.metadata")
    assert metadata["guardrail_blocked"] is True
    assert metadata["guardrail_allowed"] is False
    blocked = metadata["guardrails"][f"{side}_word_guard"]
    assert (blocked["action"], blocked["block_strategy"]) == ("block", "raise_exception")
    check = steps.named(f"Word Guard - {side.capitalize()}")
    assert json_attribute(check, "openlayer.step.field.blockStrategy") == "raise_exception"
    assert json_attribute(check, "openlayer.step.field.detectedEntities") == ["WORD"]


@kinds
@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (BlockStrategy.RETURN_EMPTY, None),
        (BlockStrategy.RETURN_ERROR_MESSAGE, "say it nicely"),
        (BlockStrategy.SKIP_FUNCTION, None),
    ],
)
async def test_a_block_can_be_graceful(
    kind: Any, side: str, strategy: BlockStrategy, expected: str | None, steps: SpanLog
) -> None:
    function = guarded(kind, Words(strategy))
    result = function("forbidden") if side == "input" else function("q", "forbidden")
    assert await outcome(result) == expected
    assert ([] if side == "input" else ["q"]) == RAN
    step = steps.named("guarded")
    assert step.status.status_code is StatusCode.UNSET
    assert json_attribute(step, "openlayer.step.metadata")["guardrail_blocked"] is True


@kinds
async def test_guardrails_work_where_nobody_traces(kind: Any) -> None:
    with pytest.raises(GuardrailBlockedException):
        await outcome(guarded(kind, Words())("forbidden"))
    assert RAN == []
    assert await outcome(guarded(kind, Words())("secret")) == "out:REDACTED"


@kinds
@pytest.mark.may_warn
async def test_a_guardrail_that_fails_is_reported_and_allows(
    kind: Any, steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Words):
        def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
            raise OSError("no model")

    assert await outcome(guarded(kind, Broken(), Words(name="second"))("secret")) == "out:REDACTED"
    assert "OSError" in caplog.text
    metadata = json_attribute(steps.named("guarded"), "openlayer.step.metadata")
    assert metadata["guardrails"]["input_word_guard"]["action"] == "error"
    assert metadata["guardrails"]["input_second"]["action"] == "modify"


def test_a_disabled_guardrail_is_not_asked(steps: SpanLog) -> None:
    guard = Words()
    guard.enabled = False
    assert guarded(plain, guard)("forbidden") == "out:forbidden"
    assert guard.asked == []


def test_the_first_that_blocks_is_the_last_that_is_asked(steps: SpanLog) -> None:
    first, second = Words(BlockStrategy.RETURN_EMPTY), Words()
    assert guarded(plain, first, second)("forbidden") is None
    assert second.asked == []


async def test_an_asynchronous_guardrail_of_an_asynchronous_function(steps: SpanLog) -> None:
    class Async(Words):
        async def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:  # type: ignore[override]
            await asyncio.sleep(0)
            return super().check_input(inputs)

    assert await outcome(guarded(coroutine, Async())("secret")) == "out:REDACTED"
    assert await outcome(guarded(async_generator, Async())("secret")) == "out:REDACTED"


@pytest.mark.parametrize("name", ["PresidioGuardrail", "OtherGuardrail"])
def test_what_is_not_thread_safe_is_asked_by_one_thread_at_a_time(
    name: str, steps: SpanLog
) -> None:
    asking, together = [], []

    def check_input(self: Any, inputs: dict[str, Any]) -> GuardrailResult:
        asking.append(1)
        time.sleep(0.01)
        together.append(len(asking))
        asking.pop()
        return ALLOW

    guard = type(name, (), {"name": "G", "check_input": check_input})()
    traced = trace(guardrails=[guard])(lambda: None)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(8):
            pool.submit(traced)
    assert len(together) == 8
    assert (max(together) == 1) is (name == "PresidioGuardrail")
