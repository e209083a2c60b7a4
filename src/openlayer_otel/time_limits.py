"""Waiting no longer than the caller has said, whatever is waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from openlayer_otel.diagnostics import report_failure

DEFAULT_TIMEOUT = 30.0
"""Seconds that ``flush()`` and ``shutdown()`` take at most, by default."""
# A day, for those who say "for ever".
_LONGEST_WAIT = 86_400.0


def seconds_of(timeout: object) -> float:
    """``timeout`` as a wait that threads know; the default for what is no number."""
    try:
        seconds = float(timeout)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return DEFAULT_TIMEOUT
    return min(max(0.0, seconds), _LONGEST_WAIT) if seconds == seconds else DEFAULT_TIMEOUT


def within(timeout: float, action: Callable[[], Any]) -> Any:
    """What ``action`` returns, or ``None`` if it takes longer than ``timeout`` seconds or fails.

    Processors of others may ignore their deadline, so it is kept here.
    """
    result: list[Any] = []

    def run() -> None:
        try:
            result.append(action())
        except Exception as error:  # noqa: BLE001 - a thread of its own has no caller to tell
            report_failure("flush()", error)

    thread = threading.Thread(target=run, name="openlayer-otel-flush", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # The interpreter is on its way out and starts no more threads.
        run()
    else:
        thread.join(timeout)
    return result[0] if result else None
