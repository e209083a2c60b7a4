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
import types
from collections.abc import Callable
from typing import Any, TypeVar

import wrapt

Wrapper = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]


class BoundTracedCallable(wrapt.BoundFunctionWrapper):  # type: ignore[type-arg]
    """A traced method that was taken from an instance or a class."""

    def __init__(self, function: Any, instance: Any, *rest: Any) -> None:
        if not rest:
            # A method is put together again of its two parts: ``weakref.WeakMethod`` does so.
            made = _parts(function, instance)
            function, rest = made[0], made[1:]
        super().__init__(function, instance, *rest)  # type: ignore[call-arg]

    @property
    def __func__(self) -> Any:
        """The function of a method: the traced one, which is also what the class gives."""
        function = self.__wrapped__.__func__  # type: ignore[attr-defined]
        parent = self._self_parent
        return parent if parent.__wrapped__ is function else function

    def __reduce_ex__(self, protocol: Any) -> Any:
        owner = getattr(self.__wrapped__, "__self__", None)
        if owner is not None:
            return (getattr, (owner, self.__name__))
        place = (self.__module__, self.__qualname__)
        if getattr(_found_or_none(*place), "__wrapped__", None) is not self.__wrapped__:
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

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        wrapped = self.__wrapped__
        # A class gives its functions as they are: ``partialmethod``, and who asks whether a method
        # was overridden, look whether it is the same object.
        if instance is None and wrapped.__get__(None, owner) is wrapped:
            return self
        return super().__get__(instance, owner)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # Pickle looks the name up, as it does for functions. What is not found so (an object, a
        # method, what is traced where it is used) is pickled as what it is, without the tracing.
        name = getattr(self.__wrapped__, "__qualname__", None)
        if isinstance(name, str) and _found_or_none(self.__module__, name) is self:
            return name
        return (_itself, (self.__wrapped__,))

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


class CallableInBlock(TracedCallable):
    """A function each call of which is inside a block; a step is made of none."""


class _Unbound(TracedCallable):
    """What Python does not bind, as a function of a class either."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self  # wrapt before 1.15 asks what it wraps to bind itself


class TracedBuiltin(_Unbound):
    """A traced function that Python does not bind: a built-in one, a ``functools.partial``."""


class BuiltinInBlock(_Unbound, CallableInBlock):
    """Such a function, each call of which is inside a block."""


class _OfObject(TracedCallable):
    def __copy__(self) -> Any:
        return self._self_around(copy.copy(self.__wrapped__))

    def __deepcopy__(self, memo: Any) -> Any:
        # The copy has a state of its own, as that of the object has.
        return self._self_around(copy.deepcopy(self.__wrapped__, memo))

    def _self_around(self, wrapped: Any) -> Any:
        wrapper: Any = self._self_wrapper
        return type(self)(wrapped, wrapper)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if not hasattr(type(self.__wrapped__), "__get__"):
            return self
        # Not by way of TracedCallable, which asks what it wraps: the user's code would run twice.
        return wrapt.FunctionWrapper.__get__(self, instance, owner)

    @property
    def __call__(self) -> Any:
        """What calls the object: web frameworks ask it whether that must be awaited."""
        call: Any = functools.partial(wrapt.FunctionWrapper.__call__, self)
        return wrapt.FunctionWrapper(
            self.__wrapped__.__call__,  # type: ignore[operator]
            lambda wrapped, instance, args, kwargs: call(*args, **kwargs),
        )


class TracedObject(_OfObject):
    """A traced object whose class defines ``__call__``."""


class ObjectInBlock(_OfObject, CallableInBlock):
    """Such an object, each call of which is inside a block."""


def traced(function: Any, wrapper: Wrapper) -> TracedCallable:
    """What stands for a traced function."""
    return _kind_for(function, TracedCallable, TracedBuiltin, TracedObject)(function, wrapper)


def in_block(function: Any, wrapper: Wrapper) -> CallableInBlock:
    """What stands for a function each call of which is inside a block."""
    return _kind_for(function, CallableInBlock, BuiltinInBlock, ObjectInBlock)(function, wrapper)


Kind = TypeVar("Kind", bound=TracedCallable)


def _kind_for(
    function: Any, usual: type[Kind], of_builtin: type[Kind], of_object: type[Kind]
) -> type[Kind]:
    kind = type(function)
    call = getattr(kind, "__call__", None)  # noqa: B004 - what it is counts
    if isinstance(call, (types.FunctionType, TracedCallable, property)):
        return of_object
    return usual if hasattr(kind, "__get__") else of_builtin


def _parts(function: Any, instance: Any) -> tuple[Any, ...]:
    """What a traced method is made of beside its instance: for ``__func__`` and ``__self__``."""
    parent: Any = function
    if isinstance(function, TracedCallable):
        method = function.__wrapped__.__get__(instance, type(instance))
    else:
        # That of a class method is what was decorated: the traced one is found as pickle finds it.
        method = types.MethodType(function, instance)
        parent = getattr(getattr(instance, function.__name__, None), "_self_parent", None)
        if getattr(getattr(parent, "__wrapped__", None), "__func__", None) is not function:
            return method, lambda wrapped, _, args, kwargs: wrapped(*args, **kwargs)
    return method, parent._self_wrapper, parent._self_enabled, parent._self_binding, parent


def _itself(function: Any) -> Any:
    """How what was traced is read: pickle calls it by its name."""
    return function


def _found(module: str, qualname: str) -> Any:
    """What is called ``qualname`` in a module: how a function that was taken from a class is read.

    Pickle's own way, the name alone, wants the same object each time; this one is made anew.
    """
    return functools.reduce(getattr, qualname.split("."), importlib.import_module(module))


def _found_or_none(module: str, qualname: str) -> Any:
    try:
        return _found(module, qualname)
    except (ImportError, AttributeError):
        return None


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
