"""One destination per address, key, pipeline and other settings, shared by all who export there.

Two processors or exporters with the same settings, on one tracer provider or several, share
assembly, threads and connections. So a trace that passes several of them is put together and
sent once, and threads do not multiply with tracer providers.

Here is also what happens at the end of a process and after a fork.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields
from typing import Any

from openlayer_otel import attachments, diagnostics
from openlayer_otel.diagnostics import logger, report_failure, warn_once
from openlayer_otel.export import client, http_libraries
from openlayer_otel.export.assembly import Assembly
from openlayer_otel.export.completed import CompletedTrace
from openlayer_otel.export.delivery import Delivery
from openlayer_otel.export.grouping import Grouping
from openlayer_otel.export.tally import DeliveryCounts, warn_missing
from openlayer_otel.setting_scopes import TRACING_SETTINGS, warn_without_effect
from openlayer_otel.setting_values import fits_header
from openlayer_otel.settings import Settings

# Seconds that a fork waits for an import on one of our threads.
_LONGEST_IMPORT = 5.0
# Finalizers of multiprocessing run by priority, the highest first.
_LAST = -1_000
# At exit a second drain (a provider that is shut down after us) gets at least this long.
_LEAST_EXIT = 0.5


class Destination:
    """Everything between finished spans and Openlayer, for one set of settings.

    Args:
        settings: Resolved settings.

    Attributes:
        enabled: Whether anything is uploaded: there is a key and publishing is not disabled.
        assembly: Puts the traces together that a processor sees.
        grouping: Puts the traces together that an exporter by name sees.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.users = 0
        self.enabled = can_upload(settings)
        self._delivery = Delivery(settings, client.Client(settings))
        self.assembly = Assembly(
            self._hand_over,
            upload_all=settings.upload_all,
            max_open_traces=settings.max_open_traces,
            max_open_bytes=settings.max_open_bytes,
            max_age=settings.max_trace_age,
            on_waiting=self.wake,
        )
        self.grouping = Grouping(
            self._hand_over,
            grace=settings.exporter_grace,
            upload_all=settings.upload_all,
            max_open_traces=settings.max_open_traces,
            max_open_bytes=settings.max_open_bytes,
            max_age=settings.max_trace_age,
        )
        self._delivery.add_collector(self.assembly.collect)
        self._delivery.add_collector(self.grouping.collect)
        if self.enabled:
            attachments.raw_outputs.wanted = True
            if settings.upload_attachments or settings.inline_attachments:
                attachments.binaries.wanted = True
            self._delivery.look_at_spool()

    def _hand_over(self, trace: CompletedTrace, weight: int) -> None:
        self._delivery.submit(trace, weight)

    def wake(self) -> None:
        """Have the worker look for traces that wait."""
        self._delivery.wake()

    def flush(self, timeout: float) -> bool:
        """Send all complete traces; see :meth:`Delivery.flush`."""
        self.grouping.collect(roots=True)
        return self._delivery.flush(timeout)

    def drain(self, timeout: float) -> bool:
        """Send or spool everything, complete or not; see :meth:`Delivery.drain`."""
        self.assembly.collect(everything=True)
        self.grouping.collect(everything=True)
        return self._delivery.drain(timeout)

    def close(self, timeout: float) -> bool:
        """Like :meth:`drain`, and end the threads."""
        self.assembly.collect(everything=True)
        self.grouping.collect(everything=True)
        return self._delivery.close(timeout)

    def counts(self) -> DeliveryCounts:
        """What became of the traces so far."""
        return self._delivery.counts()

    def after_fork(self) -> None:
        """In the child: nothing of the parent is sent, and nothing of it is used."""
        self.assembly.after_fork()
        self.grouping.after_fork()
        self._delivery.after_fork()


def can_upload(settings: Settings) -> bool:
    """Whether traces can be uploaded with these settings; says once what is missing if not."""
    if settings.disable_publish:
        logger.info("openlayer-otel: OPENLAYER_DISABLE_PUBLISH is set: nothing is uploaded.")
        return False
    if not settings.api_key:
        warn_missing("OPENLAYER_API_KEY", "no API key, so no trace is uploaded to Openlayer")
        return False
    if not fits_header(settings.api_key):
        warn_once(
            "api_key:header",
            "openlayer-otel: OPENLAYER_API_KEY (api_key=) holds a character that HTTP does not "
            "allow in a header, such as a curly quotation mark or the end of a line, so Openlayer "
            "cannot be asked; traces are kept.",
        )
    if not settings.inference_pipeline_id:
        warn_missing(
            "OPENLAYER_INFERENCE_PIPELINE_ID",
            "no inference pipeline, so only traces that name one themselves are uploaded",
        )
    return True


def settings_of(owner: str, given: object, arguments: Mapping[str, Any]) -> Settings:
    """The settings of a processor or exporter.

    Args:
        owner: Its class's name.
        given: What it got as ``settings``.
        arguments: What else it got, by name.
    """
    if isinstance(given, Settings):
        return given
    if given is not None:
        warn_once(
            f"settings:{owner}",
            "openlayer-otel: the argument settings= of %s is %s, no Settings; it is ignored. Give "
            "settings by name, such as api_key=.",
            owner,
            type(given).__qualname__,
        )
    unused = [name for name in (*TRACING_SETTINGS, "otlp") if arguments.get(name) is not None]
    warn_without_effect(unused, owner, "init() or instrument()")
    return Settings.resolve(**arguments)


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
    # A destination that others use goes on: it is flushed, not hurried.
    return destination.close(timeout) if last else destination.flush(timeout)


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
        _follow_multiprocessing()
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
    diagnostics.renew_locks()
    attachments.renew_locks()
    _lock = threading.RLock()
    _exit_ends = None
    for each in list(_destinations.values()):
        each.after_fork()
    _follow_multiprocessing()


def _follow_multiprocessing() -> None:
    """A child of ``multiprocessing`` may run no exit hooks: use what it runs in their place.

    As it begins it forgets what is registered there, then calls those who want to know. So the
    latter are told before it begins: in the parent, after a fork, or, where the child is no copy of
    the parent, while it imports the program. After that only the former is left to do.
    """
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is None or process is None:
        return

    def run_last(at_exit: Callable[[], None]) -> None:
        util.Finalize(None, at_exit, exitpriority=_LAST)

    util.register_after_fork(_at_exit, run_last)
    if process.parent_process() is not None:
        run_last(_at_exit)
