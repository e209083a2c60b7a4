"""Several copies of the SDKs in one process: one for each client that takes turns.

Not every package can be uninstrumented, and swapping a class's attributes makes the
interpreter forget what it learnt about the code that uses them. So each SDK is imported once for
each client; a round of a client runs with its copy in ``sys.modules``. No two clients share a copy:
what the one has run would be in the processor's caches for the other. The copies are not alike: one
that is imported after another is slower, by up to 9 µs a call, instrumented or not. So every
measurement is made in as many processes as there are copies, and each is the first in one of them.
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
    """The copies of the SDKs that the clients of one process use.

    Args:
        clients: The clients, one of them ``"instrumented"``, in the order of their imports.
        names: The cases whose SDKs are needed.
        instrument: Switches the instrumentation on, once, while its client's copy is in use.
    """

    def __init__(
        self, clients: Iterable[str], names: Iterable[str], instrument: Callable[[], None]
    ) -> None:
        self._modules: dict[str, dict[str, ModuleType]] = {}
        for client in clients:
            _use({})
            self._modules[client] = _import(names)
        self.use("instrumented")
        instrument()
        self._modules["instrumented"] = _loaded()

    def use(self, client: str) -> None:
        """Load the copy of a client."""
        _use(self._modules[client])
