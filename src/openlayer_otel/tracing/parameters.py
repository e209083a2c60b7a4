"""The inputs of a call by parameter name: what the signature makes of the arguments.

``inspect.Signature.bind`` costs more than all the rest of recording a call, and raises where
the call itself should; this reads the signature once and never raises.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Parameters:
    """The parameters of one function.

    Args:
        function: The function, unbound. Without a readable signature the inputs are called
            ``args`` and ``kwargs``.
    """

    __slots__ = (
        "_all",
        "_defaults",
        "_keyword_only",
        "_leading",
        "_positional",
        "_positional_only",
        "_rest",
    )

    def __init__(self, function: Callable[..., Any]) -> None:
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            parameters = []
        self._positional = tuple(p.name for p in parameters if p.kind in _POSITIONAL)
        self._positional_only = frozenset(
            p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_ONLY
        )
        self._keyword_only = tuple(
            p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY
        )
        self._defaults = {
            p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty
        }
        self._all = frozenset((*self._positional, *self._keyword_only)) - self._positional_only
        # An instance or class that is handed over by hand is no input either.
        self._leading = self._positional[:1] in (("self",), ("cls",))
        # The names of *args and **kwargs.
        names = {p.kind: p.name for p in parameters}
        self._rest = (
            names.get(inspect.Parameter.VAR_POSITIONAL, "args"),
            names.get(inspect.Parameter.VAR_KEYWORD, "kwargs"),
        )

    def inputs(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], bound: bool
    ) -> dict[str, Any]:
        """The inputs of a call, in the order of the signature, defaults included.

        Args:
            args: The positional arguments.
            kwargs: The keyword arguments.
            bound: The first parameter (``self``, ``cls``) is bound already and left out.
        """
        names = self._positional[1:] if bound else self._positional
        given = len(args)
        found = dict(zip(names, args, strict=False))
        if kwargs or given < len(names) or self._keyword_only:
            for name in (*names[given:], *self._keyword_only):
                if name in kwargs:
                    found[name] = kwargs[name]
                elif name in self._defaults:
                    found[name] = self._defaults[name]
        if given > len(names):
            found[self._rest[0]] = args[len(names) :]
        if kwargs and not (kwargs.keys() <= self._all):
            found[self._rest[1]] = {k: v for k, v in kwargs.items() if k not in self._all}
        if self._leading and not bound:
            found.pop(names[0], None)
        return found

    def value(self, inputs: Mapping[str, Any], name: str, missing: Any) -> Any:
        """The input called ``name``, be it a parameter or one of those in ``**kwargs``.

        Args:
            inputs: As :meth:`inputs` gives them.
            name: Its name.
            missing: What to return if there is none.
        """
        if name in inputs:
            return inputs[name]
        extra = inputs.get(self._rest[1])
        return extra.get(name, missing) if isinstance(extra, dict) else missing

    def call_with(
        self, inputs: Mapping[str, Any], bound: bool, args_before: tuple[Any, ...]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments that :meth:`inputs` would read as ``inputs``.

        Args:
            inputs: The new inputs by name.
            bound: As for :meth:`inputs`.
            args_before: The positional arguments of the call, for the one left out of the inputs.
        """
        names = self._positional[1:] if bound else self._positional
        rest, extra = self._rest
        given = dict(inputs)
        var_args = given.pop(rest, ()) if rest not in self._all else ()
        var_kwargs = given.pop(extra, {}) if extra not in self._all else {}
        args: list[Any] = []
        if not bound and self._leading and args_before:
            args.append(args_before[0])
            names = names[1:]
        if var_args or self._positional_only:
            for name in names:
                if name in given and (var_args or name in self._positional_only):
                    args.append(given.pop(name))
        args.extend(var_args if isinstance(var_args, (list, tuple)) else (var_args,))
        given.update(var_kwargs if isinstance(var_kwargs, Mapping) else {})
        return tuple(args), given

    def __contains__(self, name: object) -> bool:
        return name in self._all or name in self._positional_only
