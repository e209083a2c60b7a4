"""``requests`` and urllib3, imported with the first request: an application may never make one."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType

from openlayer_otel.diagnostics import warn_once

# Held while modules are imported on our threads: a child that is forked in the middle of an
# import waits for it for ever, because nobody there will finish it.
importing = threading.Lock()
_imported: dict[str, ModuleType] = {}
_SOCKS = "urllib3.contrib.socks"


def import_requests() -> ModuleType:
    """The library, imported with everything that it would import later."""
    if "requests" not in _imported:
        with importing, _silent_without_socks():
            import requests
            import urllib3

            "localhost".encode("idna")  # the codec is a module, too; looking up a name needs it
            _imported.update(requests=requests, urllib3=urllib3)
            _remember_interrupt()
    return _imported["requests"]


@contextlib.contextmanager
def _silent_without_socks() -> Iterator[None]:
    """Where PySocks is missing, say so to ``requests`` without the warning that urllib3 gives.

    ``requests`` filters that warning, but an application that changes the filters meanwhile, on its
    own thread (``warnings.catch_warnings``), would see it, or make it an error.
    """
    if _SOCKS in sys.modules or "socks" in sys.modules or find_spec("socks") is not None:
        yield
        return
    sys.modules[_SOCKS] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.modules.pop(_SOCKS, None)


def _remember_interrupt() -> None:
    """Have a program that Ctrl+C has ended still end by that signal, which its shell goes by.

    Python notes of each text that it evaluates whether Ctrl+C ended it, and goes by the last note.
    A program that is interrupted in its first trace imports these modules only after that, and
    they evaluate texts: the named tuples in them. So here is one more, that Ctrl+C ends.
    """
    if _ended_by_interrupt():
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")


def _ended_by_interrupt() -> bool:
    traceback = getattr(sys, "last_traceback", None)
    return (
        getattr(sys, "last_type", None) is KeyboardInterrupt
        # Not of a prompt, which goes on, nor of a tool that notes errors of what it runs.
        and not hasattr(sys, "ps1")
        and traceback is not None
        and traceback.tb_frame.f_globals.get("__name__") in ("__main__", "runpy")
    )


def import_urllib3() -> ModuleType:
    """The library under ``requests``, which sends the bytes."""
    import_requests()
    return _imported["urllib3"]


def say_unverified() -> None:
    """Say once that TLS is not verified, for which urllib3 would warn with each request."""
    urllib3 = import_urllib3()
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    warn_once("client:verify", "openlayer-otel: OPENLAYER_VERIFY_SSL is off: TLS is not verified.")
