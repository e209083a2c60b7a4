"""Patches that can be taken back, whoever else has patched the same function meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import wrapt

from openlayer_otel.diagnostics import warn_once

# wrapt 2 made ObjectProxy a subclass of what function wrappers are.
_Proxy: type = getattr(wrapt, "BaseObjectProxy", wrapt.ObjectProxy)

Wrapper = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]


class Patches:
    """Wrapped functions that belong together, such as the hooks of one SDK.

    Each wrapper is called while the patches are in force and passed by afterwards: bound
    methods that an application has kept stop tracing, too.
    """

    def __init__(self) -> None:
        self.active = True
        self._made: list[tuple[Any, str, Any]] = []

    def wrap(self, module: Any, path: str, wrapper: Wrapper) -> None:
        """Wrap ``path`` (``"Class.method"``) of ``module``; a missing target is warned about.

        Args:
            module: The module that defines the target.
            path: Its name, dotted from the module.
            wrapper: Called as wrapt calls it: ``(wrapped, instance, args, kwargs)``.
        """
        *owners, name = path.split(".")
        owner = module
        for each in owners:
            owner = getattr(owner, each, None)
        original = getattr(owner, "__dict__", {}).get(name)
        if owner is None or original is None:
            warn_once(
                f"patch:{module.__name__}:{path}",
                "openlayer-otel: %s has no %s in the installed version; calls are traced without "
                "it. A newer or older version of the SDK may help.",
                module.__name__,
                path,
            )
            return
        patched = wrapt.FunctionWrapper(original, wrapper, lambda: self.active)
        setattr(owner, name, patched)
        self._made.append((owner, name, patched))

    def remove(self) -> None:
        """Take out every wrapper that is still the outermost; idle the others."""
        self.active = False
        for owner, name, patched in reversed(self._made):
            if vars(owner).get(name) is patched:
                setattr(owner, name, patched.__wrapped__)
        self._made.clear()


def is_wrapped(function: object) -> bool:
    """Whether wrapt has wrapped ``function``."""
    return isinstance(function, _Proxy)


def when_imported(module: str, hook: Callable[[Any], None]) -> None:
    """Call ``hook(module)`` when ``module`` is imported; at once if it is.

    The module is never imported by this call.
    """
    loaded = sys.modules.get(module)
    if loaded is not None and not getattr(
        getattr(loaded, "__spec__", None), "_initializing", False
    ):
        hook(loaded)
        return
    wrapt.register_post_import_hook(hook, module)
