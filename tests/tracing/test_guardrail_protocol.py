"""Whatever has the methods of Openlayer's protocol is a guardrail, and what is none is said."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from openlayer_otel import trace
from openlayer_otel.tracing import (
    GuardrailAction,
    GuardrailBlockedException,
    GuardrailResult,
)
from tests.support.span_log import SpanLog
from tests.tracing.guarded_kinds import (
    RAN,
    generator,
    guarded,
    plain,
)


def test_any_object_with_the_methods_is_a_guardrail(steps: SpanLog) -> None:
    class Only:
        """No base class, no output check: streams are not held back."""

        name = "Only"

        def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
            return GuardrailResult(GuardrailAction.MODIFY, {**inputs, "q": "changed"})

    running = guarded(generator, Only())("q")
    assert next(running) == "out"
    assert RAN == ["changed"]
    running.close()


@pytest.mark.may_warn
def test_what_is_no_guardrail_is_ignored_with_a_warning(
    steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    assert guarded(plain, "no guardrail")("q") == "out:q"
    assert "neither check_input() nor check_output()" in caplog.text


def test_a_guardrail_of_openlayers_sdk_raises_what_its_users_catch(
    steps: SpanLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The protocol of the SDK as another module defines it, with enums of its own."""
    theirs = types.ModuleType("their_guardrails")
    exec(THEIRS, theirs.__dict__)
    monkeypatch.setitem(sys.modules, "their_guardrails", theirs)

    function = trace(guardrails=[theirs.Blocking()])(plain)  # type: ignore[attr-defined]
    for kind in (theirs.GuardrailBlockedException, GuardrailBlockedException):  # type: ignore[attr-defined]
        with pytest.raises(kind):
            function("q")


THEIRS = """
import enum

class Action(enum.Enum):
    BLOCK = "block"

class Strategy(enum.Enum):
    RAISE = "raise_exception"

class GuardrailBlockedException(Exception):
    def __init__(self, guardrail_name, reason, metadata=None):
        self.guardrail_name = guardrail_name
        super().__init__(guardrail_name)

class Result:
    action = Action.BLOCK
    reason = "no"
    metadata = None
    block_strategy = Strategy.RAISE
    error_message = None
    modified_data = None

class BaseGuardrail:
    name = "Theirs"
    def is_enabled(self):
        return True
    def check_output(self, output, inputs):
        raise AssertionError

class Blocking(BaseGuardrail):
    def check_input(self, inputs):
        return Result()
"""
