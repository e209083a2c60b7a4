"""What a guardrail has modified takes the place of what it was, and nothing else does."""

from __future__ import annotations

from typing import Any

from openlayer_otel import trace
from openlayer_otel.tracing import (
    GuardrailAction,
    GuardrailResult,
)
from tests.support.span_log import SpanLog
from tests.tracing.guarded_kinds import (
    Words,
)


def test_every_kind_of_argument_survives_a_modification(steps: SpanLog) -> None:
    def function(a: str, /, b: str, *rest: str, c: str = "c", **more: str) -> list[Any]:
        return [a, b, rest, c, more]

    wrapped = trace(guardrails=[Words()])(function)
    assert wrapped("secret", "b", "r", c="C", d="D") == ["REDACTED", "b", ("r",), "C", {"d": "D"}]
    assert wrapped("secret", b="b") == ["REDACTED", "b", (), "c", {}]


class Texts:
    """Hands back the text of everything, as guardrails do that look for patterns."""

    name = "Texts"

    def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
        return GuardrailResult(GuardrailAction.MODIFY, {k: self._of(v) for k, v in inputs.items()})

    def _of(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(self._of(each) for each in value)
        return str(value).replace("secret", "REDACTED")


def test_only_what_was_changed_is_changed(steps: SpanLog) -> None:
    @trace(guardrails=[Texts()])
    def function(*given: Any, **named: Any) -> Any:
        return given, named

    client = object()
    assert function(1, [client, "secret", None], ("secret", 2.5)) == (
        (1, [client, "REDACTED", None], ("REDACTED", 2.5)),
        {},
    )


def test_data_that_refers_to_itself_can_be_modified(steps: SpanLog) -> None:
    class Changes(Texts):
        def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
            changed: list[Any] = ["changed"]
            changed.append(changed)
            return GuardrailResult(GuardrailAction.MODIFY, {"data": changed})

    data: list[Any] = ["first"]
    data.append(data)
    result = trace(guardrails=[Changes()])(lambda data: data[0])(data)
    assert result == "changed"
