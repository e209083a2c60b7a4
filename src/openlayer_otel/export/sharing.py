"""One destination per address, key, pipeline and other settings, shared by all who export there.

Two processors or exporters with the same settings, on one tracer provider or several, share
assembly, threads and connections. So a trace that passes several of them is put together and
sent once, and threads do not multiply with tracer providers.

Here is also what happens at the end of a process and after a fork.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Hashable, Mapping
from dataclasses import fields

from openlayer_otel import attachments
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.export import http_libraries
from openlayer_otel.export.child_ends import when_child_ends
from openlayer_otel.export.destination import Destination
from openlayer_otel.export.tally import DeliveryCounts
from openlayer_otel.setting_scopes import TRACING_SETTINGS
from openlayer_otel.settings import Settings

# Seconds that a fork waits for an import on one of our threads.
_LONGEST_IMPORT = 5.0
# At exit a second drain (a provider that is shut down after us) gets at least this long.
_LEAST_EXIT = 0.5

_lock = threading.RLock()
_destinations: dict[Hashable, Destination] = {}
_hooked = False
_exit_ends: float | None = None
_import_held: list[bool] = []


def _key_of(settings: Settings) -> Hashable:
    def hashable(value: object) -> Hashable:
        return tuple(sorted(value.items())) if isinstance(value, Mapping) else value

    # What is recorded is no matter of a destination, and a redact function may be unhashable.
    names = (each.name for each in fields(settings) if each.name not in TRACING_SETTINGS)
    return tuple(hashable(getattr(settings, name)) for name in names)


def acquire(settings: Settings) -> Destination:
    """The destination for these settings; :func:`release` it when it is used no more."""
    with _lock:
        _hook()
        key = _key_of(settings)
        destination = _destinations.get(key)
        if destination is None:
            destination = _destinations[key] = Destination(settings)
            _say_what_is_wanted()
        destination.users += 1
        return destination


def release(destination: Destination, timeout: float | None = None) -> bool:
    """Send or spool everything of a destination; the last to release it ends its threads.

    Args:
        destination: From :func:`acquire`.
        timeout: Seconds that this may take; ``settings.exit_timeout`` by default.

    Returns:
        Whether nothing was lost.
    """
    if timeout is None:
        timeout = destination.settings.exit_timeout
    if _exit_ends is not None:
        timeout = min(timeout, max(_LEAST_EXIT, _exit_ends - time.monotonic()))
    with _lock:
        destination.users -= 1
        last = destination.users <= 0
        if last:
            _destinations.pop(_key_of(destination.settings), None)
    if not last:
        # A destination that others use goes on: it is flushed, not hurried.
        return destination.flush(timeout)
    done = destination.close(timeout)
    with _lock:
        _say_what_is_wanted()
    return done


def _say_what_is_wanted() -> None:
    """Have calls keep beside their spans what a destination of now sends with them, and no more."""
    destinations = _destinations.values()
    attachments.keep_for_exporters(
        responses=any(each.enabled for each in destinations),
        binary=any(each.wants_binaries for each in destinations),
    )


class Sharer:
    """What the span processor and the exporter have in common: a share of a destination.

    Args:
        settings: Resolved settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._destination = acquire(settings)
        self._shut_down = False

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until all complete traces are sent or spooled.

        To an exporter, which sees ended spans only, a trace is complete when its root has ended.

        Args:
            timeout_millis: Milliseconds to wait at most.

        Returns:
            Whether they are.
        """
        return self._destination.flush(timeout_millis / 1000)

    def shutdown(self, timeout: float | None = None) -> None:
        """Send everything, complete or not; what cannot be sent in time goes to the spool.

        Args:
            timeout: Seconds that this may take; ``exit_timeout`` of the settings by default.
        """
        if not self._shut_down:
            self._shut_down = True
            release(self._destination, timeout)

    @property
    def is_shut_down(self) -> bool:
        """Whether :meth:`shutdown` has been called, by the tracer provider for instance."""
        return self._shut_down

    def counts(self) -> DeliveryCounts:
        """What became of the traces so far."""
        return self._destination.counts()


def flush_all(timeout: float) -> bool:
    """Flush every destination of this process.

    Args:
        timeout: Seconds for all of them together.

    Returns:
        Whether all complete traces were sent or spooled.
    """
    ends = time.monotonic() + timeout
    # One that is late must not keep the others from their turn.
    done = [each.flush(max(0.0, ends - time.monotonic())) for each in _all()]
    return all(done)


def _all() -> list[Destination]:
    with _lock:
        return list(_destinations.values())


def _hook() -> None:
    global _hooked
    if not _hooked:
        _hooked = True
        atexit.register(_at_exit)
        when_child_ends(_at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=_before_fork,
                after_in_parent=_after_fork_in_parent,
                after_in_child=_after_fork,
            )


def _at_exit() -> None:
    """Send or spool what there is. Not the end: a tracer provider may be shut down after us.

    Exit hooks run newest first. The SDK's own hook shuts its processors down; when it comes
    after this one, it hands the last spans over then.
    """
    global _exit_ends
    destinations = _all()
    if not destinations:
        return
    longest = max(each.settings.exit_timeout for each in destinations)
    _exit_ends = time.monotonic() + longest
    for each in destinations:
        try:
            left = min(each.settings.exit_timeout, _exit_ends - time.monotonic())
            each.drain(max(_LEAST_EXIT, left))
        except Exception as error:  # noqa: BLE001 - an exit hook must not print a traceback
            report_failure("sending the last traces", error)


def _before_fork() -> None:
    # An import takes a moment only; should one hang, the fork goes on without us. So it does where
    # another greenlet is forking: it holds the lock itself, and there is no import.
    forking = any(_import_held)
    _import_held.append(not forking and http_libraries.importing.acquire(timeout=_LONGEST_IMPORT))


def _after_fork_in_parent() -> None:
    if _import_held.pop():
        http_libraries.importing.release()


def _after_fork() -> None:
    """In the child, where only the forking thread lives: nothing may wait for another one."""
    global _lock, _exit_ends
    _import_held.clear()
    http_libraries.importing = threading.Lock()
    _lock = threading.RLock()
    _exit_ends = None
    for each in list(_destinations.values()):
        each.after_fork()
