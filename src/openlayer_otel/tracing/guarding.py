"""Guardrails around one function, whatever kind it is.

A round of checks runs on the inputs before the function and on the output after it, inside
the function's step. Guardrails work without tracing, too.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import types
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Collection,
    Coroutine,
    Generator,
    Iterator,
    Sequence,
)
from typing import Any

from openlayer_otel.diagnostics import warn_once
from openlayer_otel.tracing.callables import name_of, underlying
from openlayer_otel.tracing.checked import (
    CheckedAsyncStream,
    CheckedAwaitable,
    CheckedAwaitableIterable,
    CheckedEitherStream,
    CheckedManager,
    CheckedStream,
    is_stream_manager,
    is_unread_response,
)
from openlayer_otel.tracing.checking import (
    Verdict,
    round_of_checks,
    run,
    run_async,
    valid,
)
from openlayer_otel.tracing.guard_kinds import (
    asked_for_kind,
    below_partials,
    must_be_awaited,
    refuse_wrong_arguments,
)
from openlayer_otel.tracing.guarded_futures import checked_future
from openlayer_otel.tracing.guarded_items import forwarded, gathered, given_out, joined, kept
from openlayer_otel.tracing.parameters import Parameters
from openlayer_otel.tracing.response_bodies import body_of
from openlayer_otel.tracing.resuming import called_as
from openlayer_otel.tracing.stream_kinds import is_async_stream, is_stream


class Guarded:
    """The guardrails of a function.

    Args:
        guardrails: Objects with ``check_input`` or ``check_output``.
        parameters: The function's parameters.
        capture_input: Whether its inputs are recorded, or the names of those that are.
        capture_output: Whether its output is.
    """

    def __init__(
        self,
        guardrails: Sequence[Any],
        parameters: Parameters,
        capture_input: bool | Collection[str] = True,
        capture_output: bool = True,
    ) -> None:
        self._guardrails = valid(guardrails)
        self._parameters = parameters
        self._capture = (capture_input, capture_output)
        self._waits = must_be_awaited(self._guardrails)
        self._checks_output = any(hasattr(each, "check_output") for each in self._guardrails)

    def call(self, function: Any, args: Any, kwargs: Any, bound: bool) -> Any:
        """Call ``function`` with guardrails around it; what is blocked raises or is replaced.

        Returns:
            What the function returns, of the same kind: a coroutine, a generator …
        """
        call = _Call(self, function, args, kwargs, bound)
        asked = asked_for_kind(function, self._waits)
        if inspect.iscoroutinefunction(asked):
            later: Any = call.coroutine
        elif inspect.isgeneratorfunction(asked):
            later = call.generator
        elif inspect.isasyncgenfunction(asked):
            later = call.async_generator
        else:
            return call.plain()
        refuse_wrong_arguments(below_partials(function), call.args, call.kwargs)
        return _named(later(), asked)

    def check_inputs(self, inputs: dict[str, Any]) -> Any:
        """A round of checks on the inputs."""
        return round_of_checks(self._guardrails, "input", inputs, inputs, self._capture[0])

    def check_output(self, output: Any, inputs: dict[str, Any]) -> Any:
        """A round of checks on the output."""
        return round_of_checks(self._guardrails, "output", output, inputs, self._capture[1])

    @property
    def parameters(self) -> Parameters:
        """The function's parameters."""
        return self._parameters

    @property
    def checks_output(self) -> bool:
        """Whether any guardrail looks at outputs."""
        return self._checks_output


