"""Every way a synchronous stream of the user's own can end: right, once, and in silence."""

from __future__ import annotations

import contextvars
import gc
import threading
from typing import Any

import pytest
from opentelemetry.trace import INVALID_SPAN, get_current_span

from tests.support.span_log import SpanLog
from tests.tracing.streaming_kinds import (
    BODY_ERROR,
    SYNC,
    Body,
    BodyError,
    check,
    sync_kinds,
)


@sync_kinds
def test_exhausted(kind: str, steps: SpanLog) -> None:
    body = Body()
    seen = []
    for item in SYNC[kind](body):
        assert get_current_span() is INVALID_SPAN
        seen.append(item)
    assert seen == ["a", "b", "c"]
    check(steps, body, "abc")


@sync_kinds
def test_closed_after_a_break(kind: str, steps: SpanLog) -> None:
    body = Body()
    stream = SYNC[kind](body)
    for item in stream:
        if item == "b":
            break
    assert steps.ended == []
    stream.close()
    stream.close()
    check(steps, body, "ab", "closed")


@sync_kinds
def test_dropped_after_a_break(kind: str, steps: SpanLog) -> None:
    body = Body()
    for item in SYNC[kind](body):
        if item == "b":
            break
    gc.collect()
    # What an iterator of the user's own does when it is collected, nobody can see coming.
    check(steps, None if "iterator" in kind else body, "ab", "dropped")


@sync_kinds
def test_never_iterated_and_dropped(kind: str, steps: SpanLog) -> None:
    SYNC[kind](Body())
    gc.collect()
    check(steps, None, None, "dropped")


@sync_kinds
def test_failed_half_way(kind: str, steps: SpanLog) -> None:
    body = Body(fail_after=2)
    seen = []
    with pytest.raises(BodyError) as caught:
        for item in SYNC[kind](body):
            seen.append(item)
    assert caught.value is body.error
    assert seen == ["a", "b"]
    check(steps, body, "ab", None, BODY_ERROR)


@sync_kinds
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupted_half_way(kind: str, error: type[BaseException], steps: SpanLog) -> None:
    body = Body(fail_after=1, error=error())
    with pytest.raises(error):
        list(SYNC[kind](body))
    check(steps, body, "a", "cancelled")


@sync_kinds
def test_an_exception_of_the_consumer_is_not_the_streams(kind: str, steps: SpanLog) -> None:
    def consume() -> None:
        for _ in SYNC[kind](Body()):
            raise LookupError("the consumer's own")

    with pytest.raises(LookupError):
        consume()
    gc.collect()
    check(steps, None, "a", "dropped")


@sync_kinds
def test_consumed_in_other_threads(kind: str, steps: SpanLog) -> None:
    body = Body()
    stream = SYNC[kind](body)
    seen: list[Any] = []
    for _ in range(4):
        thread = threading.Thread(target=lambda: seen.append(next(stream, None)))
        thread.start()
        thread.join()
    assert seen == ["a", "b", "c", None]
    check(steps, body, "abc")


@sync_kinds
def test_consumed_in_other_contexts_and_closed_in_yet_another(kind: str, steps: SpanLog) -> None:
    body = Body()
    stream = SYNC[kind](body)
    for _ in range(2):
        contextvars.Context().run(next, stream)
    contextvars.Context().run(stream.close)
    check(steps, body, "ab", "closed")
