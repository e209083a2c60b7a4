"""Of which kind a guarded function is: it says what a call gives, and when inputs are checked.

The function itself is asked. What it was made from (``functools.wraps``) may be of another kind:
a synchronous function around a coroutine function, a context manager around a generator.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Iterable, Mapping
from typing import Any

from openlayer_otel.tracing.callables import signed, underlying

_RUNS_LATER = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


def asked_for_kind(function: Any, waits: bool) -> Any:
    """What :mod:`inspect` is to be asked about, for the kind of ``function``.

    Args:
        function: The function, below which partials and proxies are looked.
        waits: Whether a guardrail has to be awaited before the function runs. Then a plain
            function around an asynchronous one passes for that: it would run unchecked.
    """
    bottom, _, _ = underlying(function)
    while type(bottom) is not bottom.__class__ and hasattr(bottom, "__wrapped__"):
        bottom, _, _ = underlying(bottom.__wrapped__)  # a proxy passes for what it wraps
    asked = signed(bottom)
    if waits and not _runs_later(asked):
        made_from = inspect.unwrap(asked, stop=_is_of_contextlib)
        if inspect.iscoroutinefunction(made_from) or inspect.isasyncgenfunction(made_from):
            return made_from
    return asked


def must_be_awaited(guardrails: Iterable[Any]) -> bool:
    """Whether the input check of one of ``guardrails`` is a coroutine function."""
    checks = [getattr(each, "check_input", None) for each in guardrails]
    return any(inspect.iscoroutinefunction(asked_for_kind(each, False)) for each in checks if each)


def below_partials(function: Any) -> Any:
    """What ``functools.partial`` calls; never past a proxy, which may have guardrails, too."""
    while issubclass(type(function), functools.partial):
        function = function.func
    return function


def refuse_wrong_arguments(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Raise what a call with wrong arguments raises, before a guarded call is put off.

    Only functions are tried whose code a call does not run yet.

    Raises:
        TypeError: The arguments do not fit the parameters.
    """
    plain = function.__func__ if type(function) is types.MethodType else function
    if type(plain) is types.FunctionType and plain.__code__.co_flags & _RUNS_LATER:
        close = getattr(function(*args, **kwargs), "close", None)
        if close is not None:  # one that never began: nothing runs, nothing is warned about
            close()


def _runs_later(function: Any) -> bool:
    return (
        inspect.iscoroutinefunction(function)
        or inspect.isgeneratorfunction(function)
        or inspect.isasyncgenfunction(function)
    )


def _is_of_contextlib(function: Any) -> bool:
    """Whether ``function`` gives a context manager, made from a generator function."""
    names = getattr(function, "__globals__", None)
    return isinstance(names, dict) and names.get("__name__") == "contextlib"
