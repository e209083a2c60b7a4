"""Driving the user's generators and coroutines: a context is current inside, never outside.

A *driver* is what the caller gets instead of the user's generator or coroutine: itself a real
generator, async generator or coroutine. Each time it is resumed (``next``, ``send``, ``throw``,
``close`` and their async kin) it makes the context current, resumes the user's, and takes the
context back before it yields. What the user's code attached meanwhile (a ``with`` block around
a ``yield``) is current again at its next resumption. A *watcher* is told what happens.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any

from opentelemetry.context import Context, attach, get_current

from openlayer_otel.genai.current import take_back


class Watcher:
    """Is told what a driver's source does; this one does nothing about it."""

    __slots__ = ()

    def add(self, item: Any) -> None:
        """The source yielded ``item``."""

    def over(self, result: Any = None) -> Any:
        """The source returned ``result``; what this returns, the caller gets."""
        return result

    def left(self, error: BaseException) -> None:
        """The source ended with ``error``, which may be no failure at all."""


def drive(
    context: Context, source: Generator[Any, Any, Any], watcher: Watcher
) -> Generator[Any, Any, Any]:
    """A generator that does as ``source`` does, in ``context``."""
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
            value = thrown
            resume = source.throw


async def drive_async(
    context: Context, source: AsyncGenerator[Any, Any], watcher: Watcher
) -> AsyncGenerator[Any, Any]:
    """An async generator that does as ``source`` does, in ``context``."""
    resume: Any = _first_send(source)
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


def called_as(driver: Any, source: Any) -> Any:
    """``driver`` with the names of ``source``, which tracebacks and warnings show."""
    driver.__name__ = source.__name__
    driver.__qualname__ = source.__qualname__
    return driver


def _first_send(source: AsyncGenerator[Any, Any]) -> Callable[[Any], Any]:
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
