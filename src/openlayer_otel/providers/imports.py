"""Calls a hook when a module is imported: now if it is, and each time that it is imported anew.

The post-import hooks of wrapt are called for the first import only, so an SDK that a test or a
notebook takes out of ``sys.modules`` and imports again would go untraced; and they are called at
once for a module that another thread is still importing, when its classes do not exist yet.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import wrapt

from openlayer_otel.diagnostics import report_failure
from openlayer_otel.forking import in_forked_child

Hook = Callable[[Any], None]
"""Called with a module."""

_POLL = 0.01  # seconds

_waiting: dict[str, list[_Waiting]] = {}
_lock = threading.RLock()


def when_imported(module: str, hook: Hook) -> Callable[[], None]:
    """Call ``hook(module)`` each time ``module`` is imported; at once if it is.

    The module is never imported by this call. What is no module, such as a mock in its place, is
    passed by.

    Args:
        module: Its whole name.
        hook: Called once for each copy of the module, in the thread that imports it.

    Returns:
        What stops the waiting.
    """
    waiting = _Waiting(hook)
    with _lock:
        _waiting.setdefault(module, []).append(waiting)
        if _FINDER not in sys.meta_path:
            sys.meta_path.insert(0, _FINDER)
    loaded = sys.modules.get(module)
    if isinstance(loaded, ModuleType):
        if _is_under_way(loaded):
            # Its import may have begun before anybody waited for it: then nothing tells its end.
            threading.Thread(
                target=waiting.imported_at_last,
                args=(module, loaded),
                name="openlayer-otel-import",
                daemon=True,
            ).start()
        else:
            waiting.imported(loaded)
    return partial(_stop, module, waiting)


def _stop(module: str, waiting: _Waiting) -> None:
    with _lock:
        if waiting in _waiting.get(module, ()):
            _waiting[module].remove(waiting)
            if not _waiting[module]:
                del _waiting[module]


def _is_under_way(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


class _Waiting:
    """One hook that waits for a module."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook
        self._seen: ModuleType | None = None

    def imported(self, module: ModuleType) -> None:
        """Call the hook, unless it has been called for this copy of the module."""
        with _lock:
            if self._seen is module:
                return
            self._seen = module
        try:
            self._hook(module)
        except Exception as error:  # noqa: BLE001 - boundary: the module's import must succeed
            report_failure(f"hooking {module.__name__}", error)

    def imported_at_last(self, name: str, module: ModuleType) -> None:
        """The same once the import that is under way has ended well."""
        while _is_under_way(module):
            time.sleep(_POLL)
        if sys.modules.get(name) is module and self in _waiting.get(name, ()):
            self.imported(module)


class _Finder:
    """The first on ``sys.meta_path``: the others find a module, and its loader is wrapped."""

    def __init__(self) -> None:
        self._asked = threading.local()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> Any:
        """What the other finders say of a module that somebody waits for."""
        # One of the others may ask everybody, as wrapt's does.
        if name not in _waiting or getattr(self._asked, "name", None) == name:
            return None
        self._asked.name = name
        try:
            spec = self._found(name, path, target)
        finally:
            self._asked.name = None
        if hasattr(getattr(spec, "loader", None), "exec_module"):
            spec.loader = _Loader(spec.loader)
        return spec

    def _found(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> Any:
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if finder is not self and find is not None:
                spec = find(name, path, target)
                if spec is not None:
                    return spec
        return None


if TYPE_CHECKING:
    _Proxy = wrapt.ObjectProxy[Any]
else:
    _Proxy = wrapt.ObjectProxy


class _Loader(_Proxy):
    """A module's loader, for as long as it loads: it tells the end."""

    def exec_module(self, module: ModuleType) -> None:
        """Load the module, which afterwards knows its own loader only."""
        loader = self.__wrapped__
        for holder, name in ((module, "__loader__"), (module.__spec__, "loader")):
            if getattr(holder, name, None) is self:
                setattr(holder, name, loader)
        loader.exec_module(module)
        for waiting in list(_waiting.get(module.__name__, ())):
            waiting.imported(module)


_FINDER: Any = _Finder()


@in_forked_child
def _renew_lock() -> None:
    global _lock
    _lock = threading.RLock()