class _Call:
    """One call of a guarded function.

    Attributes:
        args: Its positional arguments, those that partials have bound included.
        kwargs: Its keyword arguments, likewise.
    """

    def __init__(
        self, guarded: Guarded, function: Any, args: Any, kwargs: Any, bound: bool
    ) -> None:
        self._guarded = guarded
        self._function = function
        self._given = (args, kwargs)
        _, partial_args, partial_kwargs = underlying(function)
        self.args = (*partial_args, *args)
        self.kwargs = {**partial_kwargs, **kwargs}
        self._bound = bound
        self._inputs = guarded.parameters.inputs(self.args, self.kwargs, bound)

    def _start(self, verdict: Verdict) -> Any:
        """Call the function with the inputs that the guardrails left."""
        if verdict.modified and isinstance(verdict.data, dict):
            self._inputs = verdict.data
            args, kwargs = self._guarded.parameters.call_with(verdict.data, self._bound, self.args)
            return below_partials(self._function)(*args, **kwargs)
        args, kwargs = self._given
        return self._function(*args, **kwargs)

    def plain(self) -> Any:
        """Of a function: its result, or what it returned unfinished, checked when it is over."""
        verdict = run(self._guarded.check_inputs(self._inputs))
        if verdict.blocked:
            return verdict.data
        result = self._start(verdict)
        return self._checked(result) if self._guarded.checks_output else result

    async def coroutine(self) -> Any:
        """Of a coroutine function."""
        verdict = await run_async(self._guarded.check_inputs(self._inputs))
        if verdict.blocked:
            return verdict.data
        started = self._start(verdict)
        if not inspect.isawaitable(started):  # a plain function around a coroutine function
            return await self._checked_async(started) if self._guarded.checks_output else started
        return await self._finished(started)

    async def _finished(self, awaited: Any) -> Any:
        result = await awaited
        if not self._guarded.checks_output:
            return result
        if result is awaited:  # a pool that is opened so, say: it is not held back again
            return (await run_async(self._guarded.check_output(result, self._inputs))).data
        return await self._checked_async(result)

    def _checked(self, result: Any) -> Any:
        held = self._held_back(result)
        if held is not None:
            return held
        return run(self._guarded.check_output(result, self._inputs)).data

    async def _checked_async(self, result: Any) -> Any:
        held = self._held_back(result)
        if held is not None:
            return held
        return (await run_async(self._guarded.check_output(result, self._inputs))).data

    def _held_back(self, result: Any) -> Any:
        """What stands for an unfinished ``result``, checked when it is over; None for a value."""
        kind = type(result)
        if kind is types.CoroutineType:
            return called_as(self._finished(result), result)
        if kind is types.GeneratorType:
            return called_as(self._buffered(result), result)
        if kind is types.AsyncGeneratorType:
            return called_as(self._buffered_async(result), result)
        body = body_of(result)
        if body is not None:
            body.replace(self._held_back(body.pieces))
            return result
        if is_stream(result):
            items = self._buffered(result)
            if is_async_stream(result):
                return CheckedEitherStream(result, items, self._buffered_async(result))
            return CheckedStream(result, items)
        if is_async_stream(result):
            return CheckedAsyncStream(result, self._buffered_async(result))
        if is_stream_manager(result):
            return CheckedManager(result, self._checked, self._checked_async)
        if is_unread_response(result) or kind.__module__ == "contextlib":
            self._warn_of_unread(kind)
            return None
        return self._awaited_later(result)

    def _awaited_later(self, result: Any) -> Any:
        """What stands for a future or something else to be awaited; None for a value."""
        if isinstance(result, (asyncio.Future, concurrent.futures.Future)):
            future = checked_future(result, self._checked, self._finished)
            if future is None:
                self._warn_of_unread(type(result))
            return future
        kind = type(result)
        if not hasattr(kind, "__await__") or kind.__module__ == "unittest.mock":
            return None
        if hasattr(kind, "__aiter__"):
            items = self._buffered_async(result)
            checks = (self._finished, self._checked, self._checked_async)
            return CheckedAwaitableIterable(result, *checks, items=items)
        if isinstance(result, Coroutine) and not hasattr(kind, "__aenter__"):
            return self._finished(result)  # Cython's
        return CheckedAwaitable(result, self._finished, self._checked, self._checked_async)

    def _warn_of_unread(self, kind: type) -> None:
        name = name_of(self._function)
        warn_once(
            f"unchecked:{name}:{kind.__name__}",
            "openlayer-otel: %s returned a %s. Its guardrails were given that object, not "
            "what is read from it: its output was not checked. Return the parsed answer, its "
            "text or a stream to have it checked.",
            name,
            kind.__name__,
        )

    def generator(self) -> Generator[Any, Any, Any]:
        """Of a generator function."""
        verdict = run(self._guarded.check_inputs(self._inputs))
        if verdict.blocked:
            if verdict.data is not None:
                yield verdict.data
            return None
        source = self._start(verdict)
        if self._guarded.checks_output:
            source = self._buffered(source)
        return (yield from source)

    def async_generator(self) -> AsyncGenerator[Any, Any]:
        """Of an async generator function."""
        return forwarded(self._source)

    async def _source(self) -> AsyncGenerator[Any, Any]:
        verdict = await run_async(self._guarded.check_inputs(self._inputs))
        if verdict.blocked:
            return given_out([] if verdict.data is None else [verdict.data])
        source: AsyncGenerator[Any, Any] = self._start(verdict)
        return self._buffered_async(source) if self._guarded.checks_output else source

    def _buffered(self, source: Iterator[Any]) -> Generator[Any, Any, Any]:
        """The items of ``source``, given out once they are all there and have passed.

        What a generator returns is an output like its items, and is checked by itself.
        """
        items, returned = gathered(source)
        if items or returned is None:
            verdict = run(self._guarded.check_output(joined(items), self._inputs))
            items = kept(items, verdict)
            returned = None if verdict.blocked else returned
        if returned is not None:
            returned = run(self._guarded.check_output(returned, self._inputs)).data
        yield from items
        return returned

    async def _buffered_async(self, source: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
        items = [item async for item in source]
        checks = self._guarded.check_output(joined(items), self._inputs)
        for item in kept(items, await run_async(checks)):
            yield item


def _named(driver: Any, asked: Any) -> Any:
    """``driver`` with the names of a function, if that has any."""
    return called_as(driver, asked) if hasattr(asked, "__qualname__") else driver
