"""``requests`` and urllib3, imported with the first request: an application may never make one."""

from __future__ import annotations

import threading
from types import ModuleType

from openlayer_otel.diagnostics import warn_once

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


def say_unverified() -> None:
    """Say once that TLS is not verified, for which urllib3 would warn with each request."""
    urllib3 = import_urllib3()
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    warn_once("client:verify", "openlayer-otel: OPENLAYER_VERIFY_SSL is off: TLS is not verified.")
