"""Carrying the current step into threads and executors.

Threads start without a context (OpenTelemetry does not change that, and neither does this
package behind your back). ``asyncio.to_thread`` and tasks carry it by themselves;
``ThreadPoolExecutor.submit`` and ``loop.run_in_executor`` do not: use these.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from opentelemetry.context import attach, get_current

from openlayer_otel.genai.current import take_back

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def carry_context(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """``function`` for another thread, run in the context that is current *now*.

    Args:
        function: What the thread is to call.

    Returns:
        A function that can be called any number of times, from several threads at once.
    """
    context = get_current()

    def carried(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        token = attach(context)
        try:
            return function(*args, **kwargs)
        finally:
            take_back(token)

    # Some objects raise what they like when they are asked for a name, and can be called.
    with contextlib.suppress(Exception):
        functools.update_wrapper(carried, function)
    return carried


class ContextThreadPoolExecutor(ThreadPoolExecutor):
    """A ``ThreadPoolExecutor`` whose work runs in the context in which it was submitted.

    ``submit``, ``map`` and ``loop.run_in_executor`` all carry the context.
    """

    def submit(
        self, fn: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Future[Result]:
        """As ``ThreadPoolExecutor.submit``."""
        return super().submit(carry_context(fn), *args, **kwargs)
