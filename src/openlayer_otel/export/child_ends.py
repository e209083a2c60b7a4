"""Children that run no exit hooks: those of ``multiprocessing``, and of Celery's prefork pool.

They end with ``os._exit()``, so what is to be done at their end hangs on what each runs in place
of the hooks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from openlayer_otel.diagnostics import report_failure
from openlayer_otel.forking import in_forked_child

# Finalizers of multiprocessing run by priority, the highest first.
_LAST = -1_000

_actions: list[Callable[[], object]] = []


def when_child_ends(action: Callable[[], object]) -> None:
    """Have ``action`` called as such a child ends, be it this process or one forked from here on.

    Args:
        action: What sends the last traces; called once, however often it is told. May raise; must
            not wait without end.
    """
    if action in _actions:
        return
    if not _actions:
        if hasattr(os, "register_at_fork"):
            # Celery before the fork, and not in the child: there the signal's lock may be held
            # for ever.
            os.register_at_fork(before=_follow_celery)
        in_forked_child(_follow_multiprocessing)
    _actions.append(action)
    _follow_multiprocessing()
    _follow_celery()


def _child_ends() -> None:
    for action in _actions:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - the child ends as it would without us
            report_failure("sending the last traces", error)


def _follow_multiprocessing() -> None:
    """Use what a child of ``multiprocessing`` runs in place of exit hooks.

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

    util.register_after_fork(_child_ends, run_last)
    if process.parent_process() is not None:
        run_last(_child_ends)


def _follow_celery() -> None:
    """Use the signal that a child of Celery's prefork pool sends in place of exit hooks.

    Only such children send it, and not only at shutdown: each ends after the number of tasks
    (``worker_max_tasks_per_child``) or the memory that it may have.
    """
    signals = sys.modules.get("celery.signals")
    ends = getattr(signals, "worker_process_shutdown", None)
    if ends is None:
        return
    try:
        ends.connect(_at_end_of_celery_child, weak=False)
    except Exception as error:  # noqa: BLE001 - the application forks, or starts, all the same
        report_failure("following Celery", error)


def _at_end_of_celery_child(**_: object) -> None:
    _child_ends()
