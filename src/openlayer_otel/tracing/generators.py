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
from openlayer_otel.tracing.resuming import Watcher, called_as, drive, drive_async


class Guard(Watcher):
    """Gathers what is yielded and ends the step.

    Attributes:
        driver: A weak reference to the driver, dead while the driver is being collected.
    """

    __slots__ = ("__weakref__", "_armed", "_items", "_plan", "_step", "driver")

    def __init__(self, plan: Plan, step: Step, items: Items | None) -> None:
        self._plan = plan
        self._step = step
        self._items = items
        self.driver: weakref.ref[Any] | None = None
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
        collected = self.driver is not None and self.driver() is None
        if collected and interruption(error) is not None:
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


def driven(plan: Plan, step: Step, source: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """A generator that does as ``source`` does, inside ``step``, and ends the step."""
    guard = Guard(plan, step, plan.items(step))
    made: Generator[Any, Any, Any] = called_as(drive(step.context, source, guard), source)
    guard.driver = weakref.ref(made)
    return made


def driven_async(
    plan: Plan, step: Step, source: AsyncGenerator[Any, Any]
) -> AsyncGenerator[Any, Any]:
    """An async generator that does as ``source`` does, inside ``step``, and ends the step."""
    guard = Guard(plan, step, plan.items(step))
    made: AsyncGenerator[Any, Any] = called_as(drive_async(step.context, source, guard), source)
    guard.driver = weakref.ref(made)
    return made
