"""Patches that can be taken back, whoever else has patched the same function meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial, update_wrapper
from types import FunctionType, MethodType
from typing import Any
from weakref import WeakSet

import wrapt

from openlayer_otel.diagnostics import warn_once
from openlayer_otel.genai.current import current
from openlayer_otel.genai.nesting import OPERATION_KEY
from openlayer_otel.providers.imports import when_imported

CallHook = Callable[..., Any]
"""Called in the place of a method: with it, the call under way, and the method's arguments."""
EventHook = Callable[[Any, Callable[..., Any]], Callable[..., Any]]
"""Given the current operation and a bound method, returns what takes the method's place."""
Wrapper = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]

_MAX_LAYERS = 20
# Functions of ours that are out of force; a tool that is switched off later may put one back.
_retired: WeakSet[FunctionType] = WeakSet()


class Patches:
    """Wrapped functions that belong together, such as the hooks of one SDK.

    Each wrapper is called while the patches are in force and passed by afterwards: bound
    methods that an application has kept stop tracing, too.
    """

    def __init__(self) -> None:
        self.active = True
        self._made: list[tuple[Any, str, Any]] = []
        self._stops: list[Callable[[], None]] = []

    def when_imported(self, module: str, beside: Any, hook: Callable[[Any], None]) -> None:
        """Call ``hook(module)`` when a further module of an SDK is imported; at once if it is.

        Args:
            module: Its whole name.
            beside: A module of the same copy of the SDK. A copy that is imported anew has patches
                of its own.
            hook: What puts more patches in.
        """

        def imported(loaded: Any) -> None:
            if sys.modules.get(beside.__name__) is beside:
                hook(loaded)

        self._stops.append(when_imported(module, imported))

    def wrap(self, module: Any, path: str, wrapper: Wrapper) -> None:
        """Wrap ``path`` (``"Class.method"``) of ``module``; a missing target is warned about.

        Args:
            module: The module that defines the target.
            path: Its name, dotted from the module.
            wrapper: Called as wrapt calls it: ``(wrapped, instance, args, kwargs)``.
        """
        owner, name, original = self._target(module, path)
        if original is None:
            return
        patched = wrapt.FunctionWrapper(original, wrapper, lambda: self.active)
        setattr(owner, name, patched)
        self._made.append((owner, name, patched))

    def add(self, owner: type, name: str, wrapper: Wrapper) -> None:
        """Wrap a method that ``owner`` inherits, for ``owner`` alone.

        Args:
            owner: The class.
            name: The method.
            wrapper: As for :meth:`wrap`.
        """
        patched = wrapt.FunctionWrapper(getattr(owner, name), wrapper, lambda: self.active)
        setattr(owner, name, patched)
        self._made.append((owner, name, patched))

    def _target(self, module: Any, path: str) -> tuple[Any, str, Any]:
        """The owner, the name and the function of a target; no function if it is missing."""
        *owners, name = path.split(".")
        owner = module
        for each in owners:
            owner = getattr(owner, each, None)
        original = getattr(owner, "__dict__", {}).get(name)
        if original is None:
            warn_once(
                f"patch:{module.__name__}:{path}",
                "openlayer-otel: %s has no %s in the installed version; calls are traced without "
                "it. A newer or older version of the SDK may help.",
                module.__name__,
                path,
            )
        return owner, name, original

    def hook_within_calls(
        self, module: Any, path: str, hook: CallHook, events: EventHook | None = None
    ) -> None:
        """Hook a private method of a client for as long as one of its calls is traced.

        What is called is decided when the method is looked up. So a call that is not traced
        has no layer more, which would take 0.3 µs to pass its arguments on.

        Args:
            module: The module that defines the target.
            path: Its name, dotted from the module.
            hook: Called in the method's place with the method, the operation's ``call``, and the
                method's arguments, of which the first is the ``client`` of the call. Nothing
                guards it: it raises what the method raises.
            events: Asked where the answer is a stream that is being read. What it returns is
                called for every event. Without it the method stays as it is there.
        """
        self.replace(module, path, lambda original: _WithinCalls(original, hook, events))

    def replace(self, module: Any, path: str, make: Callable[[Callable[..., Any]], Any]) -> None:
        """Put a plain function in the place of a method that applications do not call.

        It is on the path of every call, where a wrapt wrapper takes 0.8 µs longer. That would
        pass for the function that it wraps in every respect; this one has its name and signature.

        Args:
            module: The module that defines the target.
            path: Its name, dotted from the module.
            make: Given the original function, returns what takes its place. It has to be idle
                by itself where none of the wrapped functions is under way.
        """
        owner, name, original = self._target(module, path)
        if original is not None:
            self._put(owner, name, original, make)

    def replace_below_too(
        self, module: Any, path: str, make: Callable[[Callable[..., Any]], Any]
    ) -> None:
        """:meth:`replace`, and the same in classes of the SDK that have the method of their own.

        A tool that wraps ``OpenAI.request`` leaves there what it has found in the base class, and
        its wrapper calls that ever after. What takes its place in the base class is passed by.

        Args:
            module: The module that defines the target.
            path: Its name, dotted from the module.
            make: As for :meth:`replace`.
        """
        owner, name, original = self._target(module, path)
        if original is None:
            return
        known = {id(layer) for layer in layers(original)}
        self._put(owner, name, original, make)
        sdk = module.__name__.partition(".")[0]
        for each in _subclasses(owner):
            # What an application's class has of its own calls the base class's.
            if each.__module__.partition(".")[0] == sdk:
                held = vars(each).get(name)
                if any(id(layer) in known for layer in layers(held)):
                    self._put(each, name, held, make)

    def _put(
        self, owner: Any, name: str, original: Any, make: Callable[[Callable[..., Any]], Any]
    ) -> None:
        original = _without_retired(original)
        changed = update_wrapper(make(_function(original)), original)  # sets __wrapped__, too
        setattr(owner, name, changed)
        self._made.append((owner, name, changed))

    def remove(self) -> None:
        """Take out every wrapper that is still the outermost; idle the others."""
        self.active = False
        for stop in self._stops:
            stop()
        self._stops.clear()
        for owner, name, patched in reversed(self._made):
            if type(patched) is FunctionType:
                _retired.add(patched)
            if vars(owner).get(name) is not patched:
                continue
            original = patched.__wrapped__
            # A module has no bases.
            bases = getattr(owner, "__mro__", ())[1:]
            if any(vars(base).get(name) is original for base in bases):
                delattr(owner, name)
            else:
                setattr(owner, name, original)
        self._made.clear()


