"""Two copies of the SDKs in one process: one stays bare, the other is instrumented.

Not every package can be uninstrumented, and swapping a class's attributes makes the
interpreter forget what it learnt about the code that uses them. So each SDK is imported
twice; a round of the bare client runs with the one copy in ``sys.modules``, a round of the
instrumented client with the other. The copy that was imported second is slower by up to 9 µs a
call, instrumented or not, so each of them takes its turn as the second: in another process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import ModuleType

from benchmarks.cases import CASES, repeat, unwrapped

PACKAGES = ("openai", "anthropic")


def _loaded() -> dict[str, ModuleType]:
    return {
        name: module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in PACKAGES
    }


def _use(modules: dict[str, ModuleType]) -> None:
    for name in _loaded().keys() - modules.keys():
        del sys.modules[name]
    sys.modules.update(modules)


def _import(names: Iterable[str]) -> dict[str, ModuleType]:
    for case in map(CASES.__getitem__, names):
        repeat(case, case.make(unwrapped), 1)()  # imports what the SDKs load lazily
    return _loaded()


class Copies:
    """A bare and an instrumented copy of the SDKs.

    Args:
        instrument: Switches the instrumentation on, once, in the copy that is loaded.
        names: The cases whose SDKs are needed.
        bare_first: Whether the bare copy is imported before the instrumented one.
    """

    def __init__(
        self, instrument: Callable[[], None], names: Iterable[str], bare_first: bool = True
    ) -> None:
        first = _import(names)
        _use({})
        second = _import(names)
        self._bare, self._instrumented = (first, second) if bare_first else (second, first)
        self.instrumented()
        instrument()
        self._instrumented = _loaded()
        self.bare()

    def bare(self) -> None:
        """Load the copy that is as the SDK's authors made it."""
        _use(self._bare)

    def instrumented(self) -> None:
        """Load the copy that is instrumented."""
        _use(self._instrumented)
