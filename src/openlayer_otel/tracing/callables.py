"""The object that stands for a traced function: whatever asks about the function, it answers.

``inspect`` sees a coroutine function, a generator function and so on, with its signature and
annotations; methods, class methods and static methods bind as before; it is pickled by its
name, as functions are, and copied as methods are: with their object.
"""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import wrapt

Wrapper = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]


class BoundTracedCallable(wrapt.BoundFunctionWrapper):  # type: ignore[type-arg]
    """A traced method that was taken from an instance or a class."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        owner = getattr(self.__wrapped__, "__self__", None)
        if owner is not None:
            return (getattr, (owner, self.__name__))
        place = (self.__module__, self.__qualname__)
        try:
            found = _found(*place)
        except (ImportError, AttributeError):
            found = None
        if getattr(found, "__wrapped__", None) is not self.__wrapped__:
            raise pickle.PicklingError(f"Can't pickle {self!r}: it is not found as {place[1]}")
        return (_found, place)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        owner = getattr(self.__wrapped__, "__self__", None)
        if owner is None:
            return self
        # As a method is copied: it is that of the copied object.
        copied = copy.deepcopy(owner, memo)
        return self if copied is owner else self._self_parent.__get__(copied, type(copied))


class TracedCallable(wrapt.FunctionWrapper):  # type: ignore[type-arg]
    """A traced function.

    Args:
        wrapped: The function, class or static method, ``functools.partial``, or object with
            ``__call__``.
        wrapper: Called instead, with the function bound as the call binds it.
    """

    __bound_function_wrapper__ = BoundTracedCallable

    def __init__(self, wrapped: Any, wrapper: Wrapper) -> None:
        super().__init__(wrapped, wrapper)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # Pickle looks the name up, as it does for functions. Objects have none: they are pickled
        # as what they are, without the tracing.
        name = getattr(self.__wrapped__, "__qualname__", None)
        return name if isinstance(name, str) else self.__wrapped__.__reduce_ex__(protocol)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


class CallableInBlock(TracedCallable):
    """A function each call of which is inside a block; a step is made of none."""


def _found(module: str, qualname: str) -> Any:
    """What is called ``qualname`` in a module: how a function that was taken from a class is read.

    Pickle's own way, the name alone, wants the same object each time; this one is made anew.
    """
    return functools.reduce(getattr, qualname.split("."), importlib.import_module(module))


def underlying(function: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """The function at the bottom of class and static methods and partials.

    Returns:
        The function, and the arguments that partials have bound already.
    """
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    while True:
        if isinstance(function, functools.partial):
            args = (*function.args, *args)
            kwargs = {**function.keywords, **kwargs}
            function = function.func
        elif isinstance(function, (classmethod, staticmethod)):
            function = function.__func__
        else:
            return function, args, kwargs


def is_method_slot(function: Any) -> bool:
    """Whether ``function``, found in a class, is called with the instance or class first."""
    return not isinstance(function, staticmethod)


def name_of(function: Any) -> str:
    """What a function is called, also where it is a partial or an object."""
    bottom, _, _ = underlying(function)
    name = getattr(bottom, "__name__", None)
    return name if isinstance(name, str) else type(bottom).__name__


def signed(function: Any) -> Callable[..., Any]:
    """What has the signature of ``function``: the function itself, or an object's ``__call__``."""
    bottom, _, _ = underlying(function)
    if inspect.isroutine(bottom) or isinstance(bottom, type) or not callable(bottom):
        return bottom  # type: ignore[no-any-return]
    return getattr(bottom, "__call__", bottom)  # type: ignore[no-any-return]  # noqa: B004
