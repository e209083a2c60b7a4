"""Futures whose results pass guardrails before anybody gets them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any


def checked_future(
    future: Any,
    checked: Callable[[Any], Any],
    finished: Callable[[Any], Coroutine[Any, Any, Any]],
) -> Any:
    """What stands for ``future``: it gives the result once that has passed.

    Args:
        future: A task or future of an event loop, or one of a thread or process pool.
        checked: Gives what stands for a result.
        finished: The same for a future that has to be awaited.

    Returns:
        A task, or a future of the other kind; None for what is no future, and for a future of
        an event loop that is closed or runs in another thread, where no task can be made.
    """
    if isinstance(future, concurrent.futures.Future):
        return _CheckedFuture(future, checked)
    if not isinstance(future, asyncio.Future):
        return None
    loop = future.get_loop()
    elsewhere = loop.is_running() and asyncio._get_running_loop() is not loop
    if elsewhere or loop.is_closed():
        return None
    task = loop.create_task(finished(future))
    if isinstance(future, asyncio.Task):
        task.set_name(future.get_name())

    def done(task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            future.cancel()  # a task that is cancelled before it began has not told it

    task.add_done_callback(done)
    return task


class _CheckedFuture(concurrent.futures.Future[Any]):
    """Done when ``source`` is and its result has been checked, in the thread that finishes it."""

    def __init__(
        self, source: concurrent.futures.Future[Any], checked: Callable[[Any], Any]
    ) -> None:
        super().__init__()
        self._source = source
        context = contextvars.copy_context()
        source.add_done_callback(lambda done: context.run(self._settle, done, checked))

    def cancel(self) -> bool:
        """Cancel the source, which cancels this one."""
        return self._source.cancel()

    def running(self) -> bool:
        """Whether the source runs, or its result is being checked."""
        return not self.done() and (self._source.running() or self._source.done())

    def _settle(
        self, source: concurrent.futures.Future[Any], checked: Callable[[Any], Any]
    ) -> None:
        if source.cancelled():
            super().cancel()
            self.set_running_or_notify_cancel()
            return
        error = source.exception()
        if error is not None:
            self.set_exception(error)
            return
        try:
            result = checked(source.result())
        except BaseException as blocked:  # noqa: BLE001 - for whoever asks for the result
            self.set_exception(blocked)
        else:
            self.set_result(result)
