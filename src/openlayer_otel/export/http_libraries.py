"""``requests`` and urllib3, imported with the first request: an application may never make one."""

from __future__ import annotations

import threading
from types import ModuleType

# Held while modules are imported on our threads: a child that is forked in the middle of an
# import waits for it for ever, because nobody there will finish it.
importing = threading.Lock()
_imported: dict[str, ModuleType] = {}


def import_requests() -> ModuleType:
    """The library, imported with everything that it would import later."""
    if "requests" not in _imported:
        with importing:
            import requests
            import urllib3

            "localhost".encode("idna")  # the codec is a module, too; looking up a name needs it
            _imported.update(requests=requests, urllib3=urllib3)
    return _imported["requests"]


def import_urllib3() -> ModuleType:
    """The library under ``requests``, which sends the bytes."""
    import_requests()
    return _imported["urllib3"]
