"""Turns any instrumentation on and off again and again in one process.

Not every package can be uninstrumented; this looks at what its ``instrument()`` changed in
the SDK's classes and swaps those attributes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

_MISSING = object()


def _attributes(packages: tuple[str, ...]) -> dict[tuple[Any, str], Any]:
    found: dict[tuple[Any, str], Any] = {}
    for name, module in list(sys.modules.items()):
        if module is None or name.partition(".")[0] not in packages:
            continue
        for key, value in list(vars(module).items()):
            if key.startswith("__"):
                continue
            found[module, key] = value
            if isinstance(value, type) and value.__module__.partition(".")[0] in packages:
                found.update({(value, each): item for each, item in vars(value).items()})
    return found


class Switch:
    """What an instrumentation changes in the SDKs, put in and taken out at will.

    Args:
        instrument: Switches the instrumentation on, once.
        packages: The SDKs that it changes.
    """

    def __init__(self, instrument: Callable[[], None], packages: tuple[str, ...]) -> None:
        before = _attributes(packages)
        instrument()
        after = _attributes(packages)
        # What was loaded meanwhile is no change, and neither are modules that were.
        known = {owner for owner, _ in before}
        self._changes = [
            (owner, name, before.get((owner, name), _MISSING), value)
            for (owner, name), value in after.items()
            if before.get((owner, name), _MISSING) is not value
            and owner in known
            and not isinstance(value, (ModuleType, type))
            and not name.startswith(("_abc_", "__dict__", "__weakref__"))
        ]
        self.off()

    def on(self) -> None:
        """Put the changes in."""
        for owner, name, _, value in self._changes:
            setattr(owner, name, value)

    def off(self) -> None:
        """Take the changes out."""
        for owner, name, value, _ in self._changes:
            if value is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, value)

    @property
    def size(self) -> int:
        """How many attributes the instrumentation changes."""
        return len(self._changes)