def layers(method: Any) -> Iterator[Any]:
    """The wrappers around a method, the outermost first, and the method last; none for None."""
    for _ in range(_MAX_LAYERS):
        if method is None:
            return
        yield method
        method = getattr(method, "__wrapped__", None)


def _without_retired(method: Any) -> Any:
    """``method`` without those of our functions around it that do nothing any more."""
    # Its type, for wrapt's wrappers say that they equal what they wrap.
    while type(method) is FunctionType and method in _retired:
        method = getattr(method, "__wrapped__")  # noqa: B009 - of a function, set by us
    return method


def _subclasses(owner: type) -> Iterator[type]:
    """Every class below ``owner``, each once."""
    found = {owner}
    waiting = [owner]
    while waiting:
        below: list[type] = type.__subclasses__(waiting.pop())
        for each in below:
            if each not in found:
                found.add(each)
                waiting.append(each)
                yield each


def _function(original: Any) -> Callable[..., Any]:
    """What a class holds as a method, to be called with the instance first.

    Wrappers of other tools, wrapt's above all, are told the instance only if they are bound to it.
    """
    # Its type, for wrapt's say that they are of the class that they wrap.
    if type(original) is FunctionType or not hasattr(original, "__get__"):
        function: Callable[..., Any] = original
        return function
    return lambda instance, *args, **kwargs: original.__get__(instance, type(instance))(
        *args, **kwargs
    )


def call_under_way(client: Any) -> Any:
    """The traced call of ``client`` that has led here; None if there is none."""
    operation: Any = current().get(OPERATION_KEY)
    call = None if operation is None else operation.call
    return call if call is not None and call.client is client else None


class _WithinCalls:
    """Stands in the place of a method; see :meth:`Patches.hook_within_calls`."""

    # What it holds itself is in slots: its attributes are those of the method, and may be copied.
    __slots__ = ("__dict__", "_events", "_hook", "_original")

    def __init__(
        self, original: Callable[..., Any], hook: CallHook, events: EventHook | None
    ) -> None:
        self._original = original
        self._hook = hook
        self._events = events

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        operation: Any = current().get(OPERATION_KEY)
        if operation is None:
            return MethodType(self._original, instance)
        call = operation.call
        if call is not None and call.client is instance:
            return partial(self._hook, self._original, call, instance)
        method = MethodType(self._original, instance)
        return method if self._events is None else self._events(operation, method)

    def __call__(self, instance: Any, *args: Any, **kwargs: Any) -> Any:
        return self.__get__(instance)(*args, **kwargs)
