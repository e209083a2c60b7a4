"""What a step says of exceptions: where they arose, and on every step they passed."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry.trace import StatusCode

from openlayer_otel import start_step, trace
from tests.support.span_log import SpanLog, json_attribute


def test_an_exception_is_written_down_where_it_arose_and_marks_all_above(steps: SpanLog) -> None:
    error = ValueError("why")

    @trace(name="inner")
    def inner() -> None:
        raise error

    @trace(name="middle")
    async def middle() -> None:
        with start_step("block"):
            inner()

    @trace(name="outer")
    def outer() -> None:
        asyncio.run(middle())

    with pytest.raises(ValueError) as caught:
        outer()
    assert caught.value is error
    assert {span.name: len(span.events) for span in steps.ended} == {
        "inner": 1,
        "block": 0,
        "middle": 0,
        "outer": 0,
    }
    for span in steps.ended:
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description == "why"
        assert (span.attributes or {})["error.type"] == "ValueError"
    (event,) = steps.named("inner").events
    said = dict(event.attributes or {})
    assert (said["exception.type"], said["exception.message"]) == ("ValueError", "why")
    assert "raise error" in str(said["exception.stacktrace"])


def test_an_exception_that_the_caller_handles_marks_only_its_own_step(steps: SpanLog) -> None:
    @trace(name="inner")
    def inner() -> None:
        raise ValueError("first")

    @trace(name="outer")
    def outer() -> None:
        try:
            inner()
        except ValueError:
            pass
        raise ValueError("second")

    with pytest.raises(ValueError, match="second"):
        outer()
    (event,) = steps.named("outer").events
    assert (event.attributes or {})["exception.message"] == "second"


def test_on_error_is_told_and_changes_nothing(steps: SpanLog) -> None:
    told = []

    @trace(on_error=lambda error, step: told.append((error, step.log(metadata={"seen": 1}))))
    def fails() -> None:
        raise ValueError("why")

    with pytest.raises(ValueError, match="why"):
        fails()
    assert [str(error) for error, _ in told] == ["why"]
    assert json_attribute(steps.only(), "openlayer.step.metadata") == {"seen": 1}


@pytest.mark.may_warn
def test_an_on_error_that_raises_changes_nothing(steps: SpanLog) -> None:
    def broken(error: BaseException, step: object) -> None:
        raise LookupError

    @trace(on_error=broken)
    def fails() -> None:
        raise ValueError("why")

    with pytest.raises(ValueError, match="why"):
        fails()
    assert steps.only().status.description == "why"
