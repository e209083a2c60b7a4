"""The end of a step whose work is not over when the call returns: generators and coroutines.

The step ends when the driver does (see :mod:`~openlayer_otel.tracing.resuming`). A driver that
is dropped before it ever ran executes no code of its own; then its :class:`Guard`, which its
frame alone holds, ends the step.
"""

from __future__ import annotations

import atexit
import weakref
from collections.abc import AsyncGenerator, Generator
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.tracing.failures import interruption
from openlayer_otel.tracing.outputs import Items
from openlayer_otel.tracing.plan import Plan
from openlayer_otel.tracing.recording import Step
from openlayer_otel.tracing.resuming import Watcher, driver_of, is_awaitable


class Guard(Watcher):
    """Gathers what is yielded and ends the step."""

    __slots__ = ("__weakref__", "_armed", "_items", "_plan", "_step")

    def __init__(self, plan: Plan, step: Step, items: Items | None) -> None:
        self.driver = None
        self._plan = plan
        self._step = step
        self._items = items
        self._armed = True
        if step.recording:
            _watch(self)

    def add(self, item: Any) -> None:
        """The user's code yielded ``item``."""
        if self._items is not None:
            self._items.add(item)

    def over(self, result: Any = None) -> Any:
        """The user's code returned ``result``: the output, if it yielded nothing."""
        if self._items is not None and (self._items.count or result is None):
            self._plan.yielded(self._step, self._items)
            self._step.finish()
        else:
            self._plan.ended(self._step, result)
        return result

    def left(self, error: BaseException) -> None:
        """The user's code ended with ``error``, which may be no failure at all."""
        if self.collected and interruption(error) is not None:
            self.drop()
            return
        self._keep_items()
        self._plan.failed(self._step, error)

    def drop(self) -> None:
        """Nobody will resume the driver again."""
        if self._armed and not self._step.is_over:
            self._keep_items()
            self._step.finish(semconv.OUTCOME_DROPPED)

    def hand_over(self) -> None:
        """Somebody else ends the step."""
        self._armed = False

    def _keep_items(self) -> None:
        if self._items is not None and self._items.count:
            self._plan.yielded(self._step, self._items)

    def __del__(self) -> None:
        self.drop()


class StreamGuard(Guard):
    """Ends the step of a stream that can be read again after a read was cancelled.

    ``wait_for(stream.__anext__(), …)`` cancels a read, not the stream: the next read, the close
    or the end of the stream says what became of it.

    Attributes:
        cancelled_at: When the last read was cancelled, in nanoseconds since 1970.
    """

    __slots__ = ("cancelled_at",)

    def __init__(self, plan: Plan, step: Step, items: Items | None) -> None:
        self.cancelled_at: int | None = None
        super().__init__(plan, step, items)

    def left(self, error: BaseException) -> None:
        """The stream ended with ``error``; if it is closed after a cancelled read, with that."""
        if self.cancelled_at is not None and isinstance(error, GeneratorExit):
            self.drop()
        else:
            super().left(error)

    def drop(self) -> None:
        """Nobody will read on."""
        if self.cancelled_at is not None and self._armed and not self._step.is_over:
            self._step.ended_at = self.cancelled_at
            self._keep_items()
            self._step.finish(semconv.OUTCOME_CANCELLED)
        else:
            super().drop()


_open: weakref.WeakSet[Guard] = weakref.WeakSet()
_watching = False


def _watch(guard: Guard) -> None:
    """Have the step ended at the interpreter's exit, before the exporters shut down.

    ``atexit`` runs last in, first out: the tracer provider registered before the first step.
    """
    global _watching
    _open.add(guard)
    if not _watching:
        _watching = True
        atexit.register(_end_open)


def _end_open() -> None:
    for guard in list(_open):
        guard.drop()


def driven(plan: Plan, step: Step, source: Generator[Any, Any, Any]) -> Any:
    """A generator that does as ``source`` does, inside ``step``, and ends the step."""
    # What a @types.coroutine function yields is for the event loop: its result is its output.
    items = None if is_awaitable(source) else plan.items(step)
    return driver_of(source, step.context, Guard(plan, step, items))


def driven_async(plan: Plan, step: Step, source: AsyncGenerator[Any, Any]) -> Any:
    """An async generator that does as ``source`` does, inside ``step``, and ends the step."""
    return driver_of(source, step.context, Guard(plan, step, plan.items(step)))
