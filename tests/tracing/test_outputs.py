"""What a step says of its output: items of streams, models, values that become columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pydantic
import pytest

from openlayer_otel import trace
from tests.support.span_log import SpanLog, json_attribute

INPUTS, OUTPUT = "openlayer.step.inputs", "openlayer.step.output"


def test_items_of_a_stream_are_taken_down_when_they_pass(steps: SpanLog) -> None:
    @trace
    def stream() -> Iterator[dict[str, int]]:
        item: dict[str, int] = {}
        for number in range(3):
            item["n"] = number
            yield item

    for item in stream():
        item["consumer"] = 1
    assert json_attribute(steps.only(), OUTPUT)[0] == {"n": 0}


@pytest.mark.parametrize(
    ("items", "output"),
    [
        (["a", "b"], "ab"),
        ([b"\xc3", b"\xa9"], "é"),
        (["a", 1], ["a", 1]),
        ([1, "a"], [1, "a"]),
        ([b"\xff\xfe"], ["[2 bytes]"]),
        ([], ""),
        ([None], [None]),
    ],
)
def test_texts_are_joined_and_anything_else_is_a_list(
    items: list[Any], output: Any, steps: SpanLog
) -> None:
    @trace
    def stream() -> Iterator[Any]:
        yield from items

    list(stream())
    assert json_attribute(steps.only(), OUTPUT) == output


@pytest.mark.parametrize("item", ["x" * 400_000, ["x" * 400_000]])
def test_without_a_size_limit_a_stream_is_recorded_whole(
    item: Any, settings_of_test: Callable[..., None], spans: SpanLog
) -> None:
    settings_of_test(max_content_bytes=0)

    @trace
    def stream() -> Iterator[Any]:
        for _ in range(5):
            yield item

    list(stream())
    output = json_attribute(spans.only(), OUTPUT)
    assert output == (item * 5 if isinstance(item, str) else [item] * 5)
    assert "openlayer.content.truncated" not in (spans.only().attributes or {})


@dataclass
class Answer:
    """A result with fields."""

    score: float
    label: str


@pytest.mark.parametrize(
    ("result", "wanted"),
    [({"score": 0.5}, {"score": 0.5}), (Answer(0.5, "x"), {"score": 0.5}), ({}, {})],
)
@pytest.mark.may_warn
def test_promoted_values_become_columns(
    result: Any, wanted: dict[str, Any], steps: SpanLog
) -> None:
    @trace(promote={"question": "asked", "score": "score"})
    def ask(question: str) -> Any:
        return result

    @trace(name="root")
    def root() -> None:
        ask("q")

    root()
    columns = {
        name.removeprefix("openlayer.trace.column."): json.loads(str(value))
        for name, value in (steps.named("root").attributes or {}).items()
        if name.startswith("openlayer.trace.column.")
    }
    assert columns == {"asked": "q", **wanted}


def test_a_model_is_recorded_as_it_is_with_defaults_and_without_what_it_excludes(
    steps: SpanLog,
) -> None:
    class Verdict(pydantic.BaseModel):
        text: str
        confidence: float = 0.5
        note: str | None = None
        labels: list[str] = pydantic.Field(default_factory=lambda: ["a"])
        token: str = pydantic.Field("t", exclude=True)
        secret: pydantic.SecretStr = pydantic.SecretStr("s")

    trace(lambda verdict: verdict)(Verdict(text="yes", token="given"))
    told = {"text": "yes", "confidence": 0.5, "labels": ["a"], "secret": "**********"}
    assert json_attribute(steps.only(), OUTPUT) == told
    assert json_attribute(steps.only(), INPUTS) == {"verdict": told}
