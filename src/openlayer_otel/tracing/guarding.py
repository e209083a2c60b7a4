"""Guardrails around one function, whatever kind it is.

A round of checks runs on the inputs before the function and on the output after it, inside
the function's step. Guardrails work without tracing, too.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Generator, Iterator, Sequence
from typing import Any

from openlayer_otel.diagnostics import warn_once
from openlayer_otel.tracing.callables import name_of
from openlayer_otel.tracing.checked import (
    CheckedAsyncStream,
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
from openlayer_otel.tracing.outputs import chunk_text
from openlayer_otel.tracing.parameters import Parameters
from openlayer_otel.tracing.proxies import body_of, is_async_stream, is_stream
from openlayer_otel.tracing.resuming import called_as


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
        self._checks_output = any(hasattr(each, "check_output") for each in self._guardrails)

    def call(self, function: Any, args: Any, kwargs: Any, bound: bool) -> Any:
        """Call ``function`` with guardrails around it; what is blocked raises or is replaced.

        Returns:
            What the function returns, of the same kind: a coroutine, a generator …
        """
        call = _Call(self, function, args, kwargs, bound)
        target = inspect.unwrap(function) if hasattr(function, "__wrapped__") else function
        if inspect.iscoroutinefunction(target):
            return called_as(call.coroutine(), target)
        if inspect.isgeneratorfunction(target):
            return called_as(call.generator(), target)
        if inspect.isasyncgenfunction(target):
            return called_as(call.async_generator(), target)
        return call.plain()

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
    """One call of a guarded function."""

    def __init__(
        self, guarded: Guarded, function: Any, args: Any, kwargs: Any, bound: bool
    ) -> None:
        self._guarded = guarded
        self._function = function
        self._args = args
        self._kwargs = kwargs
        self._bound = bound
        self._inputs = guarded.parameters.inputs(args, kwargs, bound)

    def _start(self, verdict: Verdict) -> Any:
        """Call the function with the inputs that the guardrails left."""
        if verdict.modified and isinstance(verdict.data, dict):
            self._inputs = verdict.data
            args, kwargs = self._guarded.parameters.call_with(verdict.data, self._bound, self._args)
            return self._function(*args, **kwargs)
        return self._function(*self._args, **self._kwargs)

    def plain(self) -> Any:
        """Of a function: its result, or what it returned unfinished, checked when it is over."""
        verdict = run(self._guarded.check_inputs(self._inputs))
        if verdict.blocked:
            return verdict.data
        result = self._start(verdict)
        if not self._guarded.checks_output:
            return result
        if type(result) is types.CoroutineType:
            return called_as(self._finished(result), result)
        return self._checked(result)

    async def coroutine(self) -> Any:
        """Of a coroutine function."""
        verdict = await run_async(self._guarded.check_inputs(self._inputs))
        if verdict.blocked:
            return verdict.data
        return await self._finished(self._start(verdict))

    async def _finished(self, coroutine: Any) -> Any:
        result = await coroutine
        if not self._guarded.checks_output:
            return result
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
        if kind is types.GeneratorType:
            return called_as(self._buffered(result), result)
        if kind is types.AsyncGeneratorType:
            return called_as(self._buffered_async(result), result)
        if is_stream(result):
            return CheckedStream(result, self._buffered(result))
        if is_async_stream(result):
            return CheckedAsyncStream(result, self._buffered_async(result))
        if is_stream_manager(result):
            return CheckedManager(result, self._checked, self._checked_async)
        body = body_of(result)
        if body is not None:
            result.body_iterator = called_as(self._buffered_async(body), body)
            return result
        if is_unread_response(result):
            name = name_of(self._function)
            warn_once(
                f"unchecked:{name}:{kind.__name__}",
                "openlayer-otel: %s returned a %s. Its guardrails were given that object, not "
                "what is read from it: its output was not checked. Return the parsed answer, its "
                "text or a stream to have it checked.",
                name,
                kind.__name__,
            )
        return None

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

    async def async_generator(self) -> AsyncGenerator[Any, Any]:
        """Of an async generator function."""
        verdict = await run_async(self._guarded.check_inputs(self._inputs))
        if verdict.blocked:
            if verdict.data is not None:
                yield verdict.data
            return
        source = self._start(verdict)
        if self._guarded.checks_output:
            source = self._buffered_async(source)
        try:
            async for item in source:
                yield item
        finally:
            await source.aclose()

    def _buffered(self, source: Iterator[Any]) -> Generator[Any, Any, None]:
        """The items of ``source``, given out once they are all there and have passed."""
        items = list(source)
        yield from _kept(items, run(self._guarded.check_output(_joined(items), self._inputs)))

    async def _buffered_async(self, source: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
        items = [item async for item in source]
        checks = self._guarded.check_output(_joined(items), self._inputs)
        for item in _kept(items, await run_async(checks)):
            yield item


def _kept(items: list[Any], verdict: Verdict) -> list[Any]:
    """What the consumer of a checked stream gets."""
    if not verdict.modified:
        return items
    if isinstance(verdict.data, list):
        return verdict.data
    return [] if verdict.data is None else [verdict.data]


def _joined(items: list[Any]) -> Any:
    """What guardrails see of a stream: its text, or its items if they are no text."""
    texts = [item if isinstance(item, str) else _text(item) for item in items]
    return items if not texts or None in texts else "".join(text for text in texts if text)


def _text(item: Any) -> str | None:
    try:
        return chunk_text(item)
    except Exception:  # noqa: BLE001 - an item's own properties may raise anything
        return None
