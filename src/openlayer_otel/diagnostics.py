"""What this package says about itself: each distinct trouble once, at WARNING, with what to do.

Code in the user's call path is guarded at one boundary per entry point; what it
catches is given to :func:`report_failure`, so that a defect of ours shows in the
log once and never in the application.
"""

from __future__ import annotations

import logging
import threading
import traceback

from openlayer_otel.forking import in_forked_child

logger = logging.getLogger("openlayer_otel")

_said: set[str] = set()
# Reentrant: the garbage collector may end a span, which may warn, at any point.
_lock = threading.RLock()


def warn_once(key: str, message: str, *arguments: object) -> None:
    """Log ``message % arguments`` at WARNING unless ``key`` was used before.

    Args:
        key: Identifies the trouble; one warning per key and process.
        message: What is wrong and which setting mends it. Must hold no secret.
        arguments: Values for the ``%`` placeholders of ``message``.

    Never raises.
    """
    with _lock:
        if key in _said:
            return
        _said.add(key)
    try:
        logger.warning(message, *arguments)
    except Exception:  # noqa: BLE001 - a handler of the application's; nobody else to tell
        pass


def report_failure(where: str, error: BaseException) -> None:
    """Log once per place and exception type that a hook of ours failed.

    The exception's text is left out: it may quote a prompt.

    Args:
        where: The hook, in words a user can search for, such as ``"openai request"``.
        error: What it raised. Where it was raised is logged at DEBUG.
    """
    name = type(error).__qualname__
    warn_once(
        f"failure:{where}:{name}",
        "openlayer-otel: %s failed with %s; the call itself is not affected, its span may lack "
        "data. Please report this with the DEBUG log of 'openlayer_otel'.",
        where,
        name,
    )
    log_frames(where, error)


def log_frames(where: str, error: BaseException) -> None:
    """Log at DEBUG where ``error`` was raised, without its text: that may quote a prompt.

    Args:
        where: What failed, as for :func:`report_failure`.
        error: What was raised.
    """
    if logger.isEnabledFor(logging.DEBUG):
        frames = "".join(traceback.format_tb(error.__traceback__))
        name = type(error).__qualname__
        logger.debug("openlayer-otel: %s failed with %s at\n%s", where, name, frames)


def forget_warnings() -> None:
    """Let every warning be said again (for tests)."""
    with _lock:
        _said.clear()


@in_forked_child
def _renew_lock() -> None:
    global _lock
    _lock = threading.RLock()
