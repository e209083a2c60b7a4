"""Values that are hard to record: the application never notices, and what can be said is said."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import pytest

from openlayer_otel import (
    current_step,
    log_output,
    log_question,
    start_step,
    trace,
    update_current_step,
    using_session,
)
from openlayer_otel.genai.encoding import to_json
from openlayer_otel.tracing import add_chat_completion_step_to_trace
from tests.support.span_log import SpanLog, json_attribute

INPUTS, OUTPUT = "openlayer.step.inputs", "openlayer.step.output"
HUGE = 10**5000


class Role(str, enum.Enum):
    """A text and an enum at once."""

    USER = "user"


class Name(str):
    """A text of a kind of its own."""

    __slots__ = ()


@dataclass
class Picture:
    """A part of a message, like those of Openlayer's SDK: its class has a value that it has not."""

    url: str
    type: str = field(default="image", init=False)
    _loaded: bool = False


@dataclass
class Sound:
    """One that says itself what it is."""

    words: str

    def to_dict(self) -> dict[str, str]:
        return {"type": "audio", "transcript": self.words}


class NoText:
    """What cannot be turned into a text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class NoClass:
    """What does not even say what it is."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("no class")

    @__class__.setter
    def __class__(self, kind: Any) -> None:
        """Cannot be set either."""


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        ({Role.USER: 1}, {"user": 1}),
        ({Name("a"): {Name("b"): 2}}, {"a": {"b": 2}}),
        (HUGE, f"[integer of {HUGE.bit_length()} bits]"),
        ({"n": [-HUGE]}, {"n": [f"[integer of {HUGE.bit_length()} bits]"]}),
        (Picture("a"), {"url": "a", "type": "image"}),
        ([Picture("\ud83d")], [{"url": "\ufffd", "type": "image"}]),
        (Sound("Hi."), {"type": "audio", "transcript": "Hi."}),
    ],
    # pytest, too, would write the number out
    ids=["enum", "text", "huge", "huge inside", "part", "half an emoji", "part's own"],
)
def test_a_value_is_recorded_whichever_way_it_comes(
    value: Any, recorded: Any, steps: SpanLog
) -> None:
    @trace
    def gives(given: Any) -> Any:
        return given

    @trace
    def yields(given: Any) -> Iterator[Any]:
        yield given

    assert gives(value) is value
    assert list(yields(value)) == [value]
    with start_step("block", inputs=value) as step:
        assert current_step() is step
        log_output(value)
    assert json_attribute(steps.named("gives"), INPUTS) == {"given": recorded}
    assert json_attribute(steps.named("gives"), OUTPUT) == recorded
    assert json_attribute(steps.named("yields"), OUTPUT) == [recorded]
    assert json_attribute(steps.named("block"), INPUTS) == recorded
    assert json_attribute(steps.named("block"), OUTPUT) == recorded


def test_a_session_keeps_its_user_beside_such_metadata(steps: SpanLog) -> None:
    with using_session(user_id="u", metadata={"m": {Role.USER: 1}}), start_step("s"):
        pass
    attributes = steps.only().attributes or {}
    assert attributes["user.id"] == "u"
    assert json_attribute(steps.only(), "openlayer.trace.metadata") == {"m": {"user": 1}}


def test_a_number_type_of_ones_own_may_be_huge() -> None:
    class Count(int):
        pass

    assert json.loads(to_json(Count(HUGE))) == f"[integer of {HUGE.bit_length()} bits]"


def test_an_item_that_hides_its_class_reaches_the_consumer(steps: SpanLog) -> None:
    item = NoClass()

    @trace
    def stream() -> Iterator[Any]:
        yield item
        yield "more"

    assert [each is item for each in stream()] == [True, False]
    assert json_attribute(steps.only(), OUTPUT)[1] == "more"


