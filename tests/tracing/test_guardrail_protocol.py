"""Whatever has the methods of Openlayer's protocol is a guardrail, and what is none is said."""

from __future__ import annotations

import copy
import pickle
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
from tests.support.span_log import SpanLog, json_attribute
from tests.tracing.guarded_kinds import (
    RAN,
    Words,
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


@pytest.mark.parametrize("theirs", [False, True], ids=["ours", "theirs"])
def test_the_exception_survives_pickling(
    theirs: bool, steps: SpanLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of a pool hands its exceptions over so."""

    class Blocking:
        name = "Ours"

        def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
            return GuardrailResult(GuardrailAction.BLOCK, reason="no", metadata={"n": 1})

    guard: Any = Blocking()
    kind: Any = GuardrailBlockedException
    if theirs:
        module = types.ModuleType("their_guardrails")
        monkeypatch.setitem(sys.modules, "their_guardrails", module)
        exec(THEIRS, module.__dict__)
        guard, kind = module.Blocking(), module.GuardrailBlockedException
    with pytest.raises(kind) as caught:
        trace(guardrails=[guard])(plain)("q")
    said = (caught.value.guardrail_name, caught.value.reason, caught.value.metadata)
    assert said == (("Theirs", "no", {}) if theirs else ("Ours", "no", {"n": 1}))
    for again in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
        assert isinstance(again, GuardrailBlockedException)
        assert isinstance(again, kind)
        assert str(again) == str(caught.value)
        assert (again.guardrail_name, again.reason, again.metadata) == said


@pytest.mark.may_warn
def test_a_guardrail_that_cannot_say_whether_it_is_enabled_allows(
    steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    class Unsure(Words):
        def is_enabled(self) -> bool:
            raise OSError("no configuration")

    assert guarded(plain, Unsure())("q") == "out:q"
    assert "OSError" in caplog.text
    metadata = json_attribute(steps.named("guarded"), "openlayer.step.metadata")
    assert metadata["guardrails"]["input_word_guard"]["action"] == "error"


@pytest.mark.parametrize("action", list(GuardrailAction))
def test_metadata_that_is_no_mapping_is_kept_under_a_name(
    action: GuardrailAction, steps: SpanLog
) -> None:
    class Listing:
        name = "Listing"

        def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
            return GuardrailResult(action, inputs, metadata=["x"])  # type: ignore[arg-type]

    function = guarded(plain, Listing())
    if action is GuardrailAction.BLOCK:
        with pytest.raises(GuardrailBlockedException) as caught:
            function("q")
        assert caught.value.metadata == {"value": ["x"]}
    else:
        assert function("q") == "out:q"
    metadata = json_attribute(steps.named("guarded"), "openlayer.step.metadata")
    assert metadata["guardrails"]["input_listing"]["metadata"] == {"value": ["x"]}


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
