"""What a traced function returned, and when its step is over.

A plain value ends the step at once. What is *unfinished* (a generator, a coroutine, a future,
an SDK's stream, a stream manager, a streaming response) ends it when it is over itself, with
its result or the joined items as output. The caller gets what was returned, of the same type:

* generators and coroutines are driven (see :mod:`~openlayer_otel.tracing.generators`);
* futures and tasks, and SDK streams whose call is traced, are themselves asked to tell their end;
* a web framework's streaming response keeps its object, its body is followed;
* other iterators and stream managers are wrapped in a proxy (see
  :mod:`~openlayer_otel.tracing.proxies`).
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import types
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.genai.operation import Operation
from openlayer_otel.genai.streaming import StreamEnd
from openlayer_otel.tracing.checked import (
    CheckedAsyncStream,
    CheckedEitherStream,
    CheckedManager,
    CheckedStream,
    gives_when_entered,
)
from openlayer_otel.tracing.generators import Guard, StreamGuard, driven, driven_async
from openlayer_otel.tracing.outputs import response_text
from openlayer_otel.tracing.plan import Plan
from openlayer_otel.tracing.proxies import (
    FollowedAsyncStream,
    FollowedEitherStream,
    FollowedManager,
    FollowedStream,
    followed_as,
)
from openlayer_otel.tracing.recording import Step
from openlayer_otel.tracing.response_bodies import Body, body_of
from openlayer_otel.tracing.resuming import driver_of
from openlayer_otel.tracing.stream_kinds import own_fields

# Types whose instances are finished values: nearly everything that functions return.
_FINISHED = frozenset(
    {type(None), str, bytes, int, float, bool, complex, dict, list, tuple, set, frozenset}
)
# Where SDK streams and raw responses keep the HTTP response, and helpers the stream they read.
_RESPONSE_FIELDS = ("response", "_response", "http_response")
_STREAM_FIELDS = ("_raw_stream", "_stream")


class CoroutineGuard(Guard):
    """Ends the step of a coroutine: with what it returned, once that is over."""

    __slots__ = ("_source",)

    def __init__(self, plan: Plan, step: Step, source: Coroutine[Any, Any, Any]) -> None:
        super().__init__(plan, step, None)
        self._source = source

    def over(self, result: Any = None) -> Any:
        """The coroutine returned ``result``."""
        self.hand_over()
        return settled(self._plan, self._step, result)

    def __del__(self) -> None:
        if inspect.getcoroutinestate(self._source) == inspect.CORO_CREATED:
            # It never ran. That its driver was not awaited has been warned about already.
            self._source.close()
        self.drop()


def settled(plan: Plan, step: Step, result: Any) -> Any:
    """End the step with ``result``, or when ``result`` is over.

    Returns:
        What the caller gets: ``result`` itself, or what stands for it.
    """
    if type(result) in _FINISHED:
        plan.ended(step, result)
        return result
    try:
        follow = _follower(result)
        if follow is not None:
            return follow(plan, step, result)
    except Exception as error:  # noqa: BLE001 - boundary: the caller gets its result
        report_failure("following what a function returned", error)
    plan.ended(step, result)
    return result


_Follower = Callable[[Plan, Step, Any], Any]


def driven_coroutine(
    plan: Plan, step: Step, source: Coroutine[Any, Any, Any]
) -> Coroutine[Any, Any, Any]:
    """A coroutine that does as ``source`` does, inside ``step``, and ends the step."""
    made: Coroutine[Any, Any, Any] = driver_of(
        source, step.context, CoroutineGuard(plan, step, source)
    )
    return made


_BY_TYPE: Mapping[type, _Follower] = {
    types.GeneratorType: driven,
    types.AsyncGeneratorType: driven_async,
    types.CoroutineType: driven_coroutine,
}


def _follower(result: Any) -> _Follower | None:
    """How to follow ``result``; None if it is a finished value."""
    kind = type(result)
    known = _BY_TYPE.get(kind)
    if known is not None:
        return known
    if isinstance(result, (asyncio.Future, concurrent.futures.Future)):
        return _follow_future
    if isinstance(result, type):
        return None
    if kind in (CheckedStream, CheckedAsyncStream):
        return _proxied(FollowedStream if kind is CheckedStream else FollowedAsyncStream)
    if kind is CheckedEitherStream:
        return _proxied(FollowedEitherStream)
    if kind is CheckedManager:
        return _proxied(FollowedManager)
    if _stream_end(result) is not None:
        return _follow_operation
    proxy = followed_as(result)
    if proxy is not None:
        return _proxied(proxy)
    if gives_when_entered(result):
        return _proxied(FollowedManager)
    body = body_of(result)
    if body is not None:
        return _with_body(body)
    return None


def _proxied(proxy: Callable[[Any, StreamGuard, Any, Any], Any]) -> _Follower:
    def follow(plan: Plan, step: Step, result: Any) -> Any:
        guard = StreamGuard(plan, step, plan.items(step))
        return proxy(result, guard, step.context, lambda value: settled(plan, step, value))

    return follow


def _follow_future(plan: Plan, step: Step, future: Any) -> Any:
    """A future or task: ends the step when it is done, in whichever thread that happens."""

    def done(future: Any) -> None:
        if future.cancelled():
            step.fail(asyncio.CancelledError())
            return
        error = _exception_of(future)
        if error is not None:
            plan.failed(step, error)
        else:
            plan.ended(step, future.result())

    future.add_done_callback(done)
    return future


def _exception_of(future: Any) -> BaseException | None:
    """What a finished future raised, read so that asyncio still says if nobody asks for it."""
    if isinstance(future, asyncio.Future) and hasattr(future, "_exception"):
        error: BaseException | None = future._exception
    else:
        error = future.exception()
    return error


def _with_body(body: Body) -> _Follower:
    """For a web framework's streaming response: its body is the output."""

    def follow(plan: Plan, step: Step, response: Any) -> Any:
        body.replace(_BY_TYPE[type(body.pieces)](plan, step, body.pieces))
        return response

    return follow


def _follow_operation(plan: Plan, step: Step, stream: Any) -> Any:
    """A stream whose LLM call is traced: the call's end is the step's."""
    end = _stream_end(stream)
    assert end is not None
    operation = end.operation

    def ended(response: Any) -> None:
        _end_with(plan, step, operation, response)

    operation.when_over(ended)
    if not operation.span.is_recording():
        ended(None)  # it was over before the function returned
    return stream


def _end_with(plan: Plan, step: Step, operation: Operation, response: Any) -> None:
    """End ``step`` as the LLM call inside it ended."""
    said: Mapping[str, Any] = getattr(operation.span, "attributes", None) or {}
    output = response_text(response)
    if output is not None and plan.wishes.capture_output and step.keeps_content:
        step.set_returned(step.content.value(output))
    error = said.get(semconv.ERROR_TYPE)
    if error is not None:
        step.fail_like(operation.span, str(error))
    else:
        outcome = said.get(semconv.OUTCOME)
        step.finish(outcome if isinstance(outcome, str) else None)


def _stream_end(result: Any, depth: int = 0) -> StreamEnd | None:
    """The end of the traced LLM call whose response ``result`` reads; None if it reads none."""
    fields = own_fields(result)
    for name in _RESPONSE_FIELDS:
        end = getattr(getattr(fields.get(name), "stream", None), "end", None)
        if isinstance(end, StreamEnd):
            return end
    if depth < 2:
        for name in _STREAM_FIELDS:
            inner = fields.get(name)
            found = _stream_end(inner, depth + 1) if inner is not None else None
            if found is not None:
                return found
    return None