@pytest.mark.may_warn
def test_a_field_that_cannot_be_recorded_leaves_the_others(
    steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    with start_step("s") as step:
        log_question(NoText())  # type: ignore[arg-type]
        update_current_step(tags=NoText(), model="m")  # type: ignore[arg-type]
        update_current_step(attributes={1: 2, "self": 3, "output": "out"})  # type: ignore[dict-item]
        update_current_step(attributes=7, provider="p")  # type: ignore[arg-type]
        step.log(question=NoText(), cost=1.5)
    attributes = steps.only().attributes or {}
    assert attributes["gen_ai.request.model"] == "m"
    assert attributes["gen_ai.provider.name"] == "p"
    assert attributes["openlayer.step.field.cost"] == "1.5"
    assert attributes[OUTPUT] == '"out"'
    assert json_attribute(steps.only(), "openlayer.step.metadata") == {"1": 2, "self": 3}
    said = [record.getMessage() for record in caplog.records]
    assert len([each for each in said if "'question'" in each]) == 1
    assert len([each for each in said if "'tags'" in each]) == 1


def test_one_tag_is_no_list_of_letters(steps: SpanLog) -> None:
    with start_step("s"):
        update_current_step(tags="beta")
    assert (steps.only().attributes or {})["openlayer.trace.tags"] == ("beta",)


@pytest.mark.may_warn
def test_a_call_added_by_hand_stands_without_a_time_that_is_none(
    steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    add_chat_completion_step_to_trace(name="call", start_time="2024-01-01", output="hi")
    assert json_attribute(steps.only(), OUTPUT) == "hi"
    assert "seconds since 1970" in caplog.text


def test_a_call_added_by_hand_may_have_dates(steps: SpanLog) -> None:
    start = datetime(2024, 1, 1, tzinfo=timezone.utc)
    add_chat_completion_step_to_trace(name="call", start_time=start, latency=1500)
    span = steps.only()
    assert span.start_time == int(start.timestamp()) * 10**9
    assert span.end_time == span.start_time + 1_500_000_000


def test_recording_a_traced_object_makes_no_steps(steps: SpanLog) -> None:
    @trace
    class Doc:
        def __init__(self, child: Any) -> None:
            self.child = child

        def to_dict(self) -> dict[str, Any]:
            return {"child": None if self.child is None else self.child.to_dict()}

    @trace
    def index(doc: Any) -> int:
        return 1

    index(Doc(Doc(Doc(None))))
    assert json_attribute(steps.only(), INPUTS) == {"doc": {"child": {"child": {"child": None}}}}
    steps.clear()
    Doc(None).to_dict()
    assert steps.only().name == "Doc.to_dict"


class Row(dict[str, Any]):
    """A row of a table: it has no truth of its own."""

    def __bool__(self) -> bool:
        raise ValueError("the truth value is ambiguous")


@pytest.mark.may_warn
def test_a_user_that_has_no_text_does_not_stop_the_block(steps: SpanLog) -> None:
    user: Any = NoText()
    with using_session(user_id=user, metadata={"plan": "pro"}, tags=["web"]):
        trace(lambda: None)()
    attributes = steps.only().attributes or {}
    assert "user.id" not in attributes
    assert attributes["openlayer.trace.tags"] == ("web",)
    assert json_attribute(steps.only(), "openlayer.trace.metadata") == {"plan": "pro"}


@pytest.mark.may_warn
@pytest.mark.parametrize(
    "given",
    [{"name": NoText()}, {"name": "a", "tags": [NoText()]}],
)
def test_a_step_that_cannot_be_named_is_a_step_all_the_same(
    given: dict[str, Any], steps: SpanLog
) -> None:
    with start_step(**given) as step:
        step.log(output=1)
    assert json_attribute(steps.only(), OUTPUT) == 1


@pytest.mark.may_warn
def test_a_call_added_by_hand_whose_name_has_no_text_has_the_usual_one(steps: SpanLog) -> None:
    add_chat_completion_step_to_trace(name=NoText(), output="hi")
    assert steps.only().name == "Chat Completion"
    assert json_attribute(steps.only(), OUTPUT) == "hi"


def test_metadata_that_has_no_truth_is_recorded(steps: SpanLog) -> None:
    with using_session(metadata=Row(a=1)), start_step("step"):
        update_current_step(Row(cost=2), metadata=Row(b=3))
    step = steps.only()
    assert json_attribute(step, "openlayer.trace.metadata") == {"a": 1}
    assert json_attribute(step, "openlayer.step.metadata") == {"b": 3}
    assert json_attribute(step, "openlayer.step.field.cost") == 2
