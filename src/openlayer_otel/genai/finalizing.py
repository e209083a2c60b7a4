"""What a finalizer has to do, done where it cannot wait for its own thread.

The garbage collector runs finalizers in the midst of whatever asked for memory: also while that
holds a lock which the end of a span takes, such as those of the SDK's metrics or of somebody's span
processor. On the same thread that would wait for ever. So it is done on a thread of its own, and
waited for a moment only.
"""

from __future__ import annotations

import _thread
import sys
from collections.abc import Callable

# Seconds. It takes 0.1 ms, unless a lock is held meanwhile; then it is done a little later.
_LONGEST_WAIT = 0.05


def in_finalizer(action: Callable[[], None]) -> None:
    """Do ``action``, which must not raise, on behalf of a finalizer.

    Args:
        action: May take locks of others.
    """
    # Threads of gevent are no threads, and at the end of the interpreter none begins.
    threads: bool = _thread.start_new_thread.__module__ == "_thread"
    if not threads or sys.is_finalizing():
        action()
        return
    done = _thread.allocate_lock()
    done.acquire()

    def act() -> None:
        try:
            action()
        finally:
            done.release()

    # Not by way of threading, whose own locks may be the ones that are held.
    try:
        _thread.start_new_thread(act, ())
    except RuntimeError:
        action()
    else:
        done.acquire(timeout=_LONGEST_WAIT)
