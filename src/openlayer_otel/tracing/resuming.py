"""Driving the user's generators and coroutines: a context is current inside, never outside.

A *driver* is what the caller gets instead of the user's generator or coroutine: itself a real
generator, async generator or coroutine. Each time it is resumed (``next``, ``send``, ``throw``,
``close`` and their async kin) it makes the context current, resumes the user's, and takes the
context back before it yields. What the user's code attached meanwhile (a ``with`` block around
a ``yield``) is current again at its next resumption. A *watcher* is told what happens.
"""

from __future__ import annotations

import inspect
import sys
import types
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any

from opentelemetry.context import Context, attach, get_current

from openlayer_otel.genai.current import take_back


class Watcher:
    """Is told what a driver's source does; this one does nothing about it.

    Attributes:
        driver: A weak reference to the driver, dead while the driver is being collected.
    """

    __slots__ = ("driver",)

    def __init__(self) -> None:
        self.driver: weakref.ref[Any] | None = None

    @property
    def collected(self) -> bool:
        """Whether the driver is being collected: nobody closed it, it was dropped."""
        return self.driver is not None and self.driver() is None

    def add(self, item: Any) -> None:
        """The source yielded ``item``."""

    def over(self, result: Any = None) -> Any:
        """The source returned ``result``; what this returns, the caller gets."""
        return result

    def left(self, error: BaseException) -> None:
        """The source ended with ``error``, which may be no failure at all."""


def driver_of(source: Any, context: Context, watcher: Watcher) -> Any:
    """What does as ``source`` does, in ``context``: a generator or the like, as ``source`` is.

    Args:
        source: A generator, async generator or coroutine.
        context: Is current inside, when it begins.
        watcher: Is told what happens.
    """
    kind = type(source)
    made: Any
    if kind is types.GeneratorType:
        made = (drive_awaitable if is_awaitable(source) else drive)(context, source, watcher)
    elif kind is types.CoroutineType:
        made = drive_coroutine(context, source, watcher)
    else:
        made = drive_async(context, source, watcher)
    watcher.driver = weakref.ref(made)
    return called_as(made, source)


def drive(context: Context, source: Any, watcher: Watcher) -> Generator[Any, Any, Any]:
    """A generator that does as the generator ``source`` does, in ``context``."""
    resume: Any = source.send
    value: Any = None
    while True:
        token = attach(context)
        try:
            item = resume(value)
        except StopIteration as stop:
            take_back(token)
            thrown, value = value, None  # a thrown exception holds this frame
            if isinstance(thrown, GeneratorExit):
                watcher.left(thrown)
                del thrown
                return stop.value
            return watcher.over(stop.value)
        except BaseException as error:
            take_back(token)
            watcher.left(error)
            value = None  # a thrown exception holds this frame
            raise
        context = get_current()
        take_back(token)
        watcher.add(item)
        value = None
        try:
            value = yield item
            resume = source.send
        except BaseException as thrown:  # noqa: BLE001 - close() and throw(): the source's to handle
            if watcher.collected:
                held, source, resume = [source], None, None
                if _somebody_holds(held):
                    watcher.left(thrown)
                    return None
                source = held.pop()
            value = thrown
            resume = source.throw


drive_awaitable: Any = types.coroutine(types.FunctionType(drive.__code__, globals()))
"""As :func:`drive`, for the generator of a ``@types.coroutine`` function: it can be awaited."""


async def drive_async(context: Context, source: Any, watcher: Watcher) -> AsyncGenerator[Any, Any]:
    """An async generator that does as the async iterator ``source`` does, in ``context``."""
    resume: Any = first_send(source)
    value: Any = None
    while True:
        token = attach(context)
        try:
            item = await resume(value)
        except StopAsyncIteration:
            take_back(token)
            thrown, value = value, None  # a thrown exception holds this frame
            if isinstance(thrown, GeneratorExit):
                watcher.left(thrown)
            else:
                watcher.over()
            del thrown
            return
        except BaseException as error:
            take_back(token)
            watcher.left(error)
            value = None  # a thrown exception holds this frame
            raise
        context = get_current()
        take_back(token)
        watcher.add(item)
        value = None
        try:
            value = yield item
            resume = source.asend
        except BaseException as thrown:  # noqa: BLE001 - aclose(), athrow(): the source's to handle
            if watcher.collected:
                held, source, resume = [source], None, None
                if _somebody_holds(held):
                    watcher.left(thrown)
                    return
                source = held.pop()
            value = thrown
            resume = source.athrow


async def drive_coroutine(
    context: Context, source: Coroutine[Any, Any, Any], watcher: Watcher
) -> Any:
    """A coroutine that does as ``source`` does, in ``context``."""
    token = attach(context)
    try:
        result = await source
    except BaseException as error:
        take_back(token)
        watcher.left(error)
        raise
    take_back(token)
    return watcher.over(result)


def is_awaitable(source: Any) -> bool:
    """Whether a generator is that of a ``@types.coroutine`` function."""
    return bool(source.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE)


def _somebody_holds(held: list[Any]) -> bool:
    """Whether the one item of a list is referred to by others than the list.

    A driver that is dropped takes its source along, unless the source is somebody else's, too:
    an object that returns the same generator again, say. Closing that one would end it for them.
    """
    return sys.getrefcount(held[0]) > _HELD_ALONE


_ALONE = [object()]
_HELD_ALONE = sys.getrefcount(_ALONE[0])


def called_as(driver: Any, source: Any) -> Any:
    """``driver`` with the names of ``source``, which tracebacks and warnings show."""
    driver.__name__ = source.__name__
    driver.__qualname__ = source.__qualname__
    return driver


def first_send(source: AsyncGenerator[Any, Any]) -> Callable[[Any], Any]:
    """The first ``asend`` of the user's generator, unseen by the event loop.

    A loop that shuts down closes all generators that it has seen begin, in any order, and
    complains about one that is running. It knows the driver, which closes the user's.
    """

    def send(value: Any) -> Any:
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, None)
        try:
            return source.asend(value)
        finally:
            sys.set_asyncgen_hooks(*hooks)

    return send
