"""Steps by hand, and what the user's code says about the step and the trace it is in."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

from openlayer_otel import (
    attachments,
    current_step,
    current_trace,
    log_attachment,
    log_context,
    log_output,
    log_question,
    start_step,
    telemetry,
    trace,
    update_current_step,
    update_current_trace,
)
from tests.support.span_log import SpanLog, json_attribute


def said(steps: SpanLog, name: str) -> dict[str, Any]:
    """The attributes of a span without the prefix ``openlayer.``."""
    attributes = steps.named(name).attributes or {}
    return {key.removeprefix("openlayer."): value for key, value in attributes.items()}


def test_a_block_is_a_step_with_inputs_and_output(steps: SpanLog) -> None:
    with start_step(
        "search", step_type="retriever", inputs={"q": "x"}, metadata={"k": 3}, tags=["t"]
    ) as step:
        step.log(output=["doc"], documents=[{"id": 1}])
        assert current_step() is step
    found = said(steps, "retrieval search")
    assert json.loads(found["step.inputs"]) == {"q": "x"}
    assert json.loads(found["step.output"]) == ["doc"]
    assert json.loads(found["step.metadata"]) == {"k": 3}
    assert json.loads(found["step.field.documents"]) == [{"id": 1}]
    assert found["trace.tags"] == ("t",)
    assert current_step() is None


async def test_an_async_block_is_a_step(steps: SpanLog) -> None:
    async with start_step("outer"):
        async with start_step("inner") as step:
            await asyncio.sleep(0)
            assert current_step() is step
    assert steps.tree() == [["outer", ["inner"]]]


def test_an_exception_that_leaves_a_block_is_recorded(steps: SpanLog) -> None:
    with pytest.raises(ValueError, match="why"), start_step("block"):
        raise ValueError("why")
    assert steps.only().status.status_code is StatusCode.ERROR
    assert len(steps.only().events) == 1


def test_a_block_takes_the_place_of_nothing_where_nobody_traces() -> None:
    with start_step("block", inputs={"a": 1}) as step:
        step.log(output=1)
        step.attach(b"x")
        step.add_metadata({"a": 1})
        update_current_trace(name="x", anything=3)


def test_the_current_step_takes_what_it_is_told(steps: SpanLog) -> None:
    @trace
    def ask() -> str:
        update_current_step(metadata={"a": 1, "b": 1}, attributes={"ground_truth": "yes"})
        update_current_step(metadata={"b": 2}, model="m", provider="OpenAI", prompt_tokens=3)
        log_context(["one", "two"])
        log_question("why?")
        log_output({"better": True})
        return "returned"

    assert ask() == "returned"
    found = said(steps, "ask")
    assert json.loads(found["step.metadata"]) == {"a": 1, "b": 2}
    assert json.loads(found["step.ground_truth"]) == "yes"
    assert json.loads(found["step.context"]) == ["one", "two"]
    assert found["step.question"] == "why?"
    assert json.loads(found["step.output"]) == {"better": True}
    assert found["gen_ai.request.model"] == "m"
    assert found["gen_ai.provider.name"] == "openai"
    assert found["step.field.provider"] == '"OpenAI"'
    assert found["gen_ai.usage.input_tokens"] == 3
    assert found["step.field.promptTokens"] == "3"


def test_context_and_question_can_come_from_parameters(steps: SpanLog) -> None:
    @trace(context_kwarg="docs", question_kwarg="query")
    def ask(query: str, docs: list[str], explicit: bool) -> None:
        if explicit:
            log_context(["explicit"])

    ask("why?", ["one"], False)
    assert json.loads(said(steps, "ask")["step.context"]) == ["one"]
    assert said(steps, "ask")["step.question"] == "why?"
    steps.clear()
    ask("why?", ["one"], True)
    assert json.loads(said(steps, "ask")["step.context"]) == ["explicit"]


def test_what_is_said_about_the_trace_is_on_its_root(steps: SpanLog) -> None:
    @trace
    def inner() -> None:
        update_current_trace(
            name="n",
            inferenceId="id-1",
            metadata={"a": 1},
            tags=["t"],
            ground_truth={"gt": 1},
            user_id=7,
            session_id="s",
            anything=[1],
            number=3,
            nothing=None,
        )
        update_current_trace(metadata={"b": 2}, question="why?", context=["c"])

    @trace
    def after() -> None:
        """Starts when the user is known."""

    @trace
    def outer() -> None:
        inner()
        after()

    outer()
    found = said(steps, "outer")
    assert found["trace.name"] == "n"
    assert found["trace.inference_id"] == "id-1"
    assert json.loads(found["trace.metadata"]) == {"a": 1, "b": 2}
    assert found["trace.tags"] == ("t",)
    assert json.loads(found["trace.ground_truth"]) == {"gt": 1}
    assert (found["user.id"], found["session.id"]) == ("7", "s")
    assert found["gen_ai.conversation.id"] == "s"
    assert json.loads(found["trace.column.anything"]) == [1]
    assert json.loads(found["trace.column.number"]) == 3
    assert "trace.column.nothing" not in found
    assert (found["step.question"], found["step.context"]) == ("why?", '["c"]')
    assert said(steps, "after")["user.id"] == "7"


async def test_a_root_that_is_over_no_longer_takes_what_is_said_about_the_trace(
    steps: SpanLog,
) -> None:
    go_on = asyncio.Event()

    @trace
    async def late() -> None:
        await go_on.wait()
        update_current_trace(name="late")

    @trace
    async def root() -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(late())

    with start_step("first") as first:
        task = asyncio.create_task(late())
    assert first.is_over
    go_on.set()
    await task
    assert said(steps, "late")["trace.name"] == "late"
    assert "trace.name" not in said(steps, "first")


def test_the_users_own_span_is_taken_for_a_step(
    steps: SpanLog, tracer_provider: TracerProvider
) -> None:
    tracer = tracer_provider.get_tracer("the user's")
    with tracer.start_as_current_span("own"):
        update_current_step(metadata={"a": 1})
        update_current_step(metadata={"b": 2})
        log_output("out")
        log_attachment(b"1", name="a.txt")
        log_attachment(b"2", name="b.txt")
        update_current_trace(name="n")
        with start_step("ours"), tracer.start_as_current_span("deeper"):
            log_output("deep")
    found = said(steps, "own")
    assert json.loads(found["step.metadata"]) == {"a": 1, "b": 2}
    assert json.loads(found["step.output"]) == "out"
    assert len(json.loads(found["step.attachments"])) == 2
    assert found["trace.name"] == "n"
    assert json.loads(said(steps, "deeper")["step.output"]) == "deep"
    assert steps.tree() == [["own", ["ours", ["deeper"]]]]


def test_columns_can_be_set_with_nothing_of_ours(
    steps: SpanLog, tracer_provider: TracerProvider
) -> None:
    """An output that the user set through OpenTelemetry alone is not overwritten."""
    from opentelemetry import trace as otel

    @trace
    def ask() -> str:
        otel.get_current_span().set_attribute("openlayer.step.output", '"mine"')
        return "returned"

    ask()
    assert json_attribute(steps.only(), "openlayer.step.output") == "mine"


def test_the_trace_and_the_step_say_their_ids(steps: SpanLog) -> None:
    with start_step("outer") as outer, start_step("inner") as inner:
        now = current_trace()
        assert now is not None
        assert now.id == outer.trace_id == inner.trace_id
        assert now.step is outer
        now.update(name="n")
    assert said(steps, "outer")["trace.name"] == "n"
    span = steps.named("inner").get_span_context()
    assert span is not None
    assert inner.id == format(span.span_id, "016x")


@pytest.mark.may_warn
def test_outside_of_any_step_it_is_said_once_that_nothing_is_recorded(
    steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            update_current_trace(name="x")
            log_context(["x"])
            assert log_attachment(b"x") is None
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 3
    assert all("outside of any step" in message for message in messages)


@pytest.mark.parametrize("switched_off_by", ["variable", "sampler"])
def test_nothing_is_said_within_a_step_that_nobody_records(
    switched_off_by: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if switched_off_by == "variable":
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    provider = TracerProvider(shutdown_on_exit=False, sampler=ALWAYS_OFF)
    telemetry.activate(telemetry.Telemetry(tracer_provider=provider))

    @trace
    def answer() -> int:
        update_current_trace(name="x")
        log_context(["x"])
        return 1

    with caplog.at_level(logging.WARNING):
        assert answer() == 1
    assert caplog.messages == []


def test_attachments_leave_a_reference_on_the_span(
    steps: SpanLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments.binaries, "wanted", True)
    file = tmp_path / "note.txt"
    file.write_text("hello")
    opened = io.BytesIO(b"opened")
    opened.read(2)

    @trace
    def attach() -> None:
        log_attachment(b"\x89PNG", name="i.png", metadata={"w": 1})
        log_attachment(file)
        log_attachment(str(file), name="renamed")
        log_attachment(opened, name="o.bin")
        log_attachment("https://example.org/x.pdf")
        log_attachment("data:text/plain;base64,aGk=", name="d")

    attach()
    assert opened.tell() == 2
    found = json_attribute(steps.only(), "openlayer.step.attachments")
    assert [(each["name"], each["mediaType"], each.get("sizeBytes")) for each in found] == [
        ("i.png", "image/png", 4),
        ("note.txt", "text/plain", 5),
        ("renamed", "text/plain", 5),
        ("o.bin", "application/octet-stream", 4),
        ("x.pdf", "application/pdf", None),
        ("d", "text/plain", 2),
    ]
    assert found[0]["metadata"] == {"w": 1}
    assert found[4]["url"] == "https://example.org/x.pdf"
    kept = attachments.binaries.get(found[0]["checksumMd5"])
    assert kept is not None and kept.data == b"\x89PNG"


@pytest.mark.may_warn
def test_an_attachment_that_cannot_be_read_stops_nothing(
    steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    with start_step("block"):
        assert log_attachment("/no/such/file") is None
        assert log_attachment(object()) is None
    assert "openlayer.step.attachments" not in (steps.only().attributes or {})
    assert "cannot be read (FileNotFoundError)" in caplog.text
    assert "/no/such/file" not in caplog.text


def test_what_is_said_after_the_end_goes_nowhere_and_is_not_logged(steps: SpanLog) -> None:
    with start_step("block") as step:
        pass
    step.log(output="late", metadata={"late": 1}, name="late", ground_truth=1, question="q")
    step.finish()
    step.fail(ValueError())
    assert "late" not in str(steps.only().attributes)


def test_one_block_can_be_entered_inside_itself(steps: SpanLog) -> None:
    block = start_step("again")
    with block as outer:
        with block as inner:
            assert current_step() is inner
        assert current_step() is outer
    assert current_step() is None
    assert steps.open == []
    assert steps.tree() == [["again", ["again"]]]
