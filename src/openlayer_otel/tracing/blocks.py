"""Blocks that change the context for the code inside: ``with``, ``async with``, or a decorator.

A block ends with its code, wherever that ends; one object can be entered again, nested, and
from several threads and tasks at once: what it needs to undo is kept in the context itself.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar, cast

from opentelemetry import context as otel_context
from opentelemetry.context import Context, get_current

from openlayer_otel.diagnostics import report_failure
from openlayer_otel.tracing.callables import in_block
from openlayer_otel.tracing.current import Entered, enter, leave
from openlayer_otel.tracing.resuming import Watcher, driver_of

_KEY = otel_context.create_key("openlayer-block")
_UNFINISHED = frozenset({types.GeneratorType, types.AsyncGeneratorType, types.CoroutineType})
Block = TypeVar("Block", bound="ContextBlock")
Function = TypeVar("Function", bound=Callable[..., Any])


class _Inside:
    """That a block was entered, by whom, and inside which other block."""

    __slots__ = ("entered", "outer", "owner")

    def __init__(self, owner: object, outer: object) -> None:
        self.owner = owner
        self.outer = outer
        self.entered: Entered | None = None


class ContextBlock:
    """A block; what it changes is what :meth:`context_in` says."""

    def context_in(self, context: Context) -> Context:
        """The context inside the block, from the one around it."""
        raise NotImplementedError

    def __enter__(self: Block) -> Block:
        try:
            context = get_current()
            inside = _Inside(self, context.get(_KEY))
            changed = otel_context.set_value(_KEY, inside, self.context_in(context))
            inside.entered = enter(changed)
        except Exception as error:  # noqa: BLE001 - boundary: the block must run
            report_failure(f"{type(self).__name__}()", error)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        inside = get_current().get(_KEY)
        while isinstance(inside, _Inside):
            if inside.owner is self and inside.entered is not None:
                entered, inside.entered = inside.entered, None  # each holds the other
                leave(entered)
                return
            inside = inside.outer

    async def __aenter__(self: Block) -> Block:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, frames)

    def __call__(self, function: Function) -> Function:
        """``function``, each call of it inside a block of its own, whatever kind it is."""
        return cast("Function", in_block(function, self._call))

    def _call(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        with self:
            context = get_current()
            result = wrapped(*args, **kwargs)
        if type(result) in _UNFINISHED:
            return driver_of(result, context, Watcher())
        return result
